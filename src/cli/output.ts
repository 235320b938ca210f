/** Names of the files that a command writes, and pictures in them. */
import { dirname, extname } from 'node:path';
import { GradlensError } from '../index';
import type { Pixels } from '../image/pixels';
import { withText } from '../image/png';
import { UsageError } from './failure';

const HOLES = ['dir', 'stem', 'shard', 'class', 'method'] as const;
type Hole = (typeof HOLES)[number];
/** Those that a command has nothing for stay empty. */
export type Holes = Readonly<Partial<Record<Hole, string>> & Record<'stem' | 'class' | 'method', string>>;

/** Files of one picture, by their endings. */
export type FileKind = 'png' | 'npy' | 'npz';

/**
 * @param endings what the pattern may end in
 * @throws UsageError if the pattern names something else, or has an unknown hole
 */
export function checkPattern(pattern: string, endings: readonly string[] = ['png']): void {
  const unknown = [...pattern.matchAll(/\{(.*?)\}/g)].find(([, hole]) => !HOLES.includes(hole as never));
  if (unknown)
    throw new UsageError(`--out has ${unknown[0]}; there are ${HOLES.map((hole) => `{${hole}}`).join(', ')}`);
  if (!endings.includes(endingOf(pattern)))
    throw new UsageError(`--out is '${pattern}'; it should end in ${endings.map((ending) => `.${ending}`).join(' ')}`);
}

export const endingOf = (path: string): string => extname(path).slice(1).toLowerCase();

/**
 * What no file name should have is made a hyphen in `{class}`: labels come from anywhere. An empty `{dir}` takes its
 * slash with it.
 */
export function fillPattern(pattern: string, holes: Holes): string {
  const safe = { ...holes, class: holes.class.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '') };
  return pattern
    .replace(!holes.dir ? /\{dir\}[\\/]?/g : /(?!)/g, '')
    .replace(/\{(dir|stem|shard|class|method)\}/g, (_, hole: Hole) => safe[hole] ?? '');
}

/** The folder that a pattern's files have in common. */
export const folderOf = (pattern: string): string => dirname(`${pattern.split('{')[0]}x`);

/** What `{class}` stands for, where that is known before anything is computed. */
export function labelBefore(pattern: string, chosen: number | 'top1', labels: readonly string[]): string | undefined {
  if (chosen !== 'top1') return labels[chosen] ?? String(chosen);
  return pattern.includes('{class}') ? undefined : '';
}

/** A class by its name, and by its number where that says more. */
export const named = (index: number, label: string): string =>
  label === String(index) ? label : `${label} (${index})`;

/** The same name with another ending. */
export const beside = (out: string, ending: string): string => `${out.slice(0, -extname(out).length)}.${ending}`;

/** Of maps: two per cent more bytes than at zlib's default, for little more than half of the time. */
const COMPRESSION = 3;

/**
 * With the parameters inside, as JSON in a text of the keyword `gradlens`.
 *
 * @throws GradlensError `feature` without the package `sharp`
 */
export async function encodePng({ data, width, height }: Pixels, parameters: object): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp').catch((cause: unknown) => {
    throw new GradlensError(
      'feature',
      'writing pictures in Node needs the package sharp: npm install sharp',
      {},
      { cause },
    );
  });
  const png = await sharp(data, { raw: { width, height, channels: 4 } })
    .png({ compressionLevel: COMPRESSION })
    .toBuffer();
  return withText(png, { gradlens: JSON.stringify(parameters) });
}
