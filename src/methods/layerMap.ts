import { blurred } from '../image/blur';
import type { ImageInput } from '../image/pixels';
import { resizeMap } from '../image/resize';
import type { Model } from '../model';
import type { LayerGradient, RunOptions, TopClasses } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, madeBy } from './heatmap';
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
 * Each layer's map is blurred with a Gaussian of this part of the input's width, about a pixel of the finest of these
 * layers, where that is a quarter as wide as the input.
 */
const BLUR = 1 / 56;

/** Added to each layer's map, as a part of its mean: where one layer is 0, it does not erase the others. */
const LEAST = 1e-3;

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
  const [, , height, width] = model.inputShape;
  let chosen = options.class;
  let logs: Float32Array[] = [];
  let scores: Float32Array = new Float32Array();
  for (const [k, tensor] of tensors.entries()) {
    options.onProgress?.({ phase: 'run', done: k, total: tensors.length });
    const layer = await model.layerGradient(image, { ...options, tensor, class: chosen });
    ({ scores, classes: chosen } = layer);
    const maps = layer.classes.map((_, c) => logOf(resizeMap(contributions(layer, c), width, height), width, height));
    logs = logs.length === 0 ? maps : logs.map((sum, c) => sum.map((value, i) => value + maps[c]![i]!));
  }
  const made = (chosen as readonly number[]).map((index, k) => ({
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

function contributions(
  { extents: { C, H, W }, activations, gradient }: LayerGradient,
  k: number,
): { data: Float32Array; width: number; height: number } {
  const plane = H * W;
  const data = new Float32Array(plane);
  for (let i = 0; i < C * plane; i++) data[i % plane]! += Math.abs(activations[i]! * gradient[k * C * plane + i]!);
  return { data, width: W, height: H };
}

/** log(ε + M_l / ⟨M_l⟩); of a map that is 0 everywhere: 0. */
function logOf(data: Float32Array, width: number, height: number): Float32Array {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  if (!(mean > 0)) return new Float32Array(data.length);
  return blurred({ data, width, height }, BLUR * width).data.map((value) => Math.log(LEAST + value / mean));
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
