/** Calls one after the other: a model has one set of buffers. */
import type { RunOptions } from '../options';

export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** `assertUsable` throws if the model was disposed or its device is gone. */
  constructor(private readonly assertUsable: () => void) {}

  /** Runs when its turn comes; a caller who aborts is answered at once, while the GPU finishes in its own time. */
  async take<T>({ signal }: RunOptions, run: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    this.assertUsable();
    const result = this.last
      .then(async () => {
        signal?.throwIfAborted();
        this.assertUsable();
        return run();
      })
      .catch((error: unknown) => {
        this.assertUsable(); // disposed or lost in the middle: that is the reason, not what the driver made of it
        throw error;
      });
    this.last = result.catch(() => {});
    if (!signal) return result;
    let onAbort = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    return Promise.race([result, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
  }
}
