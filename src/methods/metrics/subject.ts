/** What measures of a map ask of a network: a function of prepared inputs. So they can be checked by hand, too. */
import { probabilitiesOf } from '../../scores';
import type { Model } from '../../model';

/** The extents of an input. */
export interface InputExtents {
  readonly C: number;
  readonly H: number;
  readonly W: number;
}

/** A class's score, or its probability, for each of some inputs `[C, H, W]`. */
export type ScoresOf = (inputs: readonly Float32Array[]) => Promise<readonly number[]>;

/** Of a model: runs of its batch, the last of them filled up. `probability`: after the head, where there is one. */
export function scoresBy(
  model: Model,
  chosen: number,
  options: { readonly probability?: boolean; readonly signal?: AbortSignal } = {},
): ScoresOf {
  const { probability = false, signal } = options;
  const [N, C, H, W] = model.inputShape;
  const size = C * H * W;
  return async (inputs) => {
    const found: number[] = [];
    for (let begin = 0; begin < inputs.length; begin += N) {
      const data = new Float32Array(N * size);
      for (let n = 0; n < N; n++) data.set(inputs[Math.min(begin + n, inputs.length - 1)]!, n * size);
      const scores = await model.scores({ data, shape: [N, C, H, W] }, signal ? { signal } : {});
      for (let n = 0; n < Math.min(N, inputs.length - begin); n++) {
        const own = scores.subarray(n * model.classes, (n + 1) * model.classes);
        found.push((probability ? probabilitiesOf(model.head.kind, own)?.[chosen] : undefined) ?? own[chosen]!);
      }
    }
    return found;
  };
}

/** Pixels by |value|, largest first; equal ones in reading order. */
export const pixelsByValue = (map: Float32Array): number[] =>
  Array.from(map.keys()).sort((a, b) => Math.abs(map[b]!) - Math.abs(map[a]!) || a - b);
