/** What several layers contribute to a score, multiplied: the layer map before it is one. */
import { blurred } from '../image/blur';
import type { ImageInput } from '../image/pixels';
import { resizeMap } from '../image/resize';
import type { Model } from '../model';
import type { LayerGradient, RunOptions, TopClasses } from '../options';
import type { Features } from '../segmentation/features';

/**
 * Each layer's map is blurred with a Gaussian of this part of the input's width, about a pixel of the finest of these
 * layers, where that is a quarter as wide as the input.
 */
const BLUR = 1 / 56;

/** Added to each layer's map, as a part of its mean: where one layer is 0, it does not erase the others. */
const LEAST = 1e-3;

export interface LayerLogs {
  /** The classes whose scores are explained. */
  readonly classes: readonly number[];
  /** Of all classes. */
  readonly scores: Float32Array;
  /** Σ_l log(ε + M_l / ⟨M_l⟩) over the input's extents, for each class. */
  readonly logs: readonly Float32Array[];
  /** What the layers say of the picture. */
  readonly layers: readonly Features[];
}

export async function layerLogs(
  model: Model,
  image: ImageInput,
  tensors: readonly string[],
  options: RunOptions & { readonly class: number | 'top1' | readonly number[] | TopClasses },
): Promise<LayerLogs> {
  const [, , height, width] = model.inputShape;
  let chosen = options.class;
  let logs: Float32Array[] = [];
  let scores: Float32Array = new Float32Array();
  const layers: Features[] = [];
  for (const [k, tensor] of tensors.entries()) {
    options.onProgress?.({ phase: 'run', done: k, total: tensors.length });
    const layer = await model.layerGradient(image, { ...options, tensor, class: chosen });
    ({ scores, classes: chosen } = layer);
    const maps = layer.classes.map((_, c) => logOf(resizeMap(contributions(layer, c), width, height), width, height));
    logs = logs.length === 0 ? maps : logs.map((sum, c) => sum.map((value, i) => value + maps[c]![i]!));
    const { C: channels, W, H } = layer.extents;
    layers.push({ data: layer.activations, channels, width: W, height: H });
  }
  return { classes: chosen as readonly number[], scores, logs, layers };
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
