import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { type NodeDriver, driversForGpuKernels, nodeDrivers } from '../node';
import {
  type Loader,
  Net,
  around,
  channels,
  engineOn,
  errorAround,
  errorOf,
  gradientOf,
  loaderOf,
  plane,
  runsOn,
} from './check';

const loaders: Readonly<Record<string, (driver: NodeDriver) => Promise<Loader>>> = {
  "the device's own kernels": engineOn,
  'the parallel family': (driver) => loaderOf(driver, { fullyConnected: { family: 'parallel', workgroups: 7 } }),
};
const everywhere = Object.entries(loaders).flatMap(([family, loader]) =>
  (loader === engineOn ? nodeDrivers : driversForGpuKernels).map((driver) => ({
    driver,
    family,
    loader: () => loader(driver),
  })),
);

describe.each(everywhere)('a fully connected layer on $driver by $family', ({ driver, loader }) => {
  test('by hand: its input gradient is the row of the class, whatever the picture is', async () => {
    const net = new Net({ C: 5, H: 1, W: 2 });
    const row = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const graph = net.graph(net.fullyConnected('image', 2, [...row, ...row.map((value) => -value)]));
    expect(await gradientOf(await loader(), graph, Array(10).fill(0))).toEqual(row);
  });

  test('by hand: two layers multiply, and a ReLU between them cuts', async () => {
    const net = new Net({ C: 2, H: 1, W: 1 });
    const hidden = net.relu(net.fullyConnected('image', 3, [1, 0, 0, 1, 1, -1]));
    const graph = net.graph(net.fullyConnected(hidden, 1, [1, 10, 100]));
    const engine = await loader();
    expect(await gradientOf(engine, graph, [2, 1])).toEqual([101, -90]);
    expect(await gradientOf(engine, graph, [1, 1]), 'x = 0 is cut too').toEqual([1, 10]);
    expect(await gradientOf(engine, graph, [1, 1], 'deconvnet')).toEqual([101, -90]);
  });

  test('equals the oracle to the last bit: any plane, width and batch', async () => {
    const engine = await loader();
    const shapes = fc.record({
      C: channels,
      plane,
      out: fc.integer({ min: 1, max: 9 }),
      batch: fc.constantFrom(1, 3, 9),
      before: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(shapes, around, async ({ C, plane, out, batch, before }, around) => {
        expect(
          await errorAround(engine, { C, ...plane }, { ...around, batch }, (net, x) =>
            net.relu(net.fullyConnected(before ? net.relu(net.fullyConnected(x, C + 1)) : x, out)),
          ),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 40) },
    );
  });

  test.each([1, 2, 9, 40])('many inputs and %i outputs equal the oracle to the last bit', async (out) => {
    const engine = await loader();
    const alone = { rectified: false, branch: 'none', rule: 'gradient' } as const;
    for (const batch of [1, 5])
      expect(
        await errorAround(engine, { C: 9, H: 9, W: 13 }, { ...alone, batch, seed: out }, (net, x) =>
          net.fullyConnected(x, out),
        ),
      ).toBe(0);
  });

  test('two layers may share one weight, also if they lay it out differently', async () => {
    const net = new Net({ C: 6, H: 2, W: 3 }, 6);
    const weight = net.parameter([6, 36]);
    const filter = net.parameter([4, 3, 1, 1]);
    const flat = net.add({ op: 'flatten', inputs: ['image'] });
    const shared = [flat, 'image'].map((x) => net.add({ op: 'fullyConnected', inputs: [x], weight }));
    const few = net.conv('image', 3, { kernel: [1, 1] });
    const filtered = [
      net.add({ op: 'conv', inputs: ['image'], kernel: [1, 1], weight: filter, groups: 2 }),
      net.add({ op: 'conv', inputs: [few], kernel: [1, 1], weight: filter }),
    ];
    const all = [...shared, net.fullyConnected(net.relu(flat), 6), ...filtered.map((x) => net.fullyConnected(x, 6))];
    const graph = net.graph(net.add({ op: 'add', inputs: all }));
    expect(await errorOf(await loader(), graph, [net.image()], { classes: [4] })).toBe(0);
  });

  test.each([1, 3, 9])('long rows are cut into spans, which add up: batch of %d', async (batch) => {
    const engine = await loader();
    const surroundings = { rectified: true, branch: 'after', batch, rule: 'guided', seed: 2 } as const;
    expect(
      await errorAround(engine, { C: 11, H: 17, W: 19 }, surroundings, (net, x) => net.relu(net.fullyConnected(x, 6))),
    ).toBe(0);
  });
});

test.each([
  ['rows of another length', [3, 9], 'fc1: weights are [3, 9], its input has 8 elements: [out, 8] would be right'],
  ['weights of four dimensions', [3, 8, 1, 1], 'fc1: weights are [3, 8, 1, 1]'],
])('a fully connected layer is refused for %s', (_, shape, message) => {
  const net = new Net({ C: 2, H: 2, W: 2 });
  const node = { op: 'fullyConnected' as const, name: 'fc1', inputs: ['image'], weight: net.parameter(shape) };
  expect(() => compile({ ...net.graph('fc1'), nodes: [node] }, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) }),
  );
});
