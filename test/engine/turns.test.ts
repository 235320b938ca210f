/** Calls of one model that are made at once: in order, overlapping where that is safe, each with its own numbers. */
import { describe, expect, test, vi } from 'vitest';
import { Calls } from '../../src/calls';
import { Engine } from '../../src/engine';
import { Rate } from '../../src/gpu/pace';
import { type Turn, Turns } from '../../src/model/turns';
import { nodeDrivers } from '../node';
import { counted, deviceOf, imageOf, prepared, small } from './support';

/** Calls that are begun, released, and ended by hand. */
function byHand() {
  const turns = new Turns(new Calls());
  const events: string[] = [];
  const take = (name: string, signal?: AbortSignal) => {
    let turn: Turn | undefined;
    let end = (): void => {};
    const result = turns.take(signal ? { signal } : {}, async (_, own) => {
      events.push(`${name} begins`);
      turn = own;
      await new Promise<void>((resolve) => (end = resolve));
      events.push(`${name} ends`);
    });
    result.catch(() => events.push(`${name} is refused`));
    return {
      result,
      release: () => turn!.release(),
      again: (act: () => Promise<void>) => turn!.again(act),
      end: () => end(),
    };
  };
  const happened = async (): Promise<string[]> => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return events.splice(0);
  };
  return { take, happened };
}

test('a call begins when the one before gives up its turn or ends, and two wait for results at most', async () => {
  const { take, happened } = byHand();
  const [a, b, c] = [take('a'), take('b'), take('c'), take('d')];
  expect(await happened()).toEqual(['a begins']);
  a.release();
  expect(await happened()).toEqual(['b begins']);
  b.release();
  expect(await happened()).toEqual([]);
  a.end();
  expect(await happened()).toEqual(['a ends', 'c begins']);
  c.end(); // without a release
  expect(await happened()).toEqual(['c ends', 'd begins']);
});

test('a call that needs the buffers again has them before those that wait', async () => {
  const { take, happened } = byHand();
  const [a, b, c] = [take('a'), take('b'), take('c')];
  await happened();
  a.release();
  await happened();
  const looked = a.again(async () => expect(await happened()).toEqual(['b ends']));
  b.end();
  await looked;
  expect(await happened()).toEqual([]);
  a.end();
  expect(await happened()).toEqual(['a ends', 'c begins']);
  c.end();
});

test('a call that is ended while it waits is refused at once, and the others go on', async () => {
  const { take, happened } = byHand();
  const controller = new AbortController();
  const [a, , c] = [take('a'), take('b', controller.signal), take('c')];
  await happened();
  controller.abort();
  expect(await happened()).toEqual(['b is refused']);
  a.end();
  expect(await happened()).toEqual(['a ends', 'c begins']);
  c.end();
});

describe.each(nodeDrivers)('on %s', (driver) => {
  const images = [1, 2, 3, 4].map((seed) => prepared(small, imageOf(small, seed)));

  test('gradients that are asked for at once have the bits of each by itself, and overlap', async () => {
    vi.spyOn(Rate.prototype, 'mostFlops', 'get').mockReturnValue(Infinity);
    const { device, counts } = counted(await deviceOf(driver));
    using engine = await Engine.create({ device });
    using model = await engine.load(small);
    const alone = [];
    for (const image of images) alone.push(await model.inputGradient(image, { class: 1 }));
    counts.clear();
    let submitted: number | undefined;
    const order: number[] = [];
    const together = await Promise.all(
      images.map(async (image, k) => {
        const result = await model.inputGradient(image, { class: 1 });
        submitted ??= counts.get('submit');
        order.push(k);
        return result;
      }),
    );
    expect(together).toEqual(alone);
    expect(order).toEqual([0, 1, 2, 3]);
    expect(submitted, 'when the first result was there').toBeGreaterThan(1);
  });

  test('a gradient comes into the array that is given, of one class and of several', async () => {
    using engine = await Engine.create({ device: await deviceOf(driver) });
    using model = await engine.load(small);
    const [image] = images as [(typeof images)[0]];
    for (const chosen of [1, [2, 0], 'top1', { top: 2 }, { tensor: 'conv1', channel: 1 }] as const) {
      const expected = await model.inputGradient(image, { class: chosen });
      const into = new Float32Array(expected.gradient.length);
      const found = await model.inputGradient(image, { class: chosen, into });
      expect(found).toEqual(expected);
      expect(found.gradient).toBe(into);
      const short = into.subarray(1);
      await expect(model.inputGradient(image, { class: chosen, into: short })).rejects.toThrow(
        `into has ${short.length} elements; the gradient has ${into.length}`,
      );
    }
    await expect(model.inputGradient(image, { class: 1, into: [] as never })).rejects.toThrow('into is');
  });

  test('one whose numbers overflow says where, whatever came after it, and the others are right', async () => {
    using engine = await Engine.create({ device: await deviceOf(driver) });
    using model = await engine.load(small);
    const [right, other] = images as [(typeof images)[0], (typeof images)[0]];
    const expected = await model.inputGradient(right, { class: 1 });
    const huge = { ...other, data: other.data.map((value) => value * 1e38) };
    const [bad, good] = await Promise.allSettled([
      model.inputGradient(huge, { class: 1 }),
      model.inputGradient(right, { class: 1 }),
    ]);
    expect(bad).toMatchObject({
      status: 'rejected',
      reason: { code: 'validation', message: expect.stringContaining('its activation is'), detail: { layer: 'conv1' } },
    });
    expect(good).toEqual({ status: 'fulfilled', value: expected });
  });
});
