import { check, oneOf, within } from '../check';
import type { ImageInput } from '../image/pixels';
import { type Plane, resizeMap } from '../image/resize';
import type { Model } from '../model';
import type { RunOptions, TopClasses } from '../options';
import { featureBorder } from '../segmentation/featureBorder';
import { logRatios } from '../segmentation/featureModel';
import type { Features } from '../segmentation/features';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, madeBy } from './heatmap';
import { layerLogs } from './layerLogs';
import { method } from './method';
import { mirrorImage, mirroredRows } from './mirror';
import { tensorsOption } from './sharedOptions';
import { tensorsIn } from './tensorsIn';

/** Options of {@link featureMap}. */
export interface FeatureMapOptions extends RunOptions {
  /** Whose score is explained; default: the class with the highest. */
  readonly class?: number | 'top1';
  /**
   * Which tensors, as the graph names them; default: the last of each of the three coarsest planes. All that follows
   * one must go through it. The features are those of the finest.
   */
  readonly tensors?: readonly string[];
  /** α: how much the features count, from 0, not at all, to 4; default 0.25. */
  readonly strength?: number;
  /** Whether the layer map of the mirror image counts too, which takes as many gradients again; default `on`. */
  readonly mirror?: 'on' | 'off';
}

/** Pixels above the first share of the layer map's largest value show the object, those below the second do not. */
const [OBJECT, GROUND] = [0.4, 0.12];
/** At least this part of the pixels shows what is not the object. */
const LEAST_GROUND = 0.2;
/** Where objects end, before the features are asked; chosen on 470 boxed photos (docs/REPRODUCTION.md). */
const USUAL = { share: 0.15, dearness: 0.15 };

/**
 * Feature map (beyond the paper): §3.2 goes by the colours of what a map is sure of; this goes by features, as Deep
 * Spectral Methods (Melas-Kyriazi et al. 2022) do, but of a class. The layer map M names seeds of the object and of its
 * surroundings; over the activations of the finest layer both are Gaussians with one covariance (Fisher's
 * discriminant); each pixel of M is multiplied by how much likelier the object is there:
 *
 *   F = M · exp(α · z),   z = (r − ⟨r⟩) / σ(r),   r = (μ₁ − μ₀)ᵀ Σ⁻¹ f
 *
 * with f the activations of a pixel, at length 1, and M the geometric mean of the layer maps of the picture and of its
 * mirror image. `border` of the map is the level whose border crosses the largest change of features in the layers
 * between the finest and the coarsest, as a sweep of a normalised cut would find it, held near 0.15 of the largest
 * value; `mapBox` goes by it.
 *
 * It says where the object is, and no longer what the score depends on: what only looks alike inside the network is
 * bright, too.
 *
 * @throws GradlensError `validation` for an empty list of tensors and for options; `shape` for a picture on the GPU
 *   with `mirror: 'on'`; else as {@link Model.layerGradient}
 * @example
 * ```ts
 * import { featureMap, mapBox } from 'gradlens';
 *
 * const map = await featureMap(model, picture, { class: model.labels.indexOf('ladybug') });
 * const { box } = mapBox(map, picture); // [x, y, width, height]
 * ```
 */
export async function featureMap(model: Model, image: ImageInput, options: FeatureMapOptions = {}): Promise<Heatmap> {
  const { class: chosen = 'top1' } = options;
  const [map] = await featureMaps(model, image, { ...options, class: chosen });
  return map!;
}

/**
 * The maps of several classes of one picture, from one forward pass for each layer, as `layerMaps`. The model's batch
 * is 1.
 * @throws GradlensError as {@link featureMap}
 * @example
 * ```ts
 * import { featureMaps } from 'gradlens';
 *
 * const [best, second] = await featureMaps(model, picture, { class: { top: 2 } });
 * ```
 */
export async function featureMaps(
  model: Model,
  image: ImageInput,
  options: Omit<FeatureMapOptions, 'class'> & { readonly class: number | 'top1' | readonly number[] | TopClasses },
): Promise<Heatmap[]> {
  [image, options] = await atCall(image, options);
  const { strength = 0.25, mirror = 'on' } = options;
  check('strength', strength, within(0, 4));
  check('mirror', mirror, oneOf('on', 'off'));
  const tensors = tensorsIn(model, options);
  const rounds = mirror === 'on' ? 2 : 1;
  const roundOf = (round: number): RunOptions => ({
    ...options,
    onProgress: ({ phase, done }) =>
      options.onProgress?.({ phase, done: round * tensors.length + done, total: rounds * tensors.length }),
  });
  const { classes, scores, logs, layers } = await layerLogs(model, image, tensors, {
    ...roundOf(0),
    class: options.class,
  });
  const [, , height, width] = model.inputShape;
  const mirrored =
    mirror === 'on'
      ? (await layerLogs(model, await mirrorImage(image), tensors, { ...roundOf(1), class: classes })).logs
      : null;
  const bySize = layers.toSorted((a, b) => b.width * b.height - a.width * a.height);
  const between = bySize.length > 2 ? bySize.slice(1, -1) : bySize.slice(0, 1);
  const made = classes.map((index, k) => {
    const back = mirrored && mirroredRows(mirrored[k]!, width);
    const map = logs[k]!.map((sum, i) => Math.exp((back ? (sum + back[i]!) / 2 : sum) / tensors.length));
    const odds = oddsOf(bySize[0]!, { data: map, width, height });
    const data = odds ? map.map((value, i) => value * Math.exp(strength * odds[i]!)) : map;
    return {
      data,
      width,
      height,
      class: index,
      score: scores[index]!,
      signed: false,
      border: featureBorder({ data, width, height }, between, USUAL),
      meta: { method: 'features', tensors, strength, mirror, ...madeBy(model) },
    };
  });
  return Promise.all(made.map((map) => explained(model, image, map)));
}

/** z over the input's extents; null where the map or the features tell nothing apart. */
function oddsOf(layer: Features, map: Plane): Float32Array | null {
  const { width, height } = layer;
  const onPlane = resizeMap(map, width, height);
  const sorted = onPlane.slice().sort();
  const most = sorted[sorted.length - 1]!;
  const low = Math.max(GROUND * most, sorted[Math.floor(LEAST_GROUND * (sorted.length - 1))]!);
  const isObject = Uint8Array.from(onPlane, (value) => (value > OBJECT * most ? 1 : 0));
  const isGround = Uint8Array.from(onPlane, (value) => (value <= low && value < OBJECT * most ? 1 : 0));
  if (!isObject.includes(1) || !isGround.includes(1)) return null;
  const ratios = logRatios(layer, isObject, isGround);
  const mean = ratios.reduce((sum, value) => sum + value, 0) / ratios.length;
  const spread = Math.sqrt(ratios.reduce((sum, value) => sum + (value - mean) ** 2, 0) / ratios.length);
  if (!(spread > 0)) return null;
  const standard = Float32Array.from(ratios, (value) => (value - mean) / spread);
  return resizeMap({ data: standard, width, height }, map.width, map.height);
}

/** @hidden In {@link METHODS}. */
export const featureMapMethod = method({
  name: 'features',
  title: 'Feature map',
  source: 'after Melas-Kyriazi et al.',
  year: 2022,
  meaning: 'the layer map, times how much likelier its features are of the object than of what surrounds it',
  reading: [
    'Bright pixels lie where the layer map finds the object, or where the network sees what it sees there.',
    'It goes by looks inside the network: what only looks like the object is bright too, and the map no longer says ' +
      'what the score depends on.',
    'Take it for boxes and cut-outs; for what the score depends on, take the layer map.',
  ],
  options: {
    tensors: tensorsOption,
    strength: {
      kind: 'number',
      range: [0, 4],
      step: 0.05,
      default: 0.25,
      label: 'Strength of features',
      help: 'how much features count; 0: not at all',
    },
    mirror: {
      kind: 'choice',
      choices: [
        ['on', 'counts too'],
        ['off', 'does not count'],
      ],
      default: 'on',
      label: 'Mirror image',
      help: 'whether the layer map of the mirror image counts too, at the price of as many gradients again',
    },
  },
  signed: () => false,
  batch: () => 1,
  make: featureMap,
  several: featureMaps,
});
