import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import {
  RULES,
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

describe.each(nodeDrivers)('the probability on %s', (driver) => {
  test('by hand: of two equal scores it is a half, and its slope a quarter', async () => {
    const net = new Net({ C: 2, H: 1, W: 1 });
    const graph = net.graph(net.add({ op: 'softmax', inputs: [net.fullyConnected('image', 2, [1, 0, 0, 1])] }));
    using model = await (await engineOn(driver)).load(graph);
    const image = { data: Float32Array.of(3, 3), shape: [2, 1, 1] };
    const { gradient, scores } = await model.inputGradient(image, { class: 0, score: 'probability' });
    expect([...gradient]).toEqual([0.25, -0.25]);
    expect([...scores], 'scores are those before soft-max').toEqual([3, 3]);
    expect([...(await model.inputGradient(image, { class: 0 })).gradient]).toEqual([1, 0]);
  });

  test('one class alone has probability 1 everywhere, and so no slope', async () => {
    const net = new Net({ C: 3, H: 1, W: 1 });
    const graph = net.graph(net.add({ op: 'softmax', inputs: [net.fullyConnected('image', 1, [1, -2, 3])] }));
    using model = await (await engineOn(driver)).load(graph);
    const image = { data: Float32Array.of(0.5, 1, 2), shape: [3, 1, 1] };
    const { gradient } = await model.inputGradient(image, { class: 0, score: 'probability' });
    expect([...(await model.inputGradient(image, { class: 0 })).gradient]).toEqual([1, -2, 3]);
    // exp may miss 1 by an ulp
    gradient.forEach((value) => expect(Math.abs(value)).toBeLessThan(3 * 2 ** -22));
  });

  test('scores of hundreds do not overflow', async () => {
    const net = new Net({ C: 3, H: 1, W: 1 });
    const graph = net.graph(net.fullyConnected('image', 3, [1, 0, 0, 0, 1, 0, 0, 0, 1]));
    expect(
      await errorOf(await engineOn(driver), graph, [Float64Array.of(400, 399, -400)], {
        classes: [1],
        score: 'probability',
      }),
    ).toBeLessThan(1e-5);
  });

  test(
    'agrees with the oracle: any classes from two on, any rule, with or without the soft-max in the ' + 'graph',
    async () => {
      const engine = await engineOn(driver);
      const cases = fc.record({
        out: fc.integer({ min: 2, max: 11 }),
        batch: fc.constantFrom(1, 3),
        rule: fc.constantFrom(...RULES),
        ended: fc.boolean(),
        rectified: fc.boolean(),
        seed: fc.nat(1e6),
      });
      await fc.assert(
        fc.asyncProperty(cases, async ({ out, batch, rule, ended, rectified, seed }) => {
          const net = new Net({ C: 3, H: 2, W: 2 }, seed, (random) => real(random) / 2);
          const scores = net.fullyConnected(net.relu('image'), out);
          const last = rectified ? net.relu(scores) : scores;
          const graph = net.graph(
            ended ? net.add({ op: 'softmax', inputs: [net.add({ op: 'identity', inputs: [last] })] }) : last,
          );
          const classes = [out - 1, 0, Math.floor(out / 2)].slice(0, batch);
          const error = await errorOf(
            engine,
            graph,
            Array.from({ length: batch }, () => net.image()),
            { classes, relu: rule, score: 'probability' },
          );
          expect(error).toBeLessThan(1e-5);
        }),
        { numRuns: runsOn(driver, 30) },
      );
    },
  );
});

/** exp and log of WGSL are some ulps wider than a product. */
const POWER = 1e-5;

describe.each(nodeDrivers)('a soft-max in the midst of a graph on %s', (driver) => {
  test('by hand: along columns, rows are by themselves', async () => {
    const net = new Net({ C: 1, H: 2, W: 2 });
    const y = net.add({ op: 'softmax', inputs: ['image'], axis: 'W' });
    // y = [½ ½; ¾ ¼], ∂y0/∂x = y0·(1 − y0), −y0·y1
    const gradient = await gradientOf(await engineOn(driver), net.graph(net.fullyConnected(y, 1, [16, 0, 16, 0])), [
      7,
      7,
      Math.log(3),
      0,
    ]);
    [4, -4, 3, -3].forEach((value, i) => expect(gradient[i]).toBeCloseTo(value, 5));
  });

  test('agrees with the oracle along any axis, short or long, and so does its logarithm', async () => {
    const engine = await engineOn(driver);
    const spec = fc.record({
      op: fc.constantFrom('softmax', 'logSoftmax'),
      axis: fc.constantFrom(undefined, 'C', 'H', 'W'),
      long: fc.constantFrom(0, 0, 0, 70, 131),
      extents: fc.record({ C: channels, plane }),
    });
    await fc.assert(
      fc.asyncProperty(spec, around, async ({ op, axis, long, extents: { C, plane } }, around) => {
        const short = { C, ...plane };
        // a long axis, which a workgroup shares, stands alone but for two channels; of channels it takes four times as
        // many
        const extents =
          long === 0 ? short : { C: 2, H: 1, W: 1, [axis ?? 'C']: (axis ?? 'C') === 'C' ? 4 * long - 3 : long };
        expect(
          await errorAround(
            engine,
            extents,
            around,
            (net, x) => net.relu(net.add({ op, inputs: [x], ...(axis && { axis }) })),
            real,
          ),
        ).toBeLessThan(POWER);
      }),
      { numRuns: runsOn(driver, 15) },
    );
  });

  test('channels that only fill up a block do not count, however negative the others are', async () => {
    for (const op of ['softmax', 'logSoftmax'] as const) {
      const net = new Net({ C: 5, H: 1, W: 2 }, 1, real);
      const scores = net.conv(net.add({ op, inputs: ['image'] }), 2, { kernel: [1, 2] }); // which reads whole blocks
      const image = Float64Array.from({ length: 10 }, (_, i) => -200 - (i % 7) / 2);
      expect(await errorOf(await engineOn(driver), net.graph(scores), [image], { classes: [1] }), op).toBeLessThan(
        1e-4, // of the differences of two numbers near to -200
      );
    }
  });

  test('in half precision, too', async () => {
    const loader = await loaderOf(driver, {}, { precision: 'f16' });
    const net = new Net({ C: 6, H: 2, W: 3 }, 3, (random) => random.integer(-8, 8) / 8);
    const y = net.add({ op: 'softmax', inputs: [net.relu('image')] });
    const scores = net.fullyConnected(net.add({ op: 'logSoftmax', inputs: [y], axis: 'W' }), 4);
    expect(await errorOf(loader, net.graph(scores), [net.image()], { classes: [1] })).toBeLessThan(5e-3);
  });
});

test('only a soft-max at the end, over channels, is taken out', () => {
  const net = new Net({ C: 2, H: 1, W: 3 });
  const attention = net.add({ op: 'softmax', inputs: ['image'], axis: 'W' }, 'attention');
  const twice = net.add({ op: 'softmax', inputs: [net.add({ op: 'softmax', inputs: [attention] }, 'inner')] }, 'outer');
  const stepsOf = (output: string) =>
    compile(net.graph(output), { batch: 1, bindingBytes: 2 ** 27 }).forward.map(({ label }) => label);
  expect(stepsOf(attention)).toContain('attention.softmaxForward');
  expect(stepsOf(twice)).toEqual(expect.arrayContaining(['attention.softmaxForward', 'inner.softmaxForward']));
  expect(stepsOf(twice)).not.toContain('outer.softmaxForward');
});
