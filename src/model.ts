/** Model: one network on one device. */
import { filled } from './filled';
import { type Call, Calls } from './calls';
import { check, oneOf, shown } from './check';
import { type Memory, type Plan, lastPlaneOf, planesOf, tensorsOf } from './compile';
import { GradlensError } from './errors';
import type { Ascent, AscentOptions } from './gpu/ascent';
import type { Device } from './gpu/device';
import type { BackwardOptions, Executor, Target } from './gpu/executor';
import type { Sampled, SampledVariants, View } from './gpu/sampling';
import type { Extents, InputSpec, ModelFile } from './graph';
import type { Captured, ImageInput, Images } from './image/pixels';
import {
  chosenIn,
  countOf,
  isNeuron,
  isNeurons,
  isTop,
  objectOf,
  pictureOf,
  picturesOf,
  rulesOf,
  runOptionsOf,
  tensorOf,
} from './model/arguments';
import {
  type Run,
  bestGradient,
  bestGradients,
  classGradients,
  explained,
  forward,
  layerGradient,
  neuronGradient,
} from './model/gradients';
import { type Parts, disposeOf, partsOn } from './model/parts';
import type { NamedTensor, Probe } from './model/probe';
import { type ForwardRecording, type GradientRecording, type MapRecording, Recordings } from './model/recordings';
import { finite } from './model/results';
import { settingsOf } from './model/settings';
import { Spread, type SpreadOptions } from './model/spread';
import { neuronIn, neuronsIn, onePassOf, passesOf, targetsOf } from './model/targets';
import { type Turn, Turns } from './model/turns';
import type {
  AscentRun,
  AscentState,
  GradientOptions,
  Head,
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
import { type Classification, topClasses } from './scores';

/** What an engine makes a model of. */
export interface ModelRequest {
  readonly file: ModelFile;
  readonly options: LoadOptions;
  readonly onDispose: (model: Model) => void;
  /** Makes another model of the same file. */
  readonly load: (file: ModelFile, options: LoadOptions) => Promise<Model>;
}

/** A model on one device, and its calls there. */
class Stay {
  readonly calls: Calls;
  readonly turns: Turns;
  readonly recordings: Recordings;

  constructor(
    readonly parts: Parts,
    head: Head,
    { C, H, W }: Extents,
  ) {
    this.calls = new Calls(parts.device.calls);
    this.turns = new Turns(this.calls);
    this.recordings = new Recordings(parts, head, { N: parts.executor.plan.batch, C, H, W });
  }

  end(reason: () => Error): void {
    this.calls.end(reason);
    this.recordings.dispose();
    disposeOf(this.parts);
  }
}

/**
 * One network on one device. Pictures go in, numbers come out, and every argument is copied before a call returns its
 * promise. Calls take turns, in their order; while one waits for its gradient or its scores, the next is already on its
 * way to the GPU. {@link Engine.load} makes it.
 */
export class Model implements Disposable {
  /** What was loaded. */
  readonly file: ModelFile;
  /** How pictures are prepared, and who says so; null if neither the file nor the caller does. */
  readonly preparation: Preparation | null;
  /** Names of the classes in score order; empty where unknown. */
  readonly labels: readonly string[];
  /** What makes probabilities of the scores, and who says so. */
  readonly head: Head;
  /** What weights and activations are stored in. */
  readonly precision: 'f32' | 'f16';
  private readonly ascents = new Set<Ascent>();
  private stay: Stay;

  private constructor(
    private readonly request: ModelRequest,
    parts: Parts,
  ) {
    const { file, options } = request;
    this.file = file;
    const { preparation, labels, head } = settingsOf(file, options, parts.executor.plan.scores);
    this.stay = new Stay(parts, head, file.graph.input.extents);
    this.preparation = preparation;
    this.labels = labels;
    this.head = head;
    this.precision = options.precision === 'f16' ? 'f16' : 'f32';
  }

  /** @internal Called by `Engine.load`. */
  static async create(device: Device, request: ModelRequest, call: Call): Promise<Model> {
    const { precision = 'f32', batch = 1 } = request.options;
    if (precision !== 'f32' && precision !== 'f16')
      throw new GradlensError(
        'feature',
        `precision '${precision}' is not available; 'f32' is exact, 'f16' takes half the memory`,
        { precision },
      );
    if (!Number.isInteger(batch) || batch < 1)
      throw new GradlensError('shape', `batch is ${shown(batch)}; a whole number from 1 would be right`);
    return new Model(request, await partsOn(device, request, call));
  }

  /** @internal Called by `Engine.attach`: goes on on another device. */
  async moveTo(device: Device, call: Call): Promise<void> {
    const before = this.stay;
    const stay = new Stay(await partsOn(device, this.request, call), this.head, this.file.graph.input.extents);
    if (before.calls.ended) {
      stay.end(this.disposedError);
      throw this.disposedError();
    }
    this.stay = stay;
    this.endAscents();
    before.end(() => new GradlensError('device-lost', `${this.name} was moved to another device`));
  }

  /** Dispatches, buffers and bytes of one gradient; prints as a table. */
  get plan(): Plan {
    return this.parts.executor.plan;
  }

  /** Of the network. */
  get name(): string {
    return this.file.graph.name;
  }

  /** How pictures are prepared; null if neither the file nor the caller says. */
  get input(): InputSpec | null {
    return this.preparation?.input ?? null;
  }

  /** How many scores there are. */
  get classes(): number {
    return this.plan.scores.C;
  }

  /** Where it comes from, as the file says: data, recipe, licence. */
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

  /** All tensors of the network that can be probed, in the graph's order, with their extents for one item. */
  get tensors(): readonly NamedTensor[] {
    return tensorsOf(this.file.graph);
  }

  /** What was supposed where the file leaves something open, each a sentence for people. */
  get notes(): readonly string[] {
    return this.file.notes ?? [];
  }

  /** Bytes on the GPU. */
  get memory(): Memory {
    return this.plan.memory;
  }

  /** Name of a class, or its number. */
  labelOf(index: number): string {
    return this.labels[index] ?? String(index);
  }

  /**
   * Scores before the head, `[N × classes]`.
   *
   * @throws GradlensError as {@link inputGradient}
   * @example
   * ```ts
   * const scores = await model.scores(picture);
   * ```
   */
  async scores(images: Images, options: RunOptions = {}): Promise<Float32Array> {
    const pictures = picturesOf(images);
    return this.take(options, async (call, turn) => forward(this.parts, await this.uploaded(pictures, call, turn)));
  }

  /**
   * The best classes of one picture, best first.
   *
   * @throws GradlensError as {@link inputGradient}; `validation` for a count that is none
   * @example
   * ```ts
   * const [best] = await model.classify(picture, 3);
   * console.log(best!.label, best!.probability);
   * ```
   */
  async classify(image: ImageInput, top = 5, options: RunOptions = {}): Promise<Classification[]> {
    countOf('top', top);
    const scores = await this.scores(image, options);
    const { head, classes } = this;
    const labelOf = (index: number): string => this.labelOf(index);
    return topClasses(scores.subarray(0, classes), top, { head: head.kind, labelOf });
  }

  /**
   * The exact gradient of a score with respect to the prepared input (§3 of the paper: `w = ∂S_c/∂I at I₀`). One
   * read-back (two for the `top` few, which must be known first), and one submit before it unless that would take long.
   *
   * @throws GradlensError `shape` for a wrong picture, class or batch; `device-lost`, `out-of-memory`, `validation`
   *   from the GPU.
   * @example
   * ```ts
   * const { scores, gradient } = await model.inputGradient(picture, { class: 'top1', relu: 'guided' });
   * const neuron = await model.inputGradient(picture, { class: { tensor: 'relu4_2', channel: 5, y: 4, x: 4 } });
   *
   * const { certainty } = await model.inputGradient(picture, { class: 4, certainty: true });
   * console.log(certainty![0]!.bound, certainty![0]!.undecided);
   * ```
   */
  async inputGradient(images: Images, options: GradientOptions & RunOptions): Promise<InputGradient> {
    const pictures = picturesOf(images);
    const chosen = chosenIn(options, 'class', 'classes', 'top1', 'top', 'neuron');
    const rules = rulesOf(options, this.head);
    const { into, certainty: watched = false } = options;
    check('certainty', watched, oneOf(true, false));
    if (watched && rules.relu !== 'gradient')
      throw new GradlensError('validation', `certainty is of the true gradient; relu is '${rules.relu}'`);
    if (into !== undefined)
      check('into', into, { says: 'a Float32Array', holds: (value) => value instanceof Float32Array });
    return this.take(options, async (call, turn) => {
      const own = this.parts;
      const ofScores = watched && !isNeuron(chosen) ? await own.executors.watched(undefined, call) : own.executor;
      const parts = { ...own, executor: ofScores };
      const run: Run = { ...(await this.uploaded(pictures, call, turn)), into };
      const found =
        chosen === 'top1'
          ? await bestGradient(parts, run, rules)
          : isTop(chosen)
            ? // a host's recording may run at any time
              await bestGradients(parts, run, chosen, { ...rules, disturbed: () => this.stay.recordings.any })
            : isNeuron(chosen)
              ? await neuronGradient(parts, run, chosen, { ...rules, watched })
              : await classGradients(parts, run, chosen, rules);
      return { ...found, precision: this.precision };
    });
  }

  /**
   * Makes ready what is to be recorded, with the very options that it will be recorded with, or some of them: compiles
   * kernels that came with no call so far, and plans the tensor of a neuron. Without it the first recording of its kind
   * compiles while the host waits; neurons need it.
   *
   * @throws GradlensError `shape` for a tensor that is not there; as {@link Engine.load} for what the device cannot
   * hold
   * @example
   * ```ts
   * await model.ready({ class: { tensor: 'relu4_2', channel: 5, y: 4, x: 4 } });
   * ```
   */
  async ready(recording: Partial<GradientRecording | MapRecording>, options: RunOptions = {}): Promise<void> {
    const { recordings } = this.stay;
    const given = { ...objectOf('recording', recording, '{ class, input }') };
    return this.take(options, (call) => recordings.ready(given, call));
  }

  /**
   * Records a pass forward into the caller's encoder, and copies the scores to where the host wants them.
   *
   * @throws GradlensError as {@link encodeGradient}
   * @example
   * ```ts
   * model.encodeForward(encoder, { input: texture, scores });
   * ```
   */
  encodeForward(encoder: GPUCommandEncoder, options: ForwardRecording): void {
    this.stay.calls.assertOpen();
    this.stay.recordings.encodeForward(encoder, options);
  }

  /**
   * Records one gradient into the caller's encoder: no submit, no await, nothing allocated. `input` and `output` hold
   * float32 `[N, C, H, W]`, from an `offset` on if they are given with one, and need `COPY_SRC` and `COPY_DST`. Or
   * `input` is a texture, a video frame, or one of these per item of the batch, which is prepared as any picture: as
   * {@link ImageInput} says, and of 128 bytes that are kept for each size. What is recorded is to be submitted before
   * the model is disposed: later the device calls its buffers destroyed.
   *
   * @throws GradlensError `shape` if a buffer is too small, a class out of range, or pictures do not make a batch;
   *   `validation` for a texture that cannot be read, a neuron that was not made {@link ready}, a part that does not
   *   follow; `disposed`.
   * @example
   * ```ts
   * model.encodeGradient(encoder, { input, output, class: [8, 4] }); // two gradients, one after the other
   * ```
   */
  encodeGradient(encoder: GPUCommandEncoder, options: GradientRecording): void {
    this.stay.calls.assertOpen();
    this.stay.recordings.encodeGradient(encoder, options);
  }

  /**
   * Records a map into the caller's encoder: the gradient of {@link encodeGradient}, reduced over channels, smoothed
   * over time, scaled and coloured where it lies. Nothing is submitted or awaited, and from the first frame on nothing
   * allocated.
   *
   * @throws GradlensError as {@link encodeGradient}; `validation` for an output that cannot be written, or options out
   *   of range
   * @example
   * ```ts
   * model.encodeMap(encoder, { input: texture, class: 'top1', overlay: true, output: mapTexture });
   * ```
   */
  encodeMap(encoder: GPUCommandEncoder, options: MapRecording): void {
    this.stay.calls.assertOpen();
    this.stay.recordings.encodeMap(encoder, options);
  }

  /**
   * Spreads gradients or maps over a host's frames, so that each frame gives only so much of the GPU's time.
   *
   * @throws GradlensError `validation` for a budget that is none, or a profile of another model
   */
  spread(options: SpreadOptions): Spread {
    const { calls, parts, recordings } = this.stay;
    const { milliseconds, profile } = objectOf('options', options, '{ milliseconds }');
    return new Spread({ gpu: parts.device.gpu, recordings, assertOpen: () => calls.assertOpen() }, this.plan, {
      milliseconds,
      ...(profile && { profile }),
    });
  }

  /**
   * Plans some tensors of the network to stay readable, and to be where gradients begin: for any loss of any tensors.
   * Planned once; the model's weights serve it, and it goes with the model.
   *
   * @param tensors names out of {@link Model.tensors}.
   * @throws GradlensError `shape` for a tensor that is not there; `validation` for what is no list of names; `limit`,
   *   `out-of-memory`
   * @example
   * ```ts
   * const probe = await model.probe(['relu4_2']);
   * probe.encodeForward(encoder, { input, tensors: { relu4_2: features } });
   * ```
   */
  async probe(tensors: readonly string[], options: RunOptions = {}): Promise<Probe> {
    check('tensors', tensors, {
      says: 'a list of different names of tensors',
      holds: (list) =>
        Array.isArray(list) &&
        list.length > 0 &&
        new Set(list).size === list.length &&
        list.every((one) => typeof one === 'string'),
    });
    const named = [...tensors];
    const { stay } = this;
    return this.take(options, async (call) => {
      const executor = await stay.parts.executors.ofTaps(named, call);
      const { Probe } = await import('./model/probe');
      return new Probe({
        ...stay.parts,
        executor,
        calls: stay.calls,
        turns: stay.turns,
        tensors: named.map((name) => this.tensors.find((tensor) => tensor.name === name)!),
        onRecord: () => {
          stay.recordings.any = true;
        },
        isDisturbed: () => stay.recordings.any,
      });
    });
  }

  /**
   * Gradient ascent on a score, from a state or the zero image, all on the GPU: what `classModel` is made of.
   *
   * @throws GradlensError as {@link inputGradient}
   * @example
   * ```ts
   * import { CLASS_MODEL_PRESETS } from 'gradlens';
   *
   * const run = await model.ascend({ ...CLASS_MODEL_PRESETS.paper, class: 4 });
   * const { scores } = await run.submit(10);
   * console.log((await scores).length);
   * run.dispose();
   * ```
   */
  async ascend(
    options: AscentOptions & {
      readonly class: number | readonly number[] | Neuron | readonly Neuron[];
      readonly score?: GradientOptions['score'];
      readonly from?: Partial<AscentState>;
    } & RunOptions,
  ): Promise<AscentRun> {
    const chosen = chosenIn(options, 'class', 'classes', 'neuron', 'neurons');
    const { score } = rulesOf(options, this.head);
    const { from, ...rest } = options;
    const start = from && this.startOf(from);
    const [, C, H, W] = this.inputShape;
    const ascent = await this.take(options, async (call) => {
      const { executor, targets } = await this.targetOf(chosen, call);
      const ofNeuron = isNeuron(chosen) || isNeurons(chosen); // which has no probability
      const backward: BackwardOptions = { targets, relu: 'gradient', score: ofNeuron ? 'logit' : score };
      const { Ascent } = await import('./gpu/ascent');
      return Ascent.create({ ...this.parts, executor }, call, { ...rest, extents: { C, H, W }, backward }, start);
    });
    this.ascents.add(ascent);
    return {
      submit: (most) => this.take(options, (call) => ascent.submit(call, most)),
      read: () => this.take(options, (call) => ascent.read(call)),
      dispose: () => {
        if (this.ascents.delete(ascent)) ascent.dispose();
      },
    };
  }

  /**
   * A picture as the network takes it, `[C, H, W]`.
   *
   * @throws GradlensError `shape` for a picture of the wrong size, or where nobody says how pictures are prepared
   * @example
   * ```ts
   * const data = await model.prepared(picture); // what the network sees
   * ```
   */
  async prepared(image: ImageInput, options: RunOptions = {}): Promise<Float32Array> {
    const picture = pictureOf(image);
    return this.take(options, async (call) => {
      const { inputs, readback } = this.parts;
      const upload = await inputs.uploadFirst(picture, call);
      const [, C, H, W] = this.inputShape;
      const bytes = C * H * W * 4;
      const [data] = await readback.run(call, {
        what: 'prepared',
        bytes,
        encode: (encoder, read) => {
          upload.bring(encoder);
          read(inputs.buffer, bytes);
        },
        meanwhile: upload.check,
      });
      return data!;
    });
  }

  /**
   * Gradients of many variants of one picture, added up on the GPU: what `smoothGrad`, `integratedGradients`,
   * `occlusion` and `perturbationCurves` are made of. Variants fill the batch; memory does not grow with their number.
   *
   * @throws GradlensError as {@link inputGradient}
   * @example
   * ```ts
   * const { total } = await model.sampleGradient(picture, {
   *   class: 4,
   *   samples: 4,
   *   sum: 'signed',
   *   variation: { kind: 'noise', sigma: 0.1, seed: 1 },
   * });
   * ```
   */
  async sampleGradient(
    image: ImageInput,
    options: SampledVariants & {
      readonly class: number;
      readonly relu?: ReluRule;
      readonly score?: GradientOptions['score'];
    } & RunOptions,
  ): Promise<Sampled> {
    const picture = pictureOf(image);
    const chosen = chosenIn(options, 'class');
    const { other, ranks } = options;
    const [N, C, H, W] = this.inputShape;
    const wrong = (
      [
        ['other', other?.length, C * H * W],
        ['ranks', ranks?.length, H * W],
      ] as const
    ).find(([, length, right]) => length !== undefined && length !== right);
    if (wrong) throw new GradlensError('shape', `${wrong[0]} has ${wrong[1]} elements; ${wrong[2]} would be right`);
    const variants: SampledVariants = {
      ...options,
      ...(other ? { other: other.slice() } : {}),
      ...(ranks ? { ranks: ranks.slice() } : {}),
    };
    const rules = rulesOf(options, this.head);
    return this.take(options, async (call) => {
      const { inputs } = this.parts;
      const { executor, targets } = await this.targetOf(chosen, call);
      const upload = await inputs.uploadFirst(picture, call);
      upload.check();
      const { sampleVariants } = await import('./gpu/sampling');
      const sampled = await sampleVariants({ ...this.parts, executor }, call, {
        picture: inputs.buffer,
        bring: upload.bring,
        dims: { N, C, H, W, SAMPLES: variants.samples },
        variants,
        backward: { targets, ...rules },
      });
      return explained({ ...this.parts, executor }, call, {}, () => {
        finite(sampled.scores);
        finite(sampled.total);
        return sampled;
      });
    });
  }

  /**
   * Maps of several views of one picture, brought to where they lie in it and averaged on the GPU: what `saliency` with
   * ten views is made of. `pictures` are the views' own; the last batch is filled up with the last of them.
   *
   * @throws GradlensError as {@link inputGradient}
   * @example
   * ```ts
   * const view = { x: 0, y: 0, width: 128, height: 128, mirrored: false };
   * const map = await model.averageViews([picture], [view], { class: 4, channels: 'max-abs' });
   * ```
   */
  async averageViews(
    pictures: readonly ImageInput[],
    views: readonly View[],
    options: {
      readonly class: number;
      readonly channels: 'max-abs' | 'sum-abs' | 'sum';
      readonly relu?: ReluRule;
      readonly score?: GradientOptions['score'];
    } & RunOptions,
  ): Promise<Float32Array> {
    const kept = picturesOf(pictures);
    const chosen = chosenIn(options, 'class');
    const { channels } = options;
    const rules = rulesOf(options, this.head);
    const placed = views.map((view) => ({ ...view }));
    const [N, C, H, W] = this.inputShape;
    return this.take(options, async (call) => {
      const { inputs } = this.parts;
      const { executor, targets } = await this.targetOf(chosen, call);
      const batchOf = (k: number): readonly Captured[] => filled(kept, N, k * N);
      const { averageOfViews } = await import('./gpu/sampling');
      const backward: BackwardOptions = { targets, ...rules };
      const map = await averageOfViews({ ...this.parts, executor }, call, {
        dims: { N, C, H, W, SAMPLES: placed.length },
        backward,
        views: placed,
        channels,
        upload: async (k) => {
          const upload = await inputs.upload(batchOf(k), call);
          upload.check();
          return (encoder) => upload.bring(encoder, executor.input);
        },
      });
      return explained({ ...this.parts, executor }, call, { backward }, () => finite(map));
    });
  }

  /**
   * A tensor inside the network for one picture, and the gradients of class scores with respect to it, from one forward
   * pass: what `gradCam` and `layerMap` are made of. Everything after must go through the tensor.
   *
   * @throws GradlensError `shape` for a tensor that is not there or that the rest of the network goes around; else as
   *   {@link inputGradient}
   * @example
   * ```ts
   * const { activations, gradient } = await model.layerGradient(picture, { tensor: 'relu4_3', class: 4 });
   * ```
   */
  async layerGradient(
    image: ImageInput,
    options: { readonly tensor: string; readonly class: number | readonly number[] | 'top1' | TopClasses } & RunOptions,
  ): Promise<LayerGradient> {
    const picture = pictureOf(image);
    const chosen = chosenIn(options, 'class', 'classes', 'top1', 'top');
    const of = { tensor: tensorOf(options.tensor), class: chosen };
    return this.take(options, (call) => layerGradient(this.parts, call, picture, of));
  }

  /**
   * How long each step of a gradient takes on this device, by itself: for finding out what a network spends its time
   * on. Takes as long as several gradients.
   *
   * @throws GradlensError as {@link inputGradient}
   * @example
   * ```ts
   * const { steps } = await model.profile(picture, { class: 4 });
   * console.log(steps.map(({ label, milliseconds }) => `${label} ${milliseconds.toFixed(2)}`));
   * ```
   */
  async profile(
    images: Images,
    options: { readonly class: number | readonly number[] } & RunOptions,
  ): Promise<Profile> {
    const pictures = picturesOf(images);
    const backward: BackwardOptions = {
      targets: targetsOf(passesOf(this.plan, chosenIn(options, 'class', 'classes'))[0]!),
      ...rulesOf({}, this.head),
    };
    return this.take(options, async (call) => {
      const { inputs, executor } = this.parts;
      const upload = await inputs.upload(pictures, call);
      upload.check();
      const { profileOf } = await import('./gpu/profile');
      return profileOf(this.parts, call, (encoder) => upload.bring(encoder, executor.input), backward);
    });
  }

  /**
   * The same net with another batch, or with the same one and activations of its own, so that two runs can be under
   * way. Its weights are on the GPU once; each model is disposed by itself.
   *
   * @throws GradlensError as `Engine.load`
   * @example
   * ```ts
   * const pair = await model.withBatch(2); // the same weights
   * const scores = await pair.scores([picture, picture]);
   * pair.dispose();
   * ```
   */
  async withBatch(batch: number, options: RunOptions = {}): Promise<Model> {
    const { signal, onProgress, ...kept } = this.request.options;
    return this.request.load(this.file, { ...kept, ...runOptionsOf(options), batch });
  }

  /**
   * Gives back to the GPU all that no other model needs; a second call does nothing. What was recorded before and is
   * submitted afterwards is refused by the device, which tells the host's own error handler ("used in submit while
   * destroyed").
   */
  dispose(): void {
    if (this.stay.calls.ended) return;
    this.endAscents();
    this.stay.end(this.disposedError);
    this.request.onDispose(this);
  }

  /** {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  // ——— inside ———

  /** {@link Turns.take}, after a look at the options. */
  private take<T>(options: RunOptions, work: (call: Call, turn: Turn) => Promise<T>): Promise<T> {
    return this.stay.turns.take(runOptionsOf(options), work);
  }

  private get parts(): Parts {
    return this.stay.parts;
  }

  private readonly disposedError = (): GradlensError => new GradlensError('disposed', `${this.name} was disposed`);

  private endAscents(): void {
    for (const ascent of this.ascents) ascent.dispose();
    this.ascents.clear();
  }

  private async uploaded(pictures: readonly Captured[], call: Call, turn: Turn): Promise<Run> {
    return { call, turn, upload: await this.parts.inputs.upload(pictures, call) };
  }

  /** Where an ascent begins, captured. */
  private startOf({ image, velocity, iteration }: Partial<AscentState>): Partial<AscentState> {
    const elements = this.plan.input.bytes / 4;
    for (const [name, data] of Object.entries({ image, velocity })) {
      if (data?.length && data.length !== elements)
        throw new GradlensError(
          'shape',
          `the start ${name} has ${data.length} elements, [${this.inputShape.join(', ')}] has ${elements}`,
        );
    }
    return {
      ...(image ? { image: image.slice() } : {}),
      ...(velocity ? { velocity: velocity.slice() } : {}),
      ...(iteration === undefined ? {} : { iteration }),
    };
  }

  /** What computes a target's value, and where in it the target is: a class per item, or one neuron for all. */
  private async targetOf(
    chosen: number | readonly number[] | Neuron | readonly Neuron[],
    call: Call,
  ): Promise<{ executor: Executor; targets: readonly Target[] }> {
    const { executors, executor: ofScores } = this.parts;
    if (isNeurons(chosen)) {
      const executor = await executors.ofTensor(chosen[0]!.tensor, call);
      return { executor, targets: neuronsIn(executor.plan, chosen) };
    }
    if (!isNeuron(chosen)) return { executor: ofScores, targets: targetsOf(onePassOf(this.plan, chosen)) };
    const executor = await executors.ofTensor(chosen.tensor, call);
    const target = neuronIn(executor.plan, chosen);
    return { executor, targets: Array.from({ length: this.plan.batch }, () => target) };
  }
}
