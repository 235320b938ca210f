import { describe, expect, test } from 'vitest';
import { type Grid, PAIR_STEPS, capacityOf, maxFlow } from '../../src/segmentation/maxFlow';
import { seededRandom } from '../oracle/random';

const doubles = (...values: number[]): Float64Array => Float64Array.from(values);

/** The largest flow by Edmonds and Karp: shortest augmenting paths in a matrix. */
function edmondsKarp({ width, height, source, sink, pairs }: Grid): number {
  const n = width * height;
  const [s, t] = [n, n + 1];
  const capacity = Array.from({ length: n + 2 }, () => new Float64Array(n + 2));
  for (let i = 0; i < n; i++) {
    capacity[s]![i] = source[i]!;
    capacity[i]![t] = sink[i]!;
    pairs.forEach((weights, k) => {
      const [x, y] = [(i % width) + PAIR_STEPS[k]![0], Math.floor(i / width) + PAIR_STEPS[k]![1]];
      if (x < 0 || x >= width || y >= height) return;
      capacity[i]![y * width + x] = capacity[y * width + x]![i] = weights[i]!;
    });
  }
  for (let flow = 0; ; ) {
    const from = new Int32Array(n + 2).fill(-1);
    from[s] = s;
    for (const queue = [s]; queue.length > 0 && from[t] === -1; ) {
      const u = queue.shift()!;
      for (let v = 0; v < n + 2; v++) {
        if (from[v] !== -1 || !(capacity[u]![v]! > 0)) continue;
        from[v] = u;
        queue.push(v);
      }
    }
    if (from[t] === -1) return flow;
    let amount = Infinity;
    for (let v = t; v !== s; v = from[v]!) amount = Math.min(amount, capacity[from[v]!]![v]!);
    for (let v = t; v !== s; v = from[v]!) {
      capacity[from[v]!]![v]! -= amount;
      capacity[v]![from[v]!]! += amount;
    }
    flow += amount;
  }
}

function randomGrid(seed: number, width: number, height: number, neighbours: 4 | 8, whole = false): Grid {
  const { uniform, integer } = seededRandom(seed);
  const capacities = (most: number, zeros: number): Float64Array =>
    Float64Array.from({ length: width * height }, () =>
      uniform() < zeros ? 0 : whole ? integer(0, most) : uniform() * most,
    );
  return {
    width,
    height,
    source: capacities(10, 0.4),
    sink: capacities(10, 0.4),
    pairs: Array.from({ length: neighbours / 2 }, () => capacities(4, 0.2)),
  };
}

describe('the largest flow', () => {
  test('of two pixels, by hand: 1 through the first, 2 across to the second', () => {
    const grid: Grid = {
      width: 2,
      height: 1,
      source: doubles(5, 0),
      sink: doubles(1, 4),
      pairs: [doubles(2, 9), doubles(9, 9)],
    };
    expect(maxFlow(grid)).toEqual({ flow: 3, capacity: 3, labels: Uint8Array.of(1, 0) });
  });

  test('of one pixel is the smaller of its two capacities; of two that are equal, the sink has the pixel', () => {
    const one = (source: number, sink: number) =>
      maxFlow({ width: 1, height: 1, source: doubles(source), sink: doubles(sink), pairs: [doubles(7), doubles(7)] });
    expect(one(3, 2)).toEqual({ flow: 2, capacity: 2, labels: Uint8Array.of(1) });
    expect(one(2, 3)).toEqual({ flow: 2, capacity: 2, labels: Uint8Array.of(0) });
    expect(one(2, 2)).toEqual({ flow: 2, capacity: 2, labels: Uint8Array.of(0) });
  });

  test.each(Array.from({ length: 20 }, (_, i) => i))(
    'equals that of Edmonds and Karp and the capacity of the cut: grid %i',
    (seed) => {
      const grid = randomGrid(seed, 3 + (seed % 6), 2 + (seed % 7), seed % 2 ? 4 : 8);
      const { flow, capacity, labels } = maxFlow(grid);
      expect(Math.abs(flow - edmondsKarp(grid))).toBeLessThan(1e-9);
      expect(Math.abs(flow - capacity)).toBeLessThan(1e-9);
      expect(capacityOf(grid, labels)).toBe(capacity);
    },
  );

  test('is exact for whole numbers', () => {
    for (let seed = 100; seed < 120; seed++) {
      const grid = randomGrid(seed, 7, 6, seed % 2 ? 4 : 8, true);
      const { flow, capacity } = maxFlow(grid);
      expect([flow, capacity]).toEqual([edmondsKarp(grid), flow]);
    }
  });

  test('equals the cut on a grid of many thousand pixels, and no single pixel is better off elsewhere', () => {
    const grid = randomGrid(1, 150, 120, 8);
    const { flow, capacity, labels } = maxFlow(grid);
    expect(Math.abs(flow / capacity - 1)).toBeLessThan(1e-12);
    for (let i = 0; i < 200; i++) {
      const other = labels.slice();
      other[i * 89]! ^= 1;
      expect(capacityOf(grid, other)).toBeGreaterThanOrEqual(capacity * (1 - 1e-12));
    }
  });
});

test('a grid that is none is refused', () => {
  const grid: Grid = {
    width: 2,
    height: 1,
    source: doubles(1, 1),
    sink: doubles(1, 1),
    pairs: [doubles(1, 1), doubles(1, 1)],
  };
  expect(() => maxFlow({ ...grid, width: 0 })).toThrow('0×1');
  expect(() => maxFlow({ ...grid, sink: doubles(1) })).toThrow('sink has 1 capacities, the grid has 2 pixels');
  expect(() => maxFlow({ ...grid, source: doubles(1, -1) })).toThrow('source has the capacity -1 at 1');
  expect(() => maxFlow({ ...grid, pairs: [doubles(1, NaN), doubles(1, 1)] })).toThrow(
    'pairs[0] has the capacity NaN at 1',
  );
  expect(() => maxFlow({ ...grid, pairs: [doubles(1, 1)] })).toThrow('pairs has 1 arrays');
});
