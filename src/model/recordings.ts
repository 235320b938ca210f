/**
 * What hosts record into their own encoders: scores and gradients, whole or in parts, of classes, of a neuron, or of
 * the class that scores best, which the GPU finds. Nothing is submitted, awaited or allocated.
 */
import type { Kernel } from '../../shaders/kernel';
import type { Call } from '../calls';
import type { MapDims } from '../../shaders/liveMap';
import type { ChannelRule } from '../../shaders/overChannels';
import { below, check, checkAll, oneOf, whole, within } from '../check';
import { GradlensError } from '../errors';
import type { BackwardOptions, Executor, Target } from '../gpu/executor';
import {
  type Below,
  LiveMap,
  type MapLook,
  type MapOutput,
  isBufferOutput,
  numbersTarget,
  pictureTarget,
} from '../gpu/liveMap';
import { LooseKernels } from '../gpu/loose';
import { type Place, type RecordedInput, assertBuffer, placeIn, recorded, sourceOf } from '../gpu/recording';
import { type ColourMapName, colourMapNames } from '../image/colourMaps';
import type { BufferPlace } from '../image/pixels';
import { OVERLAY_ALPHA } from '../image/render';
import type { GradientOptions, Head, Neuron } from '../options';
import { chosenIn, isNeuron, objectOf, rulesOf } from './arguments';
import type { Parts } from './parts';
import { neuronIn, passesOf, targetsOf } from './targets';

/** Steps of a plan, from `from` to before `to`. */
export interface StepRange {
  /** The first. */
  readonly from: number;
  /** The one after the last. */
  readonly to: number;
}

/** What is recorded of a pass forward. */
export interface ForwardRecording {
  /** A batch: float32 `[N, C, H, W]` in a buffer with `COPY_SRC`, or a picture for each item. */
  readonly input: RecordedInput;
  /** Where the scores go, `[N × classes]` before the head; with `COPY_DST`. */
  readonly scores?: BufferPlace;
}

/** What is recorded of a gradient. */
export interface GradientRecording extends ForwardRecording, Pick<GradientOptions, 'relu' | 'score'> {
  /**
   * A class; one per item of the batch, or several of one picture; the class that scores best, which the GPU finds and
   * nobody reads back; or a neuron, for which {@link Model.ready} was awaited once. The scores of a neuron with a place
   * are its values, `[N]`.
   */
  readonly class: number | readonly number[] | 'top1' | Neuron;
  /** Where the gradient goes, float32 `[N, C, H, W]`, or `[K, C, H, W]` of K classes; with `COPY_DST`. */
  readonly output: BufferPlace;
  /**
   * A part of the plan's steps (`model.plan.steps` says how many there are; default: all), to spread a gradient over
   * frames. Parts follow one another, with nothing else of the model between them; the input is read in the first of
   * them, and the output written in the last.
   */
  readonly steps?: StepRange;
}

/** A scale that follows the maps: see {@link MapRecording.scale}. */
export interface MapPercentile {
  /** Of |map|, 0 to 100. */
  readonly percentile: number;
  /** How much of the scale before is kept at least, 0 (default) to below 1. */
  readonly keeps?: number;
}

/** How a map lies over its picture. */
export interface MapOverlay {
  /** The opacity where the map is strongest, 0 to 1; default as in `renderMap`. */
  readonly alpha?: number;
}

/** How a map fades where it is small. */
export interface MapFading extends MapOverlay {
  /** Colours multiplied by their opacity, as canvases take them; default false, as materials and `ImageData` do. */
  readonly premultiplied?: boolean;
}

/** What is recorded of a map: that of a gradient, reduced, scaled and coloured on the GPU. */
export interface MapRecording extends Omit<GradientRecording, 'output'> {
  /** How channels become one: default `max-abs`, as in the paper. */
  readonly channels?: ChannelRule;
  /** How much of the maps before stays in a map, 0 (default) to below 1. */
  readonly smoothing?: number;
  /** Forgets the maps before: a model remembers one series of them. */
  readonly restart?: boolean;
  /** Default `viridis`, of signed maps (`channels: 'sum'`) `coolwarm`; of a buffer: none, which gives numbers. */
  readonly colours?: ColourMapName;
  /**
   * The value that takes the last colour: a number in the map's units; the running `maximum`, which falls by 5 % per
   * map at most; or a percentile of |map| (default 99), which falls to no less than `keeps` (default 0) times what it
   * was.
   */
  readonly scale?: number | 'maximum' | MapPercentile;
  /**
   * Draws the picture below, and the map over it: the stronger the more opaque, up to `alpha`, as `renderMap` does it.
   * The input is a texture.
   */
  readonly overlay?: boolean | MapOverlay;
  /** Instead: opacities in proportion to |map|, to be laid over anything. */
  readonly fading?: boolean | MapFading;
  /**
   * Where the map goes. Numbers, `[N, H, W]` float32, to a buffer. Pictures to a buffer, in RGBA bytes `[N, H, W, 4]`
   * and in the map's extents unless it says others; or to a texture with `STORAGE_BINDING`. With a batch of 1 and a
   * texture as input, a picture shows all of the input picture, transparent where the network does not see it.
   */
  readonly output: MapOutput;
}

/** What is differentiated: targets of one backward pass or several, or of what the GPU finds. */
interface Aim {
  readonly executor: Executor;
  readonly passes: readonly (readonly Target[])[] | 'top1';
  readonly rules: Pick<BackwardOptions, 'relu' | 'score'>;
  readonly neuron?: Target;
}

/** All that one recording does, checked. */
interface Recorded extends Aim {
  readonly range: StepRange;
  /** Of the first part. */
  readonly input: ReturnType<typeof sourceOf> | null;
  readonly scores: Place | null;
}

type Encoder = GPUCommandEncoder;

export class Recordings {
  private readonly loose: LooseKernels;
  private readonly map: LiveMap;
  private readonly mapDims: MapDims;
  /** Of a gradient that was recorded in part: what comes next. */
  private pending: { readonly executor: Executor; readonly step: number; readonly recorded: number } | null = null;
  /** Whether a host ever recorded anything, which it may submit at any time. */
  any = false;

  constructor(
    private readonly parts: Parts,
    private readonly head: Head,
    extents: MapDims,
  ) {
    this.loose = new LooseKernels(parts.device);
    const { N, C, H, W } = extents;
    this.mapDims = { N, C, H, W };
    this.map = new LiveMap(parts.device, this.mapDims, this.loose);
  }

  dispose(): void {
    this.map.dispose();
    this.loose.dispose();
  }

  encodeForward(encoder: Encoder, options: ForwardRecording): void {
    const { executor, inputs } = this.parts;
    const { input, scores } = objectOf('options', options, '{ input, scores }');
    const source = sourceOf(encoder, input);
    const toScores = this.scoresIn(scores, executor);
    this.record('encodeForward', () => {
      inputs.encodeFrom(source, encoder, executor.input);
      executor.encodeForward(encoder);
      if (toScores) executor.encodeScores(encoder, toScores);
    });
  }

  encodeGradient(encoder: Encoder, options: GradientRecording): void {
    const aim = this.aimOf(options);
    const { executor } = aim;
    const { bytes } = executor.plan.gradient;
    const count = aim.passes === 'top1' ? 1 : aim.passes.length;
    const output = placeIn('output', options.output);
    assertBuffer(output, { bytes: count * bytes, usage: 'COPY_DST' }, `${count} gradient(s) take`);
    const all = this.recordedOf(encoder, options, aim);
    this.record('encodeGradient', () =>
      this.encode(encoder, all, (k) => executor.encodeGradient(encoder, output.buffer, output.offset + k * bytes)),
    );
  }

  encodeMap(encoder: Encoder, options: MapRecording): void {
    const aim = this.aimOf(options);
    if (aim.passes !== 'top1' && aim.passes.length > 1)
      throw new GradlensError('shape', `a map is of one class, these are ${aim.passes.length}`);
    const look = lookOf(options);
    const all = this.recordedOf(encoder, options, aim);
    const { gradient } = aim.executor;
    const finish = this.finishOf(encoder, options, look);
    this.record('encodeMap', () => this.encode(encoder, all, () => finish(gradient)));
  }

  /** What draws the map of a gradient, all checked before. */
  private finishOf(encoder: Encoder, options: MapRecording, look: MapLook): (gradient: GPUBuffer) => void {
    const { map } = this;
    if (!look.colours) {
      const place = numbersTarget(options.output, map.bytes);
      return (gradient) => map.encodeNumbers(encoder, gradient, look, place);
    }
    const target = pictureTarget(options.output, this.mapDims);
    const below = this.belowOf(encoder, options);
    return (gradient) => map.encodePicture(encoder, gradient, { look, target, below: below?.() ?? null });
  }

  /** Of a picture that is alone: how the map lies in it. Frames are imported when it is called. */
  private belowOf(encoder: Encoder, { input, overlay = false }: MapRecording): (() => Below) | null {
    const source = sourceOf(encoder, input);
    const picture = 'buffer' in source || this.mapDims.N > 1 ? undefined : source[0];
    if (overlay !== false && !picture)
      throw new GradlensError(
        'validation',
        'there is no picture to lay the map over: the input of one texture has one',
      );
    if (!picture) return null;
    return () => {
      const { picture: readable, placement } = this.parts.inputs.placed(picture);
      return { placement, size: readable.size, ...(overlay !== false && { picture: readable }) };
    };
  }

  /** Makes what these options need, so that recording them compiles nothing. */
  async ready({ input, ...options }: Partial<GradientRecording | MapRecording>, call: Call): Promise<void> {
    const { device, executors, executor, inputs } = this.parts;
    const chosen = options.class;
    if (chosen !== undefined && typeof chosen === 'object' && isNeuron(chosen))
      await executors.ofTensor(chosen.tensor, call);
    const kernels: Kernel[] = [];
    if (chosen === 'top1') kernels.push(executor.bestKernel);
    if (input !== undefined) kernels.push(...inputs.kernelsOf(sourceOf(NO_ENCODER, input)));
    if (options.output !== undefined && MAP_OPTIONS.some((name) => name in options))
      kernels.push(...this.mapKernels({ ...options, input } as MapRecording));
    if (kernels.length > 0) await device.pipelines.of(kernels, call);
  }

  private mapKernels(options: MapRecording): readonly Kernel[] {
    const look = lookOf(options);
    if (!look.colours) return this.map.kernelsOf(look, null, null);
    const below = options.input === undefined ? null : this.belowOf(NO_ENCODER, options);
    return this.map.kernelsOf(look, pictureTarget(options.output, this.mapDims), below?.() ?? null);
  }

  // ——— what is to be done ———

  /** @throws GradlensError `validation` for a neuron that was not made ready; `shape` for what is not there */
  private aimOf(options: Pick<GradientRecording, 'class' | 'relu' | 'score'>): Aim {
    const { executor, executors } = this.parts;
    const chosen = chosenIn(options, 'class', 'classes', 'top1', 'neuron');
    const rules = rulesOf(options, this.head);
    if (chosen === 'top1') return { executor, passes: 'top1', rules };
    if (!isNeuron(chosen)) return { executor, passes: passesOf(executor.plan, chosen).map(targetsOf), rules };
    const ofTensor = executors.readyOfTensor(chosen.tensor);
    if (!ofTensor)
      throw new GradlensError(
        'validation',
        `neurons of '${chosen.tensor}' are not ready: ` +
          `await model.ready({ class: { tensor: '${chosen.tensor}', … } }) once before they are recorded`,
        { tensor: chosen.tensor },
      );
    const neuron = neuronIn(ofTensor.plan, chosen);
    const targets = Array.from({ length: ofTensor.plan.batch }, () => neuron);
    return { executor: ofTensor, passes: [targets], rules: { ...rules, score: 'logit' }, neuron };
  }

  private recordedOf(encoder: Encoder, options: Omit<GradientRecording, 'output'>, aim: Aim): Recorded {
    const { executor, passes, neuron } = aim;
    const range = this.rangeOf(options.steps, executor);
    if (passes.length > 1 && passes !== 'top1' && options.steps !== undefined)
      throw new GradlensError(
        'validation',
        `${passes.length} classes of one picture in parts; one class at a time would be right`,
      );
    return {
      ...aim,
      range,
      input: range.from === 0 ? sourceOf(encoder, options.input) : null,
      scores: this.scoresIn(options.scores, executor, neuron),
    };
  }

  private rangeOf(steps: StepRange | undefined, executor: Executor): StepRange {
    const { steps: count } = executor.plan;
    if (steps === undefined) return { from: 0, to: count };
    const { from, to } = objectOf('steps', steps, '{ from, to }');
    check('steps.to', to, whole(1, count));
    check('steps.from', from, whole(0, to - 1));
    const { pending } = this;
    const next = pending?.executor === executor && pending.recorded === executor.recorded ? pending.step : 0;
    if (from !== 0 && from !== next) {
      const remedy = next === 0 ? 'something else ran on the model since, or nothing: begin at 0' : `${next} is next`;
      throw new GradlensError('validation', `the part begins at step ${from}; ${remedy}`, { from, next });
    }
    return { from, to };
  }

  private scoresIn(given: BufferPlace | undefined, { plan }: Executor, neuron?: Target): Place | null {
    if (given === undefined) return null;
    const place = placeIn('scores', given);
    if (neuron && neuron.y === undefined)
      throw new GradlensError('validation', 'scores of a neuron are of one place: y and x would be right');
    const bytes = plan.batch * (neuron ? 1 : plan.scores.C) * 4;
    assertBuffer(place, { bytes, usage: 'COPY_DST' }, 'the scores take');
    return place;
  }

  // ——— how ———

  /** Records; `finish` copies the gradient of the pass with this number. */
  private encode(encoder: Encoder, all: Recorded, finish: (pass: number) => void): void {
    const { executor, passes, rules, range, input, scores, neuron } = all;
    const { forward, steps } = executor.plan;
    const { from, to } = range;
    const turn = forward.length;
    if (input) this.parts.inputs.encodeFrom(input, encoder, executor.input);
    const begins = from <= turn && turn < to;
    if (passes === 'top1') {
      executor.encodeSteps(encoder, from, Math.min(to, turn));
      if (begins) {
        this.loose.record(encoder, executor.bestKernel, () => ({
          x: { buffer: executor.scores },
          targets: { buffer: executor.targets },
        }));
        executor.encodeOptions(encoder, { targets: [], ...rules });
      }
      executor.encodeSteps(encoder, Math.max(from, turn), to);
    } else {
      if (begins) executor.encodeOptions(encoder, { targets: passes[0]!, ...rules });
      executor.encodeSteps(encoder, from, to);
    }
    if (scores && from < turn && turn <= to) executor.encodeScores(encoder, scores, neuron);
    this.pending = to < steps ? { executor, step: to, recorded: executor.recorded } : null;
    if (to < steps) return;
    finish(0);
    if (passes === 'top1') return;
    passes.slice(1).forEach((targets, k) => {
      executor.encodeBackward(encoder, { targets, ...rules });
      finish(k + 1);
    });
  }

  private record(what: string, calls: () => void): void {
    this.any = true;
    recorded(what, calls);
  }
}

/** That only maps have. */
const MAP_OPTIONS = ['channels', 'smoothing', 'colours', 'scale', 'overlay', 'fading'] as const;

/** @throws GradlensError `validation` */
function lookOf(options: MapRecording): MapLook {
  const { channels = 'max-abs', smoothing = 0, restart = false, scale = { percentile: 99 }, output } = options;
  check('channels', channels, oneOf('max-abs', 'sum-abs', 'sum'));
  check('smoothing', smoothing, below(0, 1));
  const plain = channels === 'sum' ? 'coolwarm' : 'viridis';
  const colours = options.colours ?? (isBufferOutput(output) ? null : plain);
  if (colours !== null) check('colours', colours, oneOf(...colourMapNames));
  return { channels, smoothing, restart, scale: scaleIn(scale), colours, opacity: opacityIn(options) };
}

function opacityIn({ overlay = false, fading = false }: MapRecording): MapLook['opacity'] {
  const [name, given] = overlay === false ? ['fading', fading] : ['overlay', overlay];
  if (given === false) return null;
  const { alpha = OVERLAY_ALPHA, premultiplied = false }: MapFading = typeof given === 'object' ? given : {};
  check(`${name}.alpha`, alpha, within(0, 1));
  check(`${name}.premultiplied`, premultiplied, oneOf(true, false));
  return { alpha, premultiplied: name === 'fading' && premultiplied };
}

function scaleIn(scale: NonNullable<MapRecording['scale']>): MapLook['scale'] {
  if (scale === 'maximum') return { percentile: 100, keeps: 0.95 };
  check('scale', scale, {
    says: "a number from 0, 'maximum' or { percentile: 99 }",
    holds: (value) =>
      typeof value === 'number' ? value >= 0 : typeof value === 'object' && value !== null && 'percentile' in value,
  });
  if (typeof scale === 'number') return scale;
  const { percentile, keeps = 0 } = scale;
  checkAll({ percentile, keeps }, { percentile: within(0, 100), keeps: within(0, 1) });
  return { percentile, keeps };
}

/** For looking at an input that nothing is recorded of. */
const NO_ENCODER = { copyBufferToBuffer: () => {} } as unknown as Encoder;
