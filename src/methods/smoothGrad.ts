import { checkAll, from, whole } from '../check';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { ReluRule, RunOptions } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type ChannelRule, type Heatmap, classOf, madeBy, overChannels } from './heatmap';
import { SAMPLES_AT_ONCE, method } from './method';
import { channelsOption, reluOption } from './sharedOptions';

/** Options of {@link smoothGrad}. */
export interface SmoothGradOptions extends RunOptions {
  /** Whose score is explained; default: the class with the highest. */
  readonly class?: number | 'top1';
  /** Number of noisy copies; default 32. They fill the model's batch, so a larger batch is faster. */
  readonly samples?: number;
  /** Standard deviation of the noise, as a part of the prepared picture's range; default 0.15. */
  readonly noise?: number;
  /** Seed of the noise; default 1. */
  readonly seed?: number;
  /** Square each gradient before it is added (Hooker et al. 2019), and take the root of the mean. */
  readonly squared?: boolean;
  /** How ReLUs pass the gradient back; default `gradient`, the true one. */
  readonly relu?: ReluRule;
  /** How colour channels become one; default `max-abs`. */
  readonly channels?: ChannelRule;
}

/**
 * SmoothGrad (beyond the paper; Smilkov et al. 2017): the map of the mean gradient of noisy copies of the picture.
 *
 *   M = max_c |1/n Σ_k ∂S_class/∂I (I + 𝒩(0, σ²))|
 *
 * The noise is made on the GPU, the same on every device.
 * @throws GradlensError `validation` for samples, noise or seed out of range; else as {@link Model.sampleGradient}
 * @example
 * ```ts
 * import { smoothGrad } from 'gradlens';
 *
 * const map = await smoothGrad(model, picture, { class: 'top1', samples: 8, noise: 0.1, seed: 7 });
 * ```
 */
export async function smoothGrad(model: Model, image: ImageInput, options: SmoothGradOptions = {}): Promise<Heatmap> {
  [image, options] = await atCall(image, options);
  const {
    class: chosen = 'top1',
    samples = 32,
    noise = 0.15,
    seed = 1,
    squared = false,
    relu = 'gradient',
    channels = 'max-abs',
  } = options;
  checkAll({ samples, noise, seed }, { samples: whole(1), noise: from(0), seed: whole() });
  const found = await classOf(model, image, chosen, options);
  const input = await model.prepared(image, options);
  const range =
    input.reduce((most, value) => Math.max(most, value), -Infinity) -
    input.reduce((least, value) => Math.min(least, value), Infinity);
  const { total } = await model.sampleGradient(image, {
    ...options,
    class: found.class,
    relu,
    samples,
    sum: squared ? 'squares' : 'signed',
    variation: { kind: 'noise', sigma: noise * range, seed },
  });
  const [, C, height, width] = model.inputShape;
  const mean = total.map((value) => (squared ? Math.sqrt(value / samples) : value / samples));
  return explained(model, image, {
    data: overChannels(mean, C, channels),
    width,
    height,
    ...found,
    signed: channels === 'sum' && !squared,
    meta: { method: 'smoothgrad', samples, noise, seed, squared, relu, channels, ...madeBy(model) },
  });
}

/** @hidden In {@link METHODS}. */
export const smoothGradMethod = method({
  name: 'smoothgrad',
  title: 'SmoothGrad',
  source: 'Smilkov et al.',
  year: 2017,
  meaning: 'mean ∂score/∂input of noisy copies',
  reading: [
    'Bright pixels change the score in many noisy copies of the picture, not only in the picture itself.',
    'The noise averages out what flickers, and with it fine detail that the network may really go by.',
    'Compare it with the plain map: much noise gives a smooth map of pictures that the network never saw.',
  ],
  options: {
    relu: reluOption,
    channels: channelsOption,
    samples: {
      kind: 'number',
      range: [1, 1e6],
      whole: true,
      default: 32,
      label: 'Noisy copies',
      help: 'how many maps of noisy copies are averaged',
    },
    /** Its standard deviation. */
    noise: {
      kind: 'number',
      range: [0, 1e6],
      step: 0.01,
      default: 0.15,
      label: 'Noise, of the range',
      help: "standard deviation, as a part of the picture's range",
    },
  },
  signed: ({ channels }) => channels === 'sum',
  batch: () => SAMPLES_AT_ONCE,
  passes: ({ samples }) => samples,
  make: smoothGrad,
});
