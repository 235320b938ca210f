import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import { Net, around, channels, engineOn, errorAround, gradientOf, plane, runsOn } from './check';

describe.each(nodeDrivers)('on %s', (driver) => {
  test('a concatenation by hand: each part gets its own channels of the gradient', async () => {
    const net = new Net({ C: 1, H: 1, W: 2 });
    const whole = net.add({ op: 'concat', inputs: [net.relu('image'), 'image'] });
    const graph = net.graph(net.fullyConnected(whole, 1, [1, 10, 100, 1000]));
    expect(await gradientOf(await engineOn(driver), graph, [-3, 3])).toEqual([100, 1010]);
  });

  test(
    'a concatenation equals the oracle to the last bit: parts of any width, rectified or not, in place or ' +
      'copied, in one another',
    async () => {
      const engine = await engineOn(driver);
      const part = fc.record({
        O: fc.oneof(channels, fc.constantFrom(4, 8)),
        rectified: fc.boolean(),
        twice: fc.constantFrom(1, 1, 1, 2),
        pool: fc.boolean(),
      });
      const parts = fc.record({
        parts: fc.array(part, { minLength: 1, maxLength: 4 }),
        alike: fc.constantFrom('rectified', 'plain', 'mixed'),
        nested: fc.boolean(),
        after: fc.constantFrom('nothing', 'relu', 'pool', 'conv'),
      });
      await fc.assert(
        fc.asyncProperty(channels, plane, parts, around, async (C, plane, { parts, alike, nested, after }, around) => {
          expect(
            await errorAround(engine, { C, ...plane }, around, (net, x) => {
              const made = parts.flatMap(({ O, rectified, twice, pool }) => {
                const y = net.conv(x, O, { kernel: [1, 1] });
                const z = (alike === 'mixed' ? rectified : alike === 'rectified') ? net.relu(y) : y;
                const w = pool && alike === 'mixed' ? net.add({ op: 'maxPool', inputs: [z], kernel: [1, 1] }) : z;
                return Array<string>(twice).fill(w);
              });
              const whole = net.add({ op: 'concat', inputs: made });
              const outer = nested
                ? net.add({ op: 'concat', inputs: [whole, net.relu(net.conv(x, 3, { kernel: [1, 1] }))] })
                : whole;
              if (after === 'relu') return net.relu(outer);
              if (after === 'pool') return net.add({ op: 'maxPool', inputs: [outer], kernel: [1, 1] });
              return after === 'conv' ? net.conv(outer, 5, { kernel: [1, 1] }) : outer;
            }),
          ).toBe(0);
        }),
        { numRuns: runsOn(driver, 50) },
      );
    },
  );

  test('a flatten by hand counts in C, H, W order', async () => {
    const net = new Net({ C: 2, H: 1, W: 2 });
    const flat = net.add({ op: 'flatten', inputs: ['image'] });
    const relu = net.relu(flat); // so that it is not absorbed
    expect(
      await gradientOf(await engineOn(driver), net.graph(net.fullyConnected(relu, 1, [1, 2, 3, 4])), [1, 1, 1, 1]),
    ).toEqual([1, 2, 3, 4]);
  });

  test('a flatten equals the oracle to the last bit, absorbed or not', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(
        channels,
        plane,
        around,
        fc.constantFrom('fullyConnected', 'relu', 'conv', 'twice', 'both'),
        async (C, plane, around, reader) => {
          expect(
            await errorAround(engine, { C, ...plane }, around, (net, x) => {
              const flat = net.add({ op: 'flatten', inputs: [x] });
              if (reader === 'relu') return net.relu(flat);
              if (reader === 'conv') return net.conv(flat, 3, { kernel: [1, 1] });
              if (reader === 'twice') return net.add({ op: 'flatten', inputs: [flat] });
              return reader === 'both'
                ? net.add({ op: 'concat', inputs: [flat, net.fullyConnected(flat, 3)] })
                : net.fullyConnected(flat, 3);
            }),
          ).toBe(0);
        },
      ),
      { numRuns: runsOn(driver, 30) },
    );
  });

  test('a transposition and a reshape by hand', async () => {
    const net = new Net({ C: 1, H: 2, W: 3 });
    const turned = net.add({ op: 'transpose', inputs: ['image'], order: ['C', 'W', 'H'] });
    const flat = net.relu(net.add({ op: 'reshape', inputs: [turned], extents: [6, 1, 1] }));
    expect(
      await gradientOf(
        await engineOn(driver),
        net.graph(net.fullyConnected(flat, 1, [1, 2, 3, 4, 5, 6])),
        Array(6).fill(1),
      ),
    ).toEqual([1, 3, 5, 2, 4, 6]);
  });

  test('any transposition and any reshape equal the oracle to the last bit', async () => {
    const engine = await engineOn(driver);
    const orders = fc.shuffledSubarray(['C', 'H', 'W'] as const, { minLength: 3 });
    await fc.assert(
      fc.asyncProperty(channels, plane, around, orders, orders, async (C, plane, around, order, other) => {
        expect(
          await errorAround(engine, { C, ...plane }, around, (net, x) => {
            const turned = net.relu(net.add({ op: 'transpose', inputs: [x], order: order as never }));
            const extents = other.map((axis) => net.extents(turned)[axis]) as never;
            return net.relu(net.add({ op: 'reshape', inputs: [turned], extents }));
          }),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 25) },
    );
  });

  test('any order of up to six axes, and constants, equal the oracle to the last bit', async () => {
    const engine = await engineOn(driver);
    const orders = fc
      .integer({ min: 1, max: 6 })
      .chain((rank) => fc.shuffledSubarray([0, 1, 2, 3, 4, 5].slice(0, rank), { minLength: rank }));
    await fc.assert(
      fc.asyncProperty(channels, plane, around, orders, async (C, plane, around, order) => {
        expect(
          await errorAround(engine, { C, ...plane }, around, (net, x) => {
            const { C, H, W } = net.extents(x);
            const parts = [2, C, H, 3, W, 1];
            // as many axes as the order has: the last ones are one
            const shape = order.map((_, k) =>
              k < order.length - 1 ? parts[k]! : parts.slice(k).reduce((a, b) => a * b, 1),
            );
            const inputs = [net.relu(net.add({ op: 'concat', inputs: Array<string>(6).fill(x) }))];
            const turned = net.add({ op: 'permute', inputs, shape, order, extents: [W, 2 * H, 3 * C] });
            const constant = { value: net.parameter([W, 2 * H, 3 * C]), extents: [W, 2 * H, 3 * C] } as const;
            return net.relu(
              net.add({ op: 'add', inputs: [turned, net.add({ op: 'constant', inputs: [], ...constant })] }),
            );
          }),
        ).toBe(0);
      }),
      { numRuns: runsOn(driver, 25) },
    );
  });
});

test.each([
  [{ shape: [2, 9], order: [0, 0] }, /its order is \[0, 0\] of 2 axes; each from 0 on once/],
  [{ shape: [2, 8], order: [1, 0] }, /reads \[2, 3, 3\] as \[2, 8\]/],
  [{ shape: [2, 9, 1, 1, 1, 1, 1], order: [0, 1, 2, 3, 4, 5, 6] }, /at most 6 would be right/],
])('a permutation of %j is refused', ({ shape, order }, message) => {
  const net = new Net({ C: 2, H: 3, W: 3 });
  const extents = [3, 3, 2] as const;
  const nodes = [{ op: 'permute' as const, name: 'p', inputs: ['image'], shape, order, extents }];
  expect(() => compile({ ...net.graph('p'), nodes }, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(message);
});

test('a concatenation of two planes is refused', () => {
  const net = new Net({ C: 2, H: 3, W: 3 });
  const nodes = [
    { op: 'maxPool' as const, name: 'pool', inputs: ['image'], kernel: [2, 1] as const },
    { op: 'concat' as const, name: 'fire2', inputs: ['image', 'pool'] },
  ];
  expect(() => compile({ ...net.graph('fire2'), nodes }, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({
      code: 'shape',
      message: 'fire2: its inputs are [2, 3, 3] and [2, 2, 3]; along channels, height and width must agree',
    }),
  );
});
