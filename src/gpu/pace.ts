/** How much one submit should hold: short enough for a watchdog and for a cancel, long enough to keep the GPU busy. */

const SUBMIT_MILLISECONDS = 80;
/** Of a single gradient, which cannot be cancelled half way. */
const GRADIENT_MILLISECONDS = 250;
/** FLOPs per millisecond of a slow GPU: of any, until a run was timed. */
const SLOW = 1e7;
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

/** How fast a device was when it last ran, and so how many FLOPs a submit may hold. */
export class Rate {
  private perMillisecond = SLOW;

  get mostFlops(): number {
    return this.perMillisecond * GRADIENT_MILLISECONDS;
  }

  /** So many FLOPs took so long; waiting counts, which errs on the side of short submits. */
  took(flops: number, milliseconds: number): void {
    if (flops > 0) this.perMillisecond = flops / Math.max(milliseconds, 0.1);
  }
}
