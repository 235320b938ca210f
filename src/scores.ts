/** Scores to probabilities and ranks. */
import type { HeadKind } from './options';

/** A class of one picture. */
export interface Classification {
  /** Its number. */
  readonly index: number;
  /** Its name, or its number. */
  readonly label: string;
  /** Before the head. */
  readonly score: number;
  /** After the head, 0 to 1; null where the model has none. */
  readonly probability: number | null;
}

/** The probabilities that a head makes of one picture's scores, in float64; null where it makes none. */
export function probabilitiesOf(head: HeadKind, scores: Float32Array): Float64Array | null {
  if (head === 'none') return null;
  return head === 'softmax' ? softmax(scores) : Float64Array.from(scores, (score) => 1 / (1 + Math.exp(-score)));
}

/** exp(s_c) / Σ_k exp(s_k) */
function softmax(scores: Float32Array): Float64Array {
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const exps = Float64Array.from(scores, (score) => Math.exp(score - largest));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((value) => value / sum);
}

/** The classes by their scores, best first; equal scores in class order. */
export function ranking(scores: ArrayLike<number>): number[] {
  return Array.from({ length: scores.length }, (_, index) => index).sort((a, b) => scores[b]! - scores[a]! || a - b);
}

/** The class with the highest score; of several the first. */
export function bestClass(scores: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < scores.length; index++) if (scores[index]! > scores[best]!) best = index;
  return best;
}

/** The `top` classes with the highest scores, best first; equal scores in class order. */
export function topClasses(
  scores: Float32Array,
  top: number,
  { head, labelOf }: { readonly head: HeadKind; readonly labelOf: (index: number) => string },
): Classification[] {
  const probabilities = probabilitiesOf(head, scores);
  return ranking(scores)
    .slice(0, top)
    .map((index) => ({
      index,
      label: labelOf(index),
      score: scores[index]!,
      probability: probabilities?.[index] ?? null,
    }));
}
