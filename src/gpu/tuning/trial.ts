/** One kernel on trial: a network of one convolution on the device. */
import type { ConvDims } from '../../../shaders/conv/shape';
import type { Call } from '../../calls';
import type { Plan } from '../../compile';
import type { Graph, Weight } from '../../graph';
import { congruential } from '../../random';
import { record } from '../bound';
import type { Device } from '../device';
import { Executor } from '../executor';
import { type Clock, clockFor } from '../profile';
import { Readback } from '../readback';
import { WeightStore } from '../weightStore';
import type { Candidate } from './race';

export const LAYER = 'layer';

/**
 * A network of that one convolution, with weights that have no pattern; null where none is compiled to just that (a
 * padding below zero).
 */
export function layerOf(d: ConvDims): Graph | null {
  const C = d.GROUPS * d.IN * 4;
  const O = d.GROUPS * d.OUT * 4;
  const top = d.PAD_TOP | 0;
  const left = d.PAD_LEFT | 0;
  const bottom = (d.P - 1) * d.STRIDE_Y + (d.R - 1) * d.DILATION_Y + 1 - d.H - top;
  const right = (d.Q - 1) * d.STRIDE_X + (d.S - 1) * d.DILATION_X + 1 - d.W - left;
  const within = (pad: number): number => Math.max(pad, 0); // what lies beyond the last window is never looked at
  // the latter would be rewritten by depth
  if (top < 0 || left < 0 || (C <= 4 && d.STRIDE_Y * d.STRIDE_X > 1)) return null;
  const weight: Weight = { shape: [O, d.IN * 4, d.R, d.S], data: noise(O * d.IN * 4 * d.R * d.S) };
  return {
    name: 'tuning',
    input: { name: 'x', extents: { C, H: d.H, W: d.W } },
    nodes: [
      {
        op: 'conv',
        name: LAYER,
        inputs: ['x'],
        weight: 'weight',
        groups: d.GROUPS,
        kernel: [d.R, d.S],
        stride: [d.STRIDE_Y, d.STRIDE_X],
        dilation: [d.DILATION_Y, d.DILATION_X],
        pads: [top, left, within(bottom), within(right)],
      },
    ],
    output: LAYER,
    weights: new Map([['weight', weight]]),
  };
}

/** In [−1, 1), the same every time. */
function noise(length: number): Float32Array {
  const next = congruential(1);
  return Float32Array.from({ length }, () => (next() | 0) / 2 ** 31);
}

/** What a trial is made of. */
interface Made {
  readonly executor: Executor;
  readonly weights: WeightStore;
  readonly clock: Clock;
}

/** One candidate on the device, for the time of a call. */
export class Trial implements Candidate {
  private constructor(
    private readonly device: Device,
    private readonly call: Call,
    private readonly made: Made,
  ) {}

  static async create(device: Device, plan: Plan, call: Call): Promise<Trial> {
    const weights = new WeightStore(device);
    let executor: Executor | undefined;
    try {
      const made = (executor = await Executor.create({ device, plan: { ...plan, backward: [] }, weights }, call));
      await device.guard(call, 'tuning', () => device.write(made.input, noise(plan.input.bytes / 4)));
      const step = (pass: GPUComputePassEncoder): void => made.forward.forEach((bound) => record(pass, bound));
      return new Trial(device, call, { executor: made, weights, clock: await clockFor(device, [step], call) });
    } catch (error) {
      executor?.dispose();
      weights.dispose();
      throw error;
    }
  }

  async result(): Promise<Float32Array> {
    const { executor } = this.made;
    const readback = new Readback(this.device);
    try {
      const { bytes } = executor.plan.scores.storage;
      const [values] = await readback.run(this.call, {
        what: 'tuning',
        bytes,
        encode: (encoder, read) => {
          executor.encodeForward(encoder);
          read(executor.scores, bytes);
        },
      });
      return values!;
    } finally {
      readback.dispose();
    }
  }

  async time(repeats: number): Promise<number> {
    return (await this.made.clock.sweep([repeats], this.call))[0]!;
  }

  dispose(): void {
    const { clock, executor, weights } = this.made;
    clock.dispose();
    executor.dispose();
    weights.dispose();
  }
}
