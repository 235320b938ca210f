/** Which of several candidates is fastest, by the clock, within a budget. Nothing in here knows what is timed. */

export interface Candidate {
  /** Milliseconds that `repeats` runs took, back to back. */
  time(repeats: number): Promise<number>;
}

/** A sample shorter than this tells more of the clock than of the kernel. */
const SAMPLE_MILLISECONDS = 3;
const MOST_REPEATS = 64;
/** Samples per round; after each, the slower half leaves. */
const ROUNDS = [2, 3, 5];

/**
 * Index of the fastest, or null if there is none or time ran out before all had been timed once. Candidates of a round
 * take turns, so that what else the machine does falls on all alike; the best of a candidate's samples counts, since
 * noise only ever adds.
 *
 * @param milliseconds the budget; `now` is a clock in milliseconds
 */
export async function race(
  candidates: readonly Candidate[],
  milliseconds: number,
  now: () => number,
): Promise<number | null> {
  if (candidates.length === 0) return null;
  const end = now() + milliseconds;
  let open: { index: number; repeats: number; best: number }[] = [];
  for (const [index, candidate] of candidates.entries()) {
    if (now() > end) return null;
    await candidate.time(1); // the first run may still compile
    const once = Math.max(await candidate.time(1), 1e-3);
    open.push({ index, repeats: Math.min(MOST_REPEATS, Math.ceil(SAMPLE_MILLISECONDS / once)), best: Infinity });
  }
  for (const samples of ROUNDS) {
    for (let sample = 0; sample < samples; sample++) {
      for (const entry of open) {
        if (now() > end && open.every(({ best }) => best < Infinity)) return fastest(open).index;
        entry.best = Math.min(entry.best, (await candidates[entry.index]!.time(entry.repeats)) / entry.repeats);
      }
    }
    open = [...open].sort((a, b) => a.best - b.best).slice(0, Math.ceil(open.length / 2));
    if (open.length === 1) break;
  }
  return fastest(open).index;
}

const fastest = <T extends { readonly best: number }>(entries: readonly T[]): T =>
  entries.reduce((a, b) => (b.best < a.best ? b : a));
