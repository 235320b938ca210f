/** Maxima and minima along axes. Means and sums are in separable.test.ts. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Axis } from '../../src/graph';
import { nodeDrivers } from '../node';
import { Net, around, channels, engineOn, errorAround, gradientOf, plane, runsOn } from './check';

const AXES: readonly Axis[] = ['C', 'H', 'W'];
const kinds = fc.constantFrom('max', 'min');

describe.each(nodeDrivers)('an extreme on %s', (driver) => {
  test.each([
    ['max', ['W'], [1, 1], [0, 0, 1, 1, 0, 0]],
    ['min', ['W'], [1, 1], [0, 1, 0, 1, 0, 0]],
    ['max', ['C'], [1, 2, 3], [1, 0, 3, 0, 2, 0]],
    ['min', ['C', 'W'], [5], [0, 5, 0, 0, 0, 0]],
  ] as const)(
    'by hand: of several equal ones the first gets the gradient (%s along %s)',
    async (kind, axes, row, right) => {
      const net = new Net({ C: 2, H: 1, W: 3 });
      const y = net.add({ op: 'reduce', inputs: ['image'], kind, axes });
      const image = [3, 2, 4, /* the second channel */ 3, 3, 3];
      expect(await gradientOf(await engineOn(driver), net.graph(net.fullyConnected(y, 1, row)), image)).toEqual(right);
    },
  );

  test('equals the oracle to the last bit along any axes, with ties everywhere', async () => {
    const engine = await engineOn(driver);
    const spec = fc.record({
      kind: kinds,
      axes: fc.subarray([...AXES], { minLength: 1 }),
      extents: fc.record({ C: channels, plane }),
    });
    await fc.assert(
      fc.asyncProperty(spec, around, async ({ kind, axes, extents: { C, plane } }, around) => {
        expect(
          await errorAround(engine, { C, ...plane }, around, (net, x) =>
            net.relu(net.add({ op: 'reduce', inputs: [x], kind, axes })),
          ),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 9) },
    );
  });

  test('a group so large that a workgroup shares it still gives to its first', async () => {
    const net = new Net({ C: 6, H: 9, W: 11 });
    const y = net.add({ op: 'reduce', inputs: ['image'], kind: 'max', axes: ['C', 'H', 'W'] });
    const image = Array.from({ length: 6 * 99 }, (_, i) => (i % 99 === 41 && i > 99 ? 7 : (i * 31) % 7));
    const gradient = await gradientOf(await engineOn(driver), net.graph(net.fullyConnected(y, 1, [3])), image);
    expect(gradient.flatMap((value, i) => (value === 0 ? [] : [[i, value]]))).toEqual([[140, 3]]);
  });
});
