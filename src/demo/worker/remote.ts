/** The page's end of the worker: its jobs as functions that take a signal and tell their progress. */
import { GradlensError, type RunOptions } from '../../index';
import type { Jobs } from './jobs';
import type { Failure, Reply, Request } from './messages';
import type { Restored } from './session';

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: RunOptions['onProgress'];
}

/** None before the first call, and after one has ended. */
let worker: Worker | null = null;
const waiting = new Map<number, Waiting>();
let lastId = 0;
let listeners: LossListeners = { lost: () => {}, restored: () => {}, gone: () => {}, ended: () => {} };

/** What happens to the GPU while jobs run, which the worker repeats by itself. */
interface LossListeners {
  readonly lost: () => void;
  /** Everything that was on it is on it again. */
  readonly restored: (restored: Restored) => void;
  /** It does not come back; what still waits for it rejects, too. */
  readonly gone: (error: Error) => void;
  /** The worker itself has ended, as browsers do it when memory is short; the next one knows nothing. */
  readonly ended: (error: Error) => void;
}

export function listenForLoss(to: LossListeners): void {
  listeners = to;
}

export interface CallOptions extends RunOptions {
  /** Handed over instead of copied. */
  readonly transfer?: Transferable[];
}

/** Rejects with the job's error, or at once with the signal's reason; what the worker still finds then is forgotten. */
export function call<Name extends keyof Jobs>(
  job: Name,
  args: Parameters<Jobs[Name]>[0],
  { signal, onProgress, transfer = [] }: CallOptions = {},
): Promise<Awaited<ReturnType<Jobs[Name]>>> {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = (): void => {
      waiting.delete(id);
      send({ id, abort: true });
      reject(signal!.reason);
    };
    const settled =
      <T>(how: (value: T) => void) =>
      (value: T): void => {
        waiting.delete(id);
        signal?.removeEventListener('abort', abort);
        how(value);
      };
    waiting.set(id, { resolve: settled(resolve), reject: settled(reject), onProgress });
    signal?.addEventListener('abort', abort, { once: true });
    send({ id, job, args }, transfer);
  });
}

function send(request: Request, transfer: Transferable[] = []): void {
  (worker ??= begun()).postMessage(request, transfer);
}

function begun(): Worker {
  const lock = `gradlens-${Math.random()}`;
  const made = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: lock });
  let isThere = false;
  made.onmessage = ({ data: reply }: MessageEvent<Reply>): void => {
    if (!('there' in reply)) return take(reply);
    isThere = true;
    // no event tells of a worker's end, but it holds this lock for as long as it lives
    void navigator.locks?.request(lock, () => {
      if (worker !== made) return;
      worker = null;
      const error = new Error('the part of it that computes has ended');
      const calls = [...waiting.values()]; // whoever listens makes new ones
      listeners.ended(error);
      for (const { reject } of calls) reject(error);
    });
  };
  made.onerror = ({ message }): void => {
    if (!isThere) worker = null; // it never will be
    const error = new Error(message || 'its worker cannot be loaded');
    for (const { reject } of [...waiting.values()]) reject(error);
  };
  return made;
}

function take(reply: Exclude<Reply, { readonly there: true }>): void {
  if ('lost' in reply) {
    listeners.lost();
    // Nobody looks at a page in the background, and there the browser may not answer.
    return whenVisible(() => send({ recover: true }));
  }
  if ('restored' in reply) return listeners.restored(reply.restored);
  if ('gone' in reply) return listeners.gone(errorOf(reply.gone));
  const call = waiting.get(reply.id);
  if (!call) return;
  if ('progress' in reply) call.onProgress?.(reply.progress);
  else if ('failure' in reply) call.reject(errorOf(reply.failure));
  else call.resolve(reply.result as never);
}

function whenVisible(then: () => void): void {
  if (document.visibilityState === 'visible') return then();
  document.addEventListener('visibilitychange', () => whenVisible(then), { once: true });
}

function errorOf({ code, message, detail }: Failure): Error {
  return code === 'unknown' ? new Error(message) : new GradlensError(code as GradlensError['code'], message, detail);
}
