import { expect, test } from 'vitest';
import {
  type Localised,
  centreBox,
  controlOf,
  intersectionOverUnion,
  localisationMeasures,
  wholeImage,
} from '../../src/methods/localisation';

test('intersection over union, by hand', () => {
  expect(intersectionOverUnion([0, 0, 4, 4], [0, 0, 4, 4])).toBe(1);
  expect(intersectionOverUnion([0, 0, 4, 4], [2, 0, 4, 4])).toBe(8 / 24);
  expect(intersectionOverUnion([0, 0, 4, 4], [1, 1, 2, 2])).toBe(4 / 16);
  expect(intersectionOverUnion([0, 0, 2, 2], [2, 0, 2, 2])).toBe(0);
  expect(intersectionOverUnion([0, 0, 2, 2], [5, 7, 2, 2])).toBe(0);
  expect(intersectionOverUnion([0.5, 0, 1, 1], [0, 0, 1, 1])).toBeCloseTo(1 / 3, 12);
});

test('the controls: the whole picture, and 80 % of each side of it', () => {
  expect(wholeImage(500, 375)).toEqual([0, 0, 500, 375]);
  expect(centreBox(500, 375)).toEqual([50, 37, 400, 300]);
  expect(centreBox(224, 224)).toEqual([22, 22, 179, 179]);
  expect(centreBox(1, 1)).toEqual([0, 0, 1, 1]);
  expect(centreBox(2, 3, 0.1)).toEqual([0, 1, 1, 1]);
});

const [right, left, nowhere] = [
  [10, 0, 10, 10],
  [0, 0, 10, 10],
  [0, 0, 1, 1],
] as const;
const pictures: readonly (Localised & { width: number; height: number })[] = [
  // the best guess is right
  {
    class: 3,
    boxes: [left, right],
    guesses: [
      { class: 3, box: right },
      { class: 1, box: left },
    ],
    known: right,
    peak: [19, 9],
    width: 20,
    height: 10,
  },
  // the second guess is right; the peak is just outside
  {
    class: 3,
    boxes: [left],
    guesses: [
      { class: 1, box: left },
      { class: 3, box: left },
    ],
    known: left,
    peak: [10, 5],
    width: 20,
    height: 10,
  },
  // the class is right, the box is not: an IoU of one half is not enough
  {
    class: 2,
    boxes: [left],
    guesses: [{ class: 2, box: [0, 0, 20, 10] }],
    known: [0, 0, 20, 10],
    peak: [0, 0],
    width: 20,
    height: 10,
  },
  // the right class comes sixth
  {
    class: 2,
    boxes: [left],
    guesses: [...[4, 5, 6, 7, 8].map((index) => ({ class: index, box: left })), { class: 2, box: left }],
    known: nowhere,
    peak: [5, 5],
    width: 20,
    height: 10,
  },
];

test('the measures of four pictures, by hand', () => {
  expect(localisationMeasures(pictures)).toEqual({
    pictures: 4,
    top1Error: 3 / 4,
    top5Error: 2 / 4,
    top1ClassError: 2 / 4,
    top5ClassError: 1 / 4,
    knownAccuracy: 2 / 4,
    meanIou: (1 + 1 + 0.5 + 0.01) / 4,
    pointing: 3 / 4,
  });
});

test.each([
  [[10, 4], 1],
  [[15, 6], 1],
  [[9, 4], 0],
  [[16, 6], 0],
  [[10, 3], 0],
  [[15, 7], 0],
] as const)('a peak at %j is in a box of 6×3 at (10, 4), or not: %d', (peak, pointing) => {
  const picture: Localised = { ...pictures[0]!, boxes: [[10, 4, 6, 3]], peak };
  expect(localisationMeasures([picture]).pointing).toBe(pointing);
});

test('a control keeps the classes and changes the boxes', () => {
  expect(localisationMeasures(controlOf(pictures, () => left))).toEqual({
    pictures: 4,
    top1Error: 2 / 4,
    top5Error: 1 / 4,
    top1ClassError: 2 / 4,
    top5ClassError: 1 / 4,
    knownAccuracy: 1,
    meanIou: 1,
    pointing: 1 / 4, // the middle is the first pixel of the right half
  });
});
