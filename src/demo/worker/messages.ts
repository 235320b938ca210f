/** What the page and its worker say to each other. */
import type { Progress } from '../../index';

/** To the worker: begin a job, or end it. */
export type Request =
  | { readonly id: number; readonly job: string; readonly args: unknown }
  | { readonly id: number; readonly abort: true };

/** From the worker: how a job goes on and ends; or that the device is gone, which is no job's answer. */
export type Reply =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly lost: string };

/** An error, as far as it can be sent. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
}
