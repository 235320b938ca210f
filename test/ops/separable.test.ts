import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import type { Axis, GraphNode } from '../../src/graph';
import { nodeDrivers } from '../node';
import { Net, ROUNDING, around, channels, engineOn, errorAround, gradientOf, plane, real, runsOn } from './check';

type Unnamed<Node = GraphNode> = Node extends GraphNode ? Omit<Node, 'name' | 'inputs'> : never;
type Extent = 'C' | 'H' | 'W';
const AXES: readonly Axis[] = ['C', 'H', 'W'];

const shapes = fc.record({ C: channels, plane });
const whole = (min: number, max: number) => fc.integer({ min, max });

/** Any part of an axis, in any direction. */
const part = (extent: number) =>
  fc.tuple(whole(0, extent - 1), whole(0, extent - 1), whole(1, 3)).map(([a, b, step]) => {
    const by = b < a ? -step : step;
    return { begin: a, step: by, count: Math.floor((b - a) / by) + 1 };
  });

const slices = shapes.chain(({ C, plane }) =>
  fc.record({ C: fc.constant(C), plane: fc.constant(plane), parts: fc.tuple(part(C), part(plane.H), part(plane.W)) }),
);
const few = fc.oneof(fc.constant(0), whole(0, 3));
const pads = fc.record({
  shape: shapes,
  before: fc.tuple(few, few, few),
  after: fc.tuple(few, few, few),
  mode: fc.constantFrom('constant', 'edge', 'reflect'),
  value: fc.constantFrom(0, 2),
});
const resizes = fc.record({
  size: fc.tuple(whole(1, 12), whole(1, 25)),
  mode: fc.constantFrom('nearest', 'linear', 'cubic'),
  coordinates: fc.constantFrom(
    'half-pixel',
    'pytorch-half-pixel',
    'half-pixel-symmetric',
    'tensorflow-half-pixel',
    'asymmetric',
    'align-corners',
  ),
  rounding: fc.constantFrom('floor', 'ceil', 'round-prefer-floor', 'round-prefer-ceil'),
  scale: fc.constantFrom(undefined, [1.5, 2] as const),
});

describe.each(nodeDrivers)('on %s', (driver) => {
  const byHand: [string, Unnamed, readonly number[], readonly number[]][] = [
    [
      'a slice backwards',
      { op: 'slice', begin: [0, 0, 3], step: [1, 1, -2], extents: [1, 1, 2] },
      [1, 10],
      [0, 10, 0, 1],
    ],
    [
      'a pad of zeros',
      { op: 'pad', before: [0, 0, 1], after: [0, 0, 1], mode: 'constant' },
      [9, 1, 2, 3, 4, 9],
      [1, 2, 3, 4],
    ],
    [
      'a reflecting pad',
      { op: 'pad', before: [0, 0, 2], after: [0, 0, 1], mode: 'reflect' },
      [100, 10, 1, 2, 3, 4, 50],
      [1, 12, 153, 4],
    ],
    [
      'a pad of edges',
      { op: 'pad', before: [0, 0, 2], after: [0, 0, 1], mode: 'edge' },
      [100, 10, 1, 2, 3, 4, 50],
      [111, 2, 3, 54],
    ],
    [
      'a doubling to the nearest',
      { op: 'resize', size: [1, 8], mode: 'nearest', coordinates: 'asymmetric', rounding: 'floor' },
      [1, 2, 3, 4, 5, 6, 7, 8],
      [3, 7, 11, 15],
    ],
    [
      'a doubling by lines',
      { op: 'resize', size: [1, 8], mode: 'linear', coordinates: 'half-pixel' },
      [4, 0, 0, 0, 0, 0, 0, 4],
      [4, 0, 0, 4],
    ],
    [
      'a halving by lines',
      { op: 'resize', size: [1, 2], mode: 'linear', coordinates: 'half-pixel' },
      [2, 20],
      [1, 1, 10, 10],
    ],
    ['a mean', { op: 'reduce', kind: 'mean', axes: ['W'] }, [8], [2, 2, 2, 2]],
    ['a sum', { op: 'reduce', kind: 'sum', axes: ['W', 'C'] }, [8], [8, 8, 8, 8]],
    ['a gather', { op: 'gather', axis: 'W', indices: [3, 1, 3] }, [1, 10, 100], [0, 10, 0, 101]],
    ['a running sum', { op: 'cumulate', axis: 'W' }, [1, 10, 100, 1000], [1111, 1110, 1100, 1000]],
    [
      'a running sum of what comes after',
      { op: 'cumulate', axis: 'W', exclusive: true, reverse: true },
      [1, 10, 100, 1000],
      [0, 1, 11, 111],
    ],
  ];
  test.each(byHand)('%s gives what one finds by hand', async (_, node, weights, expected) => {
    const net = new Net({ C: 1, H: 1, W: 4 });
    const graph = net.graph(net.fullyConnected(net.add({ ...node, inputs: ['image'] }), 1, weights));
    expect(await gradientOf(await engineOn(driver), graph, [1, 2, 3, 4])).toEqual(expected);
  });

  test('a copy along an axis sums its gradients', async () => {
    const net = new Net({ C: 2, H: 1, W: 1 });
    const graph = net.graph(
      net.fullyConnected(net.add({ op: 'expand', inputs: ['image'], extents: [2, 2, 2] }), 1, [1, 2, 3, 4, 5, 6, 7, 8]),
    );
    expect(await gradientOf(await engineOn(driver), graph, [1, 2])).toEqual([10, 26]);
  });

  test('any slice equals the oracle to the last bit', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(slices, around, async ({ C, plane, parts }, around) => {
        const three = (field: 'begin' | 'step' | 'count') =>
          parts.map((p) => p[field]) as unknown as [number, number, number];
        expect(
          await errorAround(engine, { C, ...plane }, around, (net, x) =>
            net.add({ op: 'slice', inputs: [x], begin: three('begin'), step: three('step'), extents: three('count') }),
          ),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 30) },
    );
  });

  test('any gathering and any running sum equals the oracle to the last bit', async () => {
    const engine = await engineOn(driver);
    const axes = fc.record({
      axis: fc.constantFrom(...AXES),
      seed: fc.array(whole(0, 99), { minLength: 1, maxLength: 9 }),
      exclusive: fc.boolean(),
      reverse: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(shapes, around, axes, async ({ C, plane }, around, { axis, seed, ...spec }) => {
        const extent = { C, ...plane }[axis];
        expect(
          await errorAround(engine, { C, ...plane }, around, (net, x) => {
            const y = net.add({ op: 'gather', inputs: [x], axis, indices: seed.map((index) => index % extent) });
            return net.add({ op: 'cumulate', inputs: [y], axis, ...spec });
          }),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 12) },
    );
  });

  test('any pad equals the oracle to the last bit, and what it adds is added once', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(pads, around, async ({ shape: { C, plane }, before, after, mode, value }, around) => {
        const limits = [C, plane.H, plane.W].map((extent) => (mode === 'reflect' ? extent - 1 : 9));
        const capped = (sides: readonly number[]) =>
          sides.map((side, axis) => Math.min(side, limits[axis]!)) as unknown as [number, number, number];
        expect(
          await errorAround(engine, { C, ...plane }, around, (net, x) =>
            net.relu(net.add({ op: 'pad', inputs: [x], before: capped(before), after: capped(after), mode, value })),
          ),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 30) },
    );
  });

  test('any resizing agrees with the oracle', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(shapes, around, resizes, async ({ C, plane }, around, { scale, ...spec }) => {
        expect(
          await errorAround(
            engine,
            { C, ...plane },
            around,
            (net, x) => net.add({ op: 'resize', inputs: [x], ...spec, ...(scale ? { scale } : {}) }),
            real,
          ),
        ).toBeLessThan(2 * ROUNDING);
      }),
      { numRuns: runsOn(driver, 40) },
    );
  });

  test('means, sums and copies agree with the oracle, along any axes', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(
        shapes,
        around,
        fc.subarray([...AXES], { minLength: 1 }),
        fc.constantFrom('mean', 'sum'),
        async ({ C, plane }, around, axes, kind) => {
          const input: Record<Extent, number> = { C, ...plane };
          expect(
            await errorAround(
              engine,
              { C, ...plane },
              around,
              (net, x) => {
                const y = net.add({ op: 'reduce', inputs: [x], kind, axes });
                return net.relu(net.add({ op: 'expand', inputs: [y], extents: [input.C, input.H, input.W] }));
              },
              real,
            ),
          ).toBeLessThan(2 * ROUNDING);
        },
      ),
      { numRuns: runsOn(driver, 30) },
    );
  });
});

test.each<[string, Unnamed, string]>([
  [
    'a slice past the end',
    { op: 'slice', begin: [0, 0, 2], extents: [2, 4, 3] },
    'odd: takes 3 from 2 by 1 along W, its input is [2, 4, 4]; 0 to 3 would be right',
  ],
  [
    'a slice by steps of zero',
    { op: 'slice', begin: [0, 0, 0], step: [1, 0, 1], extents: [1, 1, 1] },
    'odd: takes 1 from 0 by 0 along H',
  ],
  [
    'a gather of what is not there',
    { op: 'gather', axis: 'H', indices: [0, 4] },
    'odd: gathers 4 along H, its input is [2, 4, 4]; 0 to 3 would be right',
  ],
  [
    'a reflection of more than there is',
    { op: 'pad', before: [0, 4, 0], after: [0, 0, 0], mode: 'reflect' },
    'odd: reflects 4 elements along H, its input is [2, 4, 4]; at most 3 would be right',
  ],
  [
    'a copy of two',
    { op: 'expand', extents: [4, 4, 4] },
    'odd: copies [2, 4, 4] to 4 along C; only an extent of 1 is copied',
  ],
  ['a size of zero', { op: 'resize', size: [0, 1], mode: 'linear', coordinates: 'half-pixel' }, 'odd: resizes to 0×1'],
  [
    'an immense size',
    { op: 'resize', size: [1, 2 ** 40], mode: 'linear', coordinates: 'half-pixel' },
    'odd: has 1099511627776 elements along one axis; at most 1048576 are possible',
  ],
  [
    'immense pads',
    { op: 'pad', before: [2 ** 30, 0, 0], after: [0, 0, 0], mode: 'edge' },
    'odd: has 1073741826 elements along one axis',
  ],
  [
    'a reshape to other elements',
    { op: 'reshape', extents: [2, 4, 5] },
    'odd: makes [2, 4, 5] of [2, 4, 4]; the number of elements must stay',
  ],
  [
    'an order that repeats an axis',
    { op: 'transpose', order: ['C', 'H', 'H'] },
    'odd: its order is [C, H, H]; C, H and W, each once, would be right',
  ],
])('%s is refused', (_, node, message) => {
  const graph = new Net({ C: 2, H: 4, W: 4 }).graph('odd');
  expect(() =>
    compile({ ...graph, nodes: [{ ...node, name: 'odd', inputs: ['image'] }] }, { batch: 1, bindingBytes: 2 ** 27 }),
  ).toThrow(expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) }));
});
