/**
 * Infidelity (Yeh et al. 2019, "On the (In)fidelity and Sensitivity of Explanations", §2, by square removal): how far
 * a map is from telling what the score loses when a square is removed.
 */
import { uniform } from '../../random';
import type { InputExtents, ScoresOf } from './subject';

export interface InfidelityOptions extends InputExtents {
  /** Squares, drawn anywhere; default 64. */
  readonly samples?: number;
  /** Side of a square in pixels; default: a quarter of the shorter side. */
  readonly size?: number;
  readonly seed?: number;
}

/**
 *   Σ_S (β Σ_{p∈S} M_p − (f(x) − f(x without S)))² / Σ_S (f(x) − f(x without S))²
 *
 * with S a square, set to 0, the mean colour, and β the factor that makes it least (the paper's optimal scaling), since
 * maps are in units of their own. 0: the map tells all; 1: it tells nothing.
 */
export async function infidelity(
  input: Float32Array,
  map: Float32Array,
  scores: ScoresOf,
  { C, H, W, samples = 64, size = Math.max(1, Math.floor(Math.min(H, W) / 4)), seed = 1 }: InfidelityOptions,
): Promise<number> {
  const draw = uniform(seed);
  const squares = Array.from({ length: samples }, () => ({
    left: Math.floor(draw() * (W - size + 1)),
    top: Math.floor(draw() * (H - size + 1)),
  }));
  const [whole, ...without] = await scores([input, ...squares.map((at) => removed(input, at, { C, H, W, size }))]);
  const lost = without.map((score) => whole! - score);
  const told = squares.map(({ left, top }) => {
    let sum = 0;
    for (let h = top; h < top + size; h++) for (let w = left; w < left + size; w++) sum += map[h * W + w]!;
    return sum;
  });
  const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, k) => sum + x * b[k]!, 0);
  const total = dot(lost, lost);
  if (total === 0) return 0;
  const own = dot(told, told);
  return own === 0 ? 1 : 1 - dot(told, lost) ** 2 / (own * total); // with the best β
}

function removed(
  input: Float32Array,
  { left, top }: { readonly left: number; readonly top: number },
  { C, H, W, size }: InputExtents & { readonly size: number },
): Float32Array {
  const result = input.slice();
  for (let c = 0; c < C; c++)
    for (let h = top; h < top + size; h++) result.fill(0, (c * H + h) * W + left, (c * H + h) * W + left + size);
  return result;
}
