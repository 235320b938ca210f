/** Worker threads for decoding and encoding, beside the thread that drives the GPU. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, GradlensError } from '../../errors';
import { packageRoot } from '../models';
import { type Jobs, jobs } from './jobs';

type Name = keyof Jobs;

export interface Pool {
  /** Jobs that are done at the same time. */
  readonly width: number;
  run<N extends Name>(name: N, given: Parameters<Jobs[N]>[0]): ReturnType<Jobs[N]>;
  close(): Promise<void>;
}

export interface Task {
  readonly id: number;
  readonly name: Name;
  readonly given: unknown;
}

/** An error, as it travels between threads. */
interface Failure {
  readonly message: string;
  readonly stack?: string;
  readonly code?: ErrorCode;
  readonly detail?: GradlensError['detail'];
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: Failure };

/** For a picture or two: a thread takes longer to start than they take. */
export const inThisThread: Pool = {
  width: 1,
  run: ((name: Name, given: never) => (jobs[name] as (given: never) => unknown)(given)) as Pool['run'],
  close: async () => {},
};

/** Two threads more than cores, since they wait for files and for each other; no more than a fast GPU keeps busy. */
const MOST_THREADS = 8;

export const threadsHere = (): number => Math.min(MOST_THREADS, availableParallelism() + 2);

/** Threads are started as they are needed; a thread that ends by itself fails what it was given. */
export function threads(width: number): Pool {
  interface Thread {
    readonly worker: Worker;
    readonly waiting: Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>;
  }
  const all: Thread[] = [];
  let next = 0;
  const start = (): Thread => {
    const worker = new Worker(join(packageRoot, 'dist/lib/worker.js'));
    const waiting: Thread['waiting'] = new Map();
    worker.on('message', (answer: Answer) => {
      const task = waiting.get(answer.id)!;
      waiting.delete(answer.id);
      if ('result' in answer) task.resolve(answer.result as never);
      else task.reject(errorOf(answer.error));
    });
    const fail = (error: Error): void => {
      all.splice(all.indexOf(thread), 1);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
    worker.on('error', fail);
    worker.on('exit', (code) => fail(new Error(`a worker thread ended by itself, with code ${code}`)));
    const thread = { worker, waiting };
    all.push(thread);
    return thread;
  };
  return {
    width,
    run: ((name: Name, given: unknown) =>
      new Promise((resolve, reject) => {
        const idle = all.find(({ waiting }) => waiting.size === 0);
        const thread = idle ?? (all.length < width ? start() : leastBusy(all));
        const id = next++;
        thread.waiting.set(id, { resolve, reject });
        thread.worker.postMessage({ id, name, given } satisfies Task);
      })) as Pool['run'],
    async close() {
      await Promise.all(
        [...all].map(({ worker }) => {
          worker.removeAllListeners('exit');
          return worker.terminate();
        }),
      );
    },
  };
}

const leastBusy = <T extends { readonly waiting: { readonly size: number } }>(all: readonly T[]): T =>
  all.reduce((best, thread) => (thread.waiting.size < best.waiting.size ? thread : best));

function errorOf({ message, stack, code, detail }: Failure): Error {
  if (code) return new GradlensError(code, message, detail);
  return Object.assign(new Error(message), stack === undefined ? {} : { stack });
}
