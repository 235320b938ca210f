/**
 * Plan → GPU. Buffers, pipelines and bind groups are made once; a run only encodes, submits and reads. Which class is
 * differentiated under which ReLU rule is copied on the GPU from a constant table, so that recording into a caller's
 * encoder needs neither a queue write nor a new buffer, and several recordings may wait in one encoder.
 */
import { bestClass } from '../../shaders/bestClass';
import { type Kernel, bindingsOf } from '../../shaders/kernel';
import { HEADS, WHOLE_PLANE } from '../../shaders/targets';
import type { Plan } from '../compile';
import type { Call } from '../calls';
import { extentBytes, extentOffsets } from '../compile/sizes';
import type { Step } from '../ops/op';
import type { ReluRule } from '../options';
import { type Bound, Buffers, binder, dispatch } from './bound';
import type { Encoder } from './commands';
import type { Device } from './device';
import type { Place } from './recording';
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
  /** What is differentiated: the score itself, or the probability that a head makes of it. */
  readonly score: (typeof HEADS)[number];
}

const RULES: readonly ReluRule[] = ['gradient', 'deconvnet', 'guided'];
const ROW_BYTES = 16;
const BEST_BYTES = 8;

/**
 * Of constants, in rows of four words: a Rule for each ReLU rule, for each of {@link HEADS}; then a target for every
 * channel, its whole plane; then 0, 1, 2, … for targets with a place.
 */
function table(channels: number, largest: number): Uint32Array {
  const rules = HEADS.flatMap((_, head) =>
    RULES.flatMap((rule) => [Number(rule === 'deconvnet'), Number(rule !== 'gradient'), head, 0]),
  );
  const targets = Array.from({ length: channels }, (_, channel) => [channel, WHOLE_PLANE, WHOLE_PLANE, 0]).flat();
  return Uint32Array.from([...rules, ...targets, ...Array.from({ length: largest }, (_, k) => k)]);
}

/** What an executor is made for, and with. */
interface Lent {
  readonly device: Device;
  readonly plan: Plan;
  readonly weights: WeightStore;
}

/** What there is once it is made. */
interface Made {
  /** In the plan's order. */
  readonly buffers: readonly GPUBuffer[];
  /** All but the weights. */
  readonly owned: Buffers;
  readonly constants: Readonly<Record<'rule' | 'targets' | 'table' | 'best', GPUBuffer>>;
  /** In the plan's order, forward then backward. */
  readonly dispatches: readonly Bound[];
}

export class Executor {
  /** Grows with everything that is recorded: whoever goes on where he stopped sees whether something came between. */
  recorded = 0;
  private bound: Bound | null = null;

  private constructor(
    readonly plan: Plan,
    private readonly device: Device,
    private readonly made: Made,
  ) {}

  static async create({ device, plan, weights }: Lent, call: Call): Promise<Executor> {
    const steps = [...plan.forward, ...plan.backward];
    const compiling = device.pipelines.of(
      steps.map(({ kernel }) => kernel),
      call,
    );
    compiling.catch(() => {}); // awaited below, after the uploads that run meanwhile
    await weights.upload(plan, call);
    const pipelines = await compiling;
    const owned = new Buffers(device);
    try {
      return await device.guard(call, `allocating ${plan.name}`, () => {
        const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
        const allocate = (label: string, bytes: number, usage: number): GPUBuffer =>
          owned.allocate(`${plan.name}/${label}`, bytes, usage);
        const buffers = plan.buffers.map(({ name, bytes, kind }) =>
          kind === 'weight' ? weights.buffer(name) : allocate(name, bytes, STORAGE | COPY_SRC | COPY_DST),
        );
        const offsets = extentOffsets(steps);
        const uniforms = allocate('extents', offsets.at(-1)!, UNIFORM | COPY_DST);
        device.write(uniforms, packExtents(steps, offsets));
        const { C, H, W } = plan.scores;
        const rows = table(C, Math.max(H, W));
        const constants = {
          rule: allocate('rule', ROW_BYTES, UNIFORM | COPY_DST),
          targets: allocate('targets', plan.batch * ROW_BYTES, STORAGE | COPY_DST),
          best: allocate('best class extents', BEST_BYTES, UNIFORM | COPY_DST),
          table: allocate('table', rows.byteLength, COPY_SRC | COPY_DST),
        };
        device.write(constants.table, rows);

        const dispatches = steps.map((step, index): Bound => {
          const { pipeline, layout } = pipelines.get(step.kernel.code)!;
          const resourceOf = (name: string): GPUBufferBinding => {
            if (name === 'd') return { buffer: uniforms, offset: offsets[index]!, size: extentBytes(step) };
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
          return { pipeline, bindGroup, workgroups: step.kernel.workgroups, flops: step.kernel.flops };
        });
        return new Executor(plan, device, { buffers, owned, constants, dispatches });
      });
    } catch (error) {
      owned.dispose();
      throw error;
    }
  }

  /** Where a tensor of the plan lies. */
  bufferOf(name: string): GPUBuffer {
    return this.made.buffers[this.plan.placement.get(name)!]!;
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

  /** The target of each item, a `vec4u`. */
  get targets(): GPUBuffer {
    return this.made.constants.targets;
  }

  /** Some of the plan's steps, in its order. */
  encodeSteps(encoder: Encoder, from: number, to: number): void {
    if (from < to) this.dispatch(encoder, this.made.dispatches.slice(from, to));
  }

  encodeForward(encoder: Encoder): void {
    this.dispatch(encoder, this.forward);
  }

  /** As far as the taps need it. */
  encodeTapped(encoder: Encoder): void {
    this.dispatch(encoder, this.forward.slice(0, this.plan.tapped));
  }

  /** Copies tensors that are read from outside to where a host wants them. */
  encodeTaps(encoder: Encoder, places: ReadonlyMap<string, Place>): void {
    for (const [name, { buffer, offset }] of places) {
      const { out } = this.plan.taps.get(name)!;
      encoder.copyBufferToBuffer(this.bufferOf(out.name), 0, buffer, offset, out.bytes);
    }
  }

  /** Copies a host's seeds in; tensors without one count nothing. */
  encodeSeeds(encoder: Encoder, places: ReadonlyMap<string, Place>): void {
    for (const [name, { seed }] of this.plan.taps) {
      const place = places.get(name);
      const own = this.bufferOf(seed.name);
      if (place) encoder.copyBufferToBuffer(place.buffer, place.offset, own, 0, seed.bytes);
      else encoder.clearBuffer(own);
    }
  }

  /**
   * Copies the scores, `[N × classes]`, to where a host wants them; of a neuron its values, `[N]`. They lie in blocks
   * of four.
   */
  encodeScores(encoder: Encoder, { buffer, offset }: Place, neuron?: Target): void {
    const { C, H, W, block, blocks } = this.plan.scores;
    const { channel = 0, y = 0, x = 0 } = neuron ?? {};
    const bytes = neuron ? 4 : C * 4;
    for (let n = 0; n < this.plan.batch; n++) {
      const pixel = (n * blocks + block + (channel >> 2)) * H * W + y * W + x;
      encoder.copyBufferToBuffer(this.scores, pixel * 16 + (channel & 3) * 4, buffer, offset + n * bytes, bytes);
    }
  }

  /** May follow one forward pass any number of times. */
  encodeBackward(encoder: Encoder, options: BackwardOptions): void {
    this.encodeOptions(encoder, options);
    this.dispatch(encoder, this.made.dispatches.slice(this.plan.forward.length));
  }

  /** Forward and backward in one pass. */
  encodeBoth(encoder: Encoder, options: BackwardOptions): void {
    this.encodeOptions(encoder, options);
    this.dispatch(encoder, this.made.dispatches);
  }

  /** Copies the gradient into a buffer of the caller's, from byte `at` on. */
  encodeGradient(encoder: Encoder, output: GPUBuffer, at: number): void {
    encoder.copyBufferToBuffer(this.gradient, 0, output, at, this.plan.gradient.bytes);
  }

  /** Chooses what the steps of {@link steps} differentiate. */
  encodeOptions(encoder: Encoder, { targets, relu, score }: BackwardOptions): void {
    this.recorded++;
    const { rule, targets: buffer, table: rows } = this.made.constants;
    const ruleRow = RULES.indexOf(relu) + HEADS.indexOf(score) * RULES.length;
    encoder.copyBufferToBuffer(rows, ruleRow * ROW_BYTES, rule, 0, ROW_BYTES);
    const wholePlanes = HEADS.length * RULES.length * ROW_BYTES;
    const numbers = wholePlanes + this.plan.scores.C * ROW_BYTES;
    targets.forEach(({ channel, y, x }, n) => {
      encoder.copyBufferToBuffer(rows, wholePlanes + channel * ROW_BYTES, buffer, n * ROW_BYTES, ROW_BYTES);
      if (y === undefined || x === undefined) return;
      [y, x].forEach((index, k) =>
        encoder.copyBufferToBuffer(rows, numbers + index * 4, buffer, n * ROW_BYTES + (1 + k) * 4, 4),
      );
    });
  }

  private dispatch(encoder: Encoder, steps: readonly Bound[]): void {
    this.recorded++;
    dispatch(encoder, this.plan.name, steps);
  }

  /** Clears all that the steps write. */
  encodeClear(encoder: Encoder): void {
    this.plan.buffers.forEach(({ kind }, k) => kind === 'weight' || encoder.clearBuffer(this.made.buffers[k]!));
  }

  /** Each step by itself, in the plan's order. */
  get steps(): readonly Bound[] {
    return this.made.dispatches;
  }

  get forward(): readonly Bound[] {
    return this.made.dispatches.slice(0, this.plan.forward.length);
  }

  /** Writes one item, `[C, H, W]`, into every item of the input. Call inside {@link Device.guard}. */
  writeInput(item: Float32Array): void {
    for (let n = 0; n < this.plan.batch; n++) this.device.write(this.input, item, n * item.byteLength);
  }

  /** Looks at the scores, and makes the one that is best the target of each item. */
  get bestKernel(): Kernel {
    const { batch, scores } = this.plan;
    return bestClass({ N: batch, C: scores.C }, { x: scores });
  }

  /** {@link bestKernel}, bound: made when it is first asked for. */
  async best(call: Call): Promise<Bound> {
    if (this.bound) return this.bound;
    const { bestKernel: kernel, device, scores: x, targets } = this;
    const bind = await binder(device, [kernel], { signal: call.signal });
    const extents = (): GPUBuffer => this.made.constants.best;
    return (this.bound = await device.guard(call, kernel.name, () => bind(kernel, { x, targets }, extents)));
  }

  dispose(): void {
    this.made.owned.dispose();
  }
}

function packExtents(steps: readonly Step[], offsets: readonly number[]): Uint32Array {
  const packed = new Uint32Array(offsets.at(-1)! / 4);
  steps.forEach(({ kernel }, index) =>
    packed.set(
      Object.values(kernel.dims).map((value) => value >>> 0),
      offsets[index]! / 4,
    ),
  );
  return packed;
}
