/** Files that are whole or not there, and names for them. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { GradlensError } from '../index';
import type { Pixels } from '../image/pixels';
import { withText } from '../image/png';
import { UsageError } from './failure';

const unfinished = new Set<string>();

/** Called when the process ends: an interrupted write leaves nothing behind. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

/** @throws UsageError if it cannot be written */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    unfinished.add(temporary);
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new UsageError(`${path} cannot be written: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`);
  } finally {
    unfinished.delete(temporary);
  }
}

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
