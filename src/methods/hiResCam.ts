import type { ImageInput } from '../image/pixels';
import { resizeMap } from '../image/resize';
import type { Model } from '../model';
import type { RunOptions } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, madeBy } from './heatmap';
import { method } from './method';
import { tensorOption } from './sharedOptions';

export interface HiResCamOptions extends RunOptions {
  /** Whose score is explained; default: the class with the highest. */
  readonly class?: number | 'top1';
  /**
   * Which tensor, as the graph names it; default: the last that has more than one pixel. All that follows must go
   * through it.
   */
  readonly tensor?: string;
}

const CUT_OFF = {
  reason: 'cut off',
  message: 'no sum of products is positive, and HiResCAM shows only what raises the score',
} as const;

/**
 * HiResCAM (beyond the paper; Draelos and Carin 2020):  M = max(0, Σ_k A_k ⊙ ∂S_class/∂A_k), with A a layer's
 * activations. Grad-CAM averages the gradient over the plane first, and so may show places that the class's score does
 * not depend on; here each place keeps its own. The map is as coarse as the layer and is brought to the input's
 * extents, bilinearly.
 *
 * @throws GradlensError `validation` for a tensor that is not there, or that something goes around
 * @example
 * ```ts
 * const map = await hiResCam(model, image, { class: 3 });
 * ```
 */
export async function hiResCam(model: Model, image: ImageInput, options: HiResCamOptions = {}): Promise<Heatmap> {
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
  for (let k = 0; k < C; k++)
    for (let i = 0; i < plane; i++) sum[i]! += activations[k * plane + i]! * gradient[k * plane + i]!;
  const [, , height, width] = model.inputShape;
  const map = {
    data: resizeMap({ data: sum.map((value) => Math.max(0, value)), width: W, height: H }, width, height),
    width,
    height,
    class: index!,
    score: scores[index!]!,
    signed: false,
    meta: { method: 'hires-cam', tensor, ...madeBy(model) },
  };
  return explained(model, image, map, sum.some((value) => value < 0) ? CUT_OFF : undefined);
}

export const hiResCamMethod = method({
  name: 'hires-cam',
  title: 'HiResCAM',
  source: 'Draelos and Carin',
  year: 2020,
  meaning: 'channels of the last plane, each place times its own gradient',
  options: { tensor: tensorOption },
  signed: () => false,
  batch: () => 1,
  make: hiResCam,
});
