import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { LayerGradient } from '../options';
import { type ActivationMapOptions, activationMap } from './activationMap';
import type { Heatmap } from './heatmap';
import { method } from './method';
import { tensorOption } from './sharedOptions';

/** Options of {@link hiResCam}. */
export type HiResCamOptions = ActivationMapOptions;

/**
 * HiResCAM (beyond the paper; Draelos and Carin 2020):  M = max(0, Σ_k A_k ⊙ ∂S_class/∂A_k), with A a layer's
 * activations. Grad-CAM averages the gradient over the plane first, and so may show places that the class's score does
 * not depend on; here each place keeps its own. The map is as coarse as the layer and is brought to the input's
 * extents, bilinearly.
 *
 * @throws GradlensError as `Model.layerGradient`: for a tensor that is not there, or that something goes around
 * @example
 * ```ts
 * import { hiResCam } from 'gradlens';
 *
 * const map = await hiResCam(model, picture, { class: 3 });
 * ```
 */
export async function hiResCam(model: Model, image: ImageInput, options: HiResCamOptions = {}): Promise<Heatmap> {
  return activationMap(model, image, options, {
    method: 'hires-cam',
    sum: sumOfProducts,
    cutOff: 'no sum of products is positive, and HiResCAM shows only what raises the score',
  });
}

function sumOfProducts({ extents: { C, H, W }, activations, gradient }: LayerGradient): Float32Array {
  const plane = H * W;
  const sum = new Float32Array(plane);
  for (let k = 0; k < C; k++)
    for (let i = 0; i < plane; i++) sum[i]! += activations[k * plane + i]! * gradient[k * plane + i]!;
  return sum;
}

/** @hidden In {@link METHODS}. */
export const hiResCamMethod = method({
  name: 'hires-cam',
  title: 'HiResCAM',
  source: 'Draelos and Carin',
  year: 2020,
  meaning: 'channels of the last plane, each place times its own gradient',
  reading: [
    'Bright areas are those whose own features, each by its own gradient, raise the score of the class.',
    'Unlike Grad-CAM it shows no place that the score does not depend on; it is just as coarse.',
    'Where the two differ, believe this one.',
  ],
  options: { tensor: tensorOption },
  signed: () => false,
  batch: () => 1,
  make: hiResCam,
});
