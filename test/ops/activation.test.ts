import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CURVES, type CurveName, type Parameter } from '../../shaders/curves';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import { type CurveOracle, curves } from '../oracle/curves';
import { oracleOf } from '../oracle/operators';
import type { Unnamed } from '../oracle/oracle';
import {
  type Draw,
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

const NAMES = Object.keys(curves) as CurveName[];

/** At these points, of which some are kinks, the derivative is what one finds by hand. */
const byHand = NAMES.flatMap((op) => {
  const { byHand } = curves[op] as CurveOracle<Readonly<Record<string, number>>>;
  return byHand.map(([parameters, image, slopes]) => ({
    title: `${op} of ${JSON.stringify(parameters)}`,
    op,
    parameters,
    image,
    slopes,
  }));
});

const EXAMPLES = NAMES.flatMap((op) => oracleOf(op).examples.map((example, k) => ({ op, k, example })));

describe.each(nodeDrivers)('on %s', (driver) => {
  test.each(byHand)('$title at its corners', async ({ op, parameters, image, slopes }) => {
    const net = new Net({ C: 1, H: 1, W: image.length });
    const vectors = Object.entries<Parameter>(CURVES[op].parameters).filter(([, { perChannel }]) => perChannel);
    const fields = Object.fromEntries(vectors.map(([name]) => [name, net.parameter([1], [parameters[name]!])]));
    const y = net.add({ op, inputs: ['image'], ...parameters, ...fields } as Unnamed);
    const graph = net.graph(
      net.fullyConnected(
        y,
        1,
        image.map(() => 1),
      ),
    );
    for (const rule of RULES) {
      const gradient = await gradientOf(await engineOn(driver), graph, image, rule);
      gradient.forEach((value, i) => expect(value, `${rule} at ${image[i]}`).toBeCloseTo(slopes[i]!, 6));
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

  test('all agree with the oracle, whatever stands around them', async () => {
    const engine = await engineOn(driver);
    await fc.assert(
      fc.asyncProperty(
        fc.record({ C: channels, plane }),
        around,
        fc.constantFrom(...EXAMPLES),
        fc.boolean(),
        async ({ C, plane }, around, { example }, rectify) => {
          expect(
            await errorAround(
              engine,
              { C, ...plane },
              around,
              (net, x) => {
                const y = net.add(example(net, x));
                return rectify ? net.relu(y) : y;
              },
              real,
            ),
          ).toBeLessThan(2 * ROUNDING);
        },
      ),
      { numRuns: runsOn(driver, 45) },
    );
  });

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
