/** What a picture passes through: decoding, the model, encoding and writing, several pictures at the same time. */
import { isPrepared } from '../../image/pixels';
import { grouped, inOrder } from '../../inOrder';
import type { Model } from '../../index';
import { isFatal } from '../failure';
import type { Claims } from './claims';
import type { Item, Source } from './items';
import type { Begun } from './pending';
import type { Pool } from './pool';
import type { Decoded, Opened, Told, Work } from './work';

interface Passing<Result> extends Begun {
  readonly size?: { readonly width: number; readonly height: number };
  readonly picture?: Decoded;
  readonly result?: Result;
}

/** At the end of the way: what is told of it, or a failure. */
export interface Finished extends Begun {
  readonly told: Told | null;
  readonly files: readonly string[];
}

/** What all pictures pass through. */
export interface Stages<Result> {
  readonly work: Work<Result>;
  readonly opened: Opened<Result>;
  readonly models: readonly Model[];
  readonly batch: number;
  readonly pool: Pool;
  readonly claims: Claims;
  readonly signal: AbortSignal;
}

/** In the order of the pictures; no more of them are in memory than are under way. */
export function finished<Result>(
  items: AsyncIterable<Begun>,
  stages: Stages<Result>,
): AsyncGenerator<Finished, void, undefined> {
  const { work, models, batch, pool, signal } = stages;
  const size = work.batch === null ? batch : 1;
  let group = 0;
  const decoded = inOrder(items, (begun) => decode(begun, stages), { ahead: size + pool.width, signal });
  const made = inOrder(grouped(decoded, size), (some) => make(some, models[group++ % models.length]!, stages), {
    ahead: models.length,
    signal,
  });
  return inOrder(flat(made), (passing) => finish(passing, stages), { ahead: size + 2 * pool.width, signal });
}

async function* flat<T>(groups: AsyncIterable<readonly T[]>): AsyncGenerator<T, void, undefined> {
  for await (const group of groups) yield* group;
}

// ——— one stage after the other ———

async function decode<Result>(begun: Begun, { pool, signal }: Stages<Result>): Promise<Passing<Result>> {
  if ('failure' in begun) return begun;
  return attempt(begun, signal, async () => {
    const { source } = begun.item;
    return { ...begun, picture: isEncoded(source) ? await pool.run('decode', source) : source };
  });
}

const isEncoded = (source: Source): source is string | Uint8Array =>
  typeof source === 'string' || source instanceof Uint8Array;

async function make<Result>(
  some: readonly Passing<Result>[],
  model: Model,
  { work, opened, signal }: Stages<Result>,
): Promise<readonly Passing<Result>[]> {
  const going = some.filter((passing) => !('failure' in passing));
  const resultsOf = async (of: readonly Passing<Result>[]): Promise<readonly Passing<Result>[]> => {
    const pictures = of.map(({ picture }) => picture!);
    const items = of.map(({ item }) => item);
    const results = await opened.make(model, pictures, items);
    return of.map(({ picture, ...passing }, k) => ({
      ...passing,
      size: sizeOf(picture!, model),
      result: results[k]!,
      ...(work.needsPicture && { picture: picture! }),
    }));
  };
  const done = new Map<Item, Passing<Result>>();
  const keep = (all: readonly Passing<Result>[]): void => all.forEach((passing) => done.set(passing.item, passing));
  try {
    if (going.length > 0) keep(await resultsOf(going));
  } catch (error) {
    if (signal.aborted || isFatal(error)) throw error;
    // one of them: each by itself, at the same batch, has the same bits
    for (const passing of going) keep([await attempt(passing, signal, async () => (await resultsOf([passing]))[0]!)]);
  }
  return some.map((passing) => done.get(passing.item) ?? passing);
}

/** Of a picture; of prepared numbers those of the input. */
function sizeOf(picture: Decoded, model: Model): { readonly width: number; readonly height: number } {
  const [, , height, width] = model.inputShape;
  return isPrepared(picture) ? { width, height } : { width: picture.width, height: picture.height };
}

async function finish<Result>(
  passing: Passing<Result>,
  { work, opened, claims, signal }: Stages<Result>,
): Promise<Finished> {
  if ('failure' in passing) return { ...passing, told: null, files: [] };
  const { item, began, result, picture, size } = passing;
  return attempt<Finished>({ item, began, told: null, files: [] }, signal, async () => {
    const label = opened.labelOf?.(result!) ?? '';
    const files = work.filesOf?.(item.names, label) ?? [];
    const outputs = claims.of(item.at[0]);
    if (!work.tarOf) for (const path of files) outputs.claim(path);
    const pixels = picture && !isPrepared(picture) ? picture : null;
    const told = await opened.finish({ item, size: size!, picture: pixels, result: result!, files });
    if (!work.tarOf) for (const [k, bytes] of (told.contents ?? []).entries()) await outputs.write(files[k]!, bytes);
    return { item, began, told, files };
  });
}

/** A failure of one picture is kept with it; one that the next picture would have, too, ends all. */
async function attempt<T extends Begun>(begun: T, signal: AbortSignal, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (failure) {
    if (signal.aborted || isFatal(failure)) throw failure;
    return { ...begun, failure: named(failure, begun.item) };
  }
}

/** A failure of bytes out of a shard says which; that of a file does so already. */
function named(failure: unknown, { shard, picture, source }: Item): unknown {
  if (typeof source === 'string' || !(failure instanceof Error)) return failure;
  failure.message = failure.message.includes(picture) ? failure.message : `${shard}: ${picture}: ${failure.message}`;
  return failure;
}
