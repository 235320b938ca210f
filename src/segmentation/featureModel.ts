/** What a layer says of the object and of what surrounds it: a Gaussian for each over its activations. */
import { GradlensError } from '../errors';
import { type Features, directionsOf } from './features';

/** Added to the covariance, in units of its mean variance: there are more channels than seeds tell apart. */
const RIDGE = 1;

/**
 * The log likelihood ratio of object and ground for each pixel of a layer, up to a constant. Both are Gaussians over
 * the pixel's activations, fitted to the seeds as colour models are to colours; they share one covariance, the mean of
 * both, so that the ratio is linear (Fisher's discriminant):
 *
 *   (μ₁ − μ₀)ᵀ Σ⁻¹ f,   Σ = (Σ₁ + Σ₀) / 2 + r · tr((Σ₁ + Σ₀) / 2) / C · I
 *
 * Each pixel's activations are brought to length 1 first, so that what counts is which units are active, not how much.
 *
 * @param isObject `[H × W]`, 1 for seeds of the object; at least one
 * @param isGround likewise
 * @throws GradlensError `shape` for arrays of another length, or without seeds
 */
export function logRatios(features: Features, isObject: Uint8Array, isGround: Uint8Array): Float64Array {
  const { channels: C, width, height } = features;
  const pixels = width * height;
  if (isObject.length !== pixels || isGround.length !== pixels)
    throw new GradlensError(
      'shape',
      `a layer of ${width}×${height} pixels has as many seeds, not ${isObject.length} and ${isGround.length}`,
    );
  const units = directionsOf(features);
  const covariance = new Float64Array(C * C);
  const means = [isObject, isGround].map((seeds) => addCovariance(covariance, units, seeds, C));
  const trace = Array.from({ length: C }, (_, c) => covariance[c * C + c]!).reduce((sum, value) => sum + value, 0);
  for (let c = 0; c < C; c++) covariance[c * C + c]! += trace > 0 ? (RIDGE * trace) / C : 1;
  const direction = solved(
    covariance,
    means[0]!.map((value, c) => value - means[1]![c]!),
  );
  return Float64Array.from({ length: pixels }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += direction[c]! * units[i * C + c]!;
    return sum;
  });
}

/** Adds half of the covariance of the seeds' features; returns their mean. */
function addCovariance(covariance: Float64Array, units: Float64Array, seeds: Uint8Array, C: number): Float64Array {
  const mean = new Float64Array(C);
  const count = seeds.reduce((sum, seed) => sum + seed, 0);
  if (count === 0) throw new GradlensError('shape', 'a feature model takes seeds, and there are none');
  seeds.forEach((seed, i) => {
    if (seed) for (let c = 0; c < C; c++) mean[c]! += units[i * C + c]! / count;
  });
  const centred = new Float64Array(C);
  seeds.forEach((seed, i) => {
    if (!seed) return;
    for (let c = 0; c < C; c++) centred[c] = units[i * C + c]! - mean[c]!;
    for (let c = 0; c < C; c++) {
      const scaled = centred[c]! / (2 * count);
      if (scaled === 0) continue;
      for (let d = 0; d <= c; d++) covariance[c * C + d]! += scaled * centred[d]!;
    }
  });
  return mean;
}

/** x of A·x = b by Cholesky's factor, of a positive definite A of which the lower triangle is read, and overwritten. */
function solved(A: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = A[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= A[i * n + k]! * A[j * n + k]!;
      A[i * n + j] = i === j ? Math.sqrt(sum) : sum / A[j * n + j]!;
    }
    for (let k = 0; k < i; k++) x[i]! -= A[i * n + k]! * x[k]!;
    x[i]! /= A[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= A[k * n + i]! * x[k]!;
    x[i]! /= A[i * n + i]!;
  }
  return x;
}
