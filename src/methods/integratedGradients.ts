import { check, whole } from '../check';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { RunOptions } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, classOf, madeBy, overChannels } from './heatmap';
import { SAMPLES_AT_ONCE, method } from './method';

/** Options of {@link integratedGradients}. */
export interface IntegratedGradientsOptions extends RunOptions {
  /** Whose score is explained; default: the class with the highest. */
  readonly class?: number | 'top1';
  /** Number of equal steps of the path; default 32. They fill the model's batch, so a larger batch is faster. */
  readonly steps?: number;
  /** Where the path begins, `[C, H, W]` prepared; default 0, the mean image. */
  readonly baseline?: Float32Array;
}

/** The map of {@link integratedGradients}, and how good the integral is. */
export interface IntegratedGradients extends Heatmap {
  /** What the whole map adds up to; for infinitely many steps, S(picture) − S(baseline). */
  readonly sum: number;
  /** |sum − (S(picture) − S(baseline))| / |S(picture) − S(baseline)|: how far the steps are from the integral. */
  readonly gap: number;
}

/**
 * Integrated gradients (beyond the paper; Sundararajan et al. 2017), by the midpoint rule:
 *
 *   M[h,w] = Σ_c (I − B)[c,h,w] · 1/n Σ_k ∂S_class/∂I (B + (k + ½)/n · (I − B))
 * @throws GradlensError `validation` for steps that are none; else as {@link Model.sampleGradient}
 * @example
 * ```ts
 * import { integratedGradients } from 'gradlens';
 *
 * const map = await integratedGradients(model, picture, { class: 'top1', steps: 16 });
 * console.log(map.sum, map.gap); // the parts add up to the score, but for the gap
 * ```
 */
export async function integratedGradients(
  model: Model,
  image: ImageInput,
  options: IntegratedGradientsOptions = {},
): Promise<IntegratedGradients> {
  [image, options] = await atCall(image, options);
  const { class: chosen = 'top1', steps = 32, baseline } = options;
  check('steps', steps, whole(1));
  const found = await classOf(model, image, chosen, options);
  const input = await model.prepared(image, options);
  const { total } = await model.sampleGradient(image, {
    ...options,
    class: found.class,
    samples: steps,
    sum: 'signed',
    variation: { kind: 'path' },
    ...(baseline ? { other: baseline } : {}),
  });
  const [, C, height, width] = model.inputShape;
  const parts = total.map((value, i) => ((input[i]! - (baseline?.[i] ?? 0)) * value) / steps);
  const start = await classOf(
    model,
    { data: baseline ?? new Float32Array(C * height * width), shape: [1, C, height, width] },
    found.class,
    options,
  );
  const data = overChannels(parts, C, 'sum');
  const sum = data.reduce((whole, value) => whole + value, 0);
  const gap = Math.abs(sum - (found.score - start.score)) / Math.abs(found.score - start.score);
  return explained(model, image, {
    data,
    width,
    height,
    ...found,
    signed: true,
    sum,
    gap,
    meta: { method: 'integrated-gradients', steps, gap, ...madeBy(model) },
  });
}

/** @hidden In {@link METHODS}. */
export const integratedGradientsMethod = method({
  name: 'integrated-gradients',
  title: 'Integrated gradients',
  source: 'Sundararajan et al.',
  year: 2017,
  meaning: 'parts of the score, on the way from the mean image',
  reading: [
    'Red pixels brought the score up on the way from the mean colour to this picture, blue ones brought it down.',
    'All values together are the difference of the two scores, so sizes may be compared.',
    'What has the mean colour already cannot count, and another beginning of the way gives another map.',
  ],
  options: {
    /** Steps of a path, or noisy copies. */
    samples: {
      kind: 'number',
      range: [1, 1e6],
      whole: true,
      default: 32,
      label: 'Steps',
      help: 'steps of the path',
    },
  },
  signed: () => true,
  batch: () => SAMPLES_AT_ONCE,
  passes: ({ samples }) => samples,
  make: (model, image, { samples, ...options }) => integratedGradients(model, image, { ...options, steps: samples }),
});
