/**
 * Deletion and insertion (Petsiuk et al. 2018, §3.2), as `perturbationCurves`, by scores that are shared with other
 * measures: how soon the score goes with the map's largest pixels, and how soon it comes with them.
 */
import { type InputExtents, type ScoresOf, pixelsByValue } from './subject';

export interface DeletionOptions extends InputExtents {
  /** Between none and all of the pixels. */
  readonly steps: number;
}

/** Scores when 0, 1/n, …, n/n of the pixels have the mean colour, which is 0, and when all others have it. */
export interface DeletionCurves {
  readonly deletion: Float32Array;
  readonly insertion: Float32Array;
}

export async function deletionCurves(
  input: Float32Array,
  map: Float32Array,
  scores: ScoresOf,
  { C, H, W, steps }: DeletionOptions,
): Promise<DeletionCurves> {
  const order = pixelsByValue(map);
  const grey = new Float32Array(input.length);
  /** `from`, but the first pixels by value as in `to`. */
  const mixed = (from: Float32Array, to: Float32Array, step: number): Float32Array => {
    const result = from.slice();
    for (const pixel of order.subarray(0, Math.ceil((step / steps) * H * W)))
      for (let i = pixel; i < C * H * W; i += H * W) result[i] = to[i]!;
    return result;
  };
  const along = Array.from({ length: steps + 1 }, (_, step) => step);
  const found = await scores([
    ...along.map((step) => mixed(input, grey, step)),
    ...along.map((step) => mixed(grey, input, step)),
  ]);
  return {
    deletion: Float32Array.from(found.slice(0, steps + 1)),
    insertion: Float32Array.from(found.slice(steps + 1)),
  };
}
