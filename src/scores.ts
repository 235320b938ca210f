/** Scores to probabilities and ranks. */
export interface Classification {
  readonly index: number;
  readonly label: string;
  /** Before soft-max. */
  readonly score: number;
  readonly probability: number;
}

/** exp(s_c) / Σ_k exp(s_k), in float64. */
export function softmax(scores: Float32Array): Float64Array {
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
  probabilities: Float64Array,
  top: number,
  labelOf: (index: number) => string,
): Classification[] {
  return ranking(scores)
    .slice(0, top)
    .map((index) => ({ index, label: labelOf(index), score: scores[index]!, probability: probabilities[index]! }));
}
