import { expect, test } from 'vitest';
import { components, largestComponent, spreadBox, tightBox } from '../../src/segmentation/components';

const drawn = (...rows: readonly string[]): Uint8Array =>
  Uint8Array.from(rows.join(''), (sign) => (sign === '#' ? 1 : 0));
const rows = ['##..#', '...#.', '.#...', '.####'];

test('components are counted in reading order, with diagonals or without', () => {
  const eight = components(drawn(...rows), 5, 4);
  expect([...eight.labels]).toEqual([1, 1, 0, 0, 2, 0, 0, 0, 2, 0, 0, 3, 0, 0, 0, 0, 3, 3, 3, 3]);
  expect(eight.areas).toEqual([11, 2, 2, 5]);
  expect(components(drawn(...rows), 5, 4, 4).areas).toEqual([11, 2, 1, 1, 5]);
});

test('a component may bend back above the row where it began', () => {
  expect(components(drawn('#.#', '#.#', '###'), 3, 3, 4).areas).toEqual([2, 7]);
});

test('the largest component, of several the first', () => {
  expect(largestComponent(drawn(...rows), 5, 4)).toEqual(drawn('.....', '.....', '.#...', '.####'));
  expect(largestComponent(drawn('##.##'), 5, 1)).toEqual(drawn('##...'));
  expect(largestComponent(drawn('.#.'), 3, 1)).toEqual(drawn('.#.'));
  expect(largestComponent(drawn('...'), 3, 1)).toBeNull();
});

test('a hundred thousand components are no trouble', () => {
  const mask = Uint8Array.from({ length: 640 * 640 }, (_, i) => (i % 2 === 0 && Math.floor(i / 640) % 2 === 0 ? 1 : 0));
  expect(components(mask, 640, 640).areas).toHaveLength(1 + 320 * 320);
  expect(tightBox(largestComponent(mask, 640, 640)!, 640, 640)).toEqual([0, 0, 1, 1]);
});

test('the tight box is a corner and extents', () => {
  expect(tightBox(drawn(...rows), 5, 4)).toEqual([0, 0, 5, 4]);
  expect(tightBox(drawn('.....', '..#..', '.#...'), 5, 3)).toEqual([1, 1, 2, 2]);
  expect(tightBox(drawn('....#'), 5, 1)).toEqual([4, 0, 1, 1]);
  expect(tightBox(drawn('..'), 2, 1)).toBeNull();
});

test('the spread box of a filled box is that box', () => {
  expect(spreadBox(drawn('.....', '.###.', '.###.', '.....'), 5, 4)).toEqual([1, 1, 3, 2]);
  expect(spreadBox(drawn('#####'), 5, 1)).toEqual([0, 0, 5, 1]);
  expect(spreadBox(drawn('....', '..#.'), 4, 2)).toEqual([2, 1, 1, 1]);
  expect(spreadBox(drawn('..'), 2, 1)).toBeNull();
});

test('a speck far away hardly moves the spread box, and holes do not matter', () => {
  const mask = Uint8Array.from({ length: 100 * 100 }, (_, i) =>
    Number(i % 100 >= 20 && i % 100 < 60 && i >= 3000 && i < 5000),
  );
  expect(spreadBox(mask, 100, 100)).toEqual([20, 30, 40, 20]);
  mask[99 * 100 + 99] = 1;
  const [left, top, width, height] = spreadBox(mask, 100, 100)!;
  for (const [found, right] of [
    [left, 20],
    [top, 30],
    [width, 40],
    [height, 20],
  ] as const)
    expect(Math.abs(found - right)).toBeLessThanOrEqual(4);
  expect(tightBox(mask, 100, 100)).toEqual([20, 30, 80, 70]);
  expect(spreadBox(drawn('#.#.#', '.#.#.', '#.#.#'), 5, 3)).toEqual([0, 0, 5, 3]);
});
