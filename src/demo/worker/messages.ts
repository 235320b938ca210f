/** What the page and its worker say to each other. */
import type { Progress } from '../../index';
import type { Restored } from './session';

/** To the worker: begin a job, or end it; or get a lost GPU back. */
export type Request =
  | { readonly id: number; readonly job: string; readonly args: unknown }
  | { readonly id: number; readonly abort: true }
  | { readonly recover: true };

/**
 * From the worker: that it is there, and holds the lock of its name; how a job goes on and ends; or, as no job's
 * answer, that the GPU is lost, that it is back with all that was on it, or that it does not come back.
 */
export type Reply =
  | { readonly there: true }
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly lost: string }
  | { readonly restored: Restored }
  | { readonly gone: Failure };

/** An error, as far as it can be sent. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
}
