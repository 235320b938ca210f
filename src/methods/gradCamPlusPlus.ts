import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { LayerGradient } from '../options';
import { type ActivationMapOptions, activationMap } from './activationMap';
import type { Heatmap } from './heatmap';
import { method } from './method';
import { tensorOption } from './sharedOptions';

/** Options of {@link gradCamPlusPlus}. */
export type GradCamPlusPlusOptions = ActivationMapOptions;

/**
 * Grad-CAM++ (beyond the paper; Chattopadhyay et al. 2018, equations 10 and 19):
 *
 *   M = max(0, Σ_k w_k A_k),   w_k = Σ_ij α_k,ij · max(0, g_k,ij),   α_k,ij = g² / (2g² + g³ Σ_ab A_k,ab)
 *
 * with A a layer's activations and g = ∂S_class/∂A. What is differentiated there is exp(S_class), whose derivatives are
 * exp(S_class) times powers of g: that factor is the same for all channels, and is left out. Only positive gradients
 * count, each place by its own weight, so that a class that is seen in several places is shown in all of them. The map
 * is as coarse as the layer and is brought to the input's extents, bilinearly.
 *
 * @throws GradlensError as `Model.layerGradient`: for a tensor that is not there, or that something goes around
 * @example
 * ```ts
 * import { gradCamPlusPlus } from 'gradlens';
 *
 * const map = await gradCamPlusPlus(model, picture, { class: 3 });
 * ```
 */
export async function gradCamPlusPlus(
  model: Model,
  image: ImageInput,
  options: GradCamPlusPlusOptions = {},
): Promise<Heatmap> {
  return activationMap(model, image, options, {
    method: 'grad-cam-plus-plus',
    sum: weightedSum,
    cutOff: 'no weighted sum is positive, and Grad-CAM++ shows only what raises the score',
  });
}

function weightedSum({ extents: { C, H, W }, activations, gradient }: LayerGradient): Float32Array {
  const plane = H * W;
  const sum = new Float32Array(plane);
  for (let k = 0; k < C; k++) {
    const values = activations.subarray(k * plane, (k + 1) * plane);
    const total = values.reduce((whole, value) => whole + value, 0);
    const weight = gradient
      .subarray(k * plane, (k + 1) * plane)
      .reduce((whole, g) => whole + (g > 0 ? weightOf(g, total) : 0), 0);
    for (let i = 0; i < plane; i++) sum[i]! += weight * values[i]!;
  }
  return sum;
}

/** α · g of a positive g, in which g² cancels. Where the denominator is 0, which takes negative activations: 0. */
function weightOf(g: number, total: number): number {
  const below = 2 + g * total;
  return below === 0 ? 0 : g / below;
}

/** @hidden In {@link METHODS}. */
export const gradCamPlusPlusMethod = method({
  name: 'grad-cam-plus-plus',
  title: 'Grad-CAM++',
  source: 'Chattopadhyay et al.',
  year: 2018,
  meaning: 'channels of the last plane, weighted by their positive gradients, place by place',
  reading: [
    'Bright areas hold features that raise the score of the class, each place weighted so that many of them all show.',
    'It leaves out what lowers the score, so it does not show what speaks against the class, and it is coarse.',
    'Take it where the picture has several objects of the class.',
  ],
  options: { tensor: tensorOption },
  signed: () => false,
  batch: () => 1,
  make: gradCamPlusPlus,
});
