/**
 * What goes on inside the network: its stages, their activations for a picture, one channel of them, and their steps.
 */
import {
  type Extents,
  GradlensError,
  type Heatmap,
  type Model,
  type Neuron,
  type Probe,
  type Profile,
  type RunOptions,
} from '../../index';
import { type ReadableStage, readableStagesOf } from '../../compile/readable';
import { stageOfStep } from '../../compile/stages';
import { forwardFlops } from '../../compile/flops';
import type { Pixels } from '../../image/pixels';
import { overChannels } from '../../methods/heatmap';

export interface Inside {
  readonly stages: readonly ReadableStage[];
  /** Of one forward pass. */
  readonly flops: number;
  readonly parameters: number;
  readonly bytes: Model['memory'];
  readonly dispatches: { readonly forward: number; readonly backward: number };
}

/** The net as `gradlens inspect` lists it. */
export function insideOf(model: Model): Inside {
  const { graph } = model.file;
  const { forward, backward, memory } = model.plan;
  return {
    stages: readableStagesOf(model.file.graph),
    flops: forwardFlops(graph),
    parameters: [...graph.weights.values()].reduce((sum, { data }) => sum + data.length, 0),
    bytes: memory,
    dispatches: { forward: forward.length, backward: backward.length },
  };
}

/** A tensor for one picture. */
export interface Activations extends Extents {
  readonly tensor: string;
  /** `[C, H, W]` */
  readonly data: Float32Array;
}

/** What each stage ends in, for one picture, in the order of the net. */
export async function activationsOf(model: Model, picture: Pixels, run: RunOptions): Promise<Activations[]> {
  const names = readableStagesOf(model.file.graph).map(({ tensor }) => tensor);
  const { probe, tensors } = await probeFor(model, names, run);
  const { tensors: values } = await probe.vjp(picture, () => ({}), run);
  return tensors.map((tensor) => {
    const { C, H, W } = model.tensors.find(({ name }) => name === tensor)!;
    return { tensor, C, H, W, data: values[tensor]! };
  });
}

interface Probed {
  readonly probe: Probe;
  readonly tensors: readonly string[];
}

/** A probe goes with its model. */
const probes = new WeakMap<Model, Promise<Probed>>();

function probeFor(model: Model, names: readonly string[], run: RunOptions): Promise<Probed> {
  const found = probes.get(model);
  if (found) return found;
  const made = makeProbe(model, names, run);
  probes.set(model, made);
  made.catch(() => probes.delete(model));
  return made;
}

/** What only renames the input cannot be probed, and is left out. */
async function makeProbe(model: Model, names: readonly string[], run: RunOptions): Promise<Probed> {
  try {
    return { probe: await model.probe(names, run), tensors: names };
  } catch (error) {
    const tensor = error instanceof GradlensError && error.code === 'shape' ? error.detail['tensor'] : undefined;
    const others = names.filter((name) => name !== tensor);
    if (others.length === 0 || others.length === names.length) throw error;
    return makeProbe(model, others, run);
  }
}

export interface UnitMap extends Omit<Heatmap, 'class' | 'score'> {
  /** The channel's sum over its plane, or the value at one place. */
  readonly value: number;
}

/** Which pixels a channel hangs on: |∂Σ channel / ∂input|, the largest over the colours. */
export async function unitMap(model: Model, picture: Pixels, unit: Neuron, run: RunOptions): Promise<UnitMap> {
  const [, C, height, width] = model.inputShape;
  const { scores, gradient } = await model.inputGradient(picture, { ...run, class: unit });
  const data = overChannels(gradient, C, 'max-abs');
  return { data, width, height, signed: false, value: scores[0]!, meta: { method: 'saliency', unit } };
}

export interface StepInfo {
  readonly label: string;
  readonly direction: 'forward' | 'backward';
  readonly milliseconds: number;
  readonly flops: number;
  /** Which stage it belongs to, by its place in the list. */
  readonly stage: number;
  /** The kernel that it runs, as the device gets it. */
  readonly kernel: { readonly name: string; readonly wgsl: string };
}

export interface Steps {
  readonly clock: Profile['clock'];
  readonly steps: readonly StepInfo[];
}

/** Every step of a gradient: its kernel, and how long it takes on this device. */
export async function stepsOf(model: Model, picture: Pixels, index: number, run: RunOptions): Promise<Steps> {
  const stages = readableStagesOf(model.file.graph);
  const { clock, steps } = await model.profile(picture, { ...run, class: index });
  const { forward, backward } = model.plan;
  const kernels = [...forward, ...backward].map(({ kernel }) => kernel);
  return {
    clock,
    steps: steps.map(({ label, direction, milliseconds, flops }, k) => ({
      label,
      direction,
      milliseconds,
      flops,
      stage: stageOfStep(stages, label),
      kernel: { name: kernels[k]!.name, wgsl: kernels[k]!.code },
    })),
  };
}
