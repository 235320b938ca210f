/** How much one submit should hold: short enough for a watchdog and for a cancel, long enough to keep the GPU busy. */

const SUBMIT_MILLISECONDS = 80;
export const MOST_PER_SUBMIT = 64;

/** Begins with one repetition, then goes by the time that each took; at most doubles from submit to submit. */
export class Pace {
  /** Repetitions for the next submit. */
  count = 1;
  private lastEnd = -Infinity;

  /**
   * A submit of `count` repetitions was made at `begin` and done at `end`; it may have waited for the one before it.
   */
  took(count: number, begin: number, end: number): void {
    const each = (end - Math.max(begin, this.lastEnd)) / count;
    this.lastEnd = end;
    this.count = Math.max(1, Math.min(MOST_PER_SUBMIT, 2 * count, Math.floor(SUBMIT_MILLISECONDS / each)));
  }
}
