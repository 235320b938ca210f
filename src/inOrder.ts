/** Work on a stream of items: several at a time, results in the order of the items, no faster than they are taken. */
import { abortable } from './abortable';

export interface InOrderOptions {
  /** Items that are worked on, or wait to be taken, at the same time; from 1. */
  readonly ahead: number;
  /** Ends the stream with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The results of `work` on every item, in the items' order. An item is asked for when fewer than `ahead` are under way
 * or wait, so whoever takes results slowly slows the source. A failure arrives in its place, after the results before
 * it, and ends the stream. However it ends, the source is closed and the signal that `work` was given is aborted.
 *
 * @throws what `work` or the source throws; the signal's reason
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
  { ahead, signal }: InOrderOptions,
): AsyncGenerator<Result, void, undefined> {
  signal?.throwIfAborted();
  const ending = new AbortController();
  const onAbort = (): void => ending.abort(signal!.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const under: Promise<Result>[] = [];
  let wake = (): void => {};
  const changed = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  let isOpen = true;

  /** Fills the room that there is, until the source ends; what it throws is a result that fails. */
  const fill = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      if (under.length >= ahead) {
        await roomMade();
        continue;
      }
      const next = await source.next();
      if (next.done || ending.signal.aborted) break;
      under.push(quietly(work(next.value, ending.signal)));
      wake();
    }
  };
  let makeRoom = (): void => {};
  const roomMade = (): Promise<void> => new Promise((resolve) => (makeRoom = resolve));

  const filling = fill()
    .catch((error: unknown) => void under.push(quietly(Promise.reject(error))))
    .finally(() => {
      isOpen = false;
      wake();
    });
  try {
    for (;;) {
      while (under.length === 0 && isOpen) await abortable(changed(), ending.signal);
      const first = under[0];
      if (!first) return;
      const result = await abortable(first, ending.signal);
      void under.shift();
      makeRoom();
      yield result;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    const ended = new Error('nobody takes further results');
    if (!ending.signal.aborted) ending.abort(ended);
    makeRoom();
    void quietly(Promise.resolve(source.return?.())); // it may be waiting for something that never comes
    void quietly(filling);
    await Promise.allSettled(under);
  }
}

/** Of what is awaited later, or never. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** The items in lists of `size`; the last may be shorter. */
export async function* grouped<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  size: number,
): AsyncGenerator<readonly Item[], void, undefined> {
  let group: Item[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
