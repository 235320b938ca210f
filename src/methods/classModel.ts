import type { InputSpec } from '../graph';
import { GradlensError } from '../errors';
import type { Pixels } from '../image/pixels';
import type { Model } from '../model';
import type { RunOptions } from '../options';

export interface ClassModelOptions extends RunOptions {
  /** A class, or one per item of the model's batch: many class models at once. */
  readonly class: number | readonly number[];
  /** Default 200. */
  readonly iterations?: number;
  /** λ; default 0.001. */
  readonly l2?: number;
  /** How far the image moves per iteration, as root mean square in the units of the prepared input; default 0.05. */
  readonly step?: number;
  /** Divide each direction by its root mean square, so that `step` means the same for every net (default). Off: the bare gradient. */
  readonly normalise?: boolean;
  /** `probability` is the objective that the paper advises against: it also rises when other scores fall. */
  readonly score?: 'logit' | 'probability';
  /** Where to begin, `[N, C, H, W]` prepared; default, as in the paper, the zero image. */
  readonly start?: Float32Array;
}

export interface ClassModelStep {
  /** From 1. */
  readonly iteration: number;
  /** Scores of the chosen classes before this iteration's update, one per item. */
  readonly scores: readonly number[];
  /** The first of them. */
  readonly score: number;
  /** The picture so far, the mean added; a read-back, so ask for it now and then. */
  preview(item?: number): Promise<Pixels>;
}

export interface ClassModel {
  /** `[N, C, H, W]`, prepared: zero is the mean image. */
  readonly data: Float32Array;
  /** For each item the score after every iteration. */
  readonly scores: readonly (readonly number[])[];
  /** With the mean added, for display. */
  picture(item?: number): Pixels;
}

/**
 * Class model (§2):  I* = argmax_I S_c(I) − λ‖I‖₂², by gradient ascent from the zero image, the mean added for display.
 * S_c is the score before soft-max. The paper leaves λ, step and the number of iterations open; they are options here.
 *
 * @throws GradlensError as `model.inputGradient`; `shape` if the batch and the classes do not agree
 */
export async function* classModel(model: Model, options: ClassModelOptions): AsyncGenerator<ClassModelStep, ClassModel, void> {
  const { class: chosen, iterations = 200, l2 = 1e-3, step = 0.05, normalise = true } = options;
  const classes = typeof chosen === 'number' ? Array.from({ length: model.inputShape[0] }, () => chosen) : chosen;
  const ascent = await model.ascend({ ...options, l2, step, normalise });
  const curve: number[][] = classes.map(() => []);
  const scoresOf = (scores: Float32Array): number[] => classes.map((index, n) => scores[n * model.classes + index]!);
  try {
    for (let done = 0; done < iterations; ) {
      for (const scores of await ascent.advance(iterations - done)) {
        done += 1;
        const own = scoresOf(scores);
        own.forEach((score, n) => curve[n]!.push(score));
        options.onProgress?.({ phase: 'run', done, total: iterations });
        yield { iteration: done, scores: own, score: own[0]!, preview: async (item = 0) => toPicture(model, await ascent.read(), item) };
      }
    }
    const data = await ascent.read();
    return { data, scores: curve, picture: (item = 0) => toPicture(model, data, item) };
  } finally {
    ascent.dispose();
  }
}

/** pixel = (value · std + mean) / scale, in 0…255. */
function toPicture(model: Model, data: Float32Array, item: number): Pixels {
  const { input, inputShape: [, C, height, width] } = model;
  if (!input) throw new GradlensError('shape', `${model.name} does not say how pictures are prepared, so its class model has no picture: give load() an \`input\``);
  const plane = width * height;
  const pixels = new Uint8ClampedArray(plane * 4);
  for (let rgb = 0; rgb < 3; rgb++) {
    const c = channelOf(input, rgb);
    for (let i = 0; i < plane; i++) pixels[i * 4 + rgb] = (data[(item * C + c) * plane + i]! * input.std[c]! + input.mean[c]!) / input.scale;
  }
  for (let i = 0; i < plane; i++) pixels[i * 4 + 3] = 255;
  return { data: pixels, width, height };
}

const channelOf = ({ channels, order }: InputSpec, rgb: number): number => (channels === 1 ? 0 : order === 'BGR' ? 2 - rgb : rgb);
