import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { RunOptions, TopClasses } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, madeBy } from './heatmap';
import { layerLogs } from './layerLogs';
import { method } from './method';
import { tensorsOption } from './sharedOptions';
import { tensorsIn } from './tensorsIn';

/** Options of {@link layerMap}. */
export interface LayerMapOptions extends RunOptions {
  /** Whose score is explained; default: the class with the highest. */
  readonly class?: number | 'top1';
  /**
   * Which tensors, as the graph names them; default: the last of each of the three coarsest planes. All that follows
   * one must go through it.
   */
  readonly tensors?: readonly string[];
}

/**
 * Layer map (beyond the paper; after LayerCAM, Jiang et al. 2021): what the values inside the network contribute to the
 * score, to first order, from layers that are coarse but see the object and finer ones that see where it is.
 *
 *   M = Π_l (ε + M_l / ⟨M_l⟩)^(1/n),   M_l[h,w] = Σ_k |A_k[h,w] · ∂S_class/∂A_k[h,w]|
 *
 * with A the n layers' activations; each M_l is brought to the input's extents, bilinearly, and blurred a little. In
 * units of the mean.
 * @throws GradlensError `validation` for an empty list of tensors; else as {@link Model.layerGradient}
 * @example
 * ```ts
 * import { layerMap, mapBox } from 'gradlens';
 *
 * const map = await layerMap(model, picture, { class: model.labels.indexOf('ladybug') });
 * const { box } = mapBox(map, picture); // [x, y, width, height]
 * ```
 */
export async function layerMap(model: Model, image: ImageInput, options: LayerMapOptions = {}): Promise<Heatmap> {
  const { class: chosen = 'top1' } = options;
  const [map] = await layerMaps(model, image, { ...options, class: chosen });
  return map!;
}

/**
 * The maps of several classes of one picture, from one forward pass for each layer, as `saliencies`. The model's batch
 * is 1.
 * @throws GradlensError as {@link layerMap}
 * @example
 * ```ts
 * import { layerMaps } from 'gradlens';
 *
 * const [best, second] = await layerMaps(model, picture, { class: { top: 2 } });
 * ```
 */
export async function layerMaps(
  model: Model,
  image: ImageInput,
  options: Omit<LayerMapOptions, 'class'> & { readonly class: number | 'top1' | readonly number[] | TopClasses },
): Promise<Heatmap[]> {
  [image, options] = await atCall(image, options);
  const tensors = tensorsIn(model, options);
  const { classes, scores, logs } = await layerLogs(model, image, tensors, options);
  const [, , height, width] = model.inputShape;
  const made = classes.map((index, k) => ({
    data: logs[k]!.map((sum) => Math.exp(sum / tensors.length)),
    width,
    height,
    class: index,
    score: scores[index]!,
    signed: false,
    meta: { method: 'layers', tensors, ...madeBy(model) },
  }));
  return Promise.all(made.map((map) => explained(model, image, map)));
}

/** @hidden In {@link METHODS}. */
export const layerMapMethod = method({
  name: 'layers',
  title: 'Layer map',
  source: 'after Jiang et al.',
  year: 2021,
  meaning: 'what three layers contribute to the score, |value · ∂score/∂value|, multiplied',
  reading: [
    'Bright pixels lie where coarse layers find the object and finer ones find its parts.',
    'It is smooth and covers whole objects, since it multiplies the maps of several layers; what one of them misses ' +
      'stays dark.',
    'Take it for boxes and cut-outs; single pixels of it mean little.',
  ],
  options: {
    /** Of the layer map and LayerCAM. */
    tensors: tensorsOption,
  },
  signed: () => false,
  batch: () => 1,
  make: layerMap,
  several: layerMaps,
});
