/** A thread that does one job after the other: see jobs.ts. */
import { parentPort } from 'node:worker_threads';
import { GradlensError } from '../../errors';
import { type Jobs, jobs } from './jobs';
import type { Answer, Task } from './pool';

const port = parentPort!;
const { default: sharp } = await import('sharp').catch(() => ({ default: null })); // jobs say what is missing
sharp?.concurrency(1); // the threads are ours
sharp?.cache(false); // no picture comes twice

async function answerTo({ id, name, given }: Task): Promise<Answer> {
  try {
    return {
      id,
      result: await (jobs[name] as (given: unknown) => Promise<Awaited<ReturnType<Jobs[keyof Jobs]>>>)(given),
    };
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    return error instanceof GradlensError
      ? { id, error: { message, code: error.code, detail: error.detail } }
      : { id, error: { message, ...(stack === undefined ? {} : { stack }) } };
  }
}

/** The large arrays of a result, which are handed over without a copy. */
function buffersIn(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteLength } = value;
    return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(buffersIn) : [];
}

let last: Promise<void> = Promise.resolve();
port.on('message', (task: Task) => {
  last = last.then(async () => {
    const answer = await answerTo(task);
    port.postMessage(answer, 'result' in answer ? buffersIn(answer.result) : []);
  });
});
