/** A model on a device. */
import type { Call } from '../calls';
import { compile } from '../compile';
import type { Device } from '../gpu/device';
import { Inputs } from '../gpu/inputs';
import type { Lent } from '../gpu/lent';
import { Readback } from '../gpu/readback';
import type { Graph, ModelFile } from '../graph';
import type { LoadOptions } from '../options';
import { variantsOf } from '../variants/byDevice';
import type { Variants } from '../variants/variants';
import { type Compile, Executors } from './executors';
import { settingsOf } from './settings';

/** What a model has on its device; `executor` is that of the class scores. */
export interface Parts extends Lent {
  readonly inputs: Inputs;
  readonly executors: Executors;
}

/** What is put on the device. */
interface Content {
  readonly file: ModelFile;
  readonly options: LoadOptions;
}

export async function partsOn(device: Device, { file, options }: Content, call: Call): Promise<Parts> {
  const { graph } = file;
  const compiled = await compilerFor(device, graph, options, call);
  const plan = compiled(graph);
  // what is wrong about them is said before anything is uploaded
  const spec = settingsOf(file, options, plan.scores).preparation?.input ?? null;
  const executors = new Executors(device, graph, compiled);
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

/** With the kernels that are best on the device. */
async function compilerFor(
  device: Device,
  graph: Graph,
  { batch = 1, precision = 'f32', tune = device.owned }: LoadOptions,
  call: Call,
): Promise<Compile> {
  const bindingBytes = device.environment.limits.maxStorageBufferBindingSize;
  const half = precision === 'f16' ? { half: device.half } : {};
  const compileWith =
    (variants: Variants): Compile =>
    (of, differentiated = {}) =>
      compile(of, { batch, bindingBytes, variants, ...half, ...differentiated });
  if (!tune || device.environment.adapter.isFallbackAdapter) return compileWith(variantsOf(device));
  const { tuned } = await import('../gpu/tuning/tuner'); // what not every page needs is fetched when it is asked for
  return compileWith(await tuned(device, (trial) => compileWith(trial)(graph), call, half));
}
