/** Files of true boxes. */
import { basename } from 'node:path';
import type { Box, Pixels } from '../index';
import { numberOption } from './args';
import { UsageError } from './failure';
import type { Files } from './files';
import { classOf } from './models';

export interface Truth {
  readonly file: string;
  readonly label: string | undefined;
  readonly index: number | undefined;
  readonly size: readonly [number, number] | undefined;
  /** Corners, inclusive. */
  readonly boxes: readonly (readonly [x0: number, y0: number, x1: number, y1: number])[];
}

/** What is known of a picture of that name; undefined of one that is not in the file. */
export type TruthOf = (picture: string) => Truth | undefined;

/** @param needs `classes`: boxes may be missing @throws UsageError */
export function readTruths(path: string, files: Files, needs: 'boxes' | 'classes' = 'boxes'): readonly Truth[] {
  const images = (files.json(path) as { images?: unknown } | null)?.images;
  if (!Array.isArray(images))
    throw new UsageError(
      `${path} has no "images", a list of objects with file${needs === 'boxes' ? ', boxes' : ''}, and label or class`,
    );
  const numbers = (value: unknown, length: number): boolean =>
    Array.isArray(value) && value.length === length && value.every((part) => Number.isFinite(part));
  return images.map((image: Readonly<Record<string, unknown>> | null, i): Truth => {
    const refuse = (what: string): never => {
      throw new UsageError(`${path}: images[${i}]${what}`);
    };
    const {
      file,
      label,
      class: index = image?.['imagenet_index'],
      size = image?.['original_size'],
      boxes = image?.['boxes_original'] ?? (needs === 'classes' ? [] : undefined),
    } = image ?? {};
    if (typeof file !== 'string') return refuse('.file is no text');
    if (label !== undefined && typeof label !== 'string') return refuse('.label is no text');
    if (index !== undefined && !(Number.isInteger(index) && (index as number) >= 0))
      return refuse('.class is no whole number from 0');
    if (label === undefined && index === undefined) return refuse(' has neither a label nor a class');
    if (size !== undefined && !(numbers(size, 2) && (size as number[]).every((extent) => extent > 0)))
      return refuse('.size is not [width, height]');
    const isBox = (box: unknown): boolean =>
      numbers(box, 4) &&
      (box as number[])[2]! >= (box as number[])[0]! &&
      (box as number[])[3]! >= (box as number[])[1]!;
    if (!Array.isArray(boxes) || (boxes.length === 0 && needs === 'boxes') || !boxes.every(isBox))
      return refuse('.boxes is no list of [x0, y0, x1, y1]');
    return {
      file,
      label: label,
      index: index as number | undefined,
      size: size as Truth['size'],
      boxes: boxes,
    };
  });
}

/** By their files' names, with and without folders; `part` and `allBut` choose some by their numbers. */
export function truthsBy(truths: readonly Truth[], part?: string, allBut?: string): TruthOf {
  const [inPart, inRest] = [chosenBy('part', part), chosenBy('all-but', allBut)];
  const byName = new Map(
    truths
      .filter((_, i) => (part === undefined || inPart(i)) && (allBut === undefined || !inRest(i)))
      .flatMap((truth) => [
        [basename(truth.file), truth],
        [truth.file, truth],
      ]),
  );
  return (picture) => byName.get(picture) ?? byName.get(basename(picture));
}

/** I/N: every N-th from number I on; I/N,J/M: these too. */
function chosenBy(option: string, parts: string | undefined): (i: number) => boolean {
  const chosen = (parts ?? '0/1').split(',').map((part) => {
    const [, from, every] = /^(\d+)\/(\d+)$/.exec(part) ?? [];
    if (from === undefined || every === undefined)
      throw new UsageError(`--${option} is '${parts}'; it can be like 0/5, or 0/5,2/5`);
    const count = numberOption(option, every, 1, Infinity, true);
    return { count, first: numberOption(option, from, 0, count - 1, true) };
  });
  return (i) => chosen.some(({ count, first }) => i % count === first);
}

/** @throws UsageError if the model has no such class */
export function classIn({ file, label, index }: Truth, labels: readonly string[], path: string): number {
  try {
    const found = classOf(
      label !== undefined && (labels.length > 0 || index === undefined) ? label : String(index),
      labels,
    );
    if (found !== 'top1') return found;
    throw new UsageError("'top1' is no class to be found");
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${path}: ${file}: ${error.message}`) : error;
  }
}

/** The boxes in a picture of these extents. */
export function boxesIn({ size, boxes }: Truth, { width, height }: Pick<Pixels, 'width' | 'height'>): Box[] {
  const [across, down] = [width / (size?.[0] ?? width), height / (size?.[1] ?? height)];
  return boxes.map(([x0, y0, x1, y1]) => [x0 * across, y0 * down, (x1 - x0 + 1) * across, (y1 - y0 + 1) * down]);
}
