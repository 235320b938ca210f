/**
 * The package as a host gets it: built, packed and unpacked where nothing else of the repository is. Once per run:
 * whoever asks first packs it, and all hosts stand beside each other, under the folder with `node_modules`.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { buildOnce, inTurn, run } from '../built';

export interface Packed {
  /** The folder with `node_modules/gradlens`, and all hosts in it. */
  readonly root: string;
  /** A new host's folder. */
  readonly host: string;
  /** The unpacked package. */
  readonly folder: string;
  readonly tarball: Uint8Array<ArrayBuffer>;
  /** Paths inside the package. */
  readonly files: readonly string[];
}

export function pack(): Packed {
  const root = inject('packFolder');
  const modules = join(root, 'node_modules');
  const folder = join(modules, 'gradlens');
  buildOnce();
  inTurn(() => {
    if (existsSync(folder)) return;
    run('npm', 'run', '--silent', 'build:types');
    const unpacked = mkdtempSync(join(root, 'new-'));
    run('npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', root);
    run('tar', '-xzf', join(root, tarballIn(root)), '-C', unpacked, '--strip-components', '1');
    mkdirSync(modules, { recursive: true });
    renameSync(unpacked, folder);
  });
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
  const tarball = new Uint8Array(readFileSync(join(root, tarballIn(root))));
  return { root, host: mkdtempSync(join(root, 'host-')), folder, tarball, files };
}

/** Puts packages of the repository's own beside the packed one, as a host has them that installed them. */
export function lend({ root }: Packed, ...names: readonly string[]): void {
  for (const name of names) {
    const to = join(root, 'node_modules', name);
    if (existsSync(to)) continue;
    mkdirSync(dirname(to), { recursive: true });
    symlinkSync(fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url)), to, 'junction');
  }
}

const tarballIn = (root: string): string => readdirSync(root).find((file) => file.endsWith('.tgz'))!;
