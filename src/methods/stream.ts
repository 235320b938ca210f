/** Maps of many pictures, as fast as the device makes them. */
import { checkAll, whole } from '../check';
import { GradlensError } from '../errors';
import type { Captured, ImageInput } from '../image/pixels';
import { grouped, inOrder } from '../inOrder';
import type { Model } from '../model';
import { pictureOf, runOptionsOf } from '../model/arguments';
import type { Heatmap } from './heatmap';
import { type MapOptions, type MethodName, mapBy, methodNamed, valuesOf } from './named';
import type { SaliencyOptions } from './saliency';

/** Options of {@link mapStream}. */
export interface StreamOptions {
  /**
   * Pictures in one run; default: the model's batch. For methods that take a run or more for each picture, their
   * samples in one run.
   */
  readonly batch?: number;
  /**
   * Runs that are under way, or whose maps wait to be taken, at the same time; default 2. From 2 on a second set of
   * activations is on the GPU, so that one run computes while another is uploaded or read.
   */
  readonly ahead?: number;
}

/** Pictures, as they come. */
export type Pictures = AsyncIterable<ImageInput> | Iterable<ImageInput>;

/** More sets of activations than this make nothing faster: the GPU always has the next run when one ends. */
const MOST_LANES = 2;

/**
 * The maps of a stream of pictures, in its order, by the method of that name. Uploads, runs and read-backs overlap;
 * pictures are taken from the stream only as fast as maps are taken from the result. Each map has the numbers that
 * `mapBy` gives for its picture alone.
 *
 * A picture that fails ends the stream, after the maps before it. Leaving the loop stops what is under way.
 *
 * @throws GradlensError `validation` at the call for a method, an option or a value that there is not; later as the
 *   method; the signal's reason
 * @example
 * ```ts
 * import { mapStream } from 'gradlens';
 *
 * for await (const map of mapStream('grad-cam', model, [picture, picture])) console.log(map.class, map.score);
 * ```
 */
export function mapStream(
  name: MethodName,
  model: Model,
  pictures: Pictures,
  options: MapOptions & StreamOptions = {},
): AsyncGenerator<Heatmap, void, undefined> {
  const { class: chosen = 'top1', batch = model.inputShape[0], ahead = 2, signal, onProgress, ...given } = options;
  const run = runOptionsOf({ ...(signal && { signal }), ...(onProgress && { onProgress }) });
  checkAll({ batch, ahead }, { batch: whole(1), ahead: whole(1) });
  if (!(Symbol.asyncIterator in pictures || Symbol.iterator in pictures))
    throw new GradlensError('validation', 'pictures is no list, iterator or stream of pictures', {
      argument: 'pictures',
    });
  const method = methodNamed(name);
  const values = structuredClone(valuesOf(method, given));
  const together = method.ofBatch?.(values);
  const make = together
    ? (lane: Model, group: readonly ImageInput[], signal: AbortSignal) =>
        together(lane, group, { class: chosen, signal })
    : async (lane: Model, [picture]: readonly ImageInput[], signal: AbortSignal) => [
        await mapBy(name, lane, picture!, { ...values, class: chosen, signal }),
      ];
  return maps(model, pictures, { make, size: together ? batch : 1, batch, ahead, ...run });
}

interface Streaming {
  readonly make: (lane: Model, group: readonly ImageInput[], signal: AbortSignal) => Promise<readonly Heatmap[]>;
  /** Pictures that are given to `make` together. */
  readonly size: number;
  readonly batch: number;
  readonly ahead: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: MapOptions['onProgress'];
}

async function* maps(
  model: Model,
  pictures: Pictures,
  { make, size, batch, ahead, signal, onProgress }: Streaming,
): AsyncGenerator<Heatmap, void, undefined> {
  const lanes: Promise<Model>[] = [];
  const laneOf = (k: number): Promise<Model> =>
    (lanes[k] ??= k === 0 && batch === model.inputShape[0] ? Promise.resolve(model) : model.withBatch(batch));
  let groups = 0;
  let done = 0;
  try {
    const work = async (group: readonly Taken[], until: AbortSignal): Promise<readonly Heatmap[]> => {
      const lane = await laneOf(groups++ % Math.min(ahead, MOST_LANES));
      return make(lane, await Promise.all(group.map(async ({ picture }) => picture)), until);
    };
    for await (const some of inOrder(grouped(taken(pictures), size), work, { ahead, signal })) {
      for (const map of some) {
        onProgress?.({ phase: 'run', done: ++done });
        yield map;
      }
    }
  } finally {
    for (const lane of await Promise.allSettled(lanes))
      if (lane.status === 'fulfilled' && lane.value !== model) lane.value.dispose();
  }
}

interface Taken {
  readonly picture: Captured;
}

/** Each as it is when it comes: a source may use one array for all of its pictures. */
async function* taken(pictures: Pictures): AsyncGenerator<Taken, void, undefined> {
  for await (const picture of pictures) yield { picture: pictureOf(picture) };
}

/**
 * Saliency maps (§3.1) of a stream of pictures: {@link mapStream} of the paper's method.
 *
 * @throws GradlensError as {@link mapStream}
 * @example
 * ```ts
 * import { saliencyStream } from 'gradlens';
 *
 * const pictures = [picture, picture, picture];
 * for await (const map of saliencyStream(model, pictures, { batch: 2, ahead: 3 })) console.log(map.class);
 * ```
 */
export const saliencyStream = (
  model: Model,
  pictures: Pictures,
  options: Omit<SaliencyOptions, 'score'> & StreamOptions = {},
): AsyncGenerator<Heatmap, void, undefined> => mapStream('saliency', model, pictures, options);
