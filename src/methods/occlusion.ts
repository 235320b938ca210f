import { check, whole } from '../check';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { RunOptions } from '../options';
import { atCall } from './atCall';
import { explained } from './flat';
import { type Heatmap, classOf, madeBy } from './heatmap';
import { SAMPLES_AT_ONCE, method } from './method';

/** Options of {@link occlusion}. */
export interface OcclusionOptions extends RunOptions {
  /** Whose score is explained; default: the class with the highest. */
  readonly class?: number | 'top1';
  /** Side of the square in pixels of the input; default: an eighth of the shorter side. */
  readonly size?: number;
  /** From square to square; default: half of the size. */
  readonly stride?: number;
}

/**
 * Occlusion (beyond the paper; Zeiler & Fergus 2014): how much the score falls when a square of the picture is the mean
 * colour. A pixel has the mean of the squares that cover it. Only forward passes; they fill the model's batch, so a
 * larger batch is faster.
 * @throws GradlensError `validation` for a size or a stride out of range; else as {@link Model.sampleGradient}
 * @example
 * ```ts
 * import { occlusion } from 'gradlens';
 *
 * const map = await occlusion(model, picture, { class: 'top1', size: 32 }); // each pixel: how much score it is worth
 * ```
 */
export async function occlusion(model: Model, image: ImageInput, options: OcclusionOptions = {}): Promise<Heatmap> {
  [image, options] = await atCall(image, options);
  const [, , height, width] = model.inputShape;
  const { class: chosen = 'top1', size = Math.max(1, Math.floor(Math.min(height, width) / 8)) } = options;
  const { stride = Math.max(1, Math.floor(size / 2)) } = options;
  check('size', size, whole(1, Math.min(height, width), 'pixels'));
  check('stride', stride, whole(1, size, 'pixels')); // at most the size, so that every pixel is covered
  const found = await classOf(model, image, chosen, options);
  // the last square of a row or column may reach beyond the edge, so that every pixel is covered
  const [columns, rows] = [width, height].map((extent) => Math.ceil((extent - size) / stride) + 1) as [number, number];
  const { scores } = await model.sampleGradient(image, {
    ...options,
    class: found.class,
    samples: columns * rows,
    sum: null,
    variation: { kind: 'patch', size, stride, columns },
  });

  const data = new Float32Array(width * height);
  const covered = new Uint32Array(width * height);
  scores.forEach((score, k) => {
    const [left, top] = [(k % columns) * stride, Math.floor(k / columns) * stride];
    for (let y = top; y < Math.min(top + size, height); y++) {
      for (let x = left; x < Math.min(left + size, width); x++) {
        data[y * width + x]! += found.score - score;
        covered[y * width + x]!++;
      }
    }
  });
  return explained(model, image, {
    data: data.map((sum, i) => sum / covered[i]!),
    width,
    height,
    ...found,
    signed: true,
    meta: { method: 'occlusion', size, stride, ...madeBy(model) },
  });
}

/** @hidden In {@link METHODS}. */
export const occlusionMethod = method({
  name: 'occlusion',
  title: 'Occlusion',
  source: 'Zeiler & Fergus',
  year: 2014,
  meaning: 'how much the score falls when a square is covered',
  reading: [
    'Red places make the score fall when a square covers them, blue ones make it rise.',
    'It asks the network itself and uses no gradient, so what it shows was really tried.',
    'Two things that can stand in for each other hide each other: covering one of them alone changes little.',
  ],
  options: {},
  signed: () => true,
  batch: () => SAMPLES_AT_ONCE,
  passes: () => 110, // squares of an eighth, a sixteenth apart, forward alone
  make: occlusion,
});
