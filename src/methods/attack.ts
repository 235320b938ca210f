import { filled } from '../filled';
import { type Rule, below, check, checkAll, from, oneOf, whole } from '../check';
import { GradlensError } from '../errors';
import { endOf } from '../graph';
import type { ImageInput, Pixels, Prepared } from '../image/pixels';
import { unprepared } from '../image/unprepared';
import type { Model } from '../model';
import { chosenIn } from '../model/arguments';
import type { HeadKind, InputSpec, RunOptions } from '../options';
import { normal, uniform } from '../random';
import { bestClass, probabilitiesOf } from '../scores';
import { atCall } from './atCall';
import { madeBy } from './heatmap';

/** Options of {@link attack}. All lengths are in pixels of 0 to 1: 4/255 is four grey levels. */
export interface AttackOptions extends RunOptions {
  /** The class to lead away from; default: the class with the highest score. With `target` it is not used. */
  readonly class?: number | 'top1';
  /** The class to lead to, whatever the class was; default: none, any other class will do. */
  readonly target?: number;
  /** What ε bounds: the largest change of a channel of a pixel, or the root of the sum of all squared. */
  readonly norm?: 'max' | 'l2';
  /** ε, how far the picture may change; default 4/255, for `l2` 1. */
  readonly epsilon?: number;
  /** How many steps; default 10. One without `random` is the fast gradient sign method, more are PGD. */
  readonly steps?: number;
  /** How long a step is, in the norm; default ε for one step, and 2.5 ε / steps for more. */
  readonly step?: number;
  /** Whether to begin anywhere in the ball of ε, rather than at the picture; default false. */
  readonly random?: boolean;
  /** Of the random beginning; default 1. The same for every picture, however many are attacked together. */
  readonly seed?: number;
}

/** What the network makes of a picture. */
export interface AttackedClass {
  /** The class with the highest score. */
  readonly class: number;
  /** Its score, before soft-max. */
  readonly score: number;
  /** After the head, 0 to 1; null where the model has none. */
  readonly probability: number | null;
}

/** What an attack made of a picture. */
export interface Attack {
  /** What the network is given now; any call takes it as a picture. */
  readonly image: Prepared;
  /** What changed, `[C, H, W]` in the order of the network's channels, in pixels of 0 to 1. */
  readonly change: Float32Array;
  /** How long the change is. */
  readonly length: {
    /** The largest change of a channel of a pixel. */
    readonly max: number;
    /** The root of the sum of all squared. */
    readonly l2: number;
  };
  /** The best class of the picture as it was, and its score. */
  readonly before: AttackedClass;
  /** Those of the changed one. */
  readonly after: AttackedClass;
  /** Whether the changed picture is of the `target`; without one, whether it is of another class than `class`. */
  readonly succeeded: boolean;
  /** How it was made. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** The changed picture, rounded to whole grey levels. */
  picture(): Pixels;
  /** The change on middle grey, `gain` times as large; default 10. */
  changePicture(gain?: number): Pixels;
}

/**
 * An adversarial picture: near to the given one, and of another class for the network.
 *
 *   x₀ = x,   xₖ₊₁ = Π(xₖ + step · d(∂L/∂xₖ)),   L = −log p_class, or log p_target
 *
 * where d(g) is sign(g) for the norm `max` and g/‖g‖₂ for `l2`, and Π brings the change back into the ball of ε, and
 * every pixel to between black and white. One step is FGSM (Goodfellow et al. 2015), more are PGD (Madry et al. 2018).
 * The last picture counts, not the best. Where a model has no head, the score itself takes the place of log p.
 *
 * @throws GradlensError `shape` where nobody says how pictures are prepared, which pixels are to be known of;
 *   `validation` for options out of range; else as {@link Model.inputGradient}
 * @example
 * ```ts
 * import { attack, saliency } from 'gradlens';
 *
 * const found = await attack(model, picture, { epsilon: 4 / 255, steps: 3 });
 * console.log(model.labelOf(found.before.class), '→', model.labelOf(found.after.class), found.length.max);
 * const map = await saliency(model, found.image); // what it looks at now
 * ```
 */
export async function attack(model: Model, image: ImageInput, options: AttackOptions = {}): Promise<Attack> {
  const [found] = await attackBatch(model, [image], options);
  return found!;
}

/**
 * {@link attack} of up to as many pictures as the model's batch, in the same passes; each gets what it gets alone.
 *
 * @param options `class` may have one for each picture.
 * @throws GradlensError as {@link attack}; `validation` for more pictures than the batch, or none
 * @example
 * ```ts
 * import { attackBatch } from 'gradlens';
 *
 * const two = await attackBatch(await model.withBatch(2), [picture, picture], { epsilon: 2 / 255, class: 'top1' });
 * console.log(two.filter(({ before, after }) => after.class !== before.class).length, 'of 2 have another class');
 * ```
 */
export async function attackBatch(
  model: Model,
  images: readonly ImageInput[],
  options: Omit<AttackOptions, 'class'> & { readonly class?: AttackOptions['class'] | readonly number[] } = {},
): Promise<Attack[]> {
  check('images', images, { says: 'a list of pictures', holds: Array.isArray });
  [images, options] = await atCall(images, options);
  const { class: given = 'top1', target, signal, onProgress, ...others } = options;
  const settings = settingsOf(others);
  const { input, head, classes } = model;
  if (!input)
    throw new GradlensError(
      'shape',
      `${model.name} does not say how pictures are prepared, so nobody knows its pixels: give load() an \`input\``,
    );
  const [N, ...shape] = model.inputShape;
  check('the number of pictures', images.length, whole(1, N));
  const isClass = whole(0, classes - 1);
  if (target !== undefined) check('target', target, isClass);
  const chosen = chosenIn<number | 'top1' | readonly number[]>({ class: given }, 'class', 'classes', 'top1');
  const list = chosen === 'top1' ? null : typeof chosen === 'number' ? images.map(() => chosen) : chosen;
  list?.forEach((index) => check('class', index, isClass));
  if (list) check('the number of classes', list.length, oneOf(images.length));
  const run = signal ? { signal } : {};
  const ofBatch = <T>(items: readonly T[]): T[] => filled(items, N);

  const begins: Float32Array[] = [];
  for (const image of images) begins.push(await model.prepared(image, run));
  const ways = begins.map((begin) => new Way(begin, input, settings));
  const bestOf = async (): Promise<Attack['before'][]> => {
    const scores = await model.scores(ofBatch(ways.map(({ data }) => ({ data, shape }))), run);
    return ways.map((_, n) => {
      const own = scores.subarray(n * classes, (n + 1) * classes);
      const best = bestClass(own);
      return { class: best, score: own[best]!, probability: probabilitiesOf(head.kind, own)?.[best] ?? null };
    });
  };
  const before = await bestOf();
  const from = list ?? before.map((best) => best.class);
  const { score } = endOf(model.file.graph.nodes, model.file.graph.output);
  const probe = await model.probe([score], run);
  if (settings.random) for (const way of ways) way.beginAnywhere();
  for (let k = 0; k < settings.steps; k++) {
    onProgress?.({ phase: 'run', done: k, total: settings.steps });
    const pictures = ofBatch(ways.map(({ data }) => ({ data, shape })));
    const wanted = ofBatch(target === undefined ? from : from.map(() => target));
    const { gradient } = await probe.vjp(
      pictures,
      ({ [score]: scores }) => ({ [score]: seedsOf(scores!, wanted, head.kind) }),
      run,
    );
    ways.forEach((way, n) => {
      const size = way.data.length;
      way.move(gradient.subarray(n * size, (n + 1) * size), target === undefined ? -1 : 1);
    });
  }
  const after = await bestOf();
  return ways.map((way, n) => ({
    image: { data: way.data, shape },
    change: Float32Array.from(way.change),
    length: { max: largest(way.change), l2: norm2(way.change) },
    before: before[n]!,
    after: after[n]!,
    succeeded: target === undefined ? after[n]!.class !== from[n] : after[n]!.class === target,
    meta: { method: 'attack', ...settings, class: from[n]!, target: target ?? null, ...madeBy(model) },
    picture: () => unprepared(way.data, input),
    changePicture: (gain = 10) => unprepared(way.onGrey(gain), input),
  }));
}

/**
 * For each item the direction of ∂log p_c/∂scores, as long as is good for float32: however sure the network is, none of
 * it is rounded to zero. Of soft-max it is [k is c] − [k is not c] exp(s_k) / Σ_{j≠c} exp(s_j), times 1 − p_c.
 */
function seedsOf(scores: Float32Array, chosen: readonly number[], head: HeadKind): Float32Array {
  const count = scores.length / chosen.length;
  const seeds = new Float32Array(scores.length);
  chosen.forEach((c, n) => {
    const own = Float64Array.from(scores.subarray(n * count, (n + 1) * count));
    own[c] = -Infinity;
    const most = own.reduce((a, b) => Math.max(a, b));
    const powers = own.map((value) => (most === -Infinity ? 0 : Math.exp(value - most)));
    const sum = powers.reduce((a, b) => a + b, 0);
    if (head === 'softmax' && sum > 0)
      seeds.set(
        powers.map((value) => -value / sum),
        n * count,
      );
    seeds[n * count + c] = 1;
  });
  return seeds;
}

type Settings = Required<Pick<AttackOptions, 'norm' | 'epsilon' | 'steps' | 'step' | 'random' | 'seed'>>;

function settingsOf({ norm = 'max', steps = 10, random = false, seed = 1, ...given }: AttackOptions): Settings {
  const { epsilon = norm === 'l2' ? 1 : 4 / 255 } = given;
  const { step = steps === 1 ? epsilon : (2.5 * epsilon) / steps } = given;
  const settings = { norm, epsilon, steps, step, random, seed };
  const rules: Readonly<Record<keyof Settings, Rule>> = {
    norm: oneOf('max', 'l2'),
    epsilon: norm === 'max' ? below(0, 1 + Number.EPSILON) : from(0),
    steps: whole(1),
    step: from(0),
    random: oneOf(true, false),
    seed: whole(),
  };
  checkAll(settings, rules);
  return settings;
}

/** The way of one picture: where it is, in pixels of 0 to 1, and what the network is given of it. */
class Way {
  /** Prepared, `[C, H, W]`. */
  readonly data: Float32Array;
  readonly change: Float64Array;
  private readonly begin: Float64Array;
  private readonly plane: number;

  constructor(
    prepared: Float32Array,
    private readonly input: InputSpec,
    private readonly settings: Settings,
  ) {
    this.data = prepared.slice();
    this.plane = prepared.length / input.mean.length;
    // rounding, or a prepared array of the caller's, may lie beyond black and white: the change does not begin with
    // that
    this.begin = Float64Array.from(prepared, (value, i) => {
      const c = Math.floor(i / this.plane);
      return (value * input.std[c]! + input.mean[c]!) / (255 * input.scale);
    });
    this.change = new Float64Array(prepared.length);
  }

  /** To any place in the ball, all equally probable. */
  beginAnywhere(): void {
    const { norm, epsilon, seed } = this.settings;
    const draw = uniform(seed);
    const { change } = this;
    if (norm === 'max') change.forEach((_, i) => (change[i] = epsilon * (2 * draw() - 1)));
    else {
      change.forEach((_, i) => (change[i] = normal(draw)));
      const radius = epsilon * draw() ** (1 / change.length);
      scale(change, radius / norm2(change));
    }
    this.settle();
  }

  /** @param gradient with respect to the prepared input @param sign 1 up, −1 down */
  move(gradient: Float32Array, sign: 1 | -1): void {
    const { norm, step } = this.settings;
    const { change, input, plane } = this;
    const inPixels = Float64Array.from(gradient, (g, i) => (g * input.scale) / input.std[Math.floor(i / plane)]!);
    const length = norm2(inPixels);
    inPixels.forEach((g, i) => {
      change[i]! += sign * step * (norm === 'max' ? Math.sign(g) : length > 0 ? g / length : 0);
    });
    this.settle();
  }

  /** Back into the ball and between black and white; the latter only shortens a change. */
  private settle(): void {
    const { norm, epsilon } = this.settings;
    const { change, begin, data, input, plane } = this;
    if (norm === 'max') change.forEach((value, i) => (change[i] = Math.max(-epsilon, Math.min(epsilon, value))));
    else scale(change, Math.min(1, epsilon / norm2(change)));
    change.forEach((value, i) => {
      const [black, white] = [Math.min(0, -begin[i]!), Math.max(0, 1 - begin[i]!)];
      change[i] = Math.max(black, Math.min(white, value));
      const c = Math.floor(i / plane);
      data[i] = ((begin[i]! + change[i]) * 255 * input.scale - input.mean[c]!) / input.std[c]!;
    });
  }

  /** Prepared. */
  onGrey(gain: number): Float32Array {
    const { scale, mean, std } = this.input;
    return Float32Array.from(this.change, (value, i) => {
      const c = Math.floor(i / this.plane);
      return ((0.5 + gain * value) * 255 * scale - mean[c]!) / std[c]!;
    });
  }
}

const norm2 = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
const largest = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function scale(values: Float64Array, factor: number): void {
  if (factor !== 1 && Number.isFinite(factor)) values.forEach((value, i) => (values[i] = value * factor));
}
