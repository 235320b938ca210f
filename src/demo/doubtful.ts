/** What of a network's answers is doubtful. */
import type { Classification } from '../index';

/**
 * When a network's answers are doubtful, chosen on photos by weights/doubt.mjs, with error rates; in `provenance` of
 * its model.json.
 */
export interface Doubt {
  /** log Σ exp(score): below, a picture is unlike those of its classes. */
  readonly energy: { readonly below: number };
  /** Of the best class: below, it is wrong more often than right. */
  readonly probability: { readonly below: number };
}

/** What is doubtful about these scores; undefined if nothing is, or nothing is known of the network's errors. */
export function doubtOf(ranked: readonly Pick<Classification, 'score' | 'probability'>[], doubt: Doubt | null) {
  const [best] = ranked;
  if (!doubt || !best) return undefined;
  const energy = best.score + Math.log(ranked.reduce((sum, { score }) => sum + Math.exp(score - best.score), 0));
  if (energy < doubt.energy.below) return 'unlike';
  return best.probability !== null && best.probability < doubt.probability.below ? 'unsure' : undefined;
}
