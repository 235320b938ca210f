/**
 * ROAD, remove and debias (Rong et al. 2022, "A Consistent and Efficient Evaluation Strategy for Attribution
 * Methods"): pixels that are removed become weighted means of their neighbours, so that a mask's form tells nothing.
 */
import { normal, uniform } from '../../random';
import { type InputExtents, type ScoresOf, pixelsByValue } from './subject';

export interface RoadOptions extends InputExtents {
  /** Shares of the pixels that are removed; default 0.1, 0.3, 0.5, 0.7, 0.9. */
  readonly shares?: readonly number[];
  /** Standard deviation of the noise on imputed values, in units of the prepared input; default 0.1. */
  readonly noise?: number;
  readonly seed?: number;
}

export interface Road {
  /** Mean score after the pixels of the largest values were removed: low for a good map. */
  readonly mostFirst: number;
  /** After those of the smallest: high for a good map. */
  readonly leastFirst: number;
  /** ½ (leastFirst − mostFirst) */
  readonly combined: number;
}

export async function road(
  input: Float32Array,
  map: Float32Array,
  scores: ScoresOf,
  { C, H, W, shares = [0.1, 0.3, 0.5, 0.7, 0.9], noise = 0.1, seed = 1 }: RoadOptions,
): Promise<Road> {
  const order = pixelsByValue(map);
  const draw = uniform(seed);
  const without = (pixels: Uint32Array, share: number): Float32Array => {
    const removed = new Uint8Array(H * W);
    for (const pixel of pixels.subarray(0, Math.round(share * H * W))) removed[pixel] = 1;
    const imputed = impute(input, removed, { C, H, W });
    for (let i = 0; i < imputed.length; i++) if (removed[i % (H * W)]) imputed[i]! += noise * normal(draw);
    return imputed;
  };
  const orders = [order, order.toReversed()];
  const found = await scores(orders.flatMap((pixels) => shares.map((share) => without(pixels, share))));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mostFirst, leastFirst] = [mean(found.slice(0, shares.length)), mean(found.slice(shares.length))];
  return { mostFirst, leastFirst, combined: (leastFirst - mostFirst) / 2 };
}

const ENOUGH = 1e-6;
const MOST_SWEEPS = 2000;

/**
 * Every removed pixel is the weighted mean of its neighbours, removed or not: 1/6 for those beside it, 1/12 for those
 * across a corner, at an edge in proportion. A linear system, solved by successive over-relaxation, whose factor is the
 * best one for a hole as large as the picture.
 */
export function impute(input: Float32Array, removed: Uint8Array, { C, H, W }: InputExtents): Float32Array {
  const stride = W + 2; // planes have a border of zeros, so that all pixels have eight neighbours
  const inPlane = (pixel: number): number => (Math.floor(pixel / W) + 1) * stride + (pixel % W) + 1;
  const [gone, kept] = [1, 0].map((which) => Uint32Array.from(removed.keys()).filter((k) => removed[k] === which));
  const holes = gone!.map(inPlane);
  if (kept!.length === 0) return new Float32Array(input.length);
  const around = (plane: Float64Array, at: number): number =>
    2 * (plane[at - 1]! + plane[at + 1]! + plane[at - stride]! + plane[at + stride]!) +
    (plane[at - stride - 1]! + plane[at - stride + 1]! + plane[at + stride - 1]! + plane[at + stride + 1]!);
  const ones = new Float64Array(stride * (H + 2));
  for (let pixel = 0; pixel < H * W; pixel++) ones[inPlane(pixel)] = 1;
  const parts = Float64Array.from(holes, (at) => 1 / around(ones, at));
  const factor = 2 / (1 + Math.sin(Math.PI / Math.max(2, H, W)));

  const result = input.slice();
  const plane = new Float64Array(ones.length);
  for (let c = 0; c < C; c++) {
    let [sum, scale] = [0, 0];
    for (const pixel of kept!) {
      const value = input[c * H * W + pixel]!;
      plane[inPlane(pixel)] = value;
      sum += value;
      scale = Math.max(scale, Math.abs(value));
    }
    for (const at of holes) plane[at] = sum / kept!.length;
    for (let sweep = 0, moved = Infinity; sweep < MOST_SWEEPS && moved > ENOUGH * scale; sweep++) {
      moved = 0;
      for (let k = 0; k < holes.length; k++) {
        const at = holes[k]!;
        const step = factor * (around(plane, at) * parts[k]! - plane[at]!);
        plane[at] = plane[at]! + step;
        moved = Math.max(moved, Math.abs(step));
      }
    }
    gone!.forEach((pixel, k) => {
      result[c * H * W + pixel] = plane[holes[k]!]!;
    });
  }
  return result;
}
