import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import type { Graph } from '../../src/graph';
import { nodeDrivers } from '../node';
import {
  Net,
  ROUNDING,
  anyWindow,
  around,
  channels,
  engineOn,
  errorAround,
  fits,
  gradientOf,
  plane,
  real,
  runsOn,
} from './check';

describe.each(nodeDrivers)('average pooling on %s', (driver) => {
  test.each([
    [false, [3, 3, 30, 30]],
    [true, [2, 2, 20, 20]],
  ])(
    'by hand: at the edge a window of three divides by what it covers, countPadding = %s',
    async (countPadding, expected) => {
      const net = new Net({ C: 1, H: 1, W: 4 });
      const map = net.add({
        op: 'averagePool',
        inputs: ['image'],
        kernel: [1, 3],
        stride: [1, 3],
        pads: [0, 1, 0, 1],
        countPadding,
      });
      const graph = net.graph(net.fullyConnected(map, 1, [6, 60]));
      const gradient = await gradientOf(await engineOn(driver), graph, [1, 2, 3, 4]);
      gradient.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
    },
  );

  test('a global average shares the gradient evenly', async () => {
    const net = new Net({ C: 2, H: 2, W: 4 });
    const graph = net.graph(net.fullyConnected(net.add({ op: 'globalAveragePool', inputs: ['image'] }), 1, [8, -16]));
    expect(await gradientOf(await engineOn(driver), graph, Array(16).fill(3))).toEqual([
      ...Array(8).fill(1),
      ...Array(8).fill(-2),
    ]);
  });

  test('agrees with the oracle: any window, counted either way, whatever stands before it', async () => {
    const engine = await engineOn(driver);
    const shapes = fc.record({ C: channels, plane, window: anyWindow, ceil: fc.boolean(), countPadding: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        shapes.filter((s) => fits({ ...s.window, ceil: s.ceil }, s.plane, true)),
        around,
        async ({ C, plane, window, ceil, countPadding }, around) => {
          expect(
            await errorAround(
              engine,
              { C, ...plane },
              around,
              (net, x) => net.add({ op: 'averagePool', inputs: [x], ...window, ceil, countPadding }),
              real,
            ),
          ).toBeLessThan(ROUNDING);
        },
      ),
      { numRuns: runsOn(driver, 40) },
    );
  });

  test('agrees with the oracle: global, on any plane, and read by a ReLU', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(channels, plane, around, async (C, plane, around) => {
        expect(
          await errorAround(
            engine,
            { C, ...plane },
            around,
            (net, x) => net.relu(net.add({ op: 'globalAveragePool', inputs: [x] })),
            real,
          ),
        ).toBeLessThan(ROUNDING);
      }),
      { numRuns: runsOn(driver, 20) },
    );
  });

  test.each([
    ['averages', 1, 4099],
    ['averages', 70, 61],
    ['sums', 66, 67],
    ['averages of an edge', 3, 64],
  ] as const)('agrees with the oracle: %s of a plane of %d×%d, shared out', async (what, H, W) => {
    const pool = { averages: { op: 'globalAveragePool' }, sums: { op: 'reduce', kind: 'sum', axes: ['H', 'W', 'C'] } };
    const edge = { op: 'averagePool', kernel: [2, 64], stride: [1, 1], pads: [0, 0, 1, 0] } as const;
    const node = what === 'averages of an edge' ? edge : pool[what];
    expect(
      await errorAround(
        await engineOn(driver),
        { C: what === 'sums' ? 5 : 1, H, W }, // the oracle counts all taps for every tap
        { rectified: true, branch: 'none', batch: what === 'sums' ? 2 : 1, rule: 'guided', seed: 5 },
        (net, x) => net.add({ ...node, inputs: [x] } as never),
        real,
      ),
    ).toBeLessThan(ROUNDING);
  });

  // of 30,000 pixels the way back took 189 times as long as the way there where it walked all taps for every pixel
  test.each([
    ['of half a plane', 3, 3000],
    ['of a whole plane', 1, 30_000],
  ])('the way back of an average %s is linear in pixels', async (_, H, W) => {
    const net = new Net({ C: 4, H, W }, 3, real);
    const map = net.relu(net.conv('image', 4, { kernel: [1, 3], pads: [0, 1, 0, 1] }));
    const pool = { op: 'averagePool', inputs: [map], kernel: [1, W] } as const;
    using model = await (await engineOn(driver)).load(net.graph(net.fullyConnected(net.add(pool), 3)));
    const image = { data: new Float32Array(4 * H * W).fill(0.5), shape: [4, H, W] };
    const fastest = async (run: () => Promise<unknown>): Promise<number> => {
      const times = [];
      for (let k = 0; k < 5; k++) {
        const begin = performance.now();
        await run();
        times.push(performance.now() - begin);
      }
      return Math.min(...times);
    };
    const there = await fastest(() => model.scores(image));
    expect(await fastest(() => model.inputGradient(image, { class: 1 }))).toBeLessThan(20 * there);
  });
});

test('one invocation adds up no more than a few thousand elements of a large plane', () => {
  const graph: Graph = {
    name: 'large',
    input: { name: 'image', extents: { C: 8, H: 4096, W: 4096 } },
    nodes: [{ op: 'globalAveragePool', name: 'scores', inputs: ['image'] }],
    output: 'scores',
    weights: new Map(),
  };
  const plan = compile(graph, { batch: 1, bindingBytes: 2 ** 30 });
  const grids = plan.forward
    .filter(({ kernel }) => kernel.name === 'separableForward')
    .map(({ kernel: { dims } }) => [(dims['H']! * dims['W']!) / (dims['P']! * dims['Q']!), dims['P']! * dims['Q']!]);
  expect(grids).toEqual([
    [64, 64 * 4096],
    [4096, 64],
    [64, 1],
  ]);
});

test.each([
  ['does not fit', { kernel: [5, 1] }, 'pool5: a window of 5 does not fit into 4 + 0 + 0 rows'],
  [
    'would lie in the padding alone, where there is nothing to average',
    { kernel: [1, 2], pads: [0, 0, 0, 3] },
    'pool5',
  ],
])('an average pool is refused if its window %s', (_, field, message) => {
  const net = new Net({ C: 1, H: 4, W: 4 });
  const node = { op: 'averagePool' as const, name: 'pool5', inputs: ['image'], ...field };
  expect(() => compile({ ...net.graph('pool5'), nodes: [node as never] }, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) }),
  );
});
