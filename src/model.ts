/** Model: one network on one device. */
import { blocksOf } from '../shaders/kernel';
import { type Memory, type Plan, compile, lastPlaneOf } from './compile';
import { GradlensError } from './errors';
import { presetSpec } from './formats/preparation';
import { Ascent, type AscentOptions } from './gpu/ascent';
import type { Device } from './gpu/device';
import { type BackwardOptions, Executor, type Target } from './gpu/executor';
import { Inputs } from './gpu/inputs';
import { Readback } from './gpu/readback';
import { type Sampled, type SampledVariants, type View, sampleVariants, sampleViews } from './gpu/sampling';
import { tuned } from './gpu/tuning/tuner';
import { WeightStore } from './gpu/weights';
import { type Graph, type InputSpec, type ModelFile, graphAfter } from './graph';
import type { ImageInput, Images } from './image/pixels';
import type { AscentRun, AscentState, GradientOptions, InputGradient, LayerGradient, LoadOptions, Neuron, Preparation, Profile, ReluRule, RunOptions, TopClasses } from './options';
import type { Variants } from './ops/variants';
import { type Classification, softmax, topClasses } from './scores';

export class Model implements Disposable {
  /** Of neurons, by the tensor as the graph names it: after rewriting, a layer and its ReLU may share a name. */
  private readonly executors = new Map<string, Executor>();
  /** Of what follows a tensor, for its gradient. */
  private readonly restExecutors = new Map<string, Executor>();
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
    /** What was loaded. */
    readonly file: ModelFile,
    /** How pictures are prepared, and who says so; null if neither the file nor the caller does. */
    readonly preparation: Preparation | null,
    /** Names of the classes in score order; empty where unknown. */
    readonly labels: readonly string[],
    /** Dispatches, buffers and bytes of one gradient; prints as a table. */
    readonly plan: Plan,
    private readonly variants: Variants,
    private readonly onDispose: (model: Model) => void,
  ) {
    this.weights = new WeightStore(device);
    this.readback = new Readback(device);
    this.inputs = new Inputs(device, this.input, this.inputShape, this.name);
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
    const model = new Model(device, file, preparationOf(file, options), labelsOf(file, options, C), plan, variants, onDispose);
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

  /** How pictures are prepared; null if neither the file nor the caller says. */
  get input(): InputSpec | null {
    return this.preparation?.input ?? null;
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

  /** The last tensor of the graph that has more than one pixel: the input, if none has. */
  get lastPlane(): string {
    return lastPlaneOf(this.file.graph);
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
      await this.inputs.fill(images);
      return this.forward();
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
      if (typeof chosen === 'string' || (typeof chosen === 'object' && 'top' in chosen)) {
        const scores = await this.forward();
        const runs = this.bestOf(scores, chosen);
        const gradients = await this.readback.run('gradient', runs.length * gradientBytes, (encoder, read) => {
          runs.forEach((classes, k) => {
            const backward: BackwardOptions = { targets: classes.map((channel) => ({ channel })), relu, score };
            if (k === 0 && this.recorded) {
              // a host's recording may have run since, so what the forward pass saved is made again
              this.inputs.encode(encoder, executor.input);
              executor.encodeBoth(encoder, backward);
            } else {
              executor.encodeBackward(encoder, backward);
            }
            read(executor.gradient, gradientBytes);
          });
        });
        return { scores, gradient: finite(joined(gradients)), classes: runs.flat() };
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
   * `[N, C, H, W]` and need `COPY_SRC` and `COPY_DST`. Or `input` is a texture, or one per item of the batch, which is prepared as any
   * picture: as {@link ImageInput} says, and of 128 bytes that are kept for each size.
   *
   * @throws GradlensError `shape` if a buffer is too small, a class out of range, or textures do not make a batch; `validation` for a
   *   texture that cannot be read; `disposed`.
   */
  encodeGradient(encoder: GPUCommandEncoder, options: Omit<GradientOptions, 'class'> & { readonly class: number | readonly number[]; readonly input: GPUBuffer | GPUTexture | readonly GPUTexture[]; readonly output: GPUBuffer }): void {
    this.assertUsable();
    const { input, output, relu = 'gradient', score = 'logit' } = options;
    const runs = this.runsOf(options.class);
    const need = runs.length * this.plan.gradient.bytes;
    if (output.size < need) throw new GradlensError('shape', `encodeGradient: the output buffer has ${output.size} bytes, ${runs.length} gradient(s) take ${need}`);
    const executor = this.ready!;
    this.inputs.encodeFrom(input, encoder, executor.input);
    this.recorded = true;
    runs.forEach((classes, k) => {
      const backward: BackwardOptions = { targets: classes.map((channel) => ({ channel })), relu, score };
      if (k === 0) executor.encodeBoth(encoder, backward);
      else executor.encodeBackward(encoder, backward);
      encoder.copyBufferToBuffer(executor.gradient, 0, output, k * this.plan.gradient.bytes, this.plan.gradient.bytes);
    });
  }

  /**
   * Gradient ascent on a score, from a state or the zero image, all on the GPU: what `classModel` is made of.
   *
   * @throws GradlensError as {@link inputGradient}
   */
  async ascend(options: AscentOptions & { readonly class: number | readonly number[] | Neuron; readonly score?: GradientOptions['score']; readonly from?: Partial<AscentState> } & RunOptions): Promise<AscentRun> {
    const { from, score = 'logit', class: chosen } = options;
    const elements = this.plan.input.bytes / 4;
    for (const [name, data] of [['image', from?.image], ['velocity', from?.velocity]] as const) {
      if (data?.length && data.length !== elements) throw new GradlensError('shape', `the start ${name} has ${data.length} elements, [${this.inputShape.join(', ')}] has ${elements}`);
    }
    const [, C, H, W] = this.inputShape;
    const { ascent, backward } = await this.exclusive(options, async () => {
      const { executor, targets } = await this.targetOf(chosen, options);
      const ascent = await Ascent.create(this.device, executor, this.readback, targets, { C, H, W }, options, from);
      return { ascent, backward: { targets, relu: 'gradient', score } satisfies BackwardOptions };
    });
    this.ascents.add(ascent);
    return {
      submit: (most) => this.exclusive(options, () => ascent.submit(most, backward)),
      read: () => this.exclusive(options, () => ascent.read()),
      dispose: () => {
        if (this.ascents.delete(ascent)) ascent.dispose();
      },
    };
  }

  /** A picture as the network takes it, `[C, H, W]`. */
  prepared(image: ImageInput, options: RunOptions = {}): Promise<Float32Array> {
    return this.exclusive(options, async () => {
      await this.inputs.fillFirst(image);
      const [, C, H, W] = this.inputShape;
      const [data] = await this.readback.run('prepared', C * H * W * 4, (_, read) => read(this.inputs.buffer, C * H * W * 4));
      return data!;
    });
  }

  /**
   * Gradients of many variants of one picture, added up on the GPU: what `smoothGrad`, `integratedGradients`, `occlusion` and
   * `perturbationCurves` are made of. Variants fill the batch; memory does not grow with their number.
   *
   * @throws GradlensError as {@link inputGradient}
   */
  sampleGradient(image: ImageInput, options: SampledVariants & { readonly class: number; readonly relu?: ReluRule; readonly score?: GradientOptions['score'] } & RunOptions): Promise<Sampled> {
    return this.exclusive(options, async () => {
      const { relu = 'gradient', score = 'logit', samples } = options;
      const { targets } = await this.targetOf(options.class, options);
      const [N, C, H, W] = this.inputShape;
      const wrong = ([['other', options.other?.length, C * H * W], ['ranks', options.ranks?.length, H * W]] as const).find(([, length, right]) => length !== undefined && length !== right);
      if (wrong) throw new GradlensError('shape', `${wrong[0]} has ${wrong[1]} elements; ${wrong[2]} would be right`);
      await this.inputs.fillFirst(image);
      const sampled = await sampleVariants(this.parts, this.inputs.buffer, { N, C, H, W, SAMPLES: samples }, options, { targets, relu, score }, options);
      finite(sampled.scores);
      finite(sampled.total);
      return sampled;
    });
  }

  /**
   * Maps of several views of one picture, brought to where they lie in it and averaged on the GPU: what `saliency` with ten views is
   * made of. `pictures` are the views' own; the last batch is filled up with the last of them.
   *
   * @throws GradlensError as {@link inputGradient}
   */
  averageViews(pictures: readonly ImageInput[], views: readonly View[], options: { readonly class: number; readonly channels: 'max-abs' | 'sum-abs' | 'sum'; readonly relu?: ReluRule; readonly score?: GradientOptions['score'] } & RunOptions): Promise<Float32Array> {
    return this.exclusive(options, async () => {
      const { relu = 'gradient', score = 'logit', channels } = options;
      const { executor, targets } = await this.targetOf(options.class, options);
      const [N, C, H, W] = this.inputShape;
      const fill = (k: number): Promise<void> => this.inputs.fill(Array.from({ length: N }, (_, n) => pictures[Math.min(k * N + n, pictures.length - 1)]!));
      return finite(await sampleViews(this.parts, { N, C, H, W, SAMPLES: views.length }, views, channels, { targets, relu, score }, fill, (encoder) => this.inputs.encode(encoder, executor.input), options));
    });
  }

  /**
   * A tensor inside the network for one picture, and the gradient of a class score with respect to it: what `gradCam` is made of.
   * Everything after must go through the tensor.
   *
   * @throws GradlensError `shape` for a tensor that is not there or that the rest of the network goes around; else as {@link inputGradient}
   */
  layerGradient(image: ImageInput, options: { readonly tensor: string; readonly class: number | 'top1' } & RunOptions): Promise<LayerGradient> {
    return this.exclusive(options, async () => {
      const { tensor } = options;
      const { batch } = this.plan;
      const head = await this.neuronExecutor(tensor, this.planOf(tensor), options);
      const { C, H, W, block, storage } = head.plan.scores;
      const rest = this.restExecutors.get(tensor) ?? await this.executorOf(this.compile(graphAfter(this.file.graph, tensor, { C, H, W })), this.restExecutors, tensor, options);
      await this.inputs.fill(Array.from({ length: batch }, () => image));
      const [stored] = await this.readback.run('layer', storage.bytes, (encoder, read) => {
        this.inputs.encode(encoder, head.input);
        head.encodeForward(encoder);
        read(head.scores, storage.bytes);
      });
      const activations = finite(fromBlocks(stored!, { C, H, W, block }));
      await this.device.guard('layer', () => {
        for (let n = 0; n < batch; n++) this.device.gpu.queue.writeBuffer(rest.input, n * activations.byteLength, activations as Float32Array<ArrayBuffer>);
      });
      const [blocksOfScores] = await this.readback.run('scores', this.scoreBytes, (encoder, read) => {
        rest.encodeForward(encoder);
        read(rest.scores, this.scoreBytes);
      });
      const scores = this.unblock(blocksOfScores!).subarray(0, this.classes);
      const chosen = options.class === 'top1' ? argmax(scores) : this.runsOf(options.class)[0]![0]!;
      const [gradient] = await this.readback.run('layer', activations.byteLength, (encoder, read) => {
        rest.encodeBackward(encoder, { targets: Array.from({ length: batch }, () => ({ channel: chosen })), relu: 'gradient', score: 'logit' });
        read(rest.gradient, activations.byteLength);
      });
      return { extents: { C, H, W }, activations, gradient: finite(gradient!), scores, class: chosen };
    });
  }

  /**
   * How long each step of a gradient takes on this device, by itself: for finding out what a network spends its time on. Takes as long as
   * several gradients.
   *
   * @throws GradlensError as {@link inputGradient}
   */
  profile(images: Images, options: { readonly class: number | readonly number[] } & RunOptions): Promise<Profile> {
    return this.exclusive(options, async () => {
      const executor = this.ready!;
      const classes = this.runsOf(options.class)[0]!;
      await this.inputs.fill(images);
      await this.device.guard('profile', () => {
        const encoder = this.device.gpu.createCommandEncoder();
        this.inputs.encode(encoder, executor.input);
        this.device.gpu.queue.submit([encoder.finish()]);
      });
      return executor.profile({ targets: classes.map((channel) => ({ channel })), relu: 'gradient', score: 'logit' }, options);
    });
  }

  /** Gives everything back to the GPU; a second call does nothing. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const ascent of this.ascents) ascent.dispose();
    this.ascents.clear();
    for (const executor of [...this.executors.values(), ...this.restExecutors.values()]) executor.dispose();
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

  private async neuronExecutor(tensor: string, plan: Plan, options: RunOptions): Promise<Executor> {
    return this.executors.get(tensor) ?? this.executorOf(plan, this.executors, tensor, options);
  }

  /** Calls are one at a time, so no two make the same executor; but `dispose()` may come while one is made. */
  private async executorOf(plan: Plan, into: Map<string, Executor>, tensor: string, options: RunOptions): Promise<Executor> {
    const executor = await Executor.create(this.device, plan, this.weights, options);
    if (this.disposed) executor.dispose();
    this.assertUsable();
    into.set(tensor, executor);
    return executor;
  }

  private get parts() {
    return { device: this.device, executor: this.ready!, readback: this.readback };
  }

  /** As the plan of the class scores is compiled. */
  private compile(graph: Graph, target?: string): Plan {
    const bindingBytes = this.device.environment.limits.maxStorageBufferBindingSize;
    return compile(graph, { batch: this.plan.batch, bindingBytes, variants: this.variants, ...(target === undefined ? {} : { target }) });
  }

  /** Scores `[N × classes]` of what {@link Inputs.fill} brought. */
  private async forward(): Promise<Float32Array> {
    const executor = this.ready!;
    const [blocks] = await this.readback.run('scores', this.scoreBytes, (encoder, read) => {
      this.inputs.encode(encoder, executor.input);
      executor.encodeForward(encoder);
      read(executor.scores, this.scoreBytes);
    });
    return this.unblock(blocks!);
  }

  /** As {@link runsOf}, of the classes with the highest scores. */
  private bestOf(scores: Float32Array, chosen: 'top1' | TopClasses): readonly (readonly number[])[] {
    const { batch } = this.plan;
    if (chosen === 'top1') return [Array.from({ length: batch }, (_, n) => argmax(scores.subarray(n * this.classes, (n + 1) * this.classes)))];
    if (batch !== 1) throw new GradlensError('shape', `the best ${chosen.top} classes are of one picture; the batch is ${batch}`, { batch });
    if (!Number.isInteger(chosen.top) || chosen.top < 1) throw new GradlensError('shape', `top is ${chosen.top}; a whole number from 1 would be right`);
    const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
    return this.runsOf([...new Set([...order.slice(0, chosen.top), ...(chosen.also ?? [])])]);
  }

  private planOf(tensor: string): Plan {
    if (!this.file.graph.nodes.some(({ name }) => name === tensor)) {
      throw new GradlensError('shape', `there is no tensor '${tensor}'; there are ${this.file.graph.nodes.map(({ name }) => name).join(', ')}`, { tensor });
    }
    if (this.isProbability(tensor)) throw new GradlensError('unsupported-op', `${tensor} holds probabilities; give their class and score: 'probability' instead of a neuron`, { tensor });
    return this.compile(this.file.graph, tensor);
  }

  /** What computes a target's value, and where in it the target is: a class per item, or one neuron for all. */
  private async targetOf(chosen: number | readonly number[] | Neuron, options: RunOptions): Promise<{ executor: Executor; targets: readonly Target[] }> {
    if (typeof chosen === 'object' && 'tensor' in chosen) {
      const plan = this.planOf(chosen.tensor);
      const target = targetIn(plan, chosen);
      return { executor: await this.neuronExecutor(chosen.tensor, plan, options), targets: Array.from({ length: plan.batch }, () => target) };
    }
    const [classes, ...more] = this.runsOf(chosen);
    if (more.length > 0) throw new GradlensError('shape', `${more.length + 1} classes at once need a batch of ${more.length + 1}; this one is ${this.plan.batch}`);
    return { executor: this.ready!, targets: classes!.map((channel) => ({ channel })) };
  }

  private async neuronGradient(images: Images, neuron: Neuron, relu: ReluRule, options: RunOptions): Promise<InputGradient> {
    const { batch } = this.plan;
    const { executor, targets } = await this.targetOf(neuron, options);
    const { plan } = executor;
    const { H, W, blocks, storage } = plan.scores;
    const { channel, y, x } = neuron;
    await this.inputs.fill(images);
    const [values, gradient] = await this.readback.run('gradient', storage.bytes + plan.gradient.bytes, (encoder, read) => {
      this.inputs.encode(encoder, executor.input);
      executor.encodeBoth(encoder, { targets, relu, score: 'logit' });
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
    if (node?.op === 'identity' || node?.op === 'flatten' || node?.op === 'reshape') return this.isProbability(node.inputs[0]!);
    return node?.op === 'softmax' || node?.op === 'logSoftmax';
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

/** @throws GradlensError `shape` for a neuron that is not in its tensor */
function targetIn({ scores: { C, H, W } }: Plan, { tensor, channel, y, x }: Neuron): Target {
  const within = (index: number, extent: number): boolean => Number.isInteger(index) && index >= 0 && index < extent;
  const inside = within(channel, C) && (y === undefined || within(y, H)) && (x === undefined || within(x, W));
  if (!inside || (y === undefined) !== (x === undefined)) {
    throw new GradlensError('shape', `${tensor} is [${C}, ${H}, ${W}]; channel ${channel}${y === undefined ? '' : `, y ${y}, x ${x}`} is not in it`);
  }
  return y === undefined || x === undefined ? { channel } : { channel, y, x };
}

/** The first item of a stored tensor, `[C, H, W]`. */
function fromBlocks(stored: Float32Array, { C, H, W, block }: { readonly C: number; readonly H: number; readonly W: number; readonly block: number }): Float32Array {
  const plane = H * W;
  return Float32Array.from({ length: C * plane }, (_, i) => {
    const c = Math.floor(i / plane);
    return stored[((block + (c >> 2)) * plane + (i % plane)) * 4 + (c & 3)]!;
  });
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

/** The caller's word counts before the file's, and that before a guess, which is taken only if the caller asks for it. */
function preparationOf({ graph, input, guess }: ModelFile, options: LoadOptions): Preparation | null {
  const { extents } = graph.input;
  const chosen = ((): Preparation | null => {
    if (options.input) return { input: options.input, by: 'caller' };
    if (options.prep !== undefined && options.prep !== 'guess') return { input: presetSpec(options.prep, extents), by: 'caller', prep: options.prep };
    if (input) return { input, by: 'file' };
    return options.prep === 'guess' && guess ? { input: presetSpec(guess.prep, extents), by: 'guess', ...guess } : null;
  })();
  const spec = chosen?.input;
  if (spec && (spec.channels !== extents.C || spec.height !== extents.H || spec.width !== extents.W)) {
    throw new GradlensError('shape', `pictures would be prepared as [${spec.channels}, ${spec.height}, ${spec.width}], the network takes [${extents.C}, ${extents.H}, ${extents.W}]`);
  }
  return chosen;
}

function labelsOf(file: ModelFile, options: LoadOptions, classes: number): readonly string[] {
  const labels = options.labels ?? file.labels;
  if (labels.length > 0 && labels.length !== classes) throw new GradlensError('shape', `there are ${labels.length} labels; the network has ${classes} classes`, { labels: labels.length, classes });
  return labels;
}
