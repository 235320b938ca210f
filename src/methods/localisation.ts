/**
 * How well boxes are found (§3.2): ILSVRC's localisation error and its kin. Report these numbers only
 * together with the controls.
 */
import type { Box } from '../segmentation/components';

/** A class, and the box in which it is suspected. */
export interface Guess {
  /** The class. */
  readonly class: number;
  /** Where. */
  readonly box: Box;
}

/** What is known of one picture, and what was said about it. Boxes may have fractions. */
export interface Localised {
  /** The true class. */
  readonly class: number;
  /** All boxes of that class. */
  readonly boxes: readonly Box[];
  /** Best first; ILSVRC looks at five. */
  readonly guesses: readonly Guess[];
  /** The box for the true class, asked for by name. */
  readonly known: Box;
  /** Where the map of the true class is largest, in pixels from 0. */
  readonly peak: readonly [x: number, y: number];
}

/** Shares of the pictures, from 0 to 1. */
export interface LocalisationMeasures {
  /** How many there were. */
  readonly pictures: number;
  /** Share of pictures whose best guess lacks the right class or a box with IoU > 0.5. */
  readonly top1Error: number;
  /** Share of pictures of which all of the best five guesses do. */
  readonly top5Error: number;
  /** The same two by class alone: boxes are not looked at. */
  readonly top1ClassError: number;
  /** Likewise of the best five. */
  readonly top5ClassError: number;
  /** The true class's box has IoU > 0.5. */
  readonly knownAccuracy: number;
  /** Mean IoU of the true class's box. */
  readonly meanIou: number;
  /** Pointing game: the peak lies in a box. */
  readonly pointing: number;
}

/** An object counts as found if the IoU of its box is above this. */
const ENOUGH = 0.5;

/**
 * ILSVRC's errors, the mean IoU and the pointing game of many pictures.
 *
 * @example
 * ```ts
 * import { centreBox, controlOf, localisationMeasures, wholeImage } from 'gradlens';
 *
 * const found = [
 *   {
 *     class: 4,
 *     boxes: [[10, 10, 80, 80]],
 *     guesses: [{ class: 4, box: [20, 10, 80, 80] }],
 *     known: [20, 10, 80, 80],
 *     peak: [50, 50],
 *     width: 128,
 *     height: 96,
 *   },
 * ] as const;
 * console.log(localisationMeasures(found).top1Error, localisationMeasures(controlOf(found, centreBox)).top1Error);
 * console.log(localisationMeasures(controlOf(found, wholeImage)).meanIou);
 * ```
 */
export function localisationMeasures(pictures: readonly Localised[]): LocalisationMeasures {
  const share = (holds: (picture: Localised) => boolean): number => pictures.filter(holds).length / pictures.length;
  const hasClass =
    (top: number) =>
    (picture: Localised): boolean =>
      picture.guesses.slice(0, top).some((guess) => guess.class === picture.class);
  const isFound =
    (top: number) =>
    (picture: Localised): boolean =>
      picture.guesses
        .slice(0, top)
        .some((guess) => guess.class === picture.class && bestIou(guess.box, picture.boxes) > ENOUGH);
  return {
    pictures: pictures.length,
    top1Error: 1 - share(isFound(1)),
    top5Error: 1 - share(isFound(5)),
    top1ClassError: 1 - share(hasClass(1)),
    top5ClassError: 1 - share(hasClass(5)),
    knownAccuracy: share(({ known, boxes }) => bestIou(known, boxes) > ENOUGH),
    meanIou: pictures.reduce((sum, { known, boxes }) => sum + bestIou(known, boxes), 0) / pictures.length,
    pointing: share(({ peak: [x, y], boxes }) => boxes.some((box) => covers(box, x + 0.5, y + 0.5))),
  };
}

/**
 * The same pictures and classes, with a box that does not depend on the picture, and its middle as the peak.
 *
 * @example
 * ```ts
 * import { centreBox, controlOf, localisationMeasures } from 'gradlens';
 *
 * localisationMeasures(controlOf([], centreBox)); // what a box says that never looks at the picture
 * ```
 */
export function controlOf(
  pictures: readonly (Localised & { readonly width: number; readonly height: number })[],
  boxOf: (width: number, height: number) => Box,
): Localised[] {
  return pictures.map((picture) => {
    const box = boxOf(picture.width, picture.height);
    return {
      ...picture,
      guesses: picture.guesses.map((guess) => ({ ...guess, box })),
      known: box,
      peak: [Math.floor(picture.width / 2), Math.floor(picture.height / 2)],
    };
  });
}

/**
 * The box of the whole picture, `[0, 0, width, height]`: a control.
 *
 * @example
 * ```ts
 * import { wholeImage } from 'gradlens';
 *
 * wholeImage(640, 480); // [0, 0, 640, 480]
 * ```
 */
export const wholeImage = (width: number, height: number): Box => [0, 0, width, height];

/**
 * A box in the middle, `side` of each extent, in whole pixels and at least one.
 *
 * @example
 * ```ts
 * import { centreBox } from 'gradlens';
 *
 * centreBox(100, 50); // [10, 5, 80, 40]
 * ```
 */
export function centreBox(width: number, height: number, side = 0.8): Box {
  const [w, h] = [Math.max(1, Math.round(width * side)), Math.max(1, Math.round(height * side))];
  return [Math.floor((width - w) / 2), Math.floor((height - h) / 2), w, h];
}

/**
 * Area of the intersection over that of the union.
 *
 * @example
 * ```ts
 * import { intersectionOverUnion } from 'gradlens';
 *
 * intersectionOverUnion([0, 0, 10, 10], [5, 0, 10, 10]); // 1/3
 * ```
 */
export function intersectionOverUnion(a: Box, b: Box): number {
  const overlap = (from: number, length: number, otherFrom: number, otherLength: number): number =>
    Math.max(0, Math.min(from + length, otherFrom + otherLength) - Math.max(from, otherFrom));
  const shared = overlap(a[0], a[2], b[0], b[2]) * overlap(a[1], a[3], b[1], b[3]);
  const all = a[2] * a[3] + b[2] * b[3] - shared;
  return all > 0 ? shared / all : 0;
}

export const bestIou = (box: Box, boxes: readonly Box[]): number =>
  Math.max(0, ...boxes.map((other) => intersectionOverUnion(box, other)));

const covers = ([left, top, width, height]: Box, x: number, y: number): boolean =>
  x >= left && x < left + width && y >= top && y < top + height;
