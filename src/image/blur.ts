import type { Plane } from './resize';

/** A map blurred with a Gaussian of `sigma` pixels; beyond its edges it is continued by its mirror image. */
export function blurred<T extends Plane>(map: T, sigma: number): T {
  if (!(sigma > 0)) return map;
  const radius = Math.ceil(3 * sigma);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const { width, height } = map;
  /** One axis: `length` values, each `step` after the last. */
  const blur = (from: Float32Array, to: Float32Array, start: number, step: number, length: number): void => {
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = -radius; k <= radius; k++)
        sum += weights[k + radius]! * from[start + mirrored(i + k, length) * step]!;
      to[start + i * step] = sum / total;
    }
  };
  const [halfway, data] = [new Float32Array(width * height), new Float32Array(width * height)];
  for (let y = 0; y < height; y++) blur(map.data, halfway, y * width, 1, width);
  for (let x = 0; x < width; x++) blur(halfway, data, x, width, height);
  return { ...map, data };
}

/** … 1 0 | 0 1 2 … n−1 | n−1 n−2 … */
function mirrored(i: number, length: number): number {
  const within = ((i % (2 * length)) + 2 * length) % (2 * length);
  return within < length ? within : 2 * length - 1 - within;
}
