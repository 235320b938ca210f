/**
 * A browser may lose the GPU in the middle of a benchmark. What was measured stays, and the part that ran is repeated.
 */
import { abortable } from '../src/abortable';
import { GradlensError } from '../src/errors';

/** A device may be lost a moment after the call that fails by it. */
const NEWS_MILLISECONDS = 500;
/** The browser starts its GPU process again. */
const PAUSE_MILLISECONDS = 500;

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * What `work` gives; where the GPU is lost meanwhile, what it gives after `restored`, once. A device that does nothing
 * tells of the loss, since a contender may take it for a failure of its own, or wait for ever.
 *
 * @throws the signal's reason; what `work` throws while the GPU is there, or after a second loss
 */
export async function despiteLoss<Result>(
  gpu: GPU,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Result>,
  restored: () => Promise<void>,
): Promise<Result> {
  for (let losses = 0; ; losses++) {
    const idle = await (await gpu.requestAdapter())?.requestDevice({ label: 'gradlens/bench/idle' });
    const ending = new AbortController();
    const abort = (): void => ending.abort(signal!.reason);
    signal?.addEventListener('abort', abort, { once: true });
    void idle?.lost.then(({ message }) =>
      ending.abort(new GradlensError('device-lost', `The GPU was lost${message ? `: ${message}` : ''}.`)),
    );
    const working = work(ending.signal);
    try {
      const result = await abortable(working, ending.signal);
      ending.signal.throwIfAborted();
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      if (!ending.signal.aborted) await Promise.race([idle?.lost, pause(NEWS_MILLISECONDS)]);
      if (!ending.signal.aborted) throw error;
      if (losses > 0) throw ending.signal.reason;
      await Promise.all([pause(PAUSE_MILLISECONDS), Promise.race([working.catch(() => {}), pause(NEWS_MILLISECONDS)])]);
      signal?.throwIfAborted();
      await restored();
    } finally {
      signal?.removeEventListener('abort', abort);
      idle?.destroy();
    }
  }
}
