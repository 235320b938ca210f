import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { LayerGradient } from '../options';
import { type ActivationMapOptions, activationMap } from './activationMap';
import type { Heatmap } from './heatmap';
import { method } from './method';
import { tensorOption } from './sharedOptions';

/** Options of {@link gradCam}. */
export type GradCamOptions = ActivationMapOptions;

/**
 * Grad-CAM (beyond the paper; Selvaraju et al. 2017):  M = max(0, Σ_k α_k A_k),  α_k = mean over the plane of
 * ∂S_class/∂A_k, with A a layer's activations. The map is as coarse as the layer and is brought to the input's extents,
 * bilinearly.
 * @throws GradlensError as `Model.layerGradient`: for a tensor that is not there, or that something goes around
 * @example
 * ```ts
 * import { gradCam } from 'gradlens';
 *
 * const map = await gradCam(model, picture, { class: 3 });
 * ```
 */
export async function gradCam(model: Model, image: ImageInput, options: GradCamOptions = {}): Promise<Heatmap> {
  return activationMap(model, image, options, {
    method: 'grad-cam',
    sum: weightedSum,
    cutOff: 'no weighted sum is positive, and Grad-CAM shows only what raises the score',
  });
}

function weightedSum({ extents: { C, H, W }, activations, gradient }: LayerGradient): Float32Array {
  const plane = H * W;
  const sum = new Float32Array(plane);
  for (let k = 0; k < C; k++) {
    const alpha = gradient.subarray(k * plane, (k + 1) * plane).reduce((whole, value) => whole + value, 0) / plane;
    for (let i = 0; i < plane; i++) sum[i]! += alpha * activations[k * plane + i]!;
  }
  return sum;
}

/** @hidden In {@link METHODS}. */
export const gradCamMethod = method({
  name: 'grad-cam',
  title: 'Grad-CAM',
  source: 'Selvaraju et al.',
  year: 2017,
  meaning: 'channels of the last plane, weighted by their mean gradients',
  reading: [
    'Bright areas are those where the last layer that still knows places holds features which speak for the class.',
    'It is as coarse as that layer: one of its cells covers many pixels, and the outline of the map means nothing.',
    'It says where, not what: take it to see whether the network looks at the object at all.',
  ],
  options: {
    /** Of Grad-CAM, Grad-CAM++ and HiResCAM. */
    tensor: tensorOption,
  },
  signed: () => false,
  batch: () => 1,
  make: gradCam,
});
