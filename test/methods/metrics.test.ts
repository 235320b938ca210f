/** Measures of maps, in cases small enough to do by hand: the network is a function of the test's. */
import { describe, expect, test } from 'vitest';
import { averageDrop } from '../../src/methods/metrics/averageDrop';
import { deletionCurves } from '../../src/methods/metrics/deletion';
import { infidelity } from '../../src/methods/metrics/infidelity';
import { boxHits, maxBoxAccuracy } from '../../src/methods/metrics/maxBoxAccuracy';
import { maxSensitivity } from '../../src/methods/metrics/maxSensitivity';
import { pointingGame } from '../../src/methods/metrics/pointingGame';
import { relevanceAccuracy } from '../../src/methods/metrics/relevanceAccuracy';
import { impute, road } from '../../src/methods/metrics/road';
import { sparseness } from '../../src/methods/metrics/sparseness';
import { type ScoresOf, scorerOf } from '../../src/methods/metrics/subject';
import type { Model } from '../../src/model';
import { uniform } from '../../src/random';

const extents = { C: 1, H: 8, W: 8 };
const draw = uniform(3);
const input = Float32Array.from({ length: 64 }, () => 1 + draw());
/** A linear score: a pixel's contribution is its weight times its value. */
const weights = Float32Array.from({ length: 64 }, () => draw());
const linear: ScoresOf = async (inputs) =>
  inputs.map((one) => one.reduce((sum, value, i) => sum + weights[i]! * value, 0));
const contributions = input.map((value, i) => value * weights[i]!);

test('sparseness is the Gini index: 0 of equal values, 1 − 1/n of a single one, ¼ of 1 and 3', () => {
  expect(sparseness(new Float32Array(8).fill(-2))).toBeCloseTo(0, 12);
  expect(sparseness(Float32Array.of(0, 0, -5, 0))).toBeCloseTo(3 / 4, 12);
  expect(sparseness(Float32Array.of(3, 1))).toBeCloseTo(1 / 4, 12);
  expect(sparseness(new Float32Array(4))).toBe(0);
});

test('deletion and insertion by hand: of 1, 2, 4, 8 the map takes 4, then 2 and 1, then 8', async () => {
  const sum: ScoresOf = async (inputs) => inputs.map((one) => one.reduce((a, b) => a + b, 0));
  const [picture, map] = [Float32Array.of(1, 2, 4, 8, 10, 20, 40, 80), Float32Array.of(2, -2, 9, 1)];
  const found = await deletionCurves(picture, map, sum, { C: 2, H: 2, W: 2, steps: 4 });
  expect([...found.deletion]).toEqual([15, 11, 10, 8, 0].map((score) => 11 * score));
  expect([...found.insertion]).toEqual([0, 4, 5, 7, 15].map((score) => 11 * score));
  const fewer = await deletionCurves(picture, map, sum, { C: 2, H: 2, W: 2, steps: 3 }); // 0, 4/3, 8/3, 4 pixels
  expect([...fewer.deletion]).toEqual([15, 10, 8, 0].map((score) => 11 * score));
});

describe('infidelity', () => {
  test('is 0 for the contributions of a linear score, in any unit, and larger for any other map', async () => {
    expect(await infidelity(input, contributions, linear, extents)).toBeLessThan(1e-9);
    const scaled = contributions.map((value) => -7 * value);
    expect(await infidelity(input, scaled, linear, extents)).toBeLessThan(1e-9);
    const other = contributions.toReversed();
    expect(await infidelity(input, other, linear, extents)).toBeGreaterThan(0.001);
  });
  test('by hand: squares of one pixel of two, lost 1 and 2, told 2 and 1', async () => {
    // with n₁ and n₂ squares: 1 − (2n₁ + 2n₂)² / ((4n₁ + n₂)(n₁ + 4n₂)), which is 1 − 16/25 for n₁ = n₂
    const two = { C: 1, H: 1, W: 2, size: 1, samples: 4000 };
    const sum: ScoresOf = async (inputs) => inputs.map(([a, b]) => a! + b!);
    const found = await infidelity(Float32Array.of(1, 2), Float32Array.of(2, 1), sum, two);
    expect(found).toBeCloseTo(9 / 25, 2);
  });
  test('a score that never changes is told by every map; a map of zeros tells nothing', async () => {
    expect(await infidelity(input, contributions, async (all) => all.map(() => 1), extents)).toBe(0);
    expect(await infidelity(input, new Float32Array(64), linear, extents)).toBe(1);
  });
});

describe('max-sensitivity', () => {
  test('of a map that is its input: radius · ‖u‖ / ‖x‖ of the farthest draw', async () => {
    const next = uniform(5);
    const norms = Array.from({ length: 4 }, () =>
      Math.hypot(...Array.from({ length: 64 }, () => 0.1 * (2 * next() - 1))),
    );
    const expected = Math.max(...norms) / Math.hypot(...input);
    const found = await maxSensitivity(input, async (one) => one, { radius: 0.1, samples: 4, seed: 5 });
    expect(found / expected).toBeCloseTo(1, 4);
  });
  test('is 0 for a map that never changes, and infinite where only the map itself is zero', async () => {
    expect(await maxSensitivity(input, async () => weights, { radius: 1 })).toBe(0);
    const jumping = async (one: Float32Array): Promise<Float32Array> => (one === input ? new Float32Array(64) : one);
    expect(await maxSensitivity(input, jumping, { radius: 1 })).toBe(Infinity);
  });
});

describe('average drop and increase', () => {
  const two = { C: 1, H: 1, W: 2 };
  const first: ScoresOf = async (inputs) => inputs.map(([a]) => a!);
  test('what the map hides is lost', async () => {
    expect(await averageDrop(Float32Array.of(0.8, 5), Float32Array.of(3, 1), first, two)).toEqual({
      drop: 0,
      increase: 0,
    });
    expect(await averageDrop(Float32Array.of(0.8, 5), Float32Array.of(1, -3), first, two)).toEqual({
      drop: 1,
      increase: 0,
    });
  });
  test('a probability may grow, which is no drop', async () => {
    const less: ScoresOf = async (inputs) => inputs.map(([a, b]) => 0.5 + a! - b!);
    expect(await averageDrop(Float32Array.of(0.2, 0.3), Float32Array.of(1, 0), less, two)).toEqual({
      drop: 0,
      increase: 1,
    });
  });
});

describe('ROAD', () => {
  test('a removed pixel is the weighted mean of its neighbours: 1/6 beside, 1/12 across', () => {
    const plane = Float32Array.of(12, 0, 0, 6, 99, 0, 0, 0, 0);
    const one = new Uint8Array(9);
    one[4] = 1;
    expect(impute(plane, one, { C: 1, H: 3, W: 3 })[4]).toBeCloseTo(12 / 12 + 6 / 6, 5);
    const corner = new Uint8Array(9);
    corner[0] = 1;
    // at the corner three are left: (0·⅙ + 6·⅙ + 99·1/12) / (5/12)
    expect(impute(plane, corner, { C: 1, H: 3, W: 3 })[0]).toBeCloseTo((1 + 99 / 12) / (5 / 12), 4);
  });
  test('a plane that is linear stays so wherever it is removed inside', () => {
    const ramp = Float32Array.from({ length: 49 }, (_, i) => (i % 7) + 2 * Math.floor(i / 7));
    const inside = Uint8Array.from({ length: 49 }, (_, i) => (i % 7 > 0 && i % 7 < 6 && i > 6 && i < 42 ? 1 : 0));
    impute(ramp, inside, { C: 1, H: 7, W: 7 }).forEach((value, i) => expect(value).toBeCloseTo(ramp[i]!, 3));
  });
  test('a hole that is nearly all of the picture is solved, too', () => {
    const [H, W] = [40, 33];
    const picture = Float32Array.from({ length: H * W }, () => draw());
    const removed = Uint8Array.from(picture, (_, i) => (i % W > 0 || i === 7 * W ? 1 : 0));
    const found = impute(picture, removed, { C: 1, H, W });
    let most = 0;
    for (let pixel = 0; pixel < H * W; pixel++) {
      if (!removed[pixel]) continue;
      let [sum, weights] = [0, 0];
      for (const [x, y] of [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [(pixel % W) + dx, dy] as const))) {
        const row = Math.floor(pixel / W) + y;
        if (x < 0 || x >= W || row < 0 || row >= H || (y === 0 && x === pixel % W)) continue;
        const weight = y === 0 || x === pixel % W ? 1 / 6 : 1 / 12;
        sum += weight * found[row * W + x]!;
        weights += weight;
      }
      most = Math.max(most, Math.abs(found[pixel]! - sum / weights));
    }
    expect(most).toBeLessThan(2e-6);
  });
  test('prefers the map of what matters, and turns round with its order', async () => {
    const own = new Float32Array(64).fill(0.01);
    own.fill(5, 18, 22);
    const spot: ScoresOf = async (inputs) => inputs.map((one) => one.subarray(18, 22).reduce((a, b) => a + b, 0));
    const picture = new Float32Array(64);
    picture.fill(1, 18, 22);
    const good = await road(picture, own, spot, { ...extents, noise: 0 });
    expect(good.mostFirst).toBeLessThan(good.leastFirst);
    expect(good.combined).toBeCloseTo((good.leastFirst - good.mostFirst) / 2, 12);
    const bad = await road(
      picture,
      own.map((value) => 1 / value),
      spot,
      { ...extents, noise: 0 },
    );
    expect(bad.combined).toBeLessThan(0);
  });
});

test('the pointing game allows 15 pixels', () => {
  expect(pointingGame([10, 10], [[5, 5, 20, 20]])).toBe(1);
  expect(pointingGame([39, 10], [[5, 5, 20, 20]])).toBe(1); // 14.5 beyond the edge
  expect(pointingGame([40, 10], [[5, 5, 20, 20]])).toBe(0);
  expect(
    pointingGame(
      [40, 10],
      [
        [5, 5, 20, 20],
        [38, 0, 5, 5],
      ],
    ),
  ).toBe(1);
  expect(pointingGame([39, 10], [[5, 5, 20, 20]], 0)).toBe(0);
});

describe('relevance in boxes', () => {
  const map = (...data: number[]) => ({ data: Float32Array.from(data), width: 3, height: 2 });
  test('by hand: of 1 + 2 + 5 + 2 the box has 2 + 5, and of its two pixels one is among the two largest', () => {
    expect(relevanceAccuracy(map(1, 2, 0, 0, -5, -2), [[1, 0, 1, 2]])).toEqual({ mass: 0.7, rank: 1 });
    expect(relevanceAccuracy(map(3, 2, 0, 0, -5, 0), [[1, 0, 1, 2]])).toEqual({ mass: 0.7, rank: 0.5 });
  });
  test('a map of zeros is nowhere; boxes may overlap', () => {
    expect(relevanceAccuracy(map(0, 0, 0, 0, 0, 0), [[2, 0, 1, 2]])).toEqual({ mass: 0, rank: 0 });
    const twice = [
      [0, 0, 2, 1],
      [1, 0, 1, 1],
    ] as const;
    expect(relevanceAccuracy(map(1, 1, 1, 1, 0, 0), twice)).toEqual({ mass: 0.5, rank: 1 });
  });
});

test('scores that are asked for at the same time share runs of the batch, and each asker gets its own', async () => {
  const runs: number[] = [];
  const model = {
    inputShape: [4, 1, 1, 1],
    classes: 2,
    head: { kind: 'none' },
    async scores({ data }: { data: Float32Array }) {
      runs.push(data.length);
      return Float32Array.from([...data].flatMap((value) => [value, -value]));
    },
  } as unknown as Model;
  const scorer = scorerOf(model);
  const ask = (chosen: number, ...values: number[]) => scorer(chosen)(values.map((value) => Float32Array.of(value)));
  expect(await Promise.all([ask(0, 1, 2, 3), ask(1, 4), ask(0, 5, 6)])).toEqual([[1, 2, 3], [-4], [5, 6]]);
  expect(runs.length).toBe(2);
  expect(await ask(1, 7)).toEqual([-7]);
  expect(await Promise.all([ask(1, 7, 3), ask(0, 7, 8, 8)])).toEqual([
    [-7, -3],
    [7, 8, 8],
  ]);
  expect(runs.length).toBe(4); // only 8 was new, once
});

describe('MaxBoxAccV2', () => {
  // a bright square of 4 × 4 in a dim one of 8 × 4 in a dark picture
  const data = Float32Array.from({ length: 128 }, (_, i) => {
    const [x, y] = [i % 16, Math.floor(i / 16)];
    if (y < 2 || y > 5 || x < 4 || x > 11) return 0;
    return x < 8 ? 1 : 0.5;
  });
  const map = { data, width: 16, height: 8 };

  test('a box is right from the threshold on at which it fits', () => {
    const hits = boxHits(map, [[4, 2, 4, 4]], 10);
    // τ = 0: the whole picture, IoU 16/128; to 0.5: the dim square, 16/32; beyond: the bright one, 1
    const at = (thresholds: string): boolean[] => thresholds.split('').map((hit) => hit === '1');
    expect(hits[0]).toEqual(at('0111111111'));
    expect(hits[1]).toEqual(at('0111111111'));
    expect(hits[2]).toEqual(at('0000001111'));
  });
  test('the threshold is one for all pictures, and the mean is over the demands', () => {
    const bright = boxHits(map, [[4, 2, 4, 4]], 10);
    const dim = boxHits(map, [[4, 2, 8, 4]], 10);
    expect(maxBoxAccuracy([bright, dim])).toBeCloseTo((1 + 1 + 1 / 2) / 3, 12);
    expect(maxBoxAccuracy([bright])).toBe(1);
    expect(maxBoxAccuracy([boxHits(map, [[0, 0, 1, 1]], 10)])).toBe(0);
  });
});
