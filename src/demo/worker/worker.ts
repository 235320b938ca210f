/** The worker: the engine and everything that computes, so that the page answers at any time. */
import { GradlensError, type Progress } from '../../index';
import { jobs } from './jobs';
import type { Failure, Reply, Request } from './messages';
import { listenForLoss } from './session';

/** What of a worker's global scope is used; its own types and a page's exclude each other. */
const scope = globalThis as unknown as {
  postMessage(reply: Reply): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
};

const running = new Map<number, AbortController>();

scope.onmessage = ({ data: request }) => {
  if ('abort' in request) running.get(request.id)?.abort();
  else void run(request.id, request.job as keyof typeof jobs, request.args);
};
listenForLoss((reason) => scope.postMessage({ lost: reason }));

async function run(id: number, job: keyof typeof jobs, args: unknown): Promise<void> {
  const abort = new AbortController();
  running.set(id, abort);
  const options = { signal: abort.signal, onProgress: (progress: Progress) => scope.postMessage({ id, progress }) };
  try {
    scope.postMessage({ id, result: await jobs[job](args as never, options) });
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
