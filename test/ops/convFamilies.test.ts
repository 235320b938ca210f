/**
 * The families of convolution kernels, each against the oracle: with whole numbers, whose sums are exact in any order,
 * to the last bit, and so equal to the direct kernels too, which conv.test.ts holds to the same.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Tile, TiledVariant } from '../../shaders/conv/tiled';
import type { ConvDims } from '../../shaders/conv/shape';
import { suitsWinograd } from '../../shaders/conv/winograd';
import { TILES } from '../../src/variants/tiles';
import { PLAIN } from '../../src/variants/variants';
import type { ReluRule } from '../../src/options';
import { driversForGpuKernels } from '../node';
import { SHARE_OF_RUNS } from '../runs';
import { PATIENCE } from '../runs';
import {
  type Draw,
  type Loader,
  Net,
  ROUNDING,
  anyWindow,
  around,
  errorAround,
  errorOf,
  fits,
  loaderOf,
  plane,
  real,
  runsOn,
  whole,
} from './check';

type Case = Net & { readonly output: string };

/**
 * A first layer with stride, so that the image's gradient leaves through the last kernel, and a pool, unpooled under a
 * sign.
 */
function pooling(draw: Draw = whole): Case {
  const net = new Net({ C: 3, H: 21, W: 25 }, 7, draw);
  const cells = net.relu(net.conv('image', 9, { kernel: [4, 3], stride: [2, 2], pads: [1, 1, 2, 1] }));
  const pooled = net.add({
    op: 'maxPool',
    inputs: [net.relu(net.conv(cells, 13, { kernel: [2, 3], pads: [1, 1, 0, 2] }))],
    kernel: [2, 2],
    stride: [2, 2],
  });
  return Object.assign(net, { output: net.fullyConnected(net.relu(net.conv(pooled, 20, { kernel: [1, 1] })), 5) });
}

/** Groups, dilation, a stride inside, and a tensor with two readers. */
function branching(draw: Draw = whole): Case {
  const net = new Net({ C: 2, H: 7, W: 11 }, 3, draw);
  const trunk = net.relu(net.conv('image', 24, { kernel: [3, 3], pads: [1, 1, 1, 1] }));
  const uneven = net.conv(trunk, 9, { kernel: [2, 3], stride: [2, 1], groups: 3 });
  const grouped = net.relu(net.conv(trunk, 16, { kernel: [3, 2], pads: [2, 1, 2, 1], dilation: [2, 2], groups: 2 }));
  return Object.assign(net, {
    output: net.add({ op: 'add', inputs: [net.fullyConnected(grouped, 5), net.fullyConnected(uneven, 5)] }),
  });
}

/** What Winograd's kernels take, all of it 3×3; numbers so small that halves and quarters of whole ones stay exact. */
function cubes(draw: Draw): Case {
  const net = new Net({ C: 2, H: 8, W: 22 }, 5, draw);
  const trunk = net.relu(net.conv('image', 16, { kernel: [3, 3], pads: [1, 1, 1, 1] }));
  const pooled = net.add({
    op: 'maxPool',
    inputs: [net.relu(net.conv(trunk, 8, { kernel: [3, 3], pads: [1, 0, 1, 2], groups: 2 }))],
    kernel: [2, 2],
    stride: [2, 2],
  });
  return Object.assign(net, {
    output: net.fullyConnected(net.conv(pooled, 5, { kernel: [3, 3], pads: [2, 1, 1, 1] }), 5),
  });
}

const error = (loader: Loader, net: Case, options: { classes: readonly number[]; relu?: ReluRule }): Promise<number> =>
  errorOf(
    loader,
    net.graph(net.output),
    options.classes.map(() => net.image()),
    options,
  );

const tile = (blocks: number, units: number, depth: number, own = 1): Tile => ({ blocks, units, depth, own });

const VARIANTS: readonly (readonly [string, TiledVariant])[] = [
  ['whole', { family: 'tiled', tile: tile(4, 2, 1), spans: 1 }],
  ['in three spans, which a second kernel adds up', { family: 'tiled', tile: tile(2, 4, 1), spans: 3 }],
  ['in as many spans as there are steps', { family: 'tiled', tile: tile(2, 4, 1), spans: 99 }],
  ['by three teams', { family: 'tiled', tile: { ...tile(2, 4, 1), teams: 3 }, spans: 1 }],
  ['by more teams than there are steps, in spans', { family: 'tiled', tile: { ...tile(4, 2, 1), teams: 8 }, spans: 2 }],
];

describe.each(driversForGpuKernels)('on %s', (driver) => {
  test.each(VARIANTS)(
    'tiled convolution equals the oracle to the last bit: %s',
    async (_, variant) => {
      const loader = await loaderOf(driver, { conv: () => variant });
      expect(await error(loader, pooling(), { classes: [3, 1], relu: 'guided' })).toBe(0);
      expect(await error(loader, branching(), { classes: [0, 4, 2] })).toBe(0);
    },
    PATIENCE,
  );

  test.each([
    // two blocks deep: the image's one, and what is left of odd numbers, end within a step
    ['in tiles', { family: 'winograd', tile: tile(4, 2, 2) }],
    ['by the direct family', { family: 'winograd', products: { family: 'direct', quads: false, unroll: 4 } }],
  ] as const)(
    'Winograd convolution, products %s, is as exact as float32: pooled, unpooled, with groups and odd extents',
    async (_, variant) => {
      const loader = await loaderOf(driver, { conv: (d) => (suitsWinograd(d) ? variant : PLAIN.conv(d)) });
      const small = cubes(whole);
      expect(await error(loader, small, { classes: [4, 0, 3], relu: 'guided' })).toBe(0);
      // real numbers: the error against float64 is to stay below a few ulps, as that of the direct sum does
      expect(await error(loader, cubes(real), { classes: [1, 2] })).toBeLessThan(ROUNDING);
    },
    PATIENCE,
  );

  test(
    'the way back from any stride, a tiled convolution for each phase, equals the oracle to the last bit',
    async () => {
      const loader = await loaderOf(driver, { conv: () => ({ family: 'tiled', tile: tile(2, 4, 1), spans: 1 }) });
      const shapes = fc
        .record({ plane, window: anyWindow, O: fc.integer({ min: 1, max: 9 }), grouped: fc.boolean() })
        .map((shape) => ({ ...shape, window: { ...shape.window, dilation: [1, 1] as const } }))
        .filter(({ plane, window }) => Math.max(...window.stride) > 1 && fits(window, plane));
      await fc.assert(
        fc.asyncProperty(shapes, around, async ({ plane, window, O, grouped }, around) => {
          const error = await errorAround(loader, { C: 2, ...plane }, around, (net, x) => {
            const wide = net.conv(x, 8, { kernel: [1, 1] });
            return net.conv(wide, grouped ? 8 : O, { ...window, groups: grouped ? 2 : 1 });
          });
          expect(error).toBe(0);
        }),
        { numRuns: runsOn(driver, 20) },
      );
    },
    PATIENCE,
  );

  test.each(Object.entries(TILES))(
    'a tiled convolution that GPUs may choose equals the oracle to the last bit: %s',
    async (_, tile) => {
      const net = new Net({ C: 3, H: 7, W: 11 }, 9);
      const output = net.fullyConnected(net.conv('image', 136, { kernel: [3, 2], pads: [1, 0, 1, 2] }), 5);
      // 24 sums of an invocation take a software adapter 20 s for each kernel: there only the way back, which is longer
      const isTried = ({ IN }: ConvDims): boolean => SHARE_OF_RUNS === 1 || tile.own < 3 || IN > 1;
      const loader = await loaderOf(driver, {
        conv: (d) => (isTried(d) ? { family: 'tiled', tile, spans: 1 } : PLAIN.conv(d)),
      });
      expect(await error(loader, Object.assign(net, { output }), { classes: [2, 1] })).toBe(0);
    },
    PATIENCE,
  );
});
