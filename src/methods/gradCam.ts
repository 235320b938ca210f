import { resizeMap } from '../image/resize';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { RunOptions } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, madeBy } from './heatmap';
import { method } from './method';
import { tensorOption } from './sharedOptions';

export interface GradCamOptions extends RunOptions {
  readonly class?: number | 'top1';
  /**
   * Which tensor, as the graph names it; default: the last that has more than one pixel. All that follows must go
   * through it.
   */
  readonly tensor?: string;
}

const CUT_OFF = {
  reason: 'cut off',
  message: 'no weighted sum is positive, and Grad-CAM shows only what raises the score',
} as const;

/**
 * Grad-CAM (beyond the paper; Selvaraju et al. 2017):  M = max(0, Σ_k α_k A_k),  α_k = mean over the plane of
 * ∂S_class/∂A_k, with A a layer's activations. The map is as coarse as the layer and is brought to the input's extents,
 * bilinearly.
 */
export async function gradCam(model: Model, image: ImageInput, options: GradCamOptions = {}): Promise<Heatmap> {
  [image, options] = await atCall(image, options);
  const { class: chosen = 'top1', tensor = model.lastPlane } = options;
  const {
    extents: { C, H, W },
    activations,
    gradient,
    scores,
    classes: [index],
  } = await model.layerGradient(image, { ...options, tensor, class: chosen });
  const plane = H * W;
  const sum = new Float32Array(plane);
  for (let k = 0; k < C; k++) {
    const alpha = gradient.subarray(k * plane, (k + 1) * plane).reduce((whole, value) => whole + value, 0) / plane;
    for (let i = 0; i < plane; i++) sum[i]! += alpha * activations[k * plane + i]!;
  }
  const [, , height, width] = model.inputShape;
  const data = resizeMap({ data: sum.map((value) => Math.max(0, value)), width: W, height: H }, width, height);
  const map = {
    data,
    width,
    height,
    class: index!,
    score: scores[index!]!,
    signed: false,
    meta: { method: 'grad-cam', tensor, ...madeBy(model) },
  };
  return explained(model, image, map, sum.some((value) => value < 0) ? CUT_OFF : undefined);
}

export const gradCamMethod = method({
  name: 'grad-cam',
  title: 'Grad-CAM',
  source: 'Selvaraju et al.',
  year: 2017,
  meaning: 'channels of the last plane, weighted by their mean gradients',
  options: { tensor: tensorOption },
  signed: () => false,
  batch: () => 1,
  make: gradCam,
});
