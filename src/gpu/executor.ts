/**
 * Plan → GPU. Buffers, pipelines and bind groups are made once; a run only encodes, submits and reads. Which class is
 * differentiated under which ReLU rule is copied on the GPU from a constant table, so that recording into a caller's
 * encoder needs neither a queue write nor a new buffer, and several recordings may wait in one encoder.
 */
import { bindingsOf } from '../../shaders/kernel';
import { WHOLE_PLANE } from '../../shaders/startBackward';
import { type Plan } from '../compile';
import { UNIFORM_STRIDE } from '../compile/plan';
import type { Step } from '../ops/op';
import type { Profile, ReluRule, RunOptions } from '../options';
import type { Device } from './device';
import type { WeightStore } from './weightStore';

/** The neuron that is differentiated; absent `y`, `x`: the sum over the plane. */
export interface Target {
  readonly channel: number;
  readonly y?: number;
  readonly x?: number;
}

export interface BackwardOptions {
  /** One per item of the batch. */
  readonly targets: readonly Target[];
  readonly relu: ReluRule;
  readonly score: 'logit' | 'probability';
}

const RULES: readonly ReluRule[] = ['gradient', 'deconvnet', 'guided'];
const ROW_BYTES = 16;

/**
 * Of constants, in rows of four words: a Rule for each ReLU rule, for the score and for the probability; then a target
 * for every channel, its whole plane; then 0, 1, 2, … for targets with a place.
 */
function table(channels: number, largest: number): Uint32Array {
  const rules = [0, 1].flatMap((probability) =>
    RULES.flatMap((rule) => [Number(rule === 'deconvnet'), Number(rule !== 'gradient'), probability, 0]),
  );
  const targets = Array.from({ length: channels }, (_, channel) => [channel, WHOLE_PLANE, WHOLE_PLANE, 0]).flat();
  return Uint32Array.from([...rules, ...targets, ...Array.from({ length: largest }, (_, k) => k)]);
}

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: Step['kernel']['workgroups'];
}

export class Executor {
  private constructor(
    readonly plan: Plan,
    private readonly device: Device,
    private readonly buffers: readonly GPUBuffer[],
    private readonly owned: readonly GPUBuffer[],
    private readonly constants: { readonly rule: GPUBuffer; readonly targets: GPUBuffer; readonly table: GPUBuffer },
    private readonly forward: readonly Dispatch[],
    private readonly backward: readonly Dispatch[],
  ) {}

  static async create(device: Device, plan: Plan, weights: WeightStore, options: RunOptions): Promise<Executor> {
    const steps = [...plan.forward, ...plan.backward];
    const pipelines = compileAll(device, steps, options);
    pipelines.catch(() => {}); // awaited below, after the uploads that run meanwhile
    await weights.upload(plan, options);
    const ready = await pipelines;
    options.signal?.throwIfAborted();

    const owned: GPUBuffer[] = [];
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const allocate = (label: string, bytes: number, usage: number): GPUBuffer => {
      const buffer = device.allocate(`${plan.name}/${label}`, bytes, usage);
      owned.push(buffer);
      return buffer;
    };
    try {
      return await device.guard(`allocating ${plan.name}`, () => {
        const buffers = plan.buffers.map(({ name, bytes, kind }) =>
          kind === 'weight' ? weights.buffer(name) : allocate(name, bytes, STORAGE | COPY_SRC | COPY_DST),
        );
        const uniforms = allocate('extents', steps.length * UNIFORM_STRIDE, UNIFORM | COPY_DST);
        device.gpu.queue.writeBuffer(uniforms, 0, packExtents(steps));
        const { C, H, W } = plan.scores;
        const rows = table(C, Math.max(H, W));
        const constants = {
          rule: allocate('rule', ROW_BYTES, UNIFORM | COPY_DST),
          targets: allocate('targets', plan.batch * ROW_BYTES, STORAGE | COPY_DST),
          table: allocate('table', rows.byteLength, COPY_SRC | COPY_DST),
        };
        device.gpu.queue.writeBuffer(constants.table, 0, rows as Uint32Array<ArrayBuffer>);

        const dispatches = steps.map((step, index): Dispatch => {
          const { pipeline, layout } = ready.get(step.kernel.code)!;
          const resourceOf = (name: string): GPUBufferBinding => {
            if (name === 'd')
              return {
                buffer: uniforms,
                offset: index * UNIFORM_STRIDE,
                size: Object.keys(step.kernel.dims).length * 4,
              };
            if (name === 'rule') return { buffer: constants.rule };
            if (name === 'targets') return { buffer: constants.targets };
            return { buffer: buffers[plan.placement.get(step.bind[name]!.name)!]! };
          };
          const bindGroup = device.gpu.createBindGroup({
            label: `gradlens/${plan.name}/${step.label}`,
            layout,
            entries: bindingsOf(step.kernel).map(({ index: binding, name }) => ({
              binding,
              resource: resourceOf(name),
            })),
          });
          return { pipeline, bindGroup, workgroups: step.kernel.workgroups };
        });
        return new Executor(
          plan,
          device,
          buffers,
          owned,
          constants,
          dispatches.slice(0, plan.forward.length),
          dispatches.slice(plan.forward.length),
        );
      });
    } catch (error) {
      owned.forEach((buffer) => device.free(buffer));
      throw error;
    }
  }

  private bufferOf(name: string): GPUBuffer {
    return this.buffers[this.plan.placement.get(name)!]!;
  }

  get input(): GPUBuffer {
    return this.bufferOf(this.plan.input.name);
  }

  get gradient(): GPUBuffer {
    return this.bufferOf(this.plan.gradient.name);
  }

  get scores(): GPUBuffer {
    return this.bufferOf(this.plan.scores.storage.name);
  }

  encodeForward(encoder: GPUCommandEncoder): void {
    this.encode(encoder, this.forward);
  }

  /** May follow one forward pass any number of times. */
  encodeBackward(encoder: GPUCommandEncoder, options: BackwardOptions): void {
    this.encodeOptions(encoder, options);
    this.encode(encoder, this.backward);
  }

  /** Forward and backward in one pass. */
  encodeBoth(encoder: GPUCommandEncoder, options: BackwardOptions): void {
    this.encodeOptions(encoder, options);
    this.encode(encoder, [...this.forward, ...this.backward]);
  }

  /** The forward pass, into a pass of the caller's. */
  recordForward(pass: GPUComputePassEncoder): void {
    for (const dispatch of this.forward) record(pass, dispatch);
  }

  /**
   * How long each step of the gradient of what lies in {@link input} takes. It leaves none behind: a step that adds ran
   * more than once.
   */
  async profile(options: BackwardOptions, run: RunOptions): Promise<Profile> {
    const encoder = this.device.gpu.createCommandEncoder();
    this.encodeOptions(encoder, options);
    this.device.gpu.queue.submit([encoder.finish()]);
    const { timeSteps } = await import('./profile');
    const { clock, milliseconds } = await timeSteps(
      this.device,
      [...this.forward, ...this.backward].map((dispatch) => (pass) => record(pass, dispatch)),
      run,
    );
    const { forward, backward } = this.plan;
    return {
      clock,
      steps: [...forward, ...backward].map(({ label, kernel: { flops }, bind }, k) => ({
        label,
        flops,
        milliseconds: milliseconds[k]!,
        direction: k < forward.length ? 'forward' : 'backward',
        bytes: [...new Map(Object.values(bind).map((tensor) => [tensor.name, tensor.bytes])).values()].reduce(
          (sum, bytes) => sum + bytes,
          0,
        ),
      })),
    };
  }

  private encodeOptions(encoder: GPUCommandEncoder, { targets, relu, score }: BackwardOptions): void {
    const { rule, targets: buffer, table: rows } = this.constants;
    const ruleRow = RULES.indexOf(relu) + (score === 'probability' ? RULES.length : 0);
    encoder.copyBufferToBuffer(rows, ruleRow * ROW_BYTES, rule, 0, ROW_BYTES);
    const wholePlanes = 2 * RULES.length * ROW_BYTES;
    const numbers = wholePlanes + this.plan.scores.C * ROW_BYTES;
    targets.forEach(({ channel, y, x }, n) => {
      encoder.copyBufferToBuffer(rows, wholePlanes + channel * ROW_BYTES, buffer, n * ROW_BYTES, ROW_BYTES);
      if (y === undefined || x === undefined) return;
      [y, x].forEach((place, k) =>
        encoder.copyBufferToBuffer(rows, numbers + place * 4, buffer, n * ROW_BYTES + (1 + k) * 4, 4),
      );
    });
  }

  private encode(encoder: GPUCommandEncoder, dispatches: readonly Dispatch[]): void {
    const pass = encoder.beginComputePass({ label: `gradlens/${this.plan.name}` });
    for (const dispatch of dispatches) record(pass, dispatch);
    pass.end();
  }

  dispose(): void {
    this.owned.forEach((buffer) => this.device.free(buffer));
  }
}

function record(pass: GPUComputePassEncoder, { pipeline, bindGroup, workgroups }: Dispatch): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...workgroups);
}

async function compileAll(device: Device, steps: readonly Step[], { signal, onProgress }: RunOptions) {
  const kernels = [...new Map(steps.map(({ kernel }) => [kernel.code, kernel])).values()];
  let done = 0;
  onProgress?.({ phase: 'compile', done, total: kernels.length });
  const compiled = await Promise.all(
    kernels.map(async (kernel) => {
      const pipeline = await device.pipeline(kernel);
      if (!signal?.aborted) onProgress?.({ phase: 'compile', done: ++done, total: kernels.length });
      return [kernel.code, pipeline] as const;
    }),
  );
  return new Map(compiled);
}

function packExtents(steps: readonly Step[]): Uint32Array<ArrayBuffer> {
  const packed = new Uint32Array((steps.length * UNIFORM_STRIDE) / 4);
  steps.forEach(({ kernel }, index) =>
    packed.set(
      Object.values(kernel.dims).map((value) => value >>> 0),
      (index * UNIFORM_STRIDE) / 4,
    ),
  );
  return packed;
}
