/** A model on a device. */
import type { Call } from '../calls';
import type { Plan } from '../compile';
import type { Device } from '../gpu/device';
import { Inputs } from '../gpu/inputs';
import type { Lent } from '../gpu/lent';
import { Readback } from '../gpu/readback';
import type { Graph, InputSpec } from '../graph';
import { type Compile, Executors } from './executors';

/** What a model has on its device; `executor` is that of the class scores. */
export interface Parts extends Lent {
  readonly inputs: Inputs;
  readonly executors: Executors;
}

/** What is put on the device. */
export interface Content {
  readonly graph: Graph;
  /** Of the class scores. */
  readonly plan: Plan;
  readonly compile: Compile;
  /** How pictures are prepared. */
  readonly spec: InputSpec | null;
}

export async function partsOn(device: Device, call: Call, { graph, plan, compile, spec }: Content): Promise<Parts> {
  const executors = new Executors(device, graph, compile);
  try {
    const executor = await executors.make(plan, call);
    const { C, H, W } = graph.input.extents;
    const inputs = await Inputs.create(device, { name: graph.name, shape: [plan.batch, C, H, W], spec }, call);
    return { device, executor, executors, inputs, readback: new Readback(device) };
  } catch (error) {
    executors.dispose();
    device.flush();
    throw error;
  }
}

export function disposeOf({ device, executors, inputs, readback }: Parts): void {
  executors.dispose();
  readback.dispose();
  inputs.dispose();
  device.flush();
}
