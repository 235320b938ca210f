import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Axis } from '../../src/graph';
import { nodeDrivers } from '../node';
import {
  Net,
  around,
  channels,
  engineOn,
  errorAround,
  errorOf,
  gradientOf,
  loaderOf,
  plane,
  real,
  runsOn,
} from './check';

const AXES: readonly Axis[] = ['C', 'H', 'W'];

/** Roots and quotients of WGSL are an ulp or two wider than products. */
const ROOT = 1e-5;

describe.each(nodeDrivers)('a normalization on %s', (driver) => {
  test('by hand: of two numbers, centred and not', async () => {
    const engine = await engineOn(driver);
    const gradientFor = (centred: boolean, image: readonly number[]) => {
      const net = new Net({ C: 2, H: 1, W: 1 });
      const y = net.add({ op: 'normalize', inputs: ['image'], axes: ['C'], epsilon: 0, centred });
      return gradientOf(engine, net.graph(net.fullyConnected(y, 1, [1, 0])), image);
    };
    // y0 = sign(x0 − x1), which is flat; y0 = x0 / √((x0² + x1²) / 2): ∂/∂x0 = √2·x1² / |x|³, ∂/∂x1 = −√2·x0·x1 / |x|³
    for (const value of await gradientFor(true, [3, 1])) expect(value).toBeCloseTo(0, 5);
    const [first, second] = await gradientFor(false, [3, 4]);
    expect(first).toBeCloseTo((Math.SQRT2 * 16) / 125, 6);
    expect(second).toBeCloseTo((-Math.SQRT2 * 12) / 125, 6);
  });

  test('agrees with the oracle along any axes', async () => {
    const engine = await engineOn(driver);
    const spec = fc.record({
      axes: fc.subarray([...AXES], { minLength: 1 }),
      centred: fc.boolean(),
      scaled: fc.constantFrom('', 'scale', 'bias', 'scale bias'),
      epsilon: fc.constantFrom(0.01, 0.5),
      extents: fc.record({ C: channels, plane }),
    });
    await fc.assert(
      fc.asyncProperty(spec, around, async ({ extents: { C, plane }, scaled, ...spec }, around) => {
        const shape = AXES.filter((axis) => spec.axes.includes(axis)).map((axis) => ({ C, ...plane })[axis]);
        expect(
          await errorAround(
            engine,
            { C, ...plane },
            around,
            (net, x) =>
              net.relu(
                net.add({
                  op: 'normalize',
                  inputs: [x],
                  ...spec,
                  ...(scaled.includes('scale') && { scale: net.parameter(shape) }),
                  ...(scaled.includes('bias') && { bias: net.parameter(shape) }),
                }),
              ),
            real,
          ),
        ).toBeLessThan(ROOT);
      }),
      { numRuns: runsOn(driver, 9) },
    );
  });

  test.each([
    ['the pixels of a channel, shared by a workgroup', { C: 3, H: 9, W: 11 }, ['H', 'W']],
    ['the channels of a pixel', { C: 37, H: 1, W: 2 }, ['C']],
  ] as const)('stays exact where the mean is far from 0: %s', async (_, extents, axes) => {
    const net = new Net(extents, 1, (random) => 4096 + random.integer(-64, 64) / 32);
    const y = net.add({ op: 'normalize', inputs: ['image'], axes, epsilon: 1e-5, centred: true });
    const size = extents.C * extents.H * extents.W;
    const random = net.random;
    const row = Array.from({ length: 3 * size }, () => random.integer(-4, 4));
    const graph = net.graph(net.fullyConnected(y, 3, row));
    expect(await errorOf(await engineOn(driver), graph, [net.image()], { classes: [1] })).toBeLessThan(ROOT);
  });

  test('channels that only fill up a block stay zero, also without an epsilon', async () => {
    const net = new Net({ C: 3, H: 2, W: 3 }, 1, real);
    const y = net.add({ op: 'normalize', inputs: ['image'], axes: ['H', 'W'], epsilon: 0, centred: true });
    const scores = net.conv(y, 2, { kernel: [2, 3] }); // which reads whole blocks
    expect(await errorOf(await engineOn(driver), net.graph(scores), [net.image()], { classes: [1] })).toBeLessThan(
      ROOT,
    );
  });

  test('in half precision, too', async () => {
    const loader = await loaderOf(driver, {}, { precision: 'f16' });
    const net = new Net({ C: 6, H: 2, W: 3 }, 3, (random) => random.integer(-8, 8) / 8);
    const y = net.add({ op: 'normalize', inputs: [net.relu('image')], axes: ['C'], epsilon: 0.1, centred: true });
    const graph = net.graph(net.fullyConnected(net.add({ op: 'sigmoid', inputs: [y] }), 4));
    expect(await errorOf(loader, graph, [net.image()], { classes: [1] })).toBeLessThan(5e-3);
  });
});
