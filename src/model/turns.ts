/** Calls one after the other: a model has one set of buffers. */
import type { Call, Calls } from '../calls';
import type { RunOptions } from '../options';

export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly calls: Calls) {}

  /**
   * Runs when its turn comes. A call that ends early is answered at once; if it was its turn, the next one begins: what
   * the GPU still does for the one before, it does first.
   */
  take<T>(options: RunOptions, work: (call: Call) => Promise<T>): Promise<T> {
    const before = this.last;
    const result = this.calls.run(options, async (call) => {
      await before;
      call.signal.throwIfAborted();
      return work(call);
    });
    // of its own value, since a chain of values would hold every result that there ever was
    this.last = Promise.allSettled([before, result]).then(() => {});
    return result;
  }
}
