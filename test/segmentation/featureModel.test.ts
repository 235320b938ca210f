import { expect, test } from 'vitest';
import { logRatios } from '../../src/segmentation/featureModel';
import { seededRandom } from '../oracle/random';

/** `[C, H, W]` from the features of each pixel. */
function featuresOf(pixels: readonly (readonly number[])[], width: number) {
  const channels = pixels[0]!.length;
  return {
    data: Float32Array.from({ length: channels * pixels.length }, (_, i) => {
      const c = Math.floor(i / pixels.length);
      return pixels[i % pixels.length]![c]!;
    }),
    channels,
    width,
    height: pixels.length / width,
  };
}

/** (μ₁ − μ₀)ᵀ Σ⁻¹ f by Gauss and Jordan, from the definition. */
function oracle(pixels: readonly (readonly number[])[], isObject: Uint8Array, isGround: Uint8Array): number[] {
  const units = pixels.map((f) => f.map((value) => value / Math.hypot(...f)));
  const C = units[0]!.length;
  const fits = [isObject, isGround].map((seeds) => {
    const chosen = units.filter((_, i) => seeds[i]);
    const mean = Array.from({ length: C }, (_, c) => chosen.reduce((sum, f) => sum + f[c]!, 0) / chosen.length);
    const covariance = mean.map((m, c) =>
      mean.map((n, d) => chosen.reduce((sum, f) => sum + (f[c]! - m) * (f[d]! - n), 0) / chosen.length),
    );
    return { mean, covariance };
  });
  const [object, ground] = [fits[0]!, fits[1]!];
  const shared = object.covariance.map((row, c) => row.map((value, d) => (value + ground.covariance[c]![d]!) / 2));
  const ridge = shared.reduce((sum, row, c) => sum + row[c]!, 0) / C;
  const rows = shared.map((row, c) => [
    ...row.map((value, d) => value + (c === d ? ridge : 0)),
    object.mean[c]! - ground.mean[c]!,
  ]);
  for (let c = 0; c < C; c++) {
    const pivot = rows[c]!.map((value) => value / rows[c]![c]!);
    rows[c] = pivot;
    for (let d = 0; d < C; d++) {
      const factor = rows[d]![c]!;
      if (d !== c) rows[d] = rows[d]!.map((value, k) => value - factor * pivot[k]!);
    }
  }
  return units.map((f) => f.reduce((sum, value, c) => sum + value * rows[c]![C]!, 0));
}

test('of seeds that are alike, what tells them apart is the difference of their means', () => {
  const pixels = [
    [2, 0],
    [0, 5],
    [3, 4],
  ];
  const ratios = logRatios(featuresOf(pixels, 3), Uint8Array.of(1, 0, 0), Uint8Array.of(0, 1, 0));
  expect([...ratios].map((value) => Number(value.toFixed(12)))).toEqual([1, -1, -0.2]);
});

test('the ratio is that of two Gaussians with one covariance, as computed from its definition', () => {
  const random = seededRandom(7);
  const pixels = Array.from({ length: 30 }, (_, i) =>
    Array.from({ length: 5 }, (_, c) => Math.fround(random.uniform() + (i < 12 && c < 2 ? 1 : 0))),
  );
  const isObject = Uint8Array.from(pixels, (_, i) => (i < 10 ? 1 : 0));
  const isGround = Uint8Array.from(pixels, (_, i) => (i >= 15 ? 1 : 0));
  const ratios = logRatios(featuresOf(pixels, 6), isObject, isGround);
  const right = oracle(pixels, isObject, isGround);
  const largest = Math.max(...right.map(Math.abs));
  right.forEach((value, i) => expect(Math.abs(ratios[i]! - value)).toBeLessThan(1e-12 * largest));
  const mean = (from: number, to: number) => ratios.slice(from, to).reduce((sum, value) => sum + value) / (to - from);
  expect(mean(10, 12)).toBeGreaterThan(mean(12, 15)); // of pixels that were no seeds, those like the object's
});

test('how strongly a pixel is active does not count, and one that is not active at all is 0', () => {
  const pixels = [
    [1, 2, 0],
    [0, 1, 3],
    [2, 0, 1],
    [0, 0, 0],
  ];
  const [isObject, isGround] = [Uint8Array.of(1, 0, 0, 0), Uint8Array.of(0, 1, 0, 0)];
  const ratios = logRatios(featuresOf(pixels, 2), isObject, isGround);
  const scaled = logRatios(
    featuresOf(
      pixels.map((f, i) => f.map((value) => value * 2 ** i)),
      2,
    ),
    isObject,
    isGround,
  );
  expect(scaled).toEqual(ratios);
  expect(ratios[3]).toBe(0);
});

test('another count of values or seeds and missing seeds are refused', () => {
  const features = featuresOf([[1], [2]], 2);
  expect(() => logRatios({ ...features, channels: 2 }, Uint8Array.of(1, 0), Uint8Array.of(0, 1))).toThrow(
    '2 channels of 2×1 pixels have 4 values, these have 2',
  );
  expect(() => logRatios(features, Uint8Array.of(1), Uint8Array.of(0, 1))).toThrow('not 1 and 2');
  expect(() => logRatios(features, Uint8Array.of(0, 0), Uint8Array.of(0, 1))).toThrow('there are none');
});
