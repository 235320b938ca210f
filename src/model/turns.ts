/**
 * Calls one after the other: a model has one set of buffers. A call that only waits for what it submitted gives up its
 * turn, since the GPU does everything in the order in which it was submitted: the next one's pictures are brought and
 * its commands recorded while the GPU is at work.
 */
import { abortable } from '../abortable';
import type { Call, Calls } from '../calls';
import type { RunOptions } from '../options';

/** So many calls may wait for their results beside the one whose turn it is: more gain nothing, and cost memory. */
const MOST_WAITING = 2;

/** The turn of one call, which ends with it at the latest. */
export interface Turn {
  /** All is submitted, and what is left needs none of the model's buffers but those that the results come in. */
  release(): void;
  /** Runs what needs the buffers after all: a turn of its own, before anybody's who waits. */
  again<T>(work: () => Promise<T>): Promise<T>;
}

interface Waiting {
  readonly turn: Turn;
  readonly isAgain: boolean;
  readonly begin: () => void;
}

export class Turns {
  private holder: Turn | null = null;
  private readonly waiting: Waiting[] = [];
  /** Those that were released and have not ended. */
  private readonly released = new Set<Turn>();

  constructor(private readonly calls: Calls) {}

  /**
   * Runs when its turn comes. A call that ends early is answered at once; if it was its turn, the next one begins: what
   * the GPU still does for the one before, it does first.
   */
  take<T>(options: RunOptions, work: (call: Call, turn: Turn) => Promise<T>): Promise<T> {
    const turn: Turn = {
      release: () => this.release(turn),
      again: async (act) => {
        if (this.holder !== turn) await this.begin(turn, true);
        return act();
      },
    };
    const result = this.calls.run(options, async (call) => {
      await abortable(this.begin(turn, false), call.signal);
      call.signal.throwIfAborted();
      return work(call, turn);
    });
    const end = (): void => this.end(turn);
    result.then(end, end);
    return result;
  }

  private begin(turn: Turn, isAgain: boolean): Promise<void> {
    return new Promise((begin) => {
      const entry = { turn, isAgain, begin };
      if (isAgain) this.waiting.unshift(entry);
      else this.waiting.push(entry);
      this.next();
    });
  }

  private release(turn: Turn): void {
    if (this.holder !== turn) return;
    this.released.add(turn);
    this.holder = null;
    this.next();
  }

  private end(turn: Turn): void {
    this.released.delete(turn);
    if (this.holder === turn) this.holder = null;
    const at = this.waiting.findIndex((entry) => entry.turn === turn);
    if (at >= 0) this.waiting.splice(at, 1);
    this.next();
  }

  private next(): void {
    const [first] = this.waiting;
    if (!first || this.holder || (!first.isAgain && this.released.size >= MOST_WAITING)) return;
    this.waiting.shift();
    this.holder = first.turn;
    first.begin();
  }
}
