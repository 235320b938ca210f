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
  const without = (pixels: readonly number[], share: number): Float32Array => {
    const removed = new Uint8Array(H * W);
    for (const pixel of pixels.slice(0, Math.round(share * H * W))) removed[pixel] = 1;
    const imputed = impute(input, removed, { C, H, W });
    for (let i = 0; i < imputed.length; i++) if (removed[i % (H * W)]) imputed[i]! += noise * normal(draw);
    return imputed;
  };
  const mean = async (pixels: readonly number[]): Promise<number> => {
    const found = await scores(shares.map((share) => without(pixels, share)));
    return found.reduce((sum, value) => sum + value, 0) / found.length;
  };
  const [mostFirst, leastFirst] = [await mean(order), await mean(order.toReversed())];
  return { mostFirst, leastFirst, combined: (leastFirst - mostFirst) / 2 };
}

/** Weights of neighbours: beside each other 1/6, across the corner 1/12; at an edge in proportion. */
const NEIGHBOURS = [-1, 0, 1].flatMap((y) =>
  [-1, 0, 1].filter((x) => x !== 0 || y !== 0).map((x) => ({ x, y, weight: x === 0 || y === 0 ? 1 / 6 : 1 / 12 })),
);
const ENOUGH = 1e-6;
const MOST_SWEEPS = 2000;

/** Every removed pixel is the weighted mean of its neighbours, removed or not: a linear system, by Gauss–Seidel. */
export function impute(input: Float32Array, removed: Uint8Array, { C, H, W }: InputExtents): Float32Array {
  const result = Float64Array.from(input);
  const holes = Array.from(removed.keys()).filter((pixel) => removed[pixel]);
  if (holes.length === 0 || holes.length === H * W) return Float32Array.from(input, (v) => (holes.length ? 0 : v));
  for (let c = 0; c < C; c++) {
    const plane = result.subarray(c * H * W, (c + 1) * H * W);
    const kept = plane.filter((_, pixel) => !removed[pixel]);
    const start = kept.reduce((sum, value) => sum + value, 0) / kept.length;
    for (const pixel of holes) plane[pixel] = start;
    const scale = kept.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
      let moved = 0;
      for (const pixel of holes) {
        const before = plane[pixel]!;
        plane[pixel] = around(plane, pixel, { H, W });
        moved = Math.max(moved, Math.abs(plane[pixel] - before));
      }
      if (moved < ENOUGH * scale) break;
    }
  }
  return Float32Array.from(result);
}

function around(plane: Float64Array, pixel: number, { H, W }: { readonly H: number; readonly W: number }): number {
  const [h, w] = [Math.floor(pixel / W), pixel % W];
  let [sum, weights] = [0, 0];
  for (const { x, y, weight } of NEIGHBOURS) {
    if (h + y < 0 || h + y >= H || w + x < 0 || w + x >= W) continue;
    sum += weight * plane[pixel + y * W + x]!;
    weights += weight;
  }
  return sum / weights;
}
