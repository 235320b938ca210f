import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import { Net, around, channels, engineOn, errorAround, errorOf, gradientOf, plane, real, runsOn } from './check';

/** WGSL's pow inherits the errors of exp2 and log2, which are some ulps more than those of a product. */
const POWER = 1e-5;

describe.each(nodeDrivers)('local response normalization on %s', (driver) => {
  test('by hand: two channels that see each other', async () => {
    const net = new Net({ C: 2, H: 1, W: 1 });
    const y = net.add({ op: 'lrn', inputs: ['image'], size: 3, alpha: 3, beta: 1, k: 1 });
    // y0 = x0 / (1 + x0² + x1²) at (1, 2): ∂/∂x0 = (1 + x1² − x0²) / 36, ∂/∂x1 = −2·x0·x1 / 36
    const gradient = await gradientOf(await engineOn(driver), net.graph(net.fullyConnected(y, 1, [36, 0])), [1, 2]);
    expect(gradient[0]).toBeCloseTo(4, 4);
    expect(gradient[1]).toBeCloseTo(-4, 4);
  });

  test('of an even window, the odd channel lies behind', async () => {
    const net = new Net({ C: 3, H: 1, W: 1 });
    const y = net.add({ op: 'lrn', inputs: ['image'], size: 2, alpha: 2, beta: 1, k: 1 });
    const gradient = await gradientOf(
      await engineOn(driver),
      net.graph(net.fullyConnected(y, 1, [0, 1, 0])),
      [1, 1, 1],
    );
    expect(gradient[0]).toBe(0);
    expect(gradient[2]).toBeCloseTo(-2 / 9, 5);
  });

  test('channels that only fill up a block stay zero, also where a power of k alone is infinite', async () => {
    // k ** -2 overflows, the power of the three real channels does not: they have squares
    const net = new Net({ C: 3, H: 2, W: 3 }, 1, real);
    const y = net.add({ op: 'lrn', inputs: ['image'], size: 1, alpha: 1, beta: 2, k: 1e-30 });
    const scores = net.conv(y, 2, { kernel: [2, 3] }); // which reads whole blocks
    const image = Float64Array.from({ length: 18 }, (_, i) => 1 + (i % 5) / 8);
    expect(await errorOf(await engineOn(driver), net.graph(scores), [image], { classes: [1] })).toBeLessThan(POWER);
  });

  test('agrees with the oracle: any window, also wider than all channels', async () => {
    const engine = await engineOn(driver);
    const spec = fc.record({
      size: fc.integer({ min: 1, max: 12 }),
      alpha: fc.constantFrom(1e-4, 0.5, 3),
      beta: fc.constantFrom(0.5, 0.75, 1),
      k: fc.constantFrom(1, 2),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.record({ C: fc.oneof(channels, fc.integer({ min: 10, max: 21 })), plane }),
        around,
        spec,
        async ({ C, plane }, around, spec) => {
          expect(
            await errorAround(
              engine,
              { C, ...plane },
              around,
              (net, x) => net.relu(net.add({ op: 'lrn', inputs: [x], ...spec })),
              real,
            ),
          ).toBeLessThan(POWER);
        },
      ),
      { numRuns: runsOn(driver, 30) },
    );
  });
});

test.each([
  ['a size that is none', { size: 0 }, 'norm1: its size is 0; a whole number of channels, from 1, would be right'],
  ['a k that lets the sum be zero', { k: 0 }, 'norm1: k 0, alpha 1 and beta 1 do not keep'],
])('%s is refused', (_, field, message) => {
  const net = new Net({ C: 3, H: 1, W: 1 });
  const node = { op: 'lrn' as const, name: 'norm1', inputs: ['image'], size: 3, alpha: 1, beta: 1, k: 1, ...field };
  expect(() => compile({ ...net.graph('norm1'), nodes: [node] }, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) }),
  );
});
