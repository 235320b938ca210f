import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import { Net, around, channels, engineOn, errorAround, gradientOf, plane, runsOn } from './check';

const few = fc.integer({ min: 1, max: 6 });

describe.each(nodeDrivers)('a rearrangement on %s', (driver) => {
  test('by hand: one element twice, one never, and a hole', async () => {
    const net = new Net({ C: 1, H: 1, W: 3 });
    const y = net.add({
      op: 'take',
      inputs: ['image'],
      indices: net.parameter([4], [2, -1, 0, 2]),
      extents: [4, 1, 1],
    });
    const gradient = await gradientOf(
      await engineOn(driver),
      net.graph(net.fullyConnected(y, 1, [1, 10, 100, 1000])),
      [5, 6, 7],
    );
    expect(gradient).toEqual([100, 0, 1001]);
  });

  test('any one equals the oracle to the last bit', async () => {
    const engine = await engineOn(driver);
    const spec = fc.record({ C: channels, plane, extents: fc.tuple(few, few, few) });
    await fc.assert(
      fc.asyncProperty(spec, around, async ({ C, plane: { H, W }, extents }, around) => {
        expect(
          await errorAround(engine, { C, H, W }, around, (net, x) => {
            const shape = [extents[0] * extents[1] * extents[2]];
            const indices = net.parameter(shape, (random) => random.integer(-1, C * H * W - 1));
            return net.relu(net.add({ op: 'take', inputs: [x], indices, extents }));
          }),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 9) },
    );
  });
});

test.each([
  [
    'an index past the end',
    [0, 6],
    'moved: takes element 6 of [1, 2, 3]; a whole number to 5, or -1 for none, would be',
  ],
  ['an index between two', [0.5, 0], 'moved: takes element 0.5 of [1, 2, 3]'],
  ['indices for fewer elements', [0], 'moved: takes 2 elements, for which it has 1 indices'],
])('%s is refused', (_, values, message) => {
  const net = new Net({ C: 1, H: 2, W: 3 });
  const indices = net.parameter([values.length], values);
  const node = { op: 'take' as const, name: 'moved', inputs: ['image'], indices, extents: [2, 1, 1] as const };
  expect(() => compile({ ...net.graph('moved'), nodes: [node] }, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) }),
  );
});

test('elements that float32 cannot count are refused', () => {
  const net = new Net({ C: 1, H: 1, W: 1 });
  const node = {
    op: 'take' as const,
    name: 'moved',
    inputs: ['image'],
    indices: net.parameter([1], [0]),
    extents: [1, 1, 1] as const,
  };
  const graph = { ...net.graph('moved'), nodes: [node], input: { name: 'image', extents: { C: 4, H: 2048, W: 2049 } } };
  expect(() => compile(graph, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    'moved: takes from 16785408 elements; at most 16777216 can be counted by its indices',
  );
});
