import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { type Features, type NodeDriver, nodeDrivers } from '../node';
import { Net, anyWindow, around, engineOn, errorAround, fits, gradientOf, plane, runsOn } from './check';

/** Every driver, and the first one once more without the features that kernels make use of where they are. */
const places: readonly (readonly [NodeDriver, Features])[] = [
  ...nodeDrivers.map((driver) => [driver, 'all'] as const),
  [nodeDrivers[0]!, 'none'],
];

describe.each(places)('convolution on %s with %s of its features', (driver, features) => {
  test('by hand: a 2×2 filter that meets two places, weighted 1 and 10', async () => {
    const net = new Net({ C: 1, H: 2, W: 3 });
    const filter = net.parameter([1, 1, 2, 2], [1, 2, 3, 4]);
    const map = net.add({ op: 'conv', inputs: ['image'], kernel: [2, 2], weight: filter });
    const graph = net.graph(net.fullyConnected(map, 1, [1, 10]));
    expect(await gradientOf(await engineOn(driver, features), graph, [5, -7, 1, 0, 2, 8])).toEqual([
      1,
      2 + 10,
      20,
      3,
      4 + 30,
      40,
    ]);
  });

  test('by hand: with stride 2 and one row of padding above, only every other pixel sees the same taps', async () => {
    const net = new Net({ C: 1, H: 3, W: 3 });
    const filter = net.parameter([1, 1, 2, 1], [1, 2]);
    const inner = net.add({ op: 'identity', inputs: ['image'] });
    const map = net.add({
      op: 'conv',
      inputs: [inner],
      kernel: [2, 1],
      stride: [2, 2],
      pads: [1, 0, 0, 0],
      weight: filter,
    });
    const graph = net.graph(net.fullyConnected(map, 1, [1, 10, 100, 1000]));
    expect(await gradientOf(await engineOn(driver, features), graph, Array(9).fill(1))).toEqual([
      2, 0, 20, 100, 0, 1000, 200, 0, 2000,
    ]);
  });

  const groups = fc.record({
    groups: fc.integer({ min: 1, max: 4 }),
    inEach: fc.integer({ min: 1, max: 5 }),
    outEach: fc.integer({ min: 1, max: 5 }),
  });

  test('equals the oracle to the last bit: any window, any groups, whatever stands before it', async () => {
    const engine = await engineOn(driver, features);
    const shapes = fc.record({
      plane,
      window: anyWindow,
      groups,
      bias: fc.boolean(),
      before: fc.constantFrom('nothing', 'conv', 'conv + relu'),
    });
    await fc.assert(
      fc.asyncProperty(
        shapes.filter((s) => fits(s.window, s.plane)),
        around,
        async ({ plane, window, groups: { groups, inEach, outEach }, bias, before }, around) => {
          const C = groups * inEach;
          const image = { C: before === 'nothing' ? C : 2, ...plane };
          expect(
            await errorAround(engine, image, around, (net, x) => {
              const wide = before === 'nothing' ? x : net.conv(x, C, { kernel: [1, 1] });
              return net.conv(before === 'conv + relu' ? net.relu(wide) : wide, groups * outEach, {
                ...window,
                ...(groups > 1 ? { groups } : {}),
                bias,
              });
            }),
          ).toBe(0);
        },
      ),
      { numRuns: runsOn(driver, 60) },
    );
  });

  test.each([
    ['depthwise', { C: 6, O: 6, groups: 6 }],
    ['depthwise with two filters a channel', { C: 5, O: 10, groups: 5 }],
    ['groups of whole blocks', { C: 8, O: 16, groups: 2 }],
    ['groups that end within a block', { C: 8, O: 12, groups: 2 }],
    ['groups of three channels', { C: 9, O: 6, groups: 3 }],
  ])('%s', async (_, { C, O, groups }) => {
    const engine = await engineOn(driver, features);
    for (const stride of [
      [1, 1],
      [2, 3],
    ] as const) {
      const surroundings = { rectified: true, branch: 'after', batch: 3, rule: 'gradient', seed: 5 } as const;
      expect(
        await errorAround(engine, { C, H: 7, W: 11 }, surroundings, (net, x) =>
          net.conv(x, O, { kernel: [3, 2], stride, pads: [1, 0, 2, 1], groups }),
        ),
      ).toBe(0);
    }
  });

  test.each([
    [1, 1, 1],
    [4, 4, 3],
    [7, 8, 2],
  ])('planes of %i×%i, %i items: fewer units than a workgroup has invocations', async (H, W, batch) => {
    const engine = await engineOn(driver, features);
    for (const [channels, groups] of [
      [12, 1],
      [8, 2],
    ] as const) {
      const surroundings = { rectified: true, branch: 'none', batch, rule: 'guided', seed: 7 } as const;
      expect(
        await errorAround(engine, { C: 8, H, W }, surroundings, (net, x) => {
          const wide = net.relu(net.conv(x, channels, { kernel: [3, 3], pads: [1, 1, 1, 1], groups }));
          return net.relu(net.conv(wide, 20, { kernel: [1, 1] }));
        }),
      ).toBe(0);
    }
  });

  test(
    'depthwise equals the oracle to the last bit: any window, pooled or not, whatever stands before ' + 'it',
    async () => {
      const engine = await engineOn(driver, features);
      const shapes = fc.record({
        plane,
        window: anyWindow,
        C: fc.integer({ min: 2, max: 9 }),
        bias: fc.boolean(),
        pooled: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(
          shapes.filter((s) => fits(s.window, s.plane)),
          around,
          async ({ plane, window, C, bias, pooled }, around) => {
            expect(
              await errorAround(engine, { C: 2, ...plane }, around, (net, x) => {
                const map = net.conv(net.conv(x, C, { kernel: [1, 1] }), C, { ...window, groups: C, bias });
                const { H, W } = net.extents(map);
                return pooled && H % 2 === 0 && W % 2 === 0
                  ? net.add({ op: 'maxPool', inputs: [net.relu(map)], kernel: [2, 2], stride: [2, 2] })
                  : map;
              }),
            ).toBe(0);
          },
        ),
        { numRuns: runsOn(driver, 30) },
      );
    },
  );

  test('a strided first layer, which runs as one of stride 1 over depth, is as exact', async () => {
    const engine = await engineOn(driver, features);
    const shapes = fc.record({
      plane,
      window: anyWindow,
      C: fc.integer({ min: 1, max: 4 }),
      O: fc.integer({ min: 1, max: 9 }),
    });
    const strided = shapes
      .map((s) => ({ ...s, window: { ...s.window, dilation: [1, 1] as const } }))
      .filter((s) => Math.max(...s.window.stride) > 1 && fits(s.window, s.plane));
    await fc.assert(
      fc.asyncProperty(strided, around, async ({ plane, window, C, O }, around) => {
        expect(
          await errorAround(engine, { C, ...plane }, { ...around, rectified: false, branch: 'none' }, (net, x) =>
            net.relu(net.conv(x, O, window)),
          ),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 25) },
    );
  });
});

describe('a convolution is refused', () => {
  const compiled = (weight: readonly number[], field: object = {}) => {
    const net = new Net({ C: 6, H: 5, W: 5 });
    const node = {
      op: 'conv' as const,
      name: 'conv2_1',
      inputs: ['image'],
      kernel: [3, 3] as const,
      weight: net.parameter(weight),
      ...field,
    };
    return () => compile({ ...net.graph('conv2_1'), nodes: [node] }, { batch: 1, bindingBytes: 2 ** 27 });
  };
  test.each([
    [
      'for weights of other channels',
      compiled([4, 5, 3, 3]),
      'conv2_1: weights have 5 input channels (1 groups) and 4 output channels, its input has 6',
    ],
    [
      'for output channels that the groups do not divide',
      compiled([4, 2, 3, 3], { groups: 3 }),
      'conv2_1: weights have 6 input channels (3 groups) and 4 output channels',
    ],
    [
      'for weights of another kernel',
      compiled([4, 6, 5, 3]),
      'conv2_1: weights are [4, 6, 5, 3], its kernel is [3, 3]: [O, C, R, S] would be right',
    ],
    [
      'for a bias of another length',
      compiled([4, 6, 3, 3], { bias: 'weight1' }),
      "conv2_1: 'weight1' is [4, 6, 3, 3], and here it would be [4]",
    ],
    [
      'for a weight that is not there',
      compiled([4, 6, 3, 3], { weight: 'w9' }),
      "conv2_1: its weight 'w9' is not among the weights",
    ],
    [
      'for a window that does not fit',
      compiled([4, 6, 3, 3], { dilation: [3, 1] }),
      'conv2_1: a window of 7 does not fit into 5 + 0 + 0 rows',
    ],
    [
      'for half a stride',
      compiled([4, 6, 3, 3], { stride: [0.5, 1] }),
      'conv2_1: kernel [3,3], stride [0.5,1] and dilation [1,1] must be whole numbers from 1',
    ],
  ])('%s', (_, build, message) =>
    expect(build).toThrow(expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) })),
  );
});
