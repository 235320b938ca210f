/** Order, back-pressure, failures and ends of a stream of work, without anything that computes. */
import { expect, test } from 'vitest';
import { grouped, inOrder } from '../src/inOrder';

interface Piece {
  readonly item: number;
  readonly signal: AbortSignal;
  readonly resolve: (result: string) => void;
  readonly reject: (error: unknown) => void;
}

/** Work that ends when the test says so, and a source that counts what was taken of it. */
function stubbed(count: number) {
  const begun: Piece[] = [];
  const state = { taken: 0, closed: false };
  async function* source() {
    try {
      for (let item = 0; item < count; item++) {
        state.taken++;
        yield item;
      }
    } finally {
      state.closed = true;
    }
  }
  const work = (item: number, signal: AbortSignal): Promise<string> =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      begun.push({ item, signal, resolve, reject });
    });
  return { source, work, begun, state };
}

/** Until everything that can go on without the outside has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test('work overlaps and results keep the order of the items, whichever ends first', async () => {
  const { source, work, begun } = stubbed(4);
  const results: string[] = [];
  const reading = (async () => {
    for await (const result of inOrder(source(), work, { ahead: 3 })) results.push(result);
  })();
  await settled();
  expect(begun.map(({ item }) => item)).toEqual([0, 1, 2]);
  begun[2]!.resolve('c');
  begun[1]!.resolve('b');
  await settled();
  expect([results, begun.length]).toEqual([[], 3]); // the first is still under way
  begun[0]!.resolve('a');
  await settled();
  expect([results, begun.length]).toEqual([['a', 'b', 'c'], 4]);
  begun[3]!.resolve('d');
  await reading;
  expect(results).toEqual(['a', 'b', 'c', 'd']);
});

test('no more is taken from the source than may be ahead, however long nobody reads', async () => {
  const { source, work, begun, state } = stubbed(100);
  const stream = inOrder(source(), work, { ahead: 2 });
  await settled();
  expect(state.taken).toBe(0); // nobody asked yet
  const first = stream.next();
  await settled();
  for (const { resolve } of begun) resolve('done');
  expect(await first).toEqual({ done: false, value: 'done' });
  await settled();
  begun[2]!.resolve('done');
  await settled();
  expect([state.taken, begun.length]).toEqual([3, 3]); // one was read, two wait
  await stream.return();
  expect(state.closed).toBe(true);
});

test('a result is there before a slow source has the next item', async () => {
  async function* slow() {
    yield 1;
    await new Promise(() => {}); // for ever
  }
  const stream = inOrder(slow(), async (item) => item * 2, { ahead: 4 });
  expect(await stream.next()).toEqual({ done: false, value: 2 });
});

test('a failure arrives in its place, stops the rest, and closes the source', async () => {
  const { source, work, begun, state } = stubbed(10);
  const stream = inOrder(source(), work, { ahead: 3 });
  const first = stream.next();
  await settled();
  begun[1]!.reject(new Error('broken'));
  await settled();
  begun[0]!.resolve('a');
  expect(await first).toEqual({ done: false, value: 'a' });
  await expect(stream.next()).rejects.toThrow('broken');
  expect([state.closed, begun.every(({ signal }) => signal.aborted)]).toEqual([true, true]);
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test('a source that fails does so after the results before', async () => {
  function* failing() {
    yield 'a';
    throw new Error('unreadable');
  }
  const stream = inOrder(failing(), async (item) => item, { ahead: 3 });
  expect(await stream.next()).toEqual({ done: false, value: 'a' });
  await expect(stream.next()).rejects.toThrow('unreadable');
});

test('an abort ends it at once with its reason, even where the source or the work never does', async () => {
  for (const [items, work] of [
    [stubbed(3).source(), () => new Promise<never>(() => {})],
    [
      {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }),
      },
      async () => 'never',
    ],
  ] as const) {
    const controller = new AbortController();
    const { signal } = controller;
    const heeding = (): Promise<unknown> =>
      Promise.race([
        work(),
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
      ]);
    const next = inOrder(items as AsyncIterable<number>, heeding, { ahead: 2, signal }).next();
    await settled();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
  }
});

test('leaving the loop aborts what is under way', async () => {
  const { source, work, begun, state } = stubbed(10);
  const reading = (async () => {
    for await (const result of inOrder(source(), work, { ahead: 3 })) if (result === 'a') break;
  })();
  await settled();
  begun[0]!.resolve('a');
  await reading;
  expect([state.closed, begun.slice(1).every(({ signal }) => signal.aborted)]).toEqual([true, true]);
});

test('groups are full but for the last', async () => {
  const groups: (readonly number[])[] = [];
  for await (const group of grouped([1, 2, 3, 4, 5], 2)) groups.push(group);
  expect(groups).toEqual([[1, 2], [3, 4], [5]]);
});
