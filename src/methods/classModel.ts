import { abortable } from '../abortable';
import { type Rule, below, check, checkAll, from, oneOf, whole, within } from '../check';
import { GradlensError } from '../errors';
import { type InputUnits, inputUnits } from '../image/inputUnits';
import type { Pixels } from '../image/pixels';
import { unprepared } from '../image/unprepared';
import type { Model } from '../model';
import { normal, uniform } from '../random';
import type { AscentChunk, AscentState, Neuron, RunOptions } from '../options';
import { optionsAtCall } from './atCall';
import { madeBy } from './heatmap';

/** Names of {@link CLASS_MODEL_PRESETS}. */
export type ClassModelPreset = 'paper' | 'vivid';

/** Options of {@link classModel}. */
export interface ClassModelOptions extends RunOptions {
  /**
   * A class; one per item of the model's batch, many class models at once; or any neuron or channel, or one of one
   * tensor per item.
   */
  readonly class: number | readonly number[] | Neuron | readonly Neuron[];
  /**
   * What the options below are if they are left out; default `paper`: only λ, as in the paper. `vivid`: see {@link
   * CLASS_MODEL_PRESETS}.
   */
  readonly preset?: ClassModelPreset;
  /** How many steps; the default is the preset's. */
  readonly iterations?: number;
  /**
   * λ, the weight of the squared norm, of the image in units of photos' deviation ({@link InputUnits}): it means the
   * same however pictures are prepared.
   */
  readonly l2?: number;
  /** How far the image moves per iteration, as root mean square, in the same units. */
  readonly step?: number;
  /**
   * Where the image begins, and from where ‖I‖ is measured: `zero` of the prepared input, which is the mean image where
   * the preparation subtracts it (the paper), or the mean `photo`, of one colour, for every preparation.
   */
  readonly origin?: 'zero' | 'photo';
  /**
   * Standard deviation, in the same units, of noise that is added to the origin at the beginning, the same for all
   * items; 0: none, as in the paper. A channel that is shut for a picture of one colour has no gradient there.
   */
  readonly noise?: number;
  /**
   * Divide each direction by its root mean square, so that `step` means the same for every net. Off: the bare gradient.
   */
  readonly normalise?: boolean;
  /** `probability` is the objective that the paper advises against: it also rises when other scores fall. */
  readonly score?: 'logit' | 'probability';
  /** Weight of the total variation, the sum of the lengths of the image's own gradient, in the same units; 0: off. */
  readonly totalVariation?: number;
  /** How much of the last move is in the next; from 0 (off) to below 1. */
  readonly momentum?: number;
  /**
   * What a step is taken in: the `pixels`, as in the paper, or the cosines that they are a sum of, in the amplitudes
   * and the colours that photos have (`fourier`), so that what is large and smooth comes first (Olah, Mordvintsev and
   * Schubert, Feature Visualization, 2017, "preconditioning"; there with Fourier's waves, which go around the edges).
   */
  readonly parametrisation?: 'pixels' | 'fourier';
  /** Up to how many pixels the image is shifted, around its edges, before each gradient; 0: off. */
  readonly jitter?: number;
  /**
   * Up to how many degrees it is turned before each gradient, either way, from 0 (off) to below 45. What comes in from
   * outside has the colour of the `origin`, here and with `zoom`.
   */
  readonly rotate?: number;
  /** Up to which part of its size it is drawn larger or smaller before each gradient, from 0 (off) to below 0.5. */
  readonly zoom?: number;
  /** Standard deviation in pixels of a blur after every `blurEvery`-th iteration; 0: off. */
  readonly blur?: number;
  /** After how many iterations each blur comes. */
  readonly blurEvery?: number;
  /** Seed of what is drawn: noise, shifts, turns and zooms. */
  readonly seed?: number;
  /**
   * Where to begin, `[N, C, H, W]` prepared; default, as in the paper, the `origin`. Or the `state` of a run, which
   * goes on bit for bit.
   */
  readonly start?: Float32Array | AscentState;
}

type Ascending = Required<
  Pick<
    ClassModelOptions,
    | 'iterations'
    | 'l2'
    | 'step'
    | 'normalise'
    | 'origin'
    | 'noise'
    | 'totalVariation'
    | 'momentum'
    | 'parametrisation'
    | 'jitter'
    | 'rotate'
    | 'zoom'
    | 'blur'
    | 'blurEvery'
    | 'seed'
  >
>;

/** `paper` has what the paper has. `vivid` has what later work found, and shows more of the class. */
export const CLASS_MODEL_PRESETS: Readonly<Record<ClassModelPreset, Ascending>> = {
  paper: {
    iterations: 200,
    l2: 1e-3,
    step: 0.05,
    normalise: true,
    origin: 'zero',
    noise: 0,
    totalVariation: 0,
    momentum: 0,
    parametrisation: 'pixels',
    jitter: 0,
    rotate: 0,
    zoom: 0,
    blur: 0,
    blurEvery: 4,
    seed: 1,
  },
  vivid: {
    iterations: 256,
    l2: 1e-3,
    step: 0.02,
    normalise: true,
    origin: 'photo',
    noise: 0,
    totalVariation: 0,
    momentum: 0.5,
    parametrisation: 'pixels',
    jitter: 4,
    rotate: 0,
    zoom: 0,
    blur: 0.5,
    blurEvery: 4,
    seed: 1,
  },
};

/** One iteration of {@link classModel}. */
export interface ClassModelStep {
  /** From 1, or from the start's. */
  readonly iteration: number;
  /** Scores of the chosen classes before this iteration's update, one per item. */
  readonly scores: readonly number[];
  /** The first of them. */
  readonly score: number;
  /**
   * The picture so far, the mean added, which may be some iterations ahead; a read-back, so ask for it now and then.
   *
   * @throws GradlensError `model-format` where the model does not say how pictures are prepared; `device-lost`
   */
  preview(item?: number): Promise<Pixels>;
  /**
   * What another run can go on from, bit for bit; the same read-back, which may be some iterations ahead.
   *
   * @throws GradlensError `device-lost`
   */
  state(): Promise<AscentState>;
}

/** What {@link classModel} ends with. */
export interface ClassModel {
  /** `[N, C, H, W]`, prepared: zero is the mean image. */
  readonly data: Float32Array;
  /** For each item the score before every iteration. */
  readonly scores: readonly (readonly number[])[];
  /** To go on from: the `start` of another run. */
  readonly state: AscentState;
  /** What is wrong with it, for each item: see {@link Remark}; null: nothing. */
  readonly remarks: readonly (Remark | null)[];
  /** How it was made. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** With the mean added, for display. */
  picture(item?: number): Pixels;
}

/**
 * `flat`: almost of one colour, since the steps were too small or the weight of ‖I‖² or of the blur too large.
 * `exploded`: most of it is far beyond black and white, since the steps were too large or the weight of ‖I‖² too small.
 */
export type Remark = 'flat' | 'exploded';

/** In units of photos' deviation: three grey levels of 255, and six times as far from the mean as white is. */
const [LEAST_SPREAD, MOST_SPREAD] = [0.04, 12];

/** Of one item, from its root mean square distance to the origin. */
function remarkOf(image: Float32Array, { centre, spread }: InputUnits): Remark | null {
  const plane = image.length / centre.length;
  const squares = image.reduce((sum, value, i) => {
    const c = Math.floor(i / plane);
    return sum + ((value - centre[c]!) / spread[c]!) ** 2;
  }, 0);
  const far = Math.sqrt(squares / image.length);
  return far < LEAST_SPREAD ? 'flat' : far > MOST_SPREAD ? 'exploded' : null;
}

/**
 * Class model (§2):  I* = argmax_I S_c(I) − λ‖I‖₂², by gradient ascent from the zero image, the mean added for display.
 * S_c is the score before soft-max. The paper leaves λ, step and the number of iterations open; they are options here.
 *
 * The run pauses until the next step is asked for.
 *
 * @throws GradlensError as `model.inputGradient`; `shape` if the batch and the classes do not agree; `validation` for
 *   options, and, with the iteration, if a score or the gradient is no longer a finite number
 * @example
 * ```ts
 * import { classModel } from 'gradlens';
 *
 * const run = classModel(model, { class: 4, preset: 'vivid', iterations: 20 });
 * let step = await run.next();
 * for (; !step.done; step = await run.next()) console.log(step.value.iteration, step.value.score);
 * const { data, width, height } = step.value.picture(); // RGBA
 * ```
 */
export function classModel(model: Model, options: ClassModelOptions): AsyncGenerator<ClassModelStep, ClassModel, void> {
  return stepsOf(model, optionsAtCall(options)); // a generator's own lines begin with the first step
}

async function* stepsOf(model: Model, options: ClassModelOptions): AsyncGenerator<ClassModelStep, ClassModel, void> {
  const { class: chosen, preset = 'paper', score = 'logit', start } = options;
  check('preset', preset, oneOf(...Object.keys(CLASS_MODEL_PRESETS)));
  const ascending = { ...CLASS_MODEL_PRESETS[preset], ...given(options) };
  checkAll(ascending, rulesOf(model));
  const { iterations, origin, noise, ...numbers } = ascending;
  const [N, C] = model.inputShape;
  const photos = inputUnits(model.input, C);
  const units = { ...photos, centre: origin === 'zero' ? photos.centre.map(() => 0) : photos.centre };
  const begin: Partial<AscentState> | undefined =
    start instanceof Float32Array
      ? { image: start }
      : (start ?? (noise > 0 ? { image: noisy(model, units, noise, numbers.seed) } : undefined));
  const { signal, onProgress } = options;
  const ascent = await model.ascend({
    ...numbers,
    units,
    class: chosen,
    score,
    ...(begin ? { from: begin } : {}),
    ...(signal ? { signal } : {}),
  });
  const curve: number[][] = Array.from({ length: N }, () => []);
  const under: AscentChunk[] = []; // two at most: one runs while the next is recorded
  try {
    for (let [done, submitted] = [0, 0]; done < iterations; ) {
      while (submitted < iterations && under.length < 2) {
        const chunk = await ascent.submit(iterations - submitted);
        submitted += chunk.count;
        under.push(chunk);
      }
      for (const own of await abortable(under.shift()!.scores, signal)) {
        done += 1;
        const scores = Array.from(own);
        scores.forEach((value, n) => curve[n]!.push(value));
        onProgress?.({ phase: 'run', done, total: iterations });
        yield {
          iteration: (begin?.iteration ?? 0) + done,
          scores,
          score: scores[0]!,
          preview: async (item = 0) => toPicture(model, (await ascent.read()).image, item),
          state: () => ascent.read(),
        };
      }
    }
    const state = await ascent.read();
    const meta = { method: 'class-model', ...madeBy(model), class: chosen, preset, score, ...ascending };
    return {
      data: state.image,
      scores: curve,
      state,
      remarks: Array.from({ length: N }, (_, n) =>
        remarkOf(state.image.subarray((n * state.image.length) / N, ((n + 1) * state.image.length) / N), units),
      ),
      meta,
      picture: (item = 0) => toPicture(model, state.image, item),
    };
  } finally {
    ascent.dispose();
  }
}

/** The origin with noise, `[N, C, H, W]`. */
function noisy({ inputShape: [N, C, H, W] }: Model, units: InputUnits, noise: number, seed: number): Float32Array {
  const draw = uniform(seed);
  const item = Float32Array.from({ length: C * H * W }, (_, i) => {
    const c = Math.floor(i / (H * W));
    return units.centre[c]! + noise * units.spread[c]! * normal(draw);
  });
  const all = new Float32Array(N * item.length);
  for (let n = 0; n < N; n++) all.set(item, n * item.length);
  return all;
}

/** Those of the preset's options that the caller gave. */
function given(options: ClassModelOptions): Partial<Ascending> {
  const names = Object.keys(CLASS_MODEL_PRESETS.paper) as (keyof Ascending)[];
  return Object.fromEntries(names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]));
}

function rulesOf({ inputShape: [, , H, W] }: Model): Readonly<Record<keyof Ascending, Rule>> {
  const most = Math.min(H, W) - 1;
  return {
    iterations: whole(1),
    l2: from(0),
    step: from(0),
    normalise: oneOf(true, false),
    origin: oneOf('zero', 'photo'),
    noise: from(0),
    totalVariation: from(0),
    momentum: below(0, 1),
    parametrisation: oneOf('pixels', 'fourier'),
    jitter: whole(0, most, 'pixels'),
    rotate: below(0, 45),
    zoom: below(0, 0.5),
    blur: within(0, most, 'pixels'),
    blurEvery: whole(1),
    seed: whole(),
  };
}

function toPicture({ input, name }: Model, data: Float32Array, item: number): Pixels {
  if (!input)
    throw new GradlensError(
      'shape',
      `${name} does not say how pictures are prepared, so its class model has no picture: give load() an \`input\``,
    );
  return unprepared(data, input, item);
}
