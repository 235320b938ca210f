/**
 * Maps of many pictures under way. The page asks for one after the other; while it does not ask, no more are made than
 * wait to be taken.
 */
import { type Heatmap, type MethodName, type MethodValues, type Model, mapStream } from '../../index';
import type { Pixels } from '../../image/pixels';
import { toPixels } from '../../image/pixels';

export interface AlbumRequest {
  readonly method: MethodName;
  readonly values: MethodValues;
  readonly files: readonly File[];
  /** Which of them is asked for. */
  readonly at: number;
}

/** What became of a picture: its map for the class that the net says it is, or why there is none. */
export type AlbumEntry =
  | { readonly map: Heatmap; readonly width: number; readonly height: number }
  | { readonly failure: string };

interface Going {
  readonly of: string;
  next: number;
  readonly entries: AsyncGenerator<AlbumEntry, void, undefined>;
  readonly abort: AbortController;
}

let going: Going | null = null;

/** The entry that is asked for. Asked for in order they are one stream; a call that is aborted or fails ends it. */
export async function albumEntry(request: AlbumRequest, model: Model, signal: AbortSignal): Promise<AlbumEntry> {
  const { files, at, ...how } = request;
  const of = JSON.stringify([how, files.map(({ name, size, lastModified }) => [name, size, lastModified]), model.name]);
  if (going?.of !== of || going.next !== at) {
    end();
    const abort = new AbortController();
    going = { of, next: at, entries: entriesOf(files.slice(at), model, { ...how, signal: abort.signal }), abort };
  }
  signal.addEventListener('abort', end, { once: true });
  try {
    const { value } = await going.entries.next();
    if (!value || ++going.next === files.length) end();
    return value ?? { failure: 'there is no such picture' };
  } catch (error) {
    end();
    throw error;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function end(): void {
  going?.abort.abort();
  void going?.entries.return().catch(() => {}); // it ends with the signal's reason
  going = null;
}

/** A picture that cannot be decoded has an entry, and ends nothing. */
async function* entriesOf(
  files: readonly File[],
  model: Model,
  { method, values, signal }: Pick<AlbumRequest, 'method' | 'values'> & { readonly signal: AbortSignal },
): AsyncGenerator<AlbumEntry, void, undefined> {
  const read: (Pixels | string)[] = [];
  async function* pictures(): AsyncGenerator<Pixels> {
    for (const file of files) {
      const pixels = await toPixels(file).catch((error: Error) => error.message);
      read.push(pixels);
      if (typeof pixels !== 'string') yield pixels;
    }
  }
  const next = function* (): Generator<AlbumEntry, Pixels | undefined> {
    for (;;) {
      const first = read.shift();
      if (typeof first !== 'string') return first;
      yield { failure: first };
    }
  };
  for await (const map of mapStream(method, model, pictures(), { ...values, class: 'top1', signal })) {
    const { width, height } = (yield* next())!;
    yield { map, width, height };
  }
  yield* next();
}
