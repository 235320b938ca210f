/** Model: one network on one device. */
import { blocksOf } from '../shaders/kernel';
import { type Memory, type Plan, compile } from './compile';
import { GradlensError } from './errors';
import { Ascent, type AscentOptions } from './gpu/ascent';
import type { Device } from './gpu/device';
import { type BackwardOptions, Executor, type Target } from './gpu/executor';
import { Inputs } from './gpu/inputs';
import { Readback } from './gpu/readback';
import { tuned } from './gpu/tuning/tuner';
import { WeightStore } from './gpu/weights';
import type { InputSpec, ModelFile } from './graph';
import type { ImageInput, Images } from './image/pixels';
import type { AscentRun, GradientOptions, InputGradient, LoadOptions, Neuron, ReluRule, RunOptions } from './options';
import type { Variants } from './ops/variants';
import { type Classification, softmax, topClasses } from './scores';

export class Model implements Disposable {
  /** Of neurons, by the tensor as the graph names it: after rewriting, a layer and its ReLU may share a name. */
  private readonly executors = new Map<string, Executor>();
  private readonly ascents = new Set<Ascent>();
  private readonly weights: WeightStore;
  private readonly readback: Readback;
  private readonly inputs: Inputs;
  private queue: Promise<unknown> = Promise.resolve();
  private disposed = false;
  /** Whether a host ever recorded a gradient, which it may submit at any time. */
  private recorded = false;

  private constructor(
    private readonly device: Device,
    private readonly file: ModelFile,
    /** How pictures are prepared; null if the file does not say and the caller did not. */
    readonly input: InputSpec | null,
    /** Dispatches, buffers and bytes of one gradient; prints as a table. */
    readonly plan: Plan,
    private readonly variants: Variants,
    private readonly onDispose: (model: Model) => void,
  ) {
    this.weights = new WeightStore(device);
    this.readback = new Readback(device);
    this.inputs = new Inputs(device, input, this.inputShape, this.name);
  }

  /** Called by `Engine.load`. */
  static async create(device: Device, file: ModelFile, options: LoadOptions, onDispose: (model: Model) => void): Promise<Model> {
    const { batch = 1, precision = 'f32', tune = true, signal } = options;
    if (precision !== 'f32') throw new GradlensError('feature', `precision '${precision}' is not available; 'f32' is exact`, { precision });
    if (!Number.isInteger(batch) || batch < 1) throw new GradlensError('shape', `batch is ${batch}; a whole number from 1 would be right`);
    signal?.throwIfAborted();
    const compileWith = (variants: Variants): Plan => compile(file.graph, { batch, bindingBytes: device.environment.limits.maxStorageBufferBindingSize, variants });
    const variants = tune && !device.environment.adapter.isFallbackAdapter ? await tuned(device, compileWith, options) : device.variants;
    const plan = compileWith(variants);
    const { C, H, W } = plan.scores;
    if (H !== 1 || W !== 1) throw new GradlensError('shape', `the scores '${file.graph.output}' are [${C}, ${H}, ${W}]; one number per class, [${C}], would be right (a global average pool at the end makes it so)`, { output: file.graph.output });
    const model = new Model(device, file, inputSpecOf(file, options.input), plan, variants, onDispose);
    try {
      model.ready = await Executor.create(device, plan, model.weights, options);
      await model.inputs.allocate();
    } catch (error) {
      model.dispose();
      throw error;
    }
    return model;
  }

  get name(): string {
    return this.file.graph.name;
  }

  /** Names of the classes in score order; empty where unknown. */
  get labels(): readonly string[] {
    return this.file.labels;
  }

  get classes(): number {
    return this.plan.scores.C;
  }

  get provenance(): ModelFile['provenance'] {
    return this.file.provenance;
  }

  /** Extents of the prepared input, `[N, C, H, W]`. */
  get inputShape(): readonly [N: number, C: number, H: number, W: number] {
    const { C, H, W } = this.file.graph.input.extents;
    return [this.plan.batch, C, H, W];
  }

  /** Bytes on the GPU. */
  get memory(): Memory {
    return this.plan.memory;
  }

  /** Name of a class, or its number. */
  labelOf(index: number): string {
    return this.labels[index] ?? String(index);
  }

  /** Scores before soft-max, `[N × classes]`. */
  scores(images: Images, options: RunOptions = {}): Promise<Float32Array> {
    return this.exclusive(options, async () => {
      const executor = this.ready!;
      await this.inputs.fill(images);
      const [blocks] = await this.readback.run('scores', this.scoreBytes, (encoder, read) => {
        this.inputs.encode(encoder, executor.input);
        executor.encodeForward(encoder);
        read(executor.scores, this.scoreBytes);
      });
      return this.unblock(blocks!);
    });
  }

  /** The best classes of one picture, best first. */
  async classify(image: ImageInput, top = 5, options: RunOptions = {}): Promise<Classification[]> {
    const scores = await this.scores(image, options);
    return topClasses(scores.subarray(0, this.classes), softmax(scores.subarray(0, this.classes)), top, (index) => this.labelOf(index));
  }

  /**
   * The exact gradient of a score with respect to the prepared input (§3 of the paper: `w = ∂S_c/∂I at I₀`). One submit and one
   * read-back (two for `top1`, which must know the scores first).
   *
   * @throws GradlensError `shape` for a wrong picture, class or batch; `device-lost`, `out-of-memory`, `validation` from the GPU.
   */
  inputGradient(images: Images, options: GradientOptions & RunOptions): Promise<InputGradient> {
    return this.exclusive(options, async () => {
      const { relu = 'gradient', score = 'logit' } = options;
      const chosen = options.class;
      if (typeof chosen === 'object' && 'tensor' in chosen) return this.neuronGradient(images, chosen, relu, options);

      const executor = this.ready!;
      const gradientBytes = this.plan.gradient.bytes;
      await this.inputs.fill(images);
      if (chosen === 'top1') {
        const [blocks] = await this.readback.run('scores', this.scoreBytes, (encoder, read) => {
          this.inputs.encode(encoder, executor.input);
          executor.encodeForward(encoder);
          read(executor.scores, this.scoreBytes);
        });
        const scores = this.unblock(blocks!);
        const classes = Array.from({ length: this.plan.batch }, (_, n) => argmax(scores.subarray(n * this.classes, (n + 1) * this.classes)));
        const [gradient] = await this.readback.run('gradient', gradientBytes, (encoder, read) => {
          const backward: BackwardOptions = { targets: classes.map((channel) => ({ channel })), relu, score };
          if (this.recorded) {
            // a host's recording may have run since, so what the forward pass saved is made again
            this.inputs.encode(encoder, executor.input);
            executor.encodeBoth(encoder, backward);
          } else {
            executor.encodeBackward(encoder, backward);
          }
          read(executor.gradient, gradientBytes);
        });
        return { scores, gradient: finite(gradient!), classes };
      }

      const runs = this.runsOf(chosen);
      const [blocks, ...gradients] = await this.readback.run('gradient', this.scoreBytes + runs.length * gradientBytes, (encoder, read) => {
        this.inputs.encode(encoder, executor.input);
        runs.forEach((classes, k) => {
          const backward: BackwardOptions = { targets: classes.map((channel) => ({ channel })), relu, score };
          if (k === 0) {
            executor.encodeBoth(encoder, backward);
            read(executor.scores, this.scoreBytes);
          } else {
            executor.encodeBackward(encoder, backward);
          }
          read(executor.gradient, gradientBytes);
        });
      });
      return { scores: this.unblock(blocks!), gradient: finite(joined(gradients)), classes: runs.flat() };
    });
  }

  /**
   * Records one gradient into the caller's encoder: no submit, no await, nothing allocated. `input` and `output` hold float32
   * `[N, C, H, W]` and need `COPY_SRC` and `COPY_DST`.
   *
   * @throws GradlensError `shape` if a buffer is too small or a class is out of range; `disposed`.
   */
  encodeGradient(encoder: GPUCommandEncoder, options: Omit<GradientOptions, 'class'> & { readonly class: number | readonly number[]; readonly input: GPUBuffer; readonly output: GPUBuffer }): void {
    this.assertUsable();
    const { input, output, relu = 'gradient', score = 'logit' } = options;
    const runs = this.runsOf(options.class);
    const { bytes } = this.plan.input;
    const need = runs.length * this.plan.gradient.bytes;
    if (input.size < bytes) throw new GradlensError('shape', `encodeGradient: the input buffer has ${input.size} bytes, [${this.inputShape.join(', ')}] float32 takes ${bytes}`);
    if (output.size < need) throw new GradlensError('shape', `encodeGradient: the output buffer has ${output.size} bytes, ${runs.length} gradient(s) take ${need}`);
    const executor = this.ready!;
    this.recorded = true;
    encoder.copyBufferToBuffer(input, 0, executor.input, 0, bytes);
    runs.forEach((classes, k) => {
      const backward: BackwardOptions = { targets: classes.map((channel) => ({ channel })), relu, score };
      if (k === 0) executor.encodeBoth(encoder, backward);
      else executor.encodeBackward(encoder, backward);
      encoder.copyBufferToBuffer(executor.gradient, 0, output, k * this.plan.gradient.bytes, this.plan.gradient.bytes);
    });
  }

  /**
   * Gradient ascent on a score from `start` (default: the zero image), all on the GPU: what `classModel` is made of.
   *
   * @throws GradlensError as {@link inputGradient}
   */
  async ascend(options: AscentOptions & { readonly class: number | readonly number[]; readonly score?: GradientOptions['score']; readonly start?: Float32Array } & RunOptions): Promise<AscentRun> {
    const [classes, ...more] = this.runsOf(options.class);
    if (more.length > 0) throw new GradlensError('shape', `${more.length + 1} classes at once need a batch of ${more.length + 1}; this one is ${this.plan.batch}`);
    const { start, score = 'logit' } = options;
    const elements = this.plan.input.bytes / 4;
    if (start && start.length !== elements) throw new GradlensError('shape', `the start image has ${start.length} elements, [${this.inputShape.join(', ')}] has ${elements}`);
    const backward: BackwardOptions = { targets: classes!.map((channel) => ({ channel })), relu: 'gradient', score };
    const ascent = await this.exclusive(options, () => Ascent.create(this.device, this.ready!, this.readback, options, start));
    this.ascents.add(ascent);
    return {
      advance: (most) => this.exclusive(options, async () => (await ascent.advance(most, backward)).map((blocks) => this.unblock(blocks))),
      read: () => this.exclusive(options, () => ascent.read()),
      dispose: () => {
        if (this.ascents.delete(ascent)) ascent.dispose();
      },
    };
  }

  /** Gives everything back to the GPU; a second call does nothing. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const ascent of this.ascents) ascent.dispose();
    this.ascents.clear();
    for (const executor of this.executors.values()) executor.dispose();
    this.ready?.dispose();
    this.weights.dispose();
    this.readback.dispose();
    this.inputs.dispose();
    this.onDispose(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // ——— inside ———

  /** The executor of the class scores, there since `create`. */
  private ready: Executor | null = null;

  /** Calls are one at a time, so no two make the same executor; but `dispose()` may come while one is made. */
  private async neuronExecutor(tensor: string, plan: Plan, options: RunOptions): Promise<Executor> {
    const existing = this.executors.get(tensor);
    if (existing) return existing;
    const executor = await Executor.create(this.device, plan, this.weights, options);
    if (this.disposed) executor.dispose();
    this.assertUsable();
    this.executors.set(tensor, executor);
    return executor;
  }

  private async neuronGradient(images: Images, neuron: Neuron, relu: ReluRule, options: RunOptions): Promise<InputGradient> {
    const { batch, placement } = this.plan;
    if (!this.file.graph.nodes.some(({ name }) => name === neuron.tensor)) {
      throw new GradlensError('shape', `there is no tensor '${neuron.tensor}'; there are ${this.file.graph.nodes.map(({ name }) => name).join(', ')}`, { tensor: neuron.tensor, placement: placement.size });
    }
    if (this.isProbability(neuron.tensor)) throw new GradlensError('unsupported-op', `${neuron.tensor} holds probabilities; give their class and score: 'probability' instead of a neuron`, { tensor: neuron.tensor });
    const plan = compile(this.file.graph, { batch, bindingBytes: this.device.environment.limits.maxStorageBufferBindingSize, variants: this.variants, target: neuron.tensor });
    const { C, H, W, blocks, storage } = plan.scores;
    const { channel, y, x } = neuron;
    const within = (index: number, extent: number): boolean => Number.isInteger(index) && index >= 0 && index < extent;
    const inside = within(channel, C) && (y === undefined || within(y, H)) && (x === undefined || within(x, W));
    if (!inside || (y === undefined) !== (x === undefined)) {
      throw new GradlensError('shape', `${neuron.tensor} is [${C}, ${H}, ${W}]; channel ${channel}${y === undefined ? '' : `, y ${y}, x ${x}`} is not in it`);
    }
    const executor = await this.neuronExecutor(neuron.tensor, plan, options);
    await this.inputs.fill(images);
    const target: Target = y === undefined || x === undefined ? { channel } : { channel, y, x };
    const [values, gradient] = await this.readback.run('gradient', storage.bytes + plan.gradient.bytes, (encoder, read) => {
      this.inputs.encode(encoder, executor.input);
      executor.encodeBoth(encoder, { targets: Array.from({ length: batch }, () => target), relu, score: 'logit' });
      read(executor.scores, storage.bytes);
      read(executor.gradient, plan.gradient.bytes);
    });
    const plane = H * W;
    const scores = Float32Array.from({ length: batch }, (_, n) => {
      const base = (n * blocks + (channel >> 2)) * plane;
      const at = (pixel: number): number => values![(base + pixel) * 4 + (channel & 3)]!;
      if (y !== undefined && x !== undefined) return at(y * W + x);
      let sum = 0;
      for (let pixel = 0; pixel < plane; pixel++) sum += at(pixel);
      return sum;
    });
    return { scores: finite(scores), gradient: finite(gradient!), classes: [] };
  }

  /** Whether a tensor is a soft-max's, whose rewriting would answer for the score instead. */
  private isProbability(tensor: string): boolean {
    const node = this.file.graph.nodes.find(({ name }) => name === tensor);
    return node?.op === 'softmax' || (node?.op === 'identity' && this.isProbability(node.inputs[0]!));
  }

  /** The class lists of the backward passes that follow one forward pass. */
  private runsOf(chosen: number | readonly number[]): readonly (readonly number[])[] {
    const { batch } = this.plan;
    const list = typeof chosen === 'number' ? Array.from({ length: batch }, () => chosen) : chosen;
    const wrong = list.find((index) => !Number.isInteger(index) || index < 0 || index >= this.classes);
    if (wrong !== undefined) throw new GradlensError('shape', `class ${wrong} is not among the ${this.classes} classes, 0 to ${this.classes - 1}`, { class: wrong, classes: this.classes });
    if (batch === 1 && list.length > 0) return list.map((index) => [index]);
    if (list.length !== batch) throw new GradlensError('shape', `${list.length} classes for a batch of ${batch}: one class, or one per picture, would be right`);
    return [list];
  }

  private get scoreBytes(): number {
    return this.plan.scores.storage.bytes;
  }

  /** Blocks of four, zero past the last class → `[N × classes]`. Scores that are no numbers are an error, not a result. */
  private unblock(blocks: Float32Array): Float32Array {
    const { C } = this.plan.scores;
    const stride = blocksOf(C) * 4;
    const scores = new Float32Array(this.plan.batch * C);
    for (let n = 0; n < this.plan.batch; n++) scores.set(blocks.subarray(n * stride, n * stride + C), n * C);
    const bad = scores.findIndex((score) => !Number.isFinite(score));
    if (bad >= 0) throw new GradlensError('validation', `the score of class ${bad % C} is ${scores[bad]}: the input or an activation is too large for float32, or is not a number`, { class: bad % C });
    return scores;
  }

  private assertUsable(): void {
    if (this.disposed) throw new GradlensError('disposed', `${this.name} was disposed`);
    this.device.assertAlive();
  }

  /** One run at a time; a caller who aborts is answered at once, while the GPU finishes in its own time. */
  private async exclusive<T>(options: RunOptions, run: () => Promise<T>): Promise<T> {
    const { signal } = options;
    signal?.throwIfAborted();
    this.assertUsable();
    const result = this.queue.then(async () => {
      signal?.throwIfAborted();
      this.assertUsable();
      return run();
    }).catch((error: unknown) => {
      this.assertUsable(); // disposed or lost in the middle: that is the reason, not what the driver made of it
      throw error;
    });
    this.queue = result.catch(() => {});
    if (!signal) return result;
    let onAbort = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    return Promise.race([result, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
  }
}

/** What float32 cannot hold is an error, not a result. */
function finite(values: Float32Array): Float32Array {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new GradlensError('validation', `element ${bad} of the result is ${values[bad]}: the network's numbers are too large for float32`, { index: bad });
  return values;
}

function argmax(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > values[best]! ? index : best), 0);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function inputSpecOf({ graph, input }: ModelFile, override: InputSpec | undefined): InputSpec | null {
  const spec = override ?? input ?? null;
  const extents = graph.input.extents;
  if (spec && (spec.channels !== extents.C || spec.height !== extents.H || spec.width !== extents.W)) {
    throw new GradlensError('shape', `pictures would be prepared as [${spec.channels}, ${spec.height}, ${spec.width}], the network takes [${extents.C}, ${extents.H}, ${extents.W}]`);
  }
  return spec;
}
