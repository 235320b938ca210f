import type { Device } from './device';
import type { Executor } from './executor';
import type { Readback } from './readback';

/** What a model lends to a run on its behalf. */
export interface Lent {
  readonly device: Device;
  readonly executor: Executor;
  readonly readback: Readback;
}
