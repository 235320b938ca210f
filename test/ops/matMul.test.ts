import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { forwardFlops } from '../../src/compile/flops';
import { nodeDrivers } from '../node';
import { Net, around, engineOn, errorAround, gradientOf, runsOn } from './check';

const few = fc.integer({ min: 1, max: 9 });
/** Two factors of which one may have a single channel. */
const products = fc.record({
  C: few,
  single: fc.constantFrom('none', 'none', 'a', 'b', 'both'),
  rows: few,
  inner: few,
  columns: few,
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
});

describe.each(nodeDrivers)('a product of matrices on %s', (driver) => {
  test('by hand: a row times a column, and the gradient of each is the other', async () => {
    const net = new Net({ C: 1, H: 2, W: 2 });
    const part = (h: number) =>
      net.add({ op: 'slice', inputs: ['image'], begin: [0, h, 0], extents: [1, 1, 2] }, `row${h}`);
    const y = net.add({ op: 'matMul', inputs: [part(0), part(1)], transposeB: true });
    expect(await gradientOf(await engineOn(driver), net.graph(net.fullyConnected(y, 1, [1])), [1, 2, 3, 4])).toEqual([
      3, 4, 1, 2,
    ]);
  });

  test('of a tensor with itself, both gradients add up', async () => {
    const net = new Net({ C: 1, H: 1, W: 2 });
    const y = net.add({ op: 'matMul', inputs: ['image', 'image'], transposeB: true });
    expect(await gradientOf(await engineOn(driver), net.graph(net.fullyConnected(y, 1, [1])), [3, 5])).toEqual([6, 10]);
  });

  test('equals the oracle to the last bit: any extents, either transposed, one matrix for all channels', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(products, around, async ({ C, single, rows, inner, columns, ...flags }, around) => {
        const channelsOf = (side: 'a' | 'b') => (single === side || single === 'both' ? 1 : C);
        const turned = (transposed: boolean, [H, W]: readonly [number, number]) => (transposed ? [W, H] : [H, W]);
        const [aH, aW] = turned(flags.transposeA, [rows, inner]) as [number, number];
        const [bH, bW] = turned(flags.transposeB, [inner, columns]) as [number, number];
        const size = channelsOf('a') * aH * aW;
        // both factors are parts of one list of numbers, so that one image gives both
        const input = { C: size + channelsOf('b') * bH * bW, H: 1, W: 1 };
        expect(
          await errorAround(engine, input, around, (net, x) => {
            const cut = (begin: number, extents: readonly [number, number, number]) =>
              net.add({
                op: 'reshape',
                inputs: [
                  net.add({
                    op: 'slice',
                    inputs: [x],
                    begin: [begin, 0, 0],
                    extents: [extents[0] * extents[1] * extents[2], 1, 1],
                  }),
                ],
                extents,
              });
            const a = net.relu(cut(0, [channelsOf('a'), aH, aW]));
            return net.add({ op: 'matMul', inputs: [a, cut(size, [channelsOf('b'), bH, bW])], ...flags });
          }),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 9) },
    );
  });
});

test('each multiply-add counts two', () => {
  const net = new Net({ C: 3, H: 4, W: 5 });
  expect(forwardFlops(net.graph(net.add({ op: 'matMul', inputs: ['image', 'image'], transposeA: true })))).toBe(
    2 * 3 * 5 * 5 * 4,
  );
});

test.each([
  ['rows and columns that differ', {}, 'product: multiplies [2, 3, 4] by [2, 3, 4]; 4 columns of the first and 3 rows'],
  ['numbers of matrices that differ', { transposeB: true }, 'product: multiplies 2 matrices by 3; as many of each'],
])('%s are refused', (_, flags, message) => {
  const net = new Net({ C: 2, H: 3, W: 4 });
  const other = net.add(
    { op: 'gather', inputs: ['image'], axis: 'C', indices: 'transposeB' in flags ? [0, 1, 0] : [0, 1] },
    'other',
  );
  const graph = net.graph(other);
  const node = { op: 'matMul' as const, name: 'product', inputs: ['image', other], ...flags };
  expect(() =>
    compile({ ...graph, nodes: [...graph.nodes, node], output: 'product' }, { batch: 1, bindingBytes: 2 ** 27 }),
  ).toThrow(expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) }));
});
