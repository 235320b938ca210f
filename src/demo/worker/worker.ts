/** The worker: the engine and everything that computes, so that the page answers at any time. */
import { GradlensError, type Progress } from '../../index';
import { jobs } from './jobs';
import type { Failure, Reply, Request } from './messages';
import { repeatedly } from './recovery';
import { listenForLoss, onTheGpu, restored } from './session';

/** What of a worker's global scope is used; its own types and a page's exclude each other. */
const scope = globalThis as unknown as {
  postMessage(reply: Reply): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  readonly name: string;
};

const running = new Map<number, AbortController>();

let goOn = (): void => {};

scope.onmessage = ({ data: request }) => {
  if ('recover' in request) goOn();
  else if ('abort' in request) running.get(request.id)?.abort();
  else void run(request.id, request.job as keyof typeof jobs, request.args);
};
listenForLoss({
  lost: (reason) =>
    new Promise((resolve) => {
      goOn = resolve; // the page knows whether anybody looks at it
      scope.postMessage({ lost: reason });
    }),
  restored: (restored) => scope.postMessage({ restored }),
  gone: (error) => scope.postMessage({ gone: failureOf(error) }),
});

/** Held until the worker ends, however it ends. */
const hold = (): Promise<never> => {
  scope.postMessage({ there: true });
  return new Promise(() => {});
};
void (navigator.locks ? navigator.locks.request(scope.name, hold) : hold());

const isLoss = (error: unknown): boolean => error instanceof GradlensError && error.code === 'device-lost';

async function run(id: number, job: keyof typeof jobs, args: unknown): Promise<void> {
  const abort = new AbortController();
  const { signal } = abort;
  running.set(id, abort);
  const options = { signal, onProgress: (progress: Progress) => scope.postMessage({ id, progress }) };
  const once = async (): Promise<unknown> => {
    signal.throwIfAborted();
    return onTheGpu<unknown>(() => jobs[job](args as never, options));
  };
  try {
    scope.postMessage({ id, result: await repeatedly(once, isLoss, restored) });
  } catch (error) {
    scope.postMessage({ id, failure: failureOf(error) });
  } finally {
    running.delete(id);
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof GradlensError)
    return {
      code: error.code,
      message: error.message,
      detail: JSON.parse(JSON.stringify(error.detail)) as Failure['detail'],
    };
  return { code: 'unknown', message: error instanceof Error ? error.message : String(error), detail: {} };
}
