/** Seeded numbers: the same for the same seed, on every machine. */

/** Numbers in [0, 1), by mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Whole numbers from 0 to 2³² − 1, by the linear congruential generator of Numerical Recipes. Only the upper bits are
 * random. The self-test's stored numbers and the shuffles of published tables were drawn with it; new code takes
 * {@link uniform}.
 */
export function congruential(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}

/** A normal number, of mean 0 and deviation 1, from two uniform ones (Box and Muller 1958). */
export const normal = (draw: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
