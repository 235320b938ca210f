/**
 * Max-sensitivity (Yeh et al. 2019, §3, by drawing): how much a map changes at most when the input hardly
 * does.
 *
 *   max_{‖y − x‖∞ ≤ r} ‖Φ(y) − Φ(x)‖₂ / ‖Φ(x)‖₂
 */
import { uniform } from '../../random';

export interface MaxSensitivityOptions {
  /** In units of the prepared input. */
  readonly radius: number;
  /** Inputs drawn evenly from the cube around the input; default 10, as in the paper. */
  readonly samples?: number;
  readonly seed?: number;
  /** That of the input itself, if it is known; else it is made. */
  readonly map?: Float32Array;
}

export async function maxSensitivity(
  input: Float32Array,
  mapOf: (input: Float32Array) => Promise<Float32Array>,
  { radius, samples = 10, seed = 1, map: known }: MaxSensitivityOptions,
): Promise<number> {
  const draw = uniform(seed);
  const norm = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const map = Float64Array.from(known ?? (await mapOf(input)));
  const length = norm(map);
  let most = 0;
  for (let k = 0; k < samples; k++) {
    const near = await mapOf(input.map((value) => value + radius * (2 * draw() - 1)));
    most = Math.max(most, norm(map.map((value, i) => near[i]! - value)));
  }
  return length === 0 ? (most === 0 ? 0 : Infinity) : most / length;
}
