import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { RunOptions } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, madeBy, overChannels } from './heatmap';
import { method } from './method';

/**
 * Gradient × input (beyond the paper; Shrikumar et al. 2016):  M[h,w] = Σ_c I[c,h,w] · ∂S_class/∂I[c,h,w].
 *
 * For a net without biases the map adds up to the score. Zero is the mean image, so pixels of the mean's colour
 * contribute nothing. The model's batch is 1.
 * @throws GradlensError as {@link Model.inputGradient}
 * @example
 * ```ts
 * import { gradientTimesInput } from 'gradlens';
 *
 * const map = await gradientTimesInput(model, picture, { class: 'top1' });
 * const sum = map.data.reduce((total, value) => total + value, 0); // near to map.score, where biases are small
 * ```
 */
export async function gradientTimesInput(
  model: Model,
  image: ImageInput,
  options: RunOptions & { readonly class?: number | 'top1' } = {},
): Promise<Heatmap> {
  [image, options] = await atCall(image, options);
  const { class: chosen = 'top1' } = options;
  const input = await model.prepared(image, options);
  const {
    scores,
    gradient,
    classes: [index],
  } = await model.inputGradient(image, { ...options, class: chosen });
  const [, C, height, width] = model.inputShape;
  const data = overChannels(
    gradient.map((value, i) => value * input[i]!),
    C,
    'sum',
  );
  return explained(model, image, {
    data,
    width,
    height,
    class: index!,
    score: scores[index!]!,
    signed: true,
    meta: { method: 'gradient-times-input', ...madeBy(model) },
  });
}

/** @hidden In {@link METHODS}. */
export const gradientTimesInputMethod = method({
  name: 'gradient-times-input',
  title: 'Gradient × input',
  source: 'Shrikumar et al.',
  year: 2016,
  meaning: 'input · ∂score/∂input, added over the colour channels',
  reading: [
    'Red pixels raise the score by being what they are, blue ones lower it, as far as a straight line tells.',
    'A pixel near the mean colour stays pale whatever it means to the network, since there is almost nothing to ' +
      'multiply.',
    'The values add up to the score only where the network is linear; integrated gradients mend that.',
  ],
  options: {},
  signed: () => true,
  batch: () => 1,
  make: gradientTimesInput,
});
