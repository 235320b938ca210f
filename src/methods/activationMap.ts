/** What the methods have in common that weigh the activations of one layer: Grad-CAM and its kin. */
import type { ImageInput } from '../image/pixels';
import { resizeMap } from '../image/resize';
import type { Model } from '../model';
import type { LayerGradient, RunOptions } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, madeBy } from './heatmap';

/** Options of the maps of one layer: `gradCam`, `gradCamPlusPlus`, `hiResCam`. */
export interface ActivationMapOptions extends RunOptions {
  /** Whose score is explained; default: the class with the highest. */
  readonly class?: number | 'top1';
  /**
   * Which tensor, as the graph names it; default: the last that has more than one pixel. All that follows must go
   * through it.
   */
  readonly tensor?: string;
}

interface Weighing {
  /** `meta.method` of the map. */
  readonly method: string;
  /** The sum over the layer's channels, one number per pixel of its plane. */
  readonly sum: (layer: LayerGradient) => Float32Array;
  /** Why the map is 0 everywhere, where no sum is positive. */
  readonly cutOff: string;
}

/** max(0, sum) of one layer, brought from its plane to the input's extents, bilinearly. */
export async function activationMap(
  model: Model,
  image: ImageInput,
  options: ActivationMapOptions,
  { method, sum, cutOff }: Weighing,
): Promise<Heatmap> {
  [image, options] = await atCall(image, options);
  const { class: chosen = 'top1', tensor = model.lastPlane } = options;
  const layer = await model.layerGradient(image, { ...options, tensor, class: chosen });
  const index = layer.classes[0]!;
  const sums = sum(layer);
  const plane = { data: sums.map((value) => Math.max(0, value)), width: layer.extents.W, height: layer.extents.H };
  const [, , height, width] = model.inputShape;
  const map = {
    data: resizeMap(plane, width, height),
    width,
    height,
    class: index,
    score: layer.scores[index]!,
    signed: false,
    meta: { method, tensor, ...madeBy(model) },
  };
  const isCutOff = sums.some((value) => value < 0);
  return explained(model, image, map, isCutOff ? { reason: 'cut off', message: cutOff } : undefined);
}
