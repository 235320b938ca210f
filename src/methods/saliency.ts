import { GradlensError } from '../errors';
import { filled } from '../filled';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { GradientOptions, InputGradient, ReluRule, RunOptions, TopClasses } from '../options';
import { bestClass } from '../scores';
import { atCall } from './atCall';
import { explained } from './flat';
import { type ChannelRule, type Heatmap, madeBy, overChannels } from './heatmap';
import { method } from './method';
import { channelsOption, reluOption } from './sharedOptions';
import { viewsOf } from './views';

/** Options of {@link saliency}. */
export interface SaliencyOptions extends RunOptions {
  /**
   * Default: the class with the highest score, as in the paper's figures; with views, with the highest mean score of
   * them.
   */
  readonly class?: number | 'top1';
  /** How ReLUs pass the gradient back; default `gradient`, the true one. */
  readonly relu?: ReluRule;
  /** Explain the score before the head (default) or the probability after it. */
  readonly score?: GradientOptions['score'];
  /** How colour channels become one; default `max-abs`. */
  readonly channels?: ChannelRule;
  /**
   * 10: the mean of the maps of ten views, as for the paper's figures: four corners and the middle, and their mirror
   * images.
   */
  readonly views?: 1 | 10;
  /** Say how far the map can be trusted: `map.certainty`. Of one view and the true gradient; default: no. */
  readonly certainty?: boolean;
}

/**
 * Image-specific class saliency (§3.1):  M[h,w] = max_c |G[c,h,w]|,  G = ∂S_class/∂I at the picture.
 *
 * @throws GradlensError as {@link Model.inputGradient}
 * @example
 * ```ts
 * import { renderMap, saliency } from 'gradlens';
 *
 * const map = await saliency(model, picture, { class: 'top1' });
 * const { data, width, height } = renderMap(map); // RGBA, for a canvas or a file
 * ```
 */
export async function saliency(model: Model, image: ImageInput, options: SaliencyOptions = {}): Promise<Heatmap> {
  const { class: chosen = 'top1', views = 1, certainty = false } = options;
  if (views === 10 && certainty)
    throw new GradlensError('validation', 'certainty is of one gradient; a mean of ten views has none');
  if (views === 10) return saliencyOfViews(model, image, options);
  const [map] = await saliencies(model, image, { ...options, class: chosen });
  return map!;
}

/**
 * The maps of several classes of one picture, from one forward pass and a backward pass for each: of these classes, or
 * of those with the highest scores, best first. The model's batch is 1.
 * @throws GradlensError as {@link Model.inputGradient}
 * @example
 * ```ts
 * import { saliencies } from 'gradlens';
 *
 * const maps = await saliencies(model, picture, { class: { top: 3 } });
 * console.log(maps.map((map) => model.labelOf(map.class)));
 * ```
 */
export async function saliencies(
  model: Model,
  image: ImageInput,
  options: Omit<SaliencyOptions, 'class' | 'views'> & {
    readonly class: number | 'top1' | readonly number[] | TopClasses;
  },
): Promise<Heatmap[]> {
  [image, options] = await atCall(image, options);
  const { relu = 'gradient', score = 'logit' } = options;
  const found = await model.inputGradient(image, { ...options, relu, score });
  const maps = found.classes.map((_, k) => mapIn(found, { item: 0, gradient: k }, model, options));
  return Promise.all(maps.map((map) => explained(model, image, map)));
}

/**
 * The maps of up to as many pictures as the model's batch, from one forward and one backward pass. What is left of the
 * batch is filled with the last picture.
 */
async function saliencyOfBatch(
  model: Model,
  images: readonly ImageInput[],
  options: Omit<SaliencyOptions, 'views'> & { readonly class: number | 'top1' },
): Promise<Heatmap[]> {
  const batch = filled(images, model.inputShape[0]);
  const { relu = 'gradient', score = 'logit' } = options;
  const found = await model.inputGradient(batch, { ...options, relu, score });
  const maps = images.map((_, n) => mapIn(found, { item: n, gradient: n }, model, options));
  return Promise.all(maps.map((map, n) => explained(model, images[n]!, map)));
}

/** One of the gradients of a run as a map; `item`: of the batch, whose scores they are. */
function mapIn(
  { scores, gradient, classes, certainty }: InputGradient,
  at: { readonly item: number; readonly gradient: number },
  model: Model,
  { relu = 'gradient', score = 'logit', channels = 'max-abs' }: Omit<SaliencyOptions, 'class'>,
): Heatmap {
  const [, C, height, width] = model.inputShape;
  const size = C * height * width;
  const index = classes[at.gradient]!;
  return {
    data: overChannels(gradient.subarray(at.gradient * size, (at.gradient + 1) * size), C, channels),
    width,
    height,
    class: index,
    score: scores[at.item * model.classes + index]!,
    signed: channels === 'sum',
    meta: { method: 'saliency', relu, score, channels, views: 1, ...madeBy(model) },
    ...(certainty && { certainty: certainty[at.gradient]! }),
  };
}

/**
 * Each view's map is mirrored back, laid where the view lies in the picture, and divided by the number of views there.
 */
async function saliencyOfViews(model: Model, image: ImageInput, options: SaliencyOptions): Promise<Heatmap> {
  [image, options] = await atCall(image, options);
  const {
    class: chosen = 'top1',
    relu = 'gradient',
    score = 'logit',
    channels = 'max-abs',
    signal,
    onProgress,
  } = options;
  const [N, , height, width] = model.inputShape;
  const { pictures, views, share } = await viewsOf(model, image);
  const tell = (done: number): void => onProgress?.({ phase: 'run', done, total: 2 * pictures.length });
  const sums = new Float64Array(model.classes);
  for (let begin = 0; begin < pictures.length; begin += N) {
    tell(begin);
    const some = filled(pictures, N, begin);
    const scores = await model.scores(some, signal ? { signal } : {});
    for (let n = 0; n < Math.min(N, pictures.length - begin); n++)
      sums.forEach((_, index) => {
        sums[index]! += scores[n * model.classes + index]! / pictures.length;
      });
  }
  const index = chosen === 'top1' ? bestClass(sums) : chosen;
  const data = await model.averageViews(pictures, views, {
    class: index,
    channels,
    relu,
    score,
    onProgress: ({ done }) => tell(pictures.length + done),
    ...(signal ? { signal } : {}),
  });
  return explained(model, image, {
    data,
    width,
    height,
    class: index,
    score: sums[index]!,
    signed: channels === 'sum',
    meta: { method: 'saliency', relu, score, channels, views: pictures.length, share, ...madeBy(model) },
  });
}

/** @hidden In {@link METHODS}. */
export const saliencyMethod = method({
  name: 'saliency',
  title: 'Saliency map',
  source: 'Simonyan et al.',
  year: 2013,
  meaning: '∂score/∂input: score per unit of the prepared input',
  reading: [
    'Bright pixels are those where a small change of colour would change the score of the class most, up or down.',
    'It is noisy by nature and shows borders and texture rather than whole objects; a dark place may still matter, ' +
      'if only a large change of it would.',
    'Look at where bright spots gather, not at single pixels; ten views give a calmer map.',
  ],
  options: {
    /** How ReLUs pass the gradient back. */
    relu: reluOption,
    /** Views of the picture. */
    views: {
      kind: 'choice',
      choices: [
        [1, '1: the whole picture'],
        [10, '10: parts, mirrored'],
      ],
      default: 1,
      label: 'Views',
      help: '10 averages the maps of four corners, the middle, and their mirror images',
    },
    /** How colour channels become one. */
    channels: channelsOption,
    /** How far it can be trusted. */
    certainty: {
      kind: 'flag',
      goesWith: { relu: 'gradient', views: 1 },
      label: 'How far it can be trusted',
      help: 'says what rounding leaves undecided, and draws it grey',
    },
  },
  signed: ({ channels }) => channels === 'sum',
  batch: ({ views }) => views,
  passes: ({ views }) => views,
  make: saliency,
  several: (model, image, { views, ...options }) => (views === 1 ? saliencies(model, image, options) : null),
  ofBatch: ({ views, ...values }) =>
    views === 1 ? (model, images, options) => saliencyOfBatch(model, images, { ...values, ...options }) : null,
  variants: { 'ten views': { views: 10 }, deconvnet: { relu: 'deconvnet' }, guided: { relu: 'guided' } },
});
