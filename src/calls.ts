/**
 * Calls of the public API while they last. A call ends early by its caller's signal, by `dispose()` or by the loss of
 * the device: then it has rejected at once, whatever promise of the browser's it was waiting for, and whatever it would
 * do later on the GPU is refused (`Device.guard`), so that it gives back what it took.
 */
import { abortable } from './abortable';
import type { RunOptions } from './options';

/** One call. */
export interface Call {
  /** Aborted when the call ends early, with the reason. */
  readonly signal: AbortSignal;
  readonly onProgress?: RunOptions['onProgress'];
}

/** So long a call that has ended is waited for. */
const GRACE_MILLISECONDS = 20;

/** Calls that end together. */
export class Calls {
  private readonly open = new Set<AbortController>();
  private reason: (() => Error) | null = null;

  /** `outer` are those of the device: when they end, these end. */
  constructor(private readonly outer?: Calls) {}

  /** Ends all that are open, and all that come. `reason` makes an error for each. */
  end(reason: () => Error): void {
    this.reason ??= reason;
    for (const controller of this.open) controller.abort(this.reason());
  }

  get ended(): boolean {
    return this.reason !== null;
  }

  /** @throws the reason, if these calls have ended */
  assertOpen(): void {
    if (this.reason) throw this.reason();
    this.outer?.assertOpen();
  }

  /**
   * Runs a call. One that ends early rejects when it has given back what it took, which is at once, unless it waits for
   * something that knows of no signal: then a moment later.
   */
  async run<T>({ signal, onProgress }: RunOptions, work: (call: Call) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const { call, close } = this.begin(onProgress);
    const controller = call.controller;
    const onAbort = (): void => controller.abort(signal!.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const working = work(call);
    try {
      return await abortable(working, call.signal);
    } catch (error) {
      await settledSoon(working); // it gives back what it took
      await Promise.resolve(); // let the news of a loss arrive first
      call.signal.throwIfAborted(); // that is the reason, not what the driver made of it
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      close();
    }
  }

  /**
   * A call that lasts until it is closed.
   *
   * @throws the reason, if these calls have ended
   */
  begin(onProgress?: RunOptions['onProgress']): {
    readonly call: Call & { readonly controller: AbortController };
    readonly close: () => void;
  } {
    this.assertOpen();
    const controller = new AbortController();
    const all = this.outer ? [this.open, this.outer.open] : [this.open];
    for (const open of all) open.add(controller);
    return {
      call: { controller, signal: controller.signal, ...(onProgress ? { onProgress } : {}) },
      close: () => all.forEach((open) => open.delete(controller)),
    };
  }
}

/** Waits until a promise settles, but not for long. */
async function settledSoon(promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GRACE_MILLISECONDS);
  });
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
}
