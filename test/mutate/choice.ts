/** Which mutants are tried, and which tests try them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { importsOf, reachedFrom, sources, testFiles } from '../importGraph';
import { projectOf } from '../projects';
import type { Mutant } from './mutant';
import { mutantsOf } from './typescript';

/** A mutant of one file, as it is told and recorded. */
export interface Candidate extends Mutant {
  readonly file: string;
  readonly folder: string;
  readonly line: number;
  /** The line it is on, as it stands and as it becomes. */
  readonly before: string;
  readonly after: string;
  /** Where it comes in the order of its seed: the smallest are tried first. */
  readonly rank: string;
}

/** What is mutated: everything between a file and a map, but not what talks to people. */
export const FOLDERS = [
  'shaders',
  'src/gpu',
  'src/model',
  'src/methods',
  'src/compile',
  'src/ops',
  'src/formats',
  'src/segmentation',
  'src/image',
  'src/variants',
] as const;

/** Of these, those whose tests need no GPU and take seconds. */
export const PURE_FOLDERS: readonly string[] = [
  'src/compile',
  'src/formats',
  'src/segmentation',
  'src/image',
  'src/variants',
];

export function candidatesOf(file: string, folder: string, seed: number): readonly Candidate[] {
  const source = readFileSync(file, 'utf8');
  const seen = new Map<string, number>();
  return mutantsOf(file, source).map((mutant) => {
    const from = source.lastIndexOf('\n', mutant.start - 1) + 1;
    const end = source.indexOf('\n', mutant.end);
    const to = end < 0 ? source.length : end;
    const before = source.slice(from, to).trim();
    const after = (source.slice(from, mutant.start) + mutant.text + source.slice(mutant.end, to)).trim();
    // By what it says and not by where it stands: code that moves keeps its mutants, and so a sample keeps its own.
    const words = [seed, posix.basename(file), mutant.operator, before, after].join('\n');
    const again = seen.get(words) ?? 0;
    seen.set(words, again + 1);
    const rank = createHash('sha256').update(`${words}\n${again}`).digest('hex');
    const line = source.slice(0, mutant.start).split('\n').length;
    return { ...mutant, file, folder, line, before, after, rank };
  });
}

/**
 * A sample of every folder: `count` of each, those of the smallest ranks. A kind of mistake that fits in many places is
 * not taken more often for it: the operators take turns.
 */
export function sample(folders: readonly string[], count: number, seed: number): readonly Candidate[] {
  return folders.flatMap((folder) => {
    const files = sources().filter((file) => file.startsWith(`${folder}/`) || file === `${folder}.ts`);
    const byOperator = new Map<string, Candidate[]>();
    for (const candidate of files.flatMap((file) => candidatesOf(file, folder, seed))) {
      byOperator.set(candidate.operator, [...(byOperator.get(candidate.operator) ?? []), candidate]);
    }
    const kinds = [...byOperator.values()].map((all) => all.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)));
    const taken: Candidate[] = [];
    for (let turn = 0; taken.length < count && kinds.some((all) => all.length > turn); turn++) {
      const round = kinds.flatMap((all) => all.slice(turn, turn + 1)).toSorted((a, b) => (a.rank < b.rank ? -1 : 1));
      taken.push(...round.slice(0, count - taken.length));
    }
    return taken;
  });
}

/**
 * Its own tests first: those of its name and those that import it, then by how far away they are and how long they
 * take; never a browser's.
 *
 * @param seconds How long a file of tests takes, as far as that is known.
 */
export function testsOf(file: string, pure: boolean, seconds: ReadonlyMap<string, number | null>): readonly string[] {
  const stem = posix.basename(file, '.ts');
  return testFiles()
    .map((test) => ({ test, reached: reachedFrom(test) }))
    .filter(({ test, reached }) => test !== SNAPSHOT && reached.has(file))
    .filter(({ test }) => (pure ? projectOf(test) === 'pure' : projectOf(test) !== 'browser'))
    .map(({ test, reached }) => ({
      test,
      order: [
        posix.basename(test, '.test.ts') === stem || importsOf(test).includes(file) ? 0 : reached.get(file)!,
        folderOf(test) === folderOf(file) ? 0 : 1,
        projectOf(test) === 'pure' ? 0 : 1,
        seconds.get(test) ?? reached.size / 10, // the more it reaches, the longer it takes
      ],
    }))
    .toSorted((a, b) => a.order.map((value, i) => value - b.order[i]!).find((difference) => difference !== 0) ?? 0)
    .map(({ test }) => test);
}

/** Any change of a kernel fails it, right or wrong: it tells nothing of a mistake. */
const SNAPSHOT = 'test/shaders/expanded.test.ts';

/** `ops` of `src/ops/conv.ts` and of `test/ops/conv.test.ts`. */
const folderOf = (path: string): string => path.split('/')[1]!;
