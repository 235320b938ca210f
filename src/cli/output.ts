/** Names of the files that a command writes, and pictures in them. */
import { basename, extname } from 'node:path';
import { GradlensError } from '../index';
import type { Pixels } from '../image/pixels';
import { withText } from '../image/png';
import { UsageError } from './failure';

const HOLES = ['stem', 'class', 'method'] as const;
export type Holes = Readonly<Record<(typeof HOLES)[number], string>>;

/** @throws UsageError if the pattern names something else than a `.png`, or has an unknown hole */
export function checkPattern(pattern: string): void {
  const unknown = [...pattern.matchAll(/\{(.*?)\}/g)].find(([, hole]) => !HOLES.includes(hole as never));
  if (unknown)
    throw new UsageError(`--out has ${unknown[0]}; there are ${HOLES.map((hole) => `{${hole}}`).join(', ')}`);
  if (extname(pattern).toLowerCase() !== '.png') throw new UsageError(`--out is '${pattern}'; it should end in .png`);
}

/** What no file name should have is made a hyphen in `{class}`: labels come from anywhere. */
export function fillPattern(pattern: string, holes: Holes): string {
  const safe = { ...holes, class: holes.class.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '') };
  return pattern.replace(/\{(stem|class|method)\}/g, (_, hole: keyof Holes) => safe[hole]);
}

/** What `{class}` stands for, where that is known before anything is computed. */
export function labelBefore(pattern: string, chosen: number | 'top1', labels: readonly string[]): string | undefined {
  if (chosen !== 'top1') return labels[chosen] ?? String(chosen);
  return pattern.includes('{class}') ? undefined : '';
}

/** A class by its name, and by its number where that says more. */
export const named = (index: number, label: string): string =>
  label === String(index) ? label : `${label} (${index})`;

/** The array beside a picture. */
export const npyBeside = (out: string): string => out.replace(/\.png$/i, '.npy');

export const stemOf = (path: string): string => basename(path, extname(path));

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
    .png()
    .toBuffer();
  return withText(png, { gradlens: JSON.stringify(parameters) });
}
