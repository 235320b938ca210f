import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeDrivers } from '../node';
import { Net, around, channels, engineOn, errorAround, gradientOf, plane, runsOn } from './check';

describe.each(nodeDrivers)('the way in and out on %s', (driver) => {
  test('by hand: a filter of 3 with stride 2 reaches what it reaches, and no more', async () => {
    const net = new Net({ C: 1, H: 1, W: 7 });
    const filter = net.parameter([1, 1, 1, 3], [1, 2, 3]);
    const map = net.add({
      op: 'conv',
      inputs: ['image'],
      kernel: [1, 3],
      stride: [1, 2],
      pads: [0, 2, 0, 0],
      weight: filter,
    });
    const graph = net.graph(net.fullyConnected(map, 1, [1, 10, 100, 1000]));
    expect(await gradientOf(await engineOn(driver), graph, Array(7).fill(2))).toEqual([
      3 + 10,
      20,
      30 + 100,
      200,
      300 + 1000,
      2000,
      3000,
    ]);
  });

  test('by hand: pixels that no window reaches get an exact zero', async () => {
    const net = new Net({ C: 1, H: 2, W: 5 });
    const filter = net.parameter([1, 1, 1, 1], [3]);
    const map = net.add({ op: 'conv', inputs: ['image'], kernel: [1, 1], stride: [2, 3], weight: filter });
    expect(
      await gradientOf(await engineOn(driver), net.graph(net.fullyConnected(map, 1, [1, 10])), Array(10).fill(2)),
    ).toEqual([3, 0, 0, 30, 0, 0, 0, 0, 0, 0]);
  });

  test('scores and gradients through cells: padding on every side, a stride of its own along each axis', async () => {
    const engine = await engineOn(driver);
    for (const [pads, stride] of [
      [
        [2, 1, 0, 3],
        [2, 3],
      ],
      [
        [1, 3, 2, 0],
        [3, 2],
      ],
      [
        [3, 0, 3, 0],
        [1, 4],
      ],
    ] as const) {
      const surroundings = { rectified: false, branch: 'none', batch: 3, rule: 'gradient', seed: 9 } as const;
      expect(
        await errorAround(engine, { C: 3, H: 9, W: 13 }, surroundings, (net, x) =>
          net.relu(net.conv(x, 5, { kernel: [4, 5], stride, pads })),
        ),
      ).toBe(0);
    }
  });

  test('an image of any extents goes in and comes out to the last bit', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(channels, plane, around, async (C, plane, around) => {
        expect(
          await errorAround(engine, { C, ...plane }, around, (net, x) => net.add({ op: 'identity', inputs: [x] })),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 15) },
    );
  });
});
