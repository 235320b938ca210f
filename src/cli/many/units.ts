/**
 * What the command line names, as units: a picture's file, a tar shard, or a file of arrays. Units are what is shared
 * out among processes; they are known before anything is read but names.
 */
import { type Stats, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { glob } from 'tinyglobby';
import { UsageError } from '../failure';

export interface Unit {
  readonly kind: 'picture' | 'tar' | 'array';
  /** As it was named; below a folder that was named with `/`, on every system. */
  readonly path: string;
  /** Where it lies below the folder or pattern that was named; empty for what was named itself. */
  readonly dir: string;
}

/** With its number in the whole run. */
export interface Numbered {
  readonly unit: Unit;
  readonly number: number;
}

export interface Named {
  readonly units: readonly Unit[];
  /** Whether each was named one by one, as a path of its own. */
  readonly oneByOne: boolean;
}

/** More than anyone lists; a wrong range in a pattern would be longer. */
const MOST_UNITS = 10_000_000;
const PICTURE = /\.(jpe?g|png|webp|avif|gif|tiff?)$/i;
const TAR = /\.(tar|tar\.gz|tgz)$/i;
/** What makes a name a pattern, if no file has that name. */
const PATTERN = /[*?]|\[[^\]]+\]|\{[^{}]*(,|\.\.)[^{}]*\}/;
const ARRAY = /\.np[yz]$/i;

/** What a file is, by its name: what has another name is taken for a picture, and says itself if it is none. */
const kindOf = (path: string): Unit['kind'] => (TAR.test(path) ? 'tar' : ARRAY.test(path) ? 'array' : 'picture');

/** The name of a file without its ending, `.tar.gz` being one. */
export const stemOf = (path: string): string => {
  const name = basename(path);
  return name.replace(TAR, '') !== name ? name.replace(TAR, '') : basename(name, extname(name));
};

/**
 * Files, folders (all pictures, shards and arrays below them), patterns, `-` for a list on stdin, and lists in files.
 * In the order in which they were named; what a folder or pattern holds in the order of its names' code units, so that
 * it is the same on every machine.
 *
 * @throws UsageError for a pattern or folder that holds none, or a list that cannot be read
 */
export async function unitsOf(words: readonly string[], list?: string): Promise<Named> {
  if (words.length === 0 && list === undefined)
    throw new UsageError('no image given: name it, or give a list by --list');
  const fromList = list === undefined ? [] : linesOf(readText(list));
  const ofWords = words.map(async (word) =>
    word === '-' ? linesOf(readText(0)).map(unitsHere) : [await unitsAt(word)],
  );
  const found = [...(await Promise.all(ofWords)).flat(), ...fromList.map(unitsHere)];
  const units = found.flat();
  if (units.length === 0) throw new UsageError('no pictures given: the list is empty');
  return { units, oneByOne: list === undefined && !words.includes('-') && found.every(isItself) };
}

const isItself = (units: readonly Unit[], _: number): boolean =>
  units.length === 1 && units[0]!.kind === 'picture' && units[0]!.dir === '';

/** Undefined for what is not there, below a file, or where we may not look. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

async function unitsAt(path: string): Promise<readonly Unit[]> {
  if (statOf(path) || !PATTERN.test(path)) return unitsHere(path);
  return (await Promise.all(expanded(path).map(matching))).flat();
}

/** Of a path as it is: lines of a list are no patterns. */
const unitsHere = (path: string): readonly Unit[] =>
  statOf(path)?.isDirectory() ? inFolder(path) : [{ kind: kindOf(path), path, dir: '' }];

function inFolder(folder: string): readonly Unit[] {
  const names = (readdirSync(folder, { recursive: true, withFileTypes: true }) as readonly Entry[])
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.') && isData(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path!, entry.name)));
  if (names.length === 0)
    throw new UsageError(
      `${folder} holds no pictures (.jpg .png .webp .avif .gif .tif), shards (.tar) or arrays (.npy)`,
    );
  return byName(names.map(slashed)).map((name) => ({
    kind: kindOf(name),
    path: slashed(join(folder, name)),
    dir: dirname(name) === '.' ? '' : dirname(name),
  }));
}

/** `parentPath` came with Node 20.12 and replaces `path`. */
interface Entry {
  readonly name: string;
  readonly parentPath?: string;
  readonly path?: string;
  isDirectory(): boolean;
}

const isData = (name: string): boolean => PICTURE.test(name) || TAR.test(name) || ARRAY.test(name);
const slashed = (path: string): string => (sep === '/' ? path : path.replaceAll(sep, '/'));
const byName = (names: readonly string[]): string[] => [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** The files that a pattern names. */
async function matching(pattern: string): Promise<readonly Unit[]> {
  if (!PATTERN.test(pattern)) return [{ kind: kindOf(pattern), path: pattern, dir: '' }];
  const forGlob = slashed(pattern);
  const base = forGlob.split('/').findIndex((part) => PATTERN.test(part));
  const root = forGlob.split('/').slice(0, base).join('/');
  const names = await glob(forGlob, { onlyFiles: true, expandDirectories: false });
  if (names.length === 0) throw new UsageError(`${pattern} matches no file`);
  return byName(names).map((path) => {
    const below = dirname(root === '' ? path : path.slice(path.indexOf(root) + root.length + 1));
    return { kind: kindOf(path), path, dir: below === '.' ? '' : below };
  });
}

/**
 * Ranges in braces, as WebDataset writes them: `{000000..000146}` has as many digits as its first number. Each of them
 * has to be there, which a pattern's matches would not tell.
 *
 * @throws UsageError for a range of more than ten million
 */
export function expanded(pattern: string): readonly string[] {
  const [whole, first, last] = /\{(\d+)\.\.(\d+)\}/.exec(pattern) ?? [];
  if (whole === undefined || first === undefined || last === undefined) return [pattern];
  const [from, to] = [Number(first), Number(last)];
  if (Math.abs(to - from) >= MOST_UNITS) throw new UsageError(`${pattern} has more than ${MOST_UNITS} files`);
  const step = to < from ? -1 : 1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, k) =>
    expanded(pattern.replace(whole, () => String(from + k * step).padStart(first.length, '0'))),
  ).flat();
}

const linesOf = (text: string): string[] => text.split(/\r?\n/).filter((line) => line !== '');

function readText(file: string | 0): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (cause) {
    throw new UsageError(`${file === 0 ? 'stdin' : file} cannot be read: ${(cause as NodeJS.ErrnoException).code}`);
  }
}

// ——— a part of them ———

export interface Share {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/**
 * Which part is this process's: `--shard I/N`, else what Slurm (job arrays) or Kubernetes (indexed jobs) say in the
 * environment. Numbers count from 0. Kubernetes tells a pod its number, and not of how many: the job's file says that
 * in `JOB_COMPLETIONS`.
 *
 * @throws UsageError for what is no part of a whole
 */
export function shareOf(option: string | undefined, env: Readonly<Record<string, string | undefined>>): Share | null {
  if (option === 'none') return null;
  if (option !== undefined) {
    const [, index, count] = /^(\d+)\/(\d+)$/.exec(option) ?? [];
    if (index === undefined) throw new UsageError(`--shard is '${option}'; I/N, such as 0/8 to 7/8, would be right`);
    return checkedShare('--shard', Number(index), Number(count));
  }
  const slurm = env['SLURM_ARRAY_TASK_ID'];
  if (slurm !== undefined) {
    const first = Number(env['SLURM_ARRAY_TASK_MIN'] ?? 0);
    const step = Number(env['SLURM_ARRAY_TASK_STEP'] ?? 1) || 1;
    const index = (Number(slurm) - first) / step;
    return checkedShare('SLURM_ARRAY_TASK_ID', index, Number(env['SLURM_ARRAY_TASK_COUNT']));
  }
  const pod = env['JOB_COMPLETION_INDEX'];
  if (pod === undefined) return null;
  const count = env['JOB_COMPLETIONS'];
  if (count === undefined)
    throw new UsageError(
      `JOB_COMPLETION_INDEX is ${pod}, but nothing says of how many: set JOB_COMPLETIONS to the job's completions, ` +
        'or give --shard I/N',
    );
  return checkedShare('JOB_COMPLETION_INDEX', Number(pod), Number(count));
}

function checkedShare(by: string, index: number, count: number): Share {
  if (!(Number.isInteger(count) && count >= 1 && Number.isInteger(index) && index >= 0 && index < count))
    throw new UsageError(`${by} is part ${index} of ${count}; a whole number from 0 to below the count would be right`);
  return { index, count };
}

/** Every `count`-th unit. */
export const shared = <T>(units: readonly T[], { index, count }: Share): readonly T[] =>
  units.filter((_, k) => k % count === index);
