/** Maps over the prepared input, and what several methods do to make one. */
import type { ChannelRule } from '../../shaders/overChannels';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { Certainty } from '../options';
import { bestClass } from '../scores';

export type { ChannelRule };

/** A map over the prepared input, in the units of its method. Never normalised. */
export interface Heatmap {
  /** `[height × width]`, row-major. */
  readonly data: Float32Array;
  /** Of the model's input, in pixels. */
  readonly width: number;
  /** Likewise. */
  readonly height: number;
  /** The class that is explained. */
  readonly class: number;
  /** The class's score, before soft-max. */
  readonly score: number;
  /** Whether negative values mean something. */
  readonly signed: boolean;
  /** Of a method that looks for it: the value at which the object ends. */
  readonly border?: number;
  /** How it was made. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** How far the gradient that it is made of can be trusted, where that was asked for. */
  readonly certainty?: Certainty;
  /** There if all values are equal: the map then ranks no pixel above another. */
  readonly flat?: FlatMap;
}

/** The only value of a map, and the probable reason. */
export interface FlatMap {
  /** The one value. */
  readonly value: number;
  /**
   * - `dead units`: somewhere inside the network no unit is active, or none that is changes the score
   * - `saturation`: the probability is too near to 0 or 1 to change
   * - `curve`: the scores come out of a sigmoid or the like, which is flat there
   * - `cut off`: the method shows only what is positive, and nothing is
   */
  readonly reason: 'dead units' | 'saturation' | 'curve' | 'cut off' | 'unknown';
  /** The reason in a sentence. */
  readonly message: string;
}

/** `[C, H, W]` → `[H × W]` */
export function overChannels(values: Float32Array, C: number, how: ChannelRule): Float32Array {
  const plane = values.length / C;
  const map = new Float32Array(plane);
  for (let c = 0; c < C; c++) {
    const channel = values.subarray(c * plane, (c + 1) * plane);
    // a loop each: this is most of what a thread does beside a fast GPU
    if (how === 'sum') for (let i = 0; i < plane; i++) map[i]! += channel[i]!;
    else if (how === 'sum-abs') for (let i = 0; i < plane; i++) map[i]! += Math.abs(channel[i]!);
    else for (let i = 0; i < plane; i++) map[i] = Math.max(map[i]!, Math.abs(channel[i]!));
  }
  return map;
}

/** The scores of one picture, of a model with any batch. */
export async function scoresOf(
  model: Model,
  image: ImageInput,
  { signal }: { readonly signal?: AbortSignal },
): Promise<Float32Array> {
  const images = Array.from({ length: model.inputShape[0] }, () => image);
  return (await model.scores(images, signal ? { signal } : {})).subarray(0, model.classes);
}

/** The picture's class and its score, of a model with any batch. */
export async function classOf(
  model: Model,
  image: ImageInput,
  chosen: number | 'top1',
  options: { readonly signal?: AbortSignal },
): Promise<{ readonly class: number; readonly score: number }> {
  const scores = await scoresOf(model, image, options);
  const index = chosen === 'top1' ? bestClass(scores) : chosen;
  return { class: index, score: scores[index]! };
}

/** What of a model every result says: f32 is exact, f16 is not. */
export const madeBy = ({
  name,
  precision,
}: Model): { readonly model: string; readonly precision: Model['precision'] } => ({ model: name, precision });
