import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CURVES, type CurveName, type Parameter } from '../../shaders/curves';
import { compile } from '../../src/compile';
import { isSampled, nodeDrivers } from '../node';
import { PATIENCE } from '../runs';
import { relativeL2 } from '../oracle/compare';
import { type CurveOracle, curves, domainOf } from '../oracle/curves';
import { oracleOf } from '../oracle/operators';
import type { Unnamed } from '../oracle/oracle';
import {
  type Draw,
  type Loader,
  Net,
  ROUNDING,
  RULES,
  around,
  batchOf,
  channels,
  engineOn,
  errorAround,
  gradientOf,
  plane,
  real,
  runsOn,
} from './check';

const NAMES = Object.keys(curves) as CurveName[];

/** A net of all functions, each of a row of the image, added up: at points of which some are kinks. */
function allByHand() {
  const cases = NAMES.flatMap((op) => {
    const { byHand } = curves[op] as CurveOracle<Readonly<Record<string, number>>>;
    return byHand.map(([parameters, places, slopes]) => ({ op, parameters, places, slopes }));
  });
  const W = Math.max(...cases.map(({ places }) => places.length));
  const padded = (numbers: readonly number[]) => [...numbers, ...Array<number>(W - numbers.length).fill(0)];
  const net = new Net({ C: 1, H: cases.length, W });
  const scores = cases.map(({ op, parameters, places: { length } }, h) => {
    const row = net.add({ op: 'slice', inputs: ['image'], begin: [0, h, 0], extents: [1, 1, length] });
    const y = net.add({ op, inputs: [row], ...parameters, ...vectorsOf(net, op, parameters) } as Unnamed);
    return net.fullyConnected(y, 1, Array(length).fill(1));
  });
  const all = net.add({ op: 'concat', inputs: scores });
  const ones = scores.map(() => 1);
  return {
    graph: net.graph(net.fullyConnected(all, 1, ones)),
    image: cases.flatMap(({ places }) => padded(places)),
    expected: cases.flatMap(({ op, parameters, places, slopes }) =>
      padded(slopes).map((slope, w) => ({ slope, where: `${op} of ${JSON.stringify(parameters)} at ${places[w]}` })),
    ),
  };
}

/** The parameters with a number per channel, of one channel. */
const vectorsOf = (net: Net, op: CurveName, parameters: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries<Parameter>(CURVES[op].parameters)
      .filter(([, { perChannel }]) => perChannel)
      .map(([name]) => [name, net.parameter([1], [parameters[name]!])]),
  );

/** Numbers of either sign by their size, and those where steps jump. */
const BANDS: readonly (readonly number[])[] = [
  ...[1e-6, 1e-3, 0.1, 1, 4, 20].flatMap((size, k, sizes) =>
    [1, -1].map((sign) =>
      Array.from({ length: 12 }, (_, i) =>
        Math.fround(sign * size * ((sizes[k + 1] ?? 80) / size) ** ((i + 0.3) / 12)),
      ),
    ),
  ),
  [-2.5, -2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2, 2.5],
];

/** The relative error of numbers of which those up to `least` count as 0. */
const errorAbove = (least: number, actual: Float32Array, expected: readonly number[]): number => {
  const large = [...expected.keys()].filter((i) => Math.max(Math.abs(expected[i]!), Math.abs(actual[i]!)) > least);
  return relativeL2(
    large.map((i) => actual[i]!),
    large.map((i) => expected[i]!),
  );
};

/** A function at these places, and its derivative: the scores are the values and their sum. */
async function valuesAndSlopes(
  engine: Loader,
  op: CurveName,
  parameters: Readonly<Record<string, number>>,
  image: readonly number[],
): Promise<{ readonly values: Float32Array; readonly slopes: Float32Array }> {
  const { length } = image;
  const net = new Net({ C: 1, H: 1, W: length });
  const y = net.add({ op, inputs: ['image'], ...parameters, ...vectorsOf(net, op, parameters) } as Unnamed);
  const rows = Array.from({ length: (length + 1) * length }, (_, i) =>
    Number(i >= length * length || Math.floor(i / length) === i % length),
  );
  const graph = net.graph(net.fullyConnected(y, length + 1, rows));
  using model = await engine.load(graph);
  const { scores, gradient } = await model.inputGradient(batchOf(graph, [Float64Array.from(image)]), { class: length });
  return { values: scores.subarray(0, length), slopes: gradient };
}

describe.each(nodeDrivers)('on %s', (driver) => {
  test(
    'at corners and elsewhere, the derivatives are what one finds by hand',
    async () => {
      const { graph, image, expected } = allByHand();
      using model = await (await engineOn(driver)).load(graph);
      for (const relu of RULES) {
        const { gradient } = await model.inputGradient(batchOf(graph, [Float64Array.from(image)]), { class: 0, relu });
        expected.forEach(({ slope, where }, i) => expect(gradient[i], `${relu}, ${where}`).toBeCloseTo(slope, 6));
      }
    },
    PATIENCE,
  );

  test.each(NAMES)('%s is as near to float64 as float32 lets it be, from tiny to large numbers', async (op) => {
    const oracle = curves[op] as CurveOracle<Readonly<Record<string, number>>>;
    for (const parameters of isSampled(driver) ? oracle.examples.slice(0, 1) : oracle.examples) {
      const [low, high] = domainOf(oracle, parameters);
      const corners = typeof oracle.corners === 'function' ? oracle.corners(parameters) : oracle.corners;
      const isSmooth = (x: number) => oracle.isFlat || corners.every((corner) => Math.abs(x - corner) > 1e-6);
      const bands = BANDS.map((band) => band.filter((x) => low < x && x < high && isSmooth(x)));
      const image = bands.flat();
      const { values, slopes } = await valuesAndSlopes(await engineOn(driver), op, parameters, image);
      let from = 0;
      for (const band of bands) {
        const part = <T>(all: { slice(from: number, to: number): T }): T => all.slice(from, from + band.length);
        const where = `${JSON.stringify(parameters)} from ${band[0]} to ${band.at(-1)}`;
        const expected = (f: typeof oracle.value) => band.map((x) => f(x, parameters));
        expect(errorAbove(1e-12, part(values), expected(oracle.value)), `values of ${where}`).toBeLessThan(1e-6);
        expect(errorAbove(1e-12, part(slopes), expected(oracle.slope)), `slopes of ${where}`).toBeLessThan(1e-6);
        from += band.length;
      }
    }
  });

  test('a PReLU has a slope for each channel, which it also has at 0', async () => {
    const net = new Net({ C: 5, H: 1, W: 2 });
    const y = net.add({ op: 'prelu', inputs: ['image'], slope: net.parameter([5], [2, 3, 4, 5, 6]) });
    const graph = net.graph(net.fullyConnected(y, 1, Array(10).fill(1)));
    expect(await gradientOf(await engineOn(driver), graph, [-1, 1, -1, 1, 0, 1, -1, 1, -1, 1])).toEqual([
      2, 1, 3, 1, 4, 1, 5, 1, 6, 1,
    ]);
  });

  test(
    'all agree with the oracle, whatever stands around them',
    async () => {
      const engine = await engineOn(driver);
      const surroundings = fc.sample(fc.record({ C: channels, plane, around, rectify: fc.boolean() }), NAMES.length);
      for (const [k, { C, plane, around, rectify }] of surroundings.entries()) {
        if (driver === 'swiftshader' && k % 3 > 0) continue;
        const { examples } = oracleOf(NAMES[k]!);
        const operator = (net: Net, x: string): string => {
          const y = net.add(examples[k % examples.length]!(net, x));
          return rectify ? net.relu(y) : y;
        };
        const error = await errorAround(engine, { C, ...plane }, around, operator, real);
        expect(error, NAMES[k]).toBeLessThan(2 * ROUNDING);
      }
    },
    PATIENCE,
  );

  test('a PReLU agrees with the oracle, also in the midst of a concatenation', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(
        fc.record({ C: channels, plane }),
        around,
        fc.boolean(),
        async ({ C, plane }, around, joined) => {
          expect(
            await errorAround(
              engine,
              { C, ...plane },
              around,
              (net, x) => {
                const y = net.add({
                  op: 'prelu',
                  inputs: [net.conv(x, 4, { kernel: [1, 1] })],
                  slope: net.parameter([4]),
                });
                const z = net.add({ op: 'swish', inputs: [y] });
                return joined ? net.add({ op: 'swish', inputs: [net.add({ op: 'concat', inputs: [y, z] })] }) : z;
              },
              real,
            ),
          ).toBeLessThan(2 * ROUNDING);
        },
      ),
      { numRuns: runsOn(driver, 15) },
    );
  });

  test('roots and reciprocals of positive numbers agree with the oracle', async () => {
    const engine = await engineOn(driver);
    const positive: Draw = (random) => Math.fround(0.2 + random.uniform() * 4);
    for (const op of ['sqrt', 'reciprocal'] as const) {
      const alone = { rectified: false, branch: 'after', batch: 3, rule: 'gradient', seed: 5 } as const;
      expect(
        await errorAround(
          engine,
          { C: 5, H: 3, W: 9 },
          alone,
          (net, x) => net.relu(net.add({ op, inputs: [x] })),
          positive,
        ),
      ).toBeLessThan(2 * ROUNDING);
    }
  });

  test('small numbers keep their digits in an ELU', async () => {
    const engine = await engineOn(driver);
    expect(
      await errorAround(
        engine,
        { C: 3, H: 4, W: 9 },
        { rectified: false, branch: 'none', batch: 1, rule: 'gradient', seed: 3 },
        (net, x) => net.add({ op: 'elu', inputs: [x], alpha: 1 }),
        (random) => Math.fround(random.normal() * 1e-3),
      ),
    ).toBeLessThan(ROUNDING);
  });
});

test('a PReLU is refused whose slopes are not one per channel', () => {
  const net = new Net({ C: 3, H: 1, W: 1 });
  const slope = net.parameter([4]);
  const node = { op: 'prelu' as const, name: 'act', inputs: ['image'], slope };
  expect(() => compile({ ...net.graph('act'), nodes: [node] }, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({ code: 'shape', message: `act: '${slope}' is [4], and here it would be [3]` }),
  );
});
