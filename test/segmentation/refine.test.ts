/** Masks at full size, against their definition in plain loops. */
import { describe, expect, test } from 'vitest';
import { type Colours, refined, shrunk } from '../../src/segmentation/refine';
import { seededRandom } from '../oracle/random';

const colourOf = ({ data, width }: Colours, x: number, y: number): number[] =>
  [0, 1, 2].map((c) => data[3 * (y * width + x) + c]!);
const squared = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, c) => sum + (value - b[c]!) ** 2, 0);

/** The label of each pixel of the full picture. */
function expectedOf(mask: Uint8Array, small: Colours, full: Colours): number[] {
  const { width, height } = small;
  const cells = Array.from({ length: width * height }, (_, q) => ({ x: q % width, y: Math.floor(q / width) }));
  const label = (x: number, y: number): number => mask[y * width + x]!;
  const pairs = cells.flatMap(({ x, y }) =>
    [
      { x: x + 1, y },
      { x, y: y + 1 },
    ]
      .filter((next) => next.x < width && next.y < height)
      .map((next) => ({ at: { x, y }, next })),
  );
  const differences = pairs.map(({ at, next }) =>
    squared(colourOf(small, at.x, at.y), colourOf(small, next.x, next.y)),
  );
  const total = differences.reduce((a, b) => a + b, 0);
  const beta = total > 0 ? differences.length / (2 * total) : 0;
  // both pixels of an edge, and what lies a pixel beyond either
  const edges = pairs.filter(({ at, next }) => label(at.x, at.y) !== label(next.x, next.y)).map(({ at }) => at);
  return Array.from({ length: full.width * full.height }, (_, pixel) => {
    const [x, y] = [pixel % full.width, Math.floor(pixel / full.width)];
    const [u, v] = [((x + 0.5) * width) / full.width, ((y + 0.5) * height) / full.height];
    const own = { x: Math.floor(u), y: Math.floor(v) };
    const within = (a: number, b: number): boolean => a >= b - 1 && a <= b + 2;
    if (!edges.some((edge) => within(own.x, edge.x) && within(own.y, edge.y))) return label(own.x, own.y);
    const centre = { x: Math.round(u - 0.5), y: Math.round(v - 0.5) };
    const votes = cells
      .filter((cell) => Math.abs(cell.x - centre.x) <= 2 && Math.abs(cell.y - centre.y) <= 2)
      .map((cell) => {
        const far = (cell.x - u + 0.5) ** 2 + (cell.y - v + 0.5) ** 2;
        const unlike = squared(colourOf(small, cell.x, cell.y), colourOf(full, x, y));
        return (2 * label(cell.x, cell.y) - 1) * Math.exp(-beta * unlike - far / 2);
      });
    return votes.reduce((a, b) => a + b, 0) > 0 ? 1 : 0;
  });
}

describe('a mask at full size', () => {
  const { integer } = seededRandom(5);
  const drawn = (width: number, height: number, levels: number): Colours => ({
    data: Uint8Array.from({ length: width * height * 3 }, () => (integer(0, levels) * 255) / levels),
    width,
    height,
  });
  test.each([
    [4, 3, 13, 8],
    [7, 5, 14, 10],
    [9, 8, 20, 31],
    [1, 6, 3, 17],
    [8, 1, 30, 2],
  ])('%d×%d to %d×%d', (width, height, fullWidth, fullHeight) => {
    for (let k = 0; k < 40; k++) {
      const small = drawn(width, height, 3);
      const full = drawn(fullWidth, fullHeight, 5);
      // the object is what lies left of a line, so that something lies far from its edge
      const line = integer(0, width);
      const mask = Uint8Array.from({ length: width * height }, (_, q) =>
        q % width < line ? 1 : integer(0, 9) === 0 ? 1 : 0,
      );
      expect([...refined(mask, small, full)], `picture ${k}`).toEqual(expectedOf(mask, small, full));
    }
  });

  test('of a picture of one colour goes by distance alone', () => {
    const one = (width: number, height: number): Colours => ({
      data: new Uint8Array(width * height * 3).fill(9),
      width,
      height,
    });
    const mask = Uint8Array.of(1, 1, 0, 0);
    expect([...refined(mask, one(4, 1), one(8, 1))]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  });
});

test('a smaller picture has the means of what its pixels stand for, uneven shares too', () => {
  const data = Uint8Array.from({ length: 5 * 3 * 3 }, (_, i) => (i * 37) % 251);
  const small = shrunk({ data, width: 5, height: 3 }, 2, 2);
  const mean = (columns: readonly number[], rows: readonly number[], c: number): number => {
    const values = rows.flatMap((y) => columns.map((x) => data[3 * (y * 5 + x) + c]!));
    return Math.round(values.reduce((a, b) => a + b, 0) / values.length);
  };
  const parts = [
    [[0, 1], [0]],
    [[2, 3, 4], [0]],
    [
      [0, 1],
      [1, 2],
    ],
    [
      [2, 3, 4],
      [1, 2],
    ],
  ] as const;
  expect([...small.data]).toEqual(parts.flatMap(([columns, rows]) => [0, 1, 2].map((c) => mean(columns, rows, c))));
});
