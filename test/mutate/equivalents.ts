/** Mutants that no test can notice, since they change nothing that anybody sees; each with its reason. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Candidate } from './choice';

export interface Equivalent {
  readonly file: string;
  /** The line, as it stands and as it becomes. */
  readonly before: string;
  readonly after: string;
  readonly reason: string;
}

export const equivalents = (): readonly Equivalent[] =>
  JSON.parse(readFileSync(join('test', 'mutate', 'equivalents.json'), 'utf8')) as Equivalent[];

export const isEquivalent = ({ file, before, after }: Candidate, listed: readonly Equivalent[]): boolean =>
  listed.some((known) => known.file === file && known.before === before && known.after === after);

/** Those whose line is no longer there. */
export const stale = (listed: readonly Equivalent[]): readonly Equivalent[] =>
  listed.filter(({ file, before }) => !existsSync(file) || !readFileSync(file, 'utf8').includes(before));
