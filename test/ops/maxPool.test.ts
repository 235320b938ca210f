import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import type { Pair } from '../../src/graph';
import { nodeDrivers } from '../node';
import { graphGradient } from '../oracle/network';
import {
  type Around,
  Net,
  RULES,
  anyWindow,
  around,
  channels,
  engineOn,
  errorAround,
  fits,
  gradientOf,
  plane,
  runsOn,
} from './check';

describe.each(nodeDrivers)('max-pooling on %s', (driver) => {
  /** 1×4 → two windows of two, or three that overlap, weighted 1, 10, 100. */
  const pooled = (stride: number, rectified = false) => {
    const net = new Net({ C: 1, H: 1, W: 4 });
    const map = net.add({
      op: 'maxPool',
      inputs: [rectified ? net.relu('image') : 'image'],
      kernel: [1, 2],
      stride: [1, stride],
    });
    return net.graph(net.fullyConnected(map, 1, stride === 2 ? [1, 10] : [1, 10, 100]));
  };

  test('a tie goes to the first of the window, and so does its gradient', async () => {
    expect(await gradientOf(await engineOn(driver), pooled(2), [5, 5, -1, -1])).toEqual([1, 0, 10, 0]);
  });

  test('what wins two windows receives from both', async () => {
    expect(await gradientOf(await engineOn(driver), pooled(1), [1, 7, 3, 3])).toEqual([0, 11, 100, 0]);
  });

  test('a window of zeros behind a ReLU gives nothing back, except that deconvnet gives to its first', async () => {
    const engine = await engineOn(driver);
    for (const rule of RULES) {
      expect(await gradientOf(engine, pooled(2, true), [-1, -2, 0, 3], rule)).toEqual(
        rule === 'deconvnet' ? [1, 0, 0, 10] : [0, 0, 0, 10],
      );
    }
  });

  test('padding never wins over negative numbers', async () => {
    const net = new Net({ C: 1, H: 2, W: 2 });
    const map = net.add({ op: 'maxPool', inputs: ['image'], kernel: [2, 2], stride: [2, 2], pads: [1, 1, 1, 1] });
    const graph = net.graph(net.fullyConnected(map, 1, [1, 10, 100, 1000]));
    const engine = await engineOn(driver);
    expect(await gradientOf(engine, graph, [-4, -3, -2, -1])).toEqual([1, 10, 100, 1000]);
    using model = await engine.load(graph);
    expect([...(await model.scores({ data: Float32Array.of(-4, -3, -2, -1), shape: [1, 2, 2] }))]).toEqual([-1234]);
  });

  const shapes = fc.record({ C: channels, plane, window: anyWindow, ceil: fc.boolean() });

  test('equals the oracle to the last bit: any window, many ties, whatever stands before it', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(
        shapes.filter((s) => fits({ ...s.window, ceil: s.ceil }, s.plane, true)),
        around,
        async ({ C, plane, window, ceil }, around) => {
          expect(
            await errorAround(engine, { C, ...plane }, around, (net, x) =>
              net.add({ op: 'maxPool', inputs: [x], ...window, ceil }),
            ),
          ).toBe(0);
        },
      ),
      { numRuns: runsOn(driver, 60) },
    );
  });

  test.each([{ kernel: [3, 5] }, { kernel: [4, 4] }, { kernel: [15, 17] }] as const)(
    'windows of $kernel taps: the last that fit half a byte, the first that need one, the largest',
    async ({ kernel }) => {
      const engine = await engineOn(driver);
      for (const rule of RULES) {
        const surroundings: Around = { rectified: true, branch: 'none', batch: 3, rule, seed: 3 };
        expect(
          await errorAround(engine, { C: 3, H: 17, W: 19 }, surroundings, (net, x) =>
            net.add({ op: 'maxPool', inputs: [x], kernel, stride: [1, 2] }),
          ),
        ).toBe(0);
      }
    },
  );

  test('a 2×2 pool that tiles a convolution, and so runs inside of it, equals the oracle to the last bit', async () => {
    const engine = await engineOn(driver);
    const shapes = fc.record({
      C: channels,
      O: channels,
      H: fc.integer({ min: 1, max: 4 }),
      W: fc.integer({ min: 1, max: 11 }),
      kernel: fc.constantFrom<Pair>([1, 1], [3, 3], [2, 4]),
      rectified: fc.boolean(),
      bias: fc.boolean(),
      readers: fc.uniqueArray(
        fc.constantFrom('conv', 'strided', 'pool', 'tile', 'relu', 'flat', 'identity', 'concat', 'add'),
        { minLength: 1, maxLength: 3 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(shapes, around, async ({ C, O, H, W, kernel, rectified, bias, readers }, around) => {
        const extents = { C, H: 4 * H + kernel[0] - 1, W: 4 * W + kernel[1] - 1 };
        expect(
          await errorAround(engine, extents, around, (net, x) => {
            const map = net.conv(x, O, { kernel, bias });
            const y = net.add({
              op: 'maxPool',
              inputs: [rectified ? net.relu(map) : map],
              kernel: [2, 2],
              stride: [2, 2],
            });
            const ends = readers.map((reader) => {
              switch (reader) {
                case 'conv':
                  return net.conv(y, 5, { kernel: [2, 1] });
                case 'strided':
                  return net.relu(net.conv(y, 3, { kernel: [2, 2], stride: [2, 2] }));
                case 'pool':
                  return net.add({ op: 'maxPool', inputs: [y], kernel: [2, 2], stride: [1, 2] });
                case 'tile':
                  return net.add({
                    op: 'maxPool',
                    inputs: [net.conv(y, 4, { kernel: [1, 1] })],
                    kernel: [2, 2],
                    stride: [2, 2],
                  });
                case 'relu':
                  return net.relu(y);
                case 'flat':
                  return net.add({ op: 'flatten', inputs: [y] });
                case 'identity':
                  return net.add({ op: 'identity', inputs: [y] });
                case 'concat':
                  return net.add({ op: 'concat', inputs: [y, net.conv(y, 4, { kernel: [1, 1] })] });
                default:
                  return net.relu(net.add({ op: 'add', inputs: [y, net.conv(y, O, { kernel: [1, 1] })] }));
              }
            });
            return ends.length === 1
              ? ends[0]!
              : net.add({ op: 'concat', inputs: ends.map((end) => net.relu(net.fullyConnected(end, 6))) });
          }),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 60) },
    );
  });

  test.each(RULES)('two pools and a convolution read one rectified tensor, under the rule %s', async (rule) => {
    const engine = await engineOn(driver);
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
    ]) {
      const net = new Net({ C: 5, H: 4, W: 6 }, 4);
      const x = net.relu(net.conv('image', 5, { kernel: [1, 1] }));
      const readers = [
        () => net.add({ op: 'maxPool', inputs: [x], kernel: [2, 2], stride: [2, 2] }),
        () => net.add({ op: 'maxPool', inputs: [x], kernel: [3, 3], stride: [2, 2], pads: [0, 0, 1, 1] }),
        () => net.conv(x, 5, { kernel: [2, 2], stride: [2, 2] }),
      ];
      const graph = net.graph(
        net.fullyConnected(net.add({ op: 'concat', inputs: order.map((k) => readers[k]!()) }), 3),
      );
      const image = net.image();
      const expected = [...graphGradient(graph, image, { class: 0, relu: rule }).gradient].map((value) => value + 0);
      expect(await gradientOf(engine, graph, [...image], rule), `readers in the order ${order}`).toEqual(expected);
    }
  });
});

describe('a max-pool is refused', () => {
  const compiled = (field: object) => () => {
    const net = new Net({ C: 1, H: 20, W: 20 });
    const node = { op: 'maxPool' as const, name: 'pool1', inputs: ['image'], kernel: [2, 2] as const, ...field };
    compile({ ...net.graph('pool1'), nodes: [node] }, { batch: 1, bindingBytes: 2 ** 27 });
  };
  test.each([
    [
      'with more taps along an axis than a switch can name',
      { kernel: [256, 1] },
      'unsupported-op',
      'pool1: a max-pool window of 256×1 is too large, at most 255 taps along an axis are supported',
    ],
    ['if it does not fit', { kernel: [2, 21] }, 'shape', 'pool1: a window of 21 does not fit into 20 + 0 + 0 columns'],
    ['with a negative pad', { pads: [0, -1, 0, 0] }, 'shape', 'pads [0,-1,0,0] from 0'],
    ['if a window would lie in the padding alone', { pads: [2, 0, 0, 0] }, 'shape', 'pool1'],
  ])('%s', (_, field, code, message) =>
    expect(compiled(field)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) })),
  );
});
