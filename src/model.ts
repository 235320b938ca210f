/** Model: one network on one device. */
import { type Memory, type Plan, compile, lastPlaneOf, planesOf } from './compile';
import { GradlensError } from './errors';
import type { Ascent, AscentOptions } from './gpu/ascent';
import type { Device } from './gpu/device';
import type { BackwardOptions, Executor, Target } from './gpu/executor';
import { Inputs } from './gpu/inputs';
import { Readback } from './gpu/readback';
import type { Sampled, SampledVariants, View } from './gpu/sampling';
import type { Graph, InputSpec, ModelFile } from './graph';
import type { ImageInput, Images } from './image/pixels';
import { type Compile, Executors } from './model/executors';
import {
  type Parts,
  bestGradients,
  classGradients,
  encodePass,
  forward,
  layerGradient,
  neuronGradient,
} from './model/gradients';
import { finite } from './model/results';
import { labelsOf, preparationOf } from './model/settings';
import { neuronIn, onePassOf, passesOf, targetsOf } from './model/targets';
import { Turns } from './model/turns';
import type {
  AscentRun,
  AscentState,
  GradientOptions,
  InputGradient,
  LayerGradient,
  LoadOptions,
  Neuron,
  Preparation,
  Profile,
  ReluRule,
  RunOptions,
  TopClasses,
} from './options';
import type { Variants } from './variants/variants';
import { type Classification, softmax, topClasses } from './scores';

export class Model implements Disposable {
  private readonly executors: Executors;
  private readonly ascents = new Set<Ascent>();
  private readonly readback: Readback;
  private readonly inputs: Inputs;
  private readonly turns = new Turns(() => this.assertUsable());
  private disposed = false;
  /** Whether a host ever recorded a gradient, which it may submit at any time. */
  private recorded = false;
  /** The executor of the class scores, there since `create`. */
  private ready: Executor | null = null;

  private constructor(
    private readonly device: Device,
    /** What was loaded. */
    readonly file: ModelFile,
    /** How pictures are prepared, and who says so; null if neither the file nor the caller does. */
    readonly preparation: Preparation | null,
    /** Names of the classes in score order; empty where unknown. */
    readonly labels: readonly string[],
    /** What weights and activations are stored in. */
    readonly precision: 'f32' | 'f16',
    /** Dispatches, buffers and bytes of one gradient; prints as a table. */
    readonly plan: Plan,
    compileGraph: Compile,
    private readonly onDispose: (model: Model) => void,
  ) {
    this.executors = new Executors(device, file.graph, compileGraph);
    this.readback = new Readback(device);
    this.inputs = new Inputs(device, this.input, this.inputShape, this.name);
  }

  /** Called by `Engine.load`. */
  static async create(
    device: Device,
    file: ModelFile,
    options: LoadOptions,
    onDispose: (model: Model) => void,
  ): Promise<Model> {
    const { batch = 1, precision = 'f32', tune = true, signal } = options;
    if (precision !== 'f32' && precision !== 'f16')
      throw new GradlensError(
        'feature',
        `precision '${precision}' is not available; 'f32' is exact, 'f16' takes half the memory`,
        { precision },
      );
    if (!Number.isInteger(batch) || batch < 1)
      throw new GradlensError('shape', `batch is ${batch}; a whole number from 1 would be right`);
    signal?.throwIfAborted();
    const bindingBytes = device.environment.limits.maxStorageBufferBindingSize;
    const half = precision === 'f16' ? { half: device.half } : {};
    const compileWith =
      (variants: Variants): Compile =>
      (graph: Graph, target?: string) =>
        compile(graph, { batch, bindingBytes, variants, ...half, ...(target === undefined ? {} : { target }) });
    // what not every page needs is fetched when it is asked for
    const variants =
      tune && !device.environment.adapter.isFallbackAdapter
        ? await (await import('./gpu/tuning/tuner')).tuned(device, (trial) => compileWith(trial)(file.graph), {
            ...options,
            ...half,
          })
        : device.variants;
    const plan = compileWith(variants)(file.graph);
    const { C, H, W } = plan.scores;
    if (H !== 1 || W !== 1)
      throw new GradlensError(
        'shape',
        `the scores '${file.graph.output}' are [${C}, ${H}, ${W}]; one number per class, [${C}], would be right (a global average pool at the end makes it so)`,
        { output: file.graph.output },
      );
    const model = new Model(
      device,
      file,
      preparationOf(file, options),
      labelsOf(file, options, C),
      precision,
      plan,
      compileWith(variants),
      onDispose,
    );
    try {
      model.ready = await model.executors.make(plan, options);
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

  /**
   * For each extents of a plane the last tensor that has them, in the graph's order, without maps that have a channel
   * per class.
   */
  get planes(): readonly string[] {
    return planesOf(this.file.graph, this.classes);
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
    return this.turns.take(options, async () => {
      await this.inputs.bring(images);
      return forward(this.parts);
    });
  }

  /** The best classes of one picture, best first. */
  async classify(image: ImageInput, top = 5, options: RunOptions = {}): Promise<Classification[]> {
    const scores = await this.scores(image, options);
    return topClasses(scores.subarray(0, this.classes), softmax(scores.subarray(0, this.classes)), top, (index) =>
      this.labelOf(index),
    );
  }

  /**
   * The exact gradient of a score with respect to the prepared input (§3 of the paper: `w = ∂S_c/∂I at I₀`). One submit
   * and one read-back (two for `top1`, which must know the scores first).
   *
   * @throws GradlensError `shape` for a wrong picture, class or batch; `device-lost`, `out-of-memory`, `validation`
   *   from the GPU.
   */
  inputGradient(images: Images, options: GradientOptions & RunOptions): Promise<InputGradient> {
    return this.turns.take(options, async () => {
      const rules = rulesOf(options);
      const chosen = options.class;
      await this.inputs.bring(images);
      const found =
        chosen === 'top1' || isTop(chosen)
          ? await bestGradients(this.parts, chosen, rules, () => this.recorded) // a host's recording may run at any time
          : isNeuron(chosen)
            ? await neuronGradient(this.parts, chosen, rules, options)
            : await classGradients(this.parts, chosen, rules);
      return { ...found, precision: this.precision };
    });
  }

  /**
   * Records one gradient into the caller's encoder: no submit, no await, nothing allocated. `input` and `output` hold
   * float32 `[N, C, H, W]` and need `COPY_SRC` and `COPY_DST`. Or `input` is a texture, or one per item of the batch,
   * which is prepared as any picture: as {@link ImageInput} says, and of 128 bytes that are kept for each size.
   *
   * @throws GradlensError `shape` if a buffer is too small, a class out of range, or textures do not make a batch;
   *   `validation` for a
   *   texture that cannot be read; `disposed`.
   */
  encodeGradient(
    encoder: GPUCommandEncoder,
    options: Omit<GradientOptions, 'class'> & {
      readonly class: number | readonly number[];
      readonly input: GPUBuffer | GPUTexture | readonly GPUTexture[];
      readonly output: GPUBuffer;
    },
  ): void {
    this.assertUsable();
    const { input, output } = options;
    const { bytes } = this.plan.gradient;
    const passes = passesOf(this.plan, options.class);
    const need = passes.length * bytes;
    if (output.size < need)
      throw new GradlensError(
        'shape',
        `encodeGradient: the output buffer has ${output.size} bytes, ${passes.length} gradient(s) take ${need}`,
      );
    const executor = this.ready!;
    this.inputs.encodeFrom(input, encoder, executor.input);
    this.recorded = true;
    passes.forEach((classes, k) => {
      encodePass(encoder, executor, classes, rulesOf(options), k === 0);
      encoder.copyBufferToBuffer(executor.gradient, 0, output, k * bytes, bytes);
    });
  }

  /**
   * Gradient ascent on a score, from a state or the zero image, all on the GPU: what `classModel` is made of.
   *
   * @throws GradlensError as {@link inputGradient}
   */
  async ascend(
    options: AscentOptions & {
      readonly class: number | readonly number[] | Neuron;
      readonly score?: GradientOptions['score'];
      readonly from?: Partial<AscentState>;
    } & RunOptions,
  ): Promise<AscentRun> {
    const { from, score = 'logit', class: chosen } = options;
    const elements = this.plan.input.bytes / 4;
    for (const [name, data] of [
      ['image', from?.image],
      ['velocity', from?.velocity],
    ] as const) {
      if (data?.length && data.length !== elements)
        throw new GradlensError(
          'shape',
          `the start ${name} has ${data.length} elements, [${this.inputShape.join(', ')}] has ${elements}`,
        );
    }
    const [, C, H, W] = this.inputShape;
    const { ascent, backward } = await this.turns.take(options, async () => {
      const { executor, targets } = await this.targetOf(chosen, options);
      const ascent = await (await import('./gpu/ascent')).Ascent.create(
        this.device,
        executor,
        this.readback,
        targets,
        { C, H, W },
        options,
        from,
      );
      return { ascent, backward: { targets, relu: 'gradient', score } satisfies BackwardOptions };
    });
    this.ascents.add(ascent);
    return {
      submit: (most) => this.turns.take(options, () => ascent.submit(most, backward)),
      read: () => this.turns.take(options, () => ascent.read()),
      dispose: () => {
        if (this.ascents.delete(ascent)) ascent.dispose();
      },
    };
  }

  /** A picture as the network takes it, `[C, H, W]`. */
  prepared(image: ImageInput, options: RunOptions = {}): Promise<Float32Array> {
    return this.turns.take(options, async () => {
      await this.inputs.fillFirst(image);
      const [, C, H, W] = this.inputShape;
      const [data] = await this.readback.run('prepared', C * H * W * 4, (_, read) =>
        read(this.inputs.buffer, C * H * W * 4),
      );
      return data!;
    });
  }

  /**
   * Gradients of many variants of one picture, added up on the GPU: what `smoothGrad`, `integratedGradients`,
   * `occlusion` and `perturbationCurves` are made of. Variants fill the batch; memory does not grow with their number.
   *
   * @throws GradlensError as {@link inputGradient}
   */
  sampleGradient(
    image: ImageInput,
    options: SampledVariants & {
      readonly class: number;
      readonly relu?: ReluRule;
      readonly score?: GradientOptions['score'];
    } & RunOptions,
  ): Promise<Sampled> {
    return this.turns.take(options, async () => {
      const { relu = 'gradient', score = 'logit', samples } = options;
      const { targets } = await this.targetOf(options.class, options);
      const [N, C, H, W] = this.inputShape;
      const wrong = (
        [
          ['other', options.other?.length, C * H * W],
          ['ranks', options.ranks?.length, H * W],
        ] as const
      ).find(([, length, right]) => length !== undefined && length !== right);
      if (wrong) throw new GradlensError('shape', `${wrong[0]} has ${wrong[1]} elements; ${wrong[2]} would be right`);
      await this.inputs.fillFirst(image);
      const { sampleVariants } = await import('./gpu/sampling');
      const sampled = await sampleVariants(
        this.parts,
        this.inputs.buffer,
        { N, C, H, W, SAMPLES: samples },
        options,
        { targets, relu, score },
        options,
      );
      finite(sampled.scores);
      finite(sampled.total);
      return sampled;
    });
  }

  /**
   * Maps of several views of one picture, brought to where they lie in it and averaged on the GPU: what `saliency` with
   * ten views is made of. `pictures` are the views' own; the last batch is filled up with the last of them.
   *
   * @throws GradlensError as {@link inputGradient}
   */
  averageViews(
    pictures: readonly ImageInput[],
    views: readonly View[],
    options: {
      readonly class: number;
      readonly channels: 'max-abs' | 'sum-abs' | 'sum';
      readonly relu?: ReluRule;
      readonly score?: GradientOptions['score'];
    } & RunOptions,
  ): Promise<Float32Array> {
    return this.turns.take(options, async () => {
      const { relu = 'gradient', score = 'logit', channels } = options;
      const { executor, targets } = await this.targetOf(options.class, options);
      const [N, C, H, W] = this.inputShape;
      const fill = (k: number): Promise<void> =>
        this.inputs.fill(Array.from({ length: N }, (_, n) => pictures[Math.min(k * N + n, pictures.length - 1)]!));
      const { sampleViews } = await import('./gpu/sampling');
      return finite(
        await sampleViews(
          this.parts,
          { N, C, H, W, SAMPLES: views.length },
          views,
          channels,
          { targets, relu, score },
          fill,
          (encoder) => this.inputs.encode(encoder, executor.input),
          options,
        ),
      );
    });
  }

  /**
   * A tensor inside the network for one picture, and the gradients of class scores with respect to it, from one forward
   * pass: what `gradCam` and `layerMap` are made of. Everything after must go through the tensor.
   *
   * @throws GradlensError `shape` for a tensor that is not there or that the rest of the network goes around; else as
   *   {@link inputGradient}
   */
  layerGradient(
    image: ImageInput,
    options: { readonly tensor: string; readonly class: number | readonly number[] | 'top1' | TopClasses } & RunOptions,
  ): Promise<LayerGradient> {
    return this.turns.take(options, () => layerGradient(this.parts, image, options.tensor, options.class, options));
  }

  /**
   * How long each step of a gradient takes on this device, by itself: for finding out what a network spends its time
   * on. Takes as long as several gradients.
   *
   * @throws GradlensError as {@link inputGradient}
   */
  profile(images: Images, options: { readonly class: number | readonly number[] } & RunOptions): Promise<Profile> {
    return this.turns.take(options, async () => {
      const executor = this.ready!;
      await this.inputs.fill(images);
      await this.device.guard('profile', () => {
        const encoder = this.device.gpu.createCommandEncoder();
        this.inputs.encode(encoder, executor.input);
        this.device.gpu.queue.submit([encoder.finish()]);
      });
      return executor.profile({ targets: targetsOf(passesOf(this.plan, options.class)[0]!), ...rulesOf({}) }, options);
    });
  }

  /** Gives everything back to the GPU; a second call does nothing. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const ascent of this.ascents) ascent.dispose();
    this.ascents.clear();
    this.executors.dispose();
    this.readback.dispose();
    this.inputs.dispose();
    this.onDispose(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // ——— inside ———

  private get parts(): Parts {
    return {
      device: this.device,
      inputs: this.inputs,
      readback: this.readback,
      executors: this.executors,
      executor: this.ready!,
    };
  }

  /** What computes a target's value, and where in it the target is: a class per item, or one neuron for all. */
  private async targetOf(
    chosen: number | readonly number[] | Neuron,
    options: RunOptions,
  ): Promise<{ executor: Executor; targets: readonly Target[] }> {
    if (!isNeuron(chosen)) return { executor: this.ready!, targets: targetsOf(onePassOf(this.plan, chosen)) };
    const executor = await this.executors.ofTensor(chosen.tensor, options);
    const target = neuronIn(executor.plan, chosen);
    return { executor, targets: Array.from({ length: this.plan.batch }, () => target) };
  }

  private assertUsable(): void {
    if (this.disposed) throw new GradlensError('disposed', `${this.name} was disposed`);
    this.device.assertAlive();
  }
}

type Chosen = GradientOptions['class'];

const isNeuron = (chosen: Chosen): chosen is Neuron => typeof chosen === 'object' && 'tensor' in chosen;
const isTop = (chosen: Chosen): chosen is Extract<Chosen, { readonly top: number }> =>
  typeof chosen === 'object' && 'top' in chosen;

const rulesOf = ({ relu = 'gradient', score = 'logit' }: Pick<GradientOptions, 'relu' | 'score'>) => ({ relu, score });
