import type { Model } from '../model';
import type { ImageInput } from '../image/pixels';
import type { GradientOptions, ReluRule, RunOptions } from '../options';

/** A map over the prepared input, in the units of the gradient. Never normalised. */
export interface Heatmap {
  /** `[height × width]`, row-major. */
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
  readonly class: number;
  /** The class's score, before soft-max. */
  readonly score: number;
  /** Whether negative values mean something. */
  readonly signed: boolean;
  /** How it was made. */
  readonly meta: Readonly<Record<string, unknown>>;
}

export interface SaliencyOptions extends RunOptions {
  /** Default: the class with the highest score, as in the paper's figures. */
  readonly class?: number | 'top1';
  readonly relu?: ReluRule;
  readonly score?: GradientOptions['score'];
  /** How channels become one: the largest |gradient| (the paper), or their (absolute) sum. */
  readonly channels?: 'max-abs' | 'sum-abs' | 'sum';
}

/** Image-specific class saliency (§3.1):  M[h,w] = max_c |G[c,h,w]|,  G = ∂S_class/∂I at the picture. */
export async function saliency(model: Model, image: ImageInput, options: SaliencyOptions = {}): Promise<Heatmap> {
  const { class: chosen = 'top1', relu = 'gradient', score = 'logit', channels = 'max-abs' } = options;
  const { scores, gradient, classes } = await model.inputGradient(image, { ...options, class: chosen, relu, score });
  const [, C, height, width] = model.inputShape;
  return {
    data: overChannels(gradient, C, channels),
    width,
    height,
    class: classes[0]!,
    score: scores[classes[0]!]!,
    signed: channels === 'sum',
    meta: { method: 'saliency', relu, score, channels, model: model.name },
  };
}

function overChannels(gradient: Float32Array, C: number, how: NonNullable<SaliencyOptions['channels']>): Float32Array {
  const plane = gradient.length / C;
  const map = new Float32Array(plane);
  for (let c = 0; c < C; c++) {
    for (let i = 0; i < plane; i++) {
      const value = gradient[c * plane + i]!;
      map[i] = how === 'sum' ? map[i]! + value : how === 'sum-abs' ? map[i]! + Math.abs(value) : Math.max(map[i]!, Math.abs(value));
    }
  }
  return map;
}
