import type { ImageInput } from '../image/pixels';
import { resizeMap } from '../image/resize';
import type { Model } from '../model';
import type { LayerGradient, RunOptions } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, madeBy } from './heatmap';
import { method } from './method';
import { tensorsOption } from './sharedOptions';
import { tensorsIn } from './tensorsIn';

/** Options of {@link layerCam}. */
export interface LayerCamOptions extends RunOptions {
  /** Whose score is explained; default: the class with the highest. */
  readonly class?: number | 'top1';
  /**
   * Which tensors, as the graph names them, from fine to coarse; default: the last of each of the three coarsest
   * planes. All that follows one must go through it.
   */
  readonly tensors?: readonly string[];
}

/** γ of the paper: how far the maps of finer layers are brought towards 1. */
const GAIN = 2;

/**
 * LayerCAM (beyond the paper; Jiang et al. 2021, equations 5 to 7):
 *
 *   M_l = max(0, Σ_k max(0, ∂S_class/∂A_k) ⊙ A_k)
 *
 * with A the activations of layer l. Of several layers the maps are brought to the input's extents, bilinearly, and
 * each pixel takes the largest: of the layer named last M_l / max M_l, of those before it tanh(2 M_l / max M_l), since
 * fine layers have few large values. A single layer gives M_l itself, in units of the score.
 *
 * @throws GradlensError `validation` for an empty list of tensors; else as {@link Model.layerGradient}
 * @example
 * ```ts
 * import { layerCam } from 'gradlens';
 *
 * const map = await layerCam(model, picture, { class: 3 });
 * ```
 */
export async function layerCam(model: Model, image: ImageInput, options: LayerCamOptions = {}): Promise<Heatmap> {
  [image, options] = await atCall(image, options);
  const tensors = tensorsIn(model, options);
  const [, , height, width] = model.inputShape;
  const fused = new Float32Array(width * height);
  let chosen: number | 'top1' = options.class ?? 'top1';
  let score = 0;
  let isCutOff = false;
  for (const [k, tensor] of tensors.entries()) {
    options.onProgress?.({ phase: 'run', done: k, total: tensors.length });
    const layer = await model.layerGradient(image, { ...options, tensor, class: chosen });
    chosen = layer.classes[0]!;
    score = layer.scores[chosen]!;
    isCutOff ||= layer.gradient.some((g, i) => g * layer.activations[i]! < 0);
    const values = positiveSum(layer);
    const isLast = k === tensors.length - 1;
    const scaled = tensors.length === 1 ? values : scaledTo1(values, isLast ? null : GAIN);
    const { W, H } = layer.extents;
    resizeMap({ data: scaled, width: W, height: H }, width, height).forEach((value, i) => {
      fused[i] = Math.max(fused[i]!, value);
    });
  }
  const map = {
    data: fused,
    width,
    height,
    class: chosen as number,
    score,
    signed: false,
    meta: { method: 'layer-cam', tensors, ...madeBy(model) },
  };
  const message = 'no positive gradient meets a positive activation, and LayerCAM shows only these';
  return explained(model, image, map, isCutOff ? { reason: 'cut off', message } : undefined);
}

function positiveSum({ extents: { C, H, W }, activations, gradient }: LayerGradient): Float32Array {
  const plane = H * W;
  const sum = new Float32Array(plane);
  for (let i = 0; i < C * plane; i++) sum[i % plane]! += Math.max(0, gradient[i]!) * activations[i]!;
  return sum.map((value) => Math.max(0, value));
}

/** M / max M, or tanh(gain · M / max M); of a map that is 0 everywhere: 0. */
function scaledTo1(values: Float32Array, gain: number | null): Float32Array {
  const most = values.reduce((largest, value) => Math.max(largest, value), 0);
  if (most === 0) return values;
  return values.map((value) => (gain === null ? value / most : Math.tanh((gain * value) / most)));
}

/** @hidden In {@link METHODS}. */
export const layerCamMethod = method({
  name: 'layer-cam',
  title: 'LayerCAM',
  source: 'Jiang et al.',
  year: 2021,
  meaning: 'what raises the score in any of three layers, place by place, each layer by its largest',
  reading: [
    'Bright pixels hold, in one layer at least, features whose own gradient raises the score of the class.',
    'It takes the largest of its layers, so that a fine layer may show detail which the coarse ones do not confirm.',
    'Take it for outlines, and the layer map, which multiplies the layers, for boxes.',
  ],
  options: { tensors: tensorsOption },
  signed: () => false,
  batch: () => 1,
  make: layerCam,
});
