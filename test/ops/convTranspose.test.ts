import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { forwardFlops } from '../../src/compile/flops';
import { nodeDrivers } from '../node';
import { Net, anyWindow, around, engineOn, errorAround, gradientOf, plane, runsOn } from './check';

const few = fc.integer({ min: 1, max: 5 });
const spec = fc.record({
  window: anyWindow,
  perGroup: few,
  O: few,
  groups: fc.constantFrom(1, 1, 1, 2, 5),
  depthwise: fc.boolean(),
  outputPadding: fc.tuple(fc.nat(2), fc.nat(2)),
  bias: fc.boolean(),
  plane,
});

describe.each(nodeDrivers)('a transposed convolution on %s', (driver) => {
  test('by hand: where two filters meet they add up, and an element’s gradient sums over its filter', async () => {
    const net = new Net({ C: 1, H: 1, W: 2 });
    const y = net.add({
      op: 'convTranspose',
      inputs: ['image'],
      kernel: [1, 3],
      stride: [1, 2],
      weight: net.parameter([1, 1, 1, 3], [1, 2, 3]),
      bias: net.parameter([1], [10]),
    });
    const graph = net.graph(net.fullyConnected(y, 1, [1, 10, 100, 1000, 10000]));
    const engine = await engineOn(driver);
    using model = await engine.load(graph);
    // [x0, 2·x0, 3·x0 + x1, 2·x1, 3·x1] + 10
    expect([...(await model.scores({ data: Float32Array.of(1, 2), shape: [1, 1, 2] }))]).toEqual([
      11 + 120 + 1500 + 14000 + 160000,
    ]);
    expect(await gradientOf(engine, graph, [1, 2])).toEqual([1 + 20 + 300, 100 + 2000 + 30000]);
  });

  test('equals the oracle to the last bit: any window, groups, output padding, bias', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(spec, around, async ({ window, depthwise, plane, perGroup, O, ...rest }, around) => {
        const groups = depthwise ? 6 : rest.groups;
        const C = depthwise ? groups : groups * perGroup;
        const outputs = depthwise ? groups : groups * O;
        const [top, left, bottom, right] = window.pads;
        // pads that leave something
        const along = (extent: number, axis: 0 | 1) =>
          (extent - 1) * window.stride[axis] + (window.kernel[axis] - 1) * window.dilation[axis] + 1;
        const pads =
          along(plane.H, 0) > top + bottom && along(plane.W, 1) > left + right ? window.pads : ([0, 0, 0, 0] as const);
        expect(
          await errorAround(engine, { C, ...plane }, around, (net, x) => {
            const weight = net.parameter([C, outputs / groups, ...window.kernel]);
            return net.relu(
              net.add({
                op: 'convTranspose',
                inputs: [x],
                ...window,
                pads,
                groups,
                outputPadding: rest.outputPadding,
                weight,
                ...(rest.bias && { bias: net.parameter([outputs]) }),
              }),
            );
          }),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 9) },
    );
  });
});

test('each multiply-add counts two', () => {
  const net = new Net({ C: 3, H: 4, W: 5 });
  const y = net.add({
    op: 'convTranspose',
    inputs: ['image'],
    kernel: [2, 2],
    stride: [2, 2],
    weight: net.parameter([3, 7, 2, 2]),
  });
  expect(forwardFlops(net.graph(y))).toBe(2 * 3 * 7 * 4 * 4 * 5);
});

test.each([
  ['weights of other channels', [2, 1, 2, 2], {}, 'up: weights have 2 input channels (1 groups), its input has 3'],
  ['weights of another window', [3, 1, 2, 3], {}, 'up: weights are [3, 1, 2, 3], its kernel is [2, 2]'],
  ['pads that leave nothing', [3, 1, 2, 2], { pads: [3, 0, 2, 0] }, 'up: would write 0 rows, pads are [3,0,2,0]'],
])('%s are refused', (_, shape, fields, message) => {
  const net = new Net({ C: 3, H: 4, W: 5 });
  const weight = net.parameter(shape);
  const node = { op: 'convTranspose', name: 'up', inputs: ['image'], kernel: [2, 2], weight, ...fields } as never;
  expect(() => compile({ ...net.graph('up'), nodes: [node] }, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) }),
  );
});
