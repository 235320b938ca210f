import { describe, expect, test } from 'vitest';
import { type GaussianMixture, fitMixture, logDensities } from '../../src/segmentation/gaussianMixture';
import { normals, seededRandom } from '../oracle/random';

/** Colours around a mean: `spread` maps three independent normal numbers to a deviation. */
function cloud(seed: number, count: number, mean: readonly number[], spread: readonly (readonly number[])[]): number[] {
  const z = normals(seededRandom(seed), count * 3);
  return Array.from(
    { length: count * 3 },
    (_, i) => mean[i % 3]! + spread[i % 3]!.reduce((sum, part, k) => sum + part * z[Math.floor(i / 3) * 3 + k]!, 0),
  );
}
const round = (radius: number): number[][] => [
  [radius, 0, 0],
  [0, radius, 0],
  [0, 0, radius],
];
const finite = (mixture: GaussianMixture): boolean =>
  mixture.components.flatMap(({ weight, mean, covariance }) => [weight, ...mean, ...covariance]).every(Number.isFinite);

describe('fitting', () => {
  test('finds again what was planted: weights, means and covariances', () => {
    const tilted = [
      [12, 0, 0],
      [9, 4, 0],
      [-6, 3, 5],
    ];
    const colours = [
      ...cloud(1, 6000, [60, 80, 120], tilted),
      ...cloud(2, 3000, [200, 180, 40], round(10)),
      ...cloud(3, 1000, [20, 220, 220], round(5)),
    ];
    const { components } = fitMixture(colours, { components: 3 });
    const [first, second, third] = [...components].sort((a, b) => b.weight - a.weight);
    expect([first, second, third].map((component) => Math.round(component!.weight * 100))).toEqual([60, 30, 10]);
    [
      [60, 80, 120],
      [200, 180, 40],
      [20, 220, 220],
    ].forEach((mean, k) =>
      mean.forEach((value, c) => expect(Math.abs([first, second, third][k]!.mean[c]! - value)).toBeLessThan(0.7)),
    );
    // tilted · tiltedᵀ, and the 1 on the diagonal
    [145, 108, -72, 98, -42, 71].forEach((value, i) => expect(Math.abs(first!.covariance[i]! - value)).toBeLessThan(8));
  });

  test('one component is the mean and the covariance, in closed form', () => {
    const { components } = fitMixture([0, 0, 0, 2, 4, 0, 4, 8, 0], { components: 1 });
    expect(components).toHaveLength(1);
    [2, 4, 0].forEach((value, c) => expect(components[0]!.mean[c]).toBeCloseTo(value, 12));
    [8 / 3 + 1, 16 / 3, 0, 32 / 3 + 1, 0, 1].forEach((value, i) =>
      expect(components[0]!.covariance[i]).toBeCloseTo(value, 12),
    );
  });

  test('expectation–maximisation starts where k-means has come to rest', () => {
    const colours = [
      ...cloud(11, 400, [90, 90, 90], round(22)),
      ...cloud(12, 300, [140, 90, 80], round(18)),
      ...cloud(13, 300, [100, 150, 120], round(18)),
    ];
    const means = fitMixture(colours, { components: 3, iterations: 0 }).components.map(({ mean }) => mean);
    const sums = means.map(() => [0, 0, 0, 0]);
    for (let i = 0; i < colours.length; i += 3) {
      const colour = colours.slice(i, i + 3);
      const distances = means.map((mean) => Math.hypot(...mean.map((value, c) => value - colour[c]!)));
      const sum = sums[distances.indexOf(Math.min(...distances))]!;
      [...colour, 1].forEach((value, c) => {
        sum[c]! += value;
      });
    }
    // each mean is that of the colours that are nearest to it
    means.forEach((mean, k) => mean.forEach((value, c) => expect(value).toBeCloseTo(sums[k]![c]! / sums[k]![3]!, 9)));
  });

  test('more steps are never less likely', () => {
    const colours = [...cloud(4, 300, [90, 90, 90], round(25)), ...cloud(5, 300, [130, 100, 80], round(20))];
    // without a variance of its own, the likelihood rises with each step
    const likelihoods = [1, 2, 4, 8, 16].map((iterations) =>
      logDensities(fitMixture(colours, { components: 3, iterations, variance: 1e-9 }), colours).reduce(
        (sum, log) => sum + log,
      ),
    );
    likelihoods.slice(1).forEach((likelihood, i) => expect(likelihood).toBeGreaterThanOrEqual(likelihoods[i]! - 1e-6));
  });

  test('the same seed gives the same mixture; weights sum to 1', () => {
    const colours = cloud(6, 500, [100, 100, 100], round(40));
    expect(fitMixture(colours, { seed: 7 })).toEqual(fitMixture(colours, { seed: 7 }));
    expect(fitMixture(colours, { seed: 8 })).not.toEqual(fitMixture(colours, { seed: 7 }));
    expect(fitMixture(colours).components.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
  });
});

describe('nothing divides by zero', () => {
  test.each([
    ['one colour, once', [10, 20, 30], 1],
    ['one colour, often', Array.from({ length: 300 }, (_, i) => [10, 20, 30][i % 3]!), 1],
    ['two colours', [0, 0, 0, 255, 255, 255], 2],
    ['a line of greys', Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)), 5],
    ['one stray among many', [...Array.from({ length: 3000 }, () => 0), 255, 255, 255], 2],
  ])('%s', (_, colours, most) => {
    const mixture = fitMixture(colours);
    expect(finite(mixture)).toBe(true);
    expect(mixture.components.length).toBeGreaterThanOrEqual(1);
    expect(mixture.components.length).toBeLessThanOrEqual(most);
    expect(logDensities(mixture, [0, 0, 0, 255, 255, 255, 1e4, -1e4, 0]).every(Number.isFinite)).toBe(true);
  });

  test('no colours at all are refused', () => expect(() => fitMixture([])).toThrow('there are none'));
});

test('log densities are those of the formula', () => {
  const mixture: GaussianMixture = {
    components: [
      { weight: 0.25, mean: [0, 0, 0], covariance: [4, 0, 0, 1, 0, 1] },
      { weight: 0.75, mean: [10, 0, 0], covariance: [2, 1, 0, 2, 0, 1] },
    ],
  };
  // at the first mean: 1/4 · (2π)^-1.5 / 2, and of the second, whose inverse is [2 -1 0; -1 2 0; 0 0 3] / 3, e^(-100/3)
  // · 3/4 / √3
  const scale = (2 * Math.PI) ** -1.5;
  const expected = Math.log(scale * (0.25 / 2 + (0.75 / Math.sqrt(3)) * Math.exp(-100 / 3)));
  expect(logDensities(mixture, [0, 0, 0])[0]).toBeCloseTo(expected, 12);
  expect(logDensities(mixture, [10, 1, 1])[0]).toBeCloseTo(
    Math.log(scale * ((0.25 / 2) * Math.exp(-13.5) + (0.75 / Math.sqrt(3)) * Math.exp(-(2 / 3 + 1) / 2))),
    12,
  );
});

test('a density follows all three correlations of the colours', () => {
  // L = [12 0 0; 9 4 0; −6 3 5], the covariance is L·Lᵀ, and a colour lies L·z from the mean: so its density is
  // e^(−|z|²/2) · (2π)^-1.5 / det L
  const covariance = [144, 108, -72, 97, -42, 70] as const;
  const mixture: GaussianMixture = { components: [{ weight: 1, mean: [100, 90, 80], covariance }] };
  const [a, b, c] = [1, -2, 0.5];
  const colour = [100 + 12 * a, 90 + 9 * a + 4 * b, 80 - 6 * a + 3 * b + 5 * c];
  const expected = -(a * a + b * b + c * c) / 2 - 1.5 * Math.log(2 * Math.PI) - Math.log(12 * 4 * 5);
  expect(logDensities(mixture, colour)[0]).toBeCloseTo(expected, 12);
});
