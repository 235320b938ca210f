import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import { RULES, Net, engineOn, errorOf, real, runsOn } from './check';

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

test('a soft-max in the middle is refused by name', () => {
  const net = new Net({ C: 2, H: 1, W: 1 });
  const attention = net.add({ op: 'softmax', inputs: ['image'] }, 'attention');
  expect(() => compile(net.graph(net.fullyConnected(attention, 2)), { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({
      code: 'unsupported-op',
      message: 'attention: soft-max is supported only at the end of a network',
      detail: { nodes: [{ name: 'attention', op: 'softmax' }] },
    }),
  );
});
