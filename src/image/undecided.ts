/** Where in a map something is undecided. */
import type { UndecidedPlace } from '../options';
import type { Plane } from './resize';

/** Of a `Certainty`, what is drawn. */
export interface Doubts {
  /** What is undecided, how much of the gradient goes through it, and which pixels it sees. */
  readonly places: readonly Pick<UndecidedPlace, 'weight' | 'box'>[];
}

/** Of the value with the last colour: a pixel that may be farther off than this is undecided. */
const MOST_DOUBT = 0.01;

/**
 * `[height × width]`: 1 where a map may be off by more than a hundredth of `scale`, the value with its last colour;
 * null if it is nowhere. The part of the map that goes through an undecided decision is spread evenly over the pixels
 * that it sees.
 */
export function undecidedIn(
  { data, width, height, certainty }: Plane & { readonly certainty?: Doubts },
  scale: number,
): Float32Array | null {
  if (!certainty || certainty.places.length === 0) return null;
  const energy = data.reduce((sum, value) => sum + value ** 2, 0);
  const doubts = new Float32Array(width * height);
  for (const { weight, box } of certainty.places) {
    const each = (weight ** 2 * energy) / (box.width * box.height);
    for (let y = box.y; y < box.y + box.height; y++)
      for (let x = box.x; x < box.x + box.width; x++) doubts[y * width + x]! += each;
  }
  const most = (MOST_DOUBT * scale) ** 2;
  return doubts.some((doubt) => doubt > most) ? doubts.map((doubt) => Number(doubt > most)) : null;
}
