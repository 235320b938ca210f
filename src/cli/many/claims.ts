/** What is written for the pictures of a run, as far as it is known before anything is computed. */
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { leftOf } from '../../node/writeWhole';
import { UsageError } from '../failure';
import type { Files, Outputs } from '../files';
import type { Names } from './items';
import { type Numbered, type Unit, statOf, stemOf } from './units';
import type { Work } from './work';

type Naming = Pick<Work<unknown>, 'filesOf' | 'known' | 'tarOf'>;

export class Claims {
  /** Units whose files cannot be read or written, and why. */
  readonly refused = new Map<number, unknown>();
  private readonly outputs = new Map<number, Outputs>();
  private readonly paths = new Set<string>();

  /** @throws UsageError for a pattern that gives several shards' pictures the same names */
  constructor(mine: readonly Numbered[], work: Naming, files: Files) {
    for (const { unit, number } of mine) {
      const outputs = files.outputs(unit.path);
      this.outputs.set(number, outputs);
      try {
        assertFile(unit.path);
        for (const path of pathsOf(unit, work)) {
          outputs.claim(path);
          this.paths.add(path);
        }
      } catch (error) {
        this.refused.set(number, error);
      }
    }
    const shards = mine.filter(({ unit }) => unit.kind !== 'picture');
    if (shards.length > 1 && work.filesOf && !work.tarOf) {
      const [a, b] = ['a', 'b'].map((shard) => work.filesOf!({ dir: '', stem: 'x', shard }, '')[0]);
      if (a === b) throw new UsageError('--out needs {shard}: several shards may hold pictures of one name');
    }
  }

  /** For the files of a unit's pictures. */
  of(unit: number): Outputs {
    return this.outputs.get(unit)!;
  }

  /** Removes what a killed process left of the files that are written here. */
  sweep(): void {
    const names = new Map<string, Set<string>>();
    for (const path of this.paths) {
      const folder = dirname(path);
      names.set(folder, (names.get(folder) ?? new Set()).add(basename(path)));
    }
    for (const [folder, own] of names) {
      if (!statOf(folder)) continue;
      for (const name of readdirSync(folder))
        if (own.has(leftOf(name) ?? '')) rmSync(join(folder, name), { force: true });
    }
  }
}

/** The files that a unit surely becomes. @throws UsageError for a picture that is to become a tar */
function pathsOf({ kind, path, dir }: Unit, { filesOf, known, tarOf }: Naming): readonly string[] {
  const names: Names = { dir, stem: stemOf(path), shard: kind === 'picture' ? '' : stemOf(path) };
  if (kind !== 'picture') return tarOf ? [tarOf(names)] : [];
  if (tarOf) throw new UsageError(`${path}: --out names a tar for every shard, and this is no shard`);
  return known === undefined ? [] : (filesOf?.(names, known) ?? []);
}

function assertFile(path: string): void {
  const found = statOf(path);
  if (!found) throw new UsageError(`${path}: there is no such file`);
  if (!found.isFile()) throw new UsageError(`${path} is no file`);
}
