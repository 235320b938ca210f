import { expect, test } from 'vitest';
import { type Heatmap, mapBox } from '../../src';

const heatmap = (width: number, height: number, valueAt: (x: number, y: number) => number): Heatmap => ({
  data: Float32Array.from({ length: width * height }, (_, i) => valueAt(i % width, Math.floor(i / width))),
  width,
  height,
  class: 0,
  score: 0,
  signed: false,
  meta: {},
});

test('the box is spread as the map above a share of its largest value', () => {
  const map = heatmap(20, 10, (x, y) => (x >= 4 && x < 12 && y >= 2 && y < 7 ? (x === 5 && y === 3 ? -10 : 3) : 1));
  expect(mapBox(map, { width: 20, height: 10 })).toEqual({ box: [4, 2, 8, 5], peak: [5, 3], fallback: null });
  expect(mapBox(map, { width: 20, height: 10 }, { share: 0.5 }).box).toEqual([5, 3, 1, 1]);
  expect(mapBox(map, { width: 20, height: 10 }, { share: 0.05 }).box).toEqual([0, 0, 20, 10]);
});

test('the map is brought to the picture, of which it may show only a part', () => {
  const map = heatmap(10, 10, (x) => Number(x >= 2 && x < 6));
  const [left, , width] = mapBox(map, { width: 100, height: 50 }, { share: 0.5 }).box;
  expect([left, width]).toEqual([20, 40]);
  const placement = { FROM_X: 50, FROM_Y: 0, FROM_W: 50, FROM_H: 50, TO_X: 0, TO_Y: 0, TO_W: 10, TO_H: 10 };
  expect(mapBox(map, { width: 100, height: 50 }, { share: 0.5, placement }).box).toEqual([60, 0, 20, 50]);
});

test('a flat map says nothing: the centre box. Wrong numbers are refused', () => {
  expect(
    mapBox(
      heatmap(4, 4, () => 2),
      { width: 100, height: 50 },
    ),
  ).toEqual({ box: [10, 5, 80, 40], peak: [0, 0], fallback: 'flat map' });
  expect(() =>
    mapBox(
      heatmap(2, 2, () => NaN),
      { width: 2, height: 2 },
    ),
  ).toThrow('the map is NaN at 0');
  expect(() =>
    mapBox(
      heatmap(2, 2, (x) => x),
      { width: 2, height: 2 },
      { share: 1 },
    ),
  ).toThrow('share is 1; a number between 0 and 1 would be right');
});
