/** How feature maps are made: apart from their record, so that only who asks for one fetches it. */
import { check, oneOf, within } from '../check';
import type { ImageInput } from '../image/pixels';
import { type Plane, resizeMap } from '../image/resize';
import type { Model } from '../model';
import type { RunOptions, TopClasses } from '../options';
import { featureBorder } from '../segmentation/featureBorder';
import { logRatios } from '../segmentation/featureModel';
import type { Features } from '../segmentation/features';
import { explained } from './flat';
import { type Heatmap, madeBy } from './heatmap';
import { layerLogs } from './layerLogs';
import { mirrorImage, mirroredRows } from './mirror';
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

/** Options of {@link featureMaps}. */
export interface FeatureMapsOptions extends Omit<FeatureMapOptions, 'class'> {
  /** Whose scores are explained. */
  readonly class: number | 'top1' | readonly number[] | TopClasses;
}

/** Pixels above the first share of the layer map's largest value show the object, those below the second do not. */
const [OBJECT, GROUND] = [0.4, 0.12];
/** At least this part of the pixels shows what is not the object. */
const LEAST_GROUND = 0.2;

/** Where objects end, before the features are asked; chosen on 470 boxed photos (docs/REPRODUCTION.md). */
const USUAL = { share: 0.15, dearness: 0.15 };

export async function mapsOf(model: Model, image: ImageInput, options: FeatureMapsOptions): Promise<Heatmap[]> {
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
