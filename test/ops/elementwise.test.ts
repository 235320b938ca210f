import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import {
  Net,
  ROUNDING,
  RULES,
  around,
  channels,
  engineOn,
  errorAround,
  gradientOf,
  plane,
  real,
  runsOn,
} from './check';

const shapes = fc.record({ C: channels, plane });
const bindingBytes = 2 ** 27;

describe.each(nodeDrivers)('on %s', (driver) => {
  test('a ReLU by hand: its three rules, with 0 on neither side', async () => {
    const net = new Net({ C: 1, H: 1, W: 6 });
    const graph = net.graph(net.fullyConnected(net.relu('image'), 1, [1, -2, 3, -4, 5, -6]));
    const engine = await engineOn(driver);
    const image = [7, 7, 0, 0, -7, -7];
    expect(await gradientOf(engine, graph, image, 'gradient')).toEqual([1, -2, 0, 0, 0, 0]);
    expect(await gradientOf(engine, graph, image, 'deconvnet')).toEqual([1, 0, 3, 0, 5, 0]);
    expect(await gradientOf(engine, graph, image, 'guided')).toEqual([1, 0, 0, 0, 0, 0]);
  });

  test('a ReLU equals the oracle to the last bit, by itself and in the epilogue of what stands before it', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(
        shapes,
        around,
        fc.constantFrom('alone', 'conv', 'add', 'twice'),
        async ({ C, plane }, around, how) => {
          expect(
            await errorAround(engine, { C, ...plane }, around, (net, x) => {
              if (how === 'alone') return net.relu(x);
              if (how === 'twice') return net.relu(net.relu(x));
              return net.relu(
                how === 'conv'
                  ? net.conv(x, C + 1, { kernel: [1, 1] })
                  : net.add({ op: 'add', inputs: [x, net.conv(x, C, { kernel: [1, 1] })] }),
              );
            }),
          ).toBe(0);
        },
      ),
      { numRuns: runsOn(driver, 40) },
    );
  });

  test('a sum gives the whole gradient to each of its inputs, once for each time it reads them', async () => {
    const net = new Net({ C: 1, H: 1, W: 3 });
    const graph = net.graph(
      net.fullyConnected(net.add({ op: 'add', inputs: ['image', net.relu('image'), 'image'] }), 1, [1, 10, 100]),
    );
    expect(await gradientOf(await engineOn(driver), graph, [1, -1, 1])).toEqual([3, 20, 300]);
  });

  test('a sum of two to five equals the oracle to the last bit', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(
        shapes,
        around,
        fc.integer({ min: 2, max: 5 }),
        fc.boolean(),
        async ({ C, plane }, around, terms, rectify) => {
          expect(
            await errorAround(engine, { C, ...plane }, around, (net, x) => {
              const sum = net.add({
                op: 'add',
                inputs: Array.from({ length: terms }, (_, k) => (k === 0 ? x : net.conv(x, C, { kernel: [1, 1] }))),
              });
              return rectify ? net.relu(sum) : sum;
            }),
          ).toBe(0);
        },
      ),
      { numRuns: runsOn(driver, 25) },
    );
  });

  const norm = (net: Net, x: string, C: number, positive = (): number => 0.5 + net.random.uniform()) =>
    net.add({
      op: 'batchNorm',
      inputs: [x],
      epsilon: 1e-3,
      scale: net.parameter([C]),
      bias: net.parameter([C]),
      mean: net.parameter([C]),
      variance: net.parameter([C], positive),
    });

  test('a batch-norm by hand: scale over the root of variance and epsilon', async () => {
    const net = new Net({ C: 2, H: 1, W: 1 });
    const values = (...numbers: number[]) => net.parameter([2], numbers);
    const y = net.add({
      op: 'batchNorm',
      inputs: ['image'],
      epsilon: 1,
      scale: values(4, -6),
      bias: values(1, 1),
      mean: values(9, 9),
      variance: values(3, 8),
    });
    expect(await gradientOf(await engineOn(driver), net.graph(net.fullyConnected(y, 1, [1, 10])), [1, 2])).toEqual([
      2, -20,
    ]);
  });

  test(
    'a batch-norm agrees with the oracle, standing by itself or folded into a convolution or a fully ' +
      'connected layer',
    async () => {
      const engine = await engineOn(driver);
      await fc.assert(
        fc.asyncProperty(
          shapes,
          around,
          fc.constantFrom('standing', 'conv', 'conv without bias', 'fullyConnected', 'twice'),
          async ({ C, plane }, around, how) => {
            expect(
              await errorAround(
                engine,
                { C, ...plane },
                around,
                (net, x) => {
                  if (how === 'standing') return norm(net, x, C);
                  if (how === 'twice') return norm(net, norm(net, x, C), C);
                  const before =
                    how === 'fullyConnected'
                      ? net.fullyConnected(x, 7)
                      : net.conv(x, 7, { kernel: [1, 1], bias: how === 'conv' });
                  return norm(net, before, 7);
                },
                real,
              ),
            ).toBeLessThan(ROUNDING);
          },
        ),
        { numRuns: runsOn(driver, 40) },
      );
    },
  );

  test('a scale and a bias agree with the oracle, per channel or per element, one of them or both', async () => {
    const engine = await engineOn(driver);
    const absent = fc.constantFrom('none', 'channels', 'elements');
    await fc.assert(
      fc.asyncProperty(shapes, around, absent, absent, async ({ C, plane: { H, W } }, around, scale, bias) => {
        expect(
          await errorAround(
            engine,
            { C, H, W },
            around,
            (net, x) => {
              const parameter = (kind: string) => net.parameter(kind === 'channels' ? [C] : [C, H, W]);
              return net.relu(
                net.add({
                  op: 'affine',
                  inputs: [x],
                  ...(scale !== 'none' && { scale: parameter(scale) }),
                  ...(bias !== 'none' && { bias: parameter(bias) }),
                }),
              );
            },
            real,
          ),
        ).toBeLessThan(ROUNDING);
      }),
      { numRuns: runsOn(driver, 25) },
    );
  });

  test('a product gives each factor the gradient times the other', async () => {
    const net = new Net({ C: 1, H: 1, W: 2 });
    const square = net.add({ op: 'multiply', inputs: ['image', 'image'] });
    const graph = net.graph(net.fullyConnected(net.add({ op: 'multiply', inputs: ['image', square] }), 1, [1, 10]));
    expect(await gradientOf(await engineOn(driver), graph, [2, -3])).toEqual([12, 270]);
  });

  test('a product agrees with the oracle, and so does squeezing and exciting', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(shapes, around, fc.boolean(), async ({ C, plane: { H, W } }, around, excite) => {
        expect(
          await errorAround(
            engine,
            { C, H, W },
            around,
            (net, x) => {
              const squeezed = net.conv(net.add({ op: 'globalAveragePool', inputs: [x] }), C, { kernel: [1, 1] });
              const factor = excite
                ? net.add({
                    op: 'expand',
                    inputs: [net.add({ op: 'sigmoid', inputs: [squeezed] })],
                    extents: [C, H, W],
                  })
                : net.relu(net.conv(x, C, { kernel: [1, 1] }));
              return net.relu(net.add({ op: 'multiply', inputs: [x, factor] }));
            },
            real,
          ),
        ).toBeLessThan(2 * ROUNDING);
      }),
      { numRuns: runsOn(driver, 25) },
    );
  });

  test.each(RULES)('a rectified batch-norm whose input has another reader stands, under the rule %s', async (rule) => {
    const engine = await engineOn(driver);
    for (const branch of ['before', 'after'] as const) {
      expect(
        await errorAround(
          engine,
          { C: 6, H: 5, W: 9 },
          { rectified: true, branch, batch: 3, rule, seed: 8 },
          (net, x) => net.relu(norm(net, x, 6)),
          real,
        ),
      ).toBeLessThan(ROUNDING);
    }
  });
});

describe('is refused:', () => {
  test('a sum of two shapes', () => {
    const net = new Net({ C: 2, H: 3, W: 3 });
    const nodes = [
      { op: 'maxPool' as const, name: 'pool', inputs: ['image'], kernel: [2, 2] as const },
      { op: 'add' as const, name: 'sum', inputs: ['image', 'pool'] },
    ];
    expect(() => compile({ ...net.graph('sum'), nodes }, { batch: 1, bindingBytes })).toThrow(
      expect.objectContaining({
        code: 'shape',
        message: 'sum: its inputs are [2, 3, 3] and [2, 2, 2]; a sum needs one shape',
      }),
    );
  });

  test('a sum of more inputs than a device binds', () => {
    const net = new Net({ C: 1, H: 1, W: 1 });
    const sum = net.add({ op: 'add', inputs: Array(6).fill('image') }, 'sum');
    expect(() => compile(net.graph(sum), { batch: 1, bindingBytes })).toThrow(
      expect.objectContaining({ code: 'shape', message: 'sum: reads 6 tensors; add takes 2 to 5' }),
    );
  });

  test('a batch-norm with parameters of another length', () => {
    const net = new Net({ C: 3, H: 1, W: 1 });
    const [right, wrong] = [net.parameter([3]), net.parameter([4])];
    const node = {
      op: 'batchNorm' as const,
      name: 'bn1',
      inputs: ['image'],
      epsilon: 1e-5,
      scale: right,
      bias: right,
      mean: wrong,
      variance: right,
    };
    expect(() => compile({ ...net.graph('bn1'), nodes: [node] }, { batch: 1, bindingBytes })).toThrow(
      expect.objectContaining({ code: 'shape', message: `bn1: '${wrong}' is [4], and here it would be [3]` }),
    );
  });
});
