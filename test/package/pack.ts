/** The package as a host gets it: built, packed and unpacked where nothing else of the repository is. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

export interface Packed {
  /** A host's folder, with `node_modules/gradlens` in it. */
  readonly host: string;
  readonly folder: string;
  readonly tarball: Uint8Array<ArrayBuffer>;
  /** Paths inside the package. */
  readonly files: readonly string[];
  remove(): void;
}

export function pack(): Packed {
  const host = mkdtempSync(join(tmpdir(), 'gradlens-host-'));
  const folder = join(host, 'node_modules/gradlens');
  mkdirSync(folder, { recursive: true });
  run('npm', ['run', '--silent', 'prepare']);
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', host]);
  const name = readdirSync(host).find((file) => file.endsWith('.tgz'))!;
  run('tar', ['-xzf', join(host, name), '-C', folder, '--strip-components', '1']);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
  const tarball = new Uint8Array(readFileSync(join(host, name)));
  return { host, folder, tarball, files, remove: () => rmSync(host, { recursive: true }) };
}

function run(command: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`);
}
