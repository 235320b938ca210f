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
  private free = 0;

  get mostFlops(): number {
    return this.perMillisecond * GRADIENT_MILLISECONDS;
  }

  /**
   * So many FLOPs were submitted at one time and done at another, in milliseconds of one clock. What was submitted
   * before comes first; other waiting counts, which errs on the side of short submits.
   */
  took(flops: number, began: number, ended: number): void {
    if (flops > 0) this.perMillisecond = flops / Math.max(ended - Math.max(began, this.free), 0.1);
    this.free = ended;
  }
}

/** Of what a frame takes without us, this many of the last are remembered. */
const REMEMBERED = 5;
/** So much faster the device may seem from one frame to the next; slower at once. */
const MOST_GROWTH = 2;

/**
 * How many steps of a plan a frame holds. Costs of steps are in any unit: how many of them the device does in a
 * millisecond is measured, frame by frame, against frames without any.
 */
export class FramePace {
  private readonly without: number[] = [];

  constructor(
    private readonly costs: readonly number[],
    /** Of the device, that a frame gives. */
    private readonly milliseconds: number,
    /** Costs per millisecond, supposed at first. */
    private rate: number,
  ) {}

  /** The step that is left for the next frame, when this one begins with `from`: at least one is done. */
  until(from: number): number {
    const most = this.rate * this.milliseconds;
    let [to, cost] = [from + 1, this.costs[from]!];
    while (to < this.costs.length && cost + this.costs[to]! <= most) cost += this.costs[to++]!;
    return to;
  }

  /** A frame that ran these steps, or none (`from` is `to`), took so long. */
  took(from: number, to: number, milliseconds: number): void {
    if (from === to) {
      this.without.push(milliseconds);
      if (this.without.length > REMEMBERED) this.without.shift();
      return;
    }
    const cost = this.costs.slice(from, to).reduce((sum, one) => sum + one, 0);
    const own = Math.max(milliseconds - Math.min(milliseconds, ...this.without), milliseconds / 100, 1e-3);
    this.rate = Math.min(cost / own, this.rate * MOST_GROWTH);
  }
}

/** Tells how long the device takes for what the host submits in this task, and what it had before. */
export function watchFrame({ gpu }: { readonly gpu: GPUDevice }, tell: (milliseconds: number) => void): void {
  queueMicrotask(() => {
    const began = performance.now();
    gpu.queue.onSubmittedWorkDone().then(
      () => tell(performance.now() - began),
      () => {}, // lost: nothing more is measured
    );
  });
}
