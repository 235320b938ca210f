/** What makes probabilities of scores: a final soft-max, a final sigmoid, or nothing. */
import { describe, expect, test } from 'vitest';
import type { HeadKind } from '../../src';
import { nodeDrivers } from '../node';
import { Net, engineOn, errorOf } from '../ops/check';

/** A number per class, which the picture is. */
const scoresOf = (classes: number, end?: 'softmax' | 'logSoftmax' | 'sigmoid') => {
  const net = new Net({ C: classes, H: 1, W: 1 });
  const identity = Array.from({ length: classes * classes }, (_, i) => Number(i % (classes + 1) === 0));
  const scores = net.fullyConnected('image', classes, identity);
  return net.graph(end ? net.add({ op: 'flatten', inputs: [net.add({ op: end, inputs: [scores] })] }) : scores);
};
const image = (...data: number[]) => ({ data: Float32Array.from(data), shape: [data.length, 1, 1] });

test.each([
  ['softmax', 3, 'softmax', 'file', 'the network ends in soft-max'],
  ['logSoftmax', 3, 'softmax', 'file', 'the network ends in the logarithm of a soft-max'],
  ['sigmoid', 3, 'sigmoid', 'file', 'the network ends in a sigmoid'],
  ['sigmoid', 1, 'sigmoid', 'file', 'the network ends in a sigmoid'],
  [undefined, 3, 'softmax', 'custom', 'the network ends in scores, which soft-max makes probabilities of'],
  [undefined, 1, 'none', 'custom', 'the network ends in one number, with nothing that makes it a probability'],
] as const)('a network that ends in %s, of %i classes', async (end, classes, kind, by, reason) => {
  using model = await (await engineOn(nodeDrivers[0]!)).load(scoresOf(classes, end));
  expect(model.head).toEqual({ kind, by, reason });
});

test('the caller overrules the end of the network', async () => {
  using model = await (await engineOn(nodeDrivers[0]!)).load(scoresOf(2), { head: 'sigmoid' });
  expect(model.head).toEqual({ kind: 'sigmoid', by: 'caller', reason: 'the caller says so' });
  const [best] = await model.classify(image(0, Math.log(3)));
  expect(best).toMatchObject({ index: 1, probability: expect.closeTo(0.75, 6) });
  await expect((await engineOn(nodeDrivers[0]!)).load(scoresOf(2), { head: 'tanh' as HeadKind })).rejects.toThrow(
    /head is 'tanh'/,
  );
});

describe.each(nodeDrivers)('on %s', (driver) => {
  test('by hand: each class has a sigmoid of its own, and its slope is p · (1 − p)', async () => {
    using model = await (await engineOn(driver)).load(scoresOf(3, 'sigmoid'));
    const picture = image(0, Math.log(3), -Math.log(3));
    const classes = await model.classify(picture);
    expect(classes.map(({ probability }) => probability!.toFixed(6))).toEqual(['0.750000', '0.500000', '0.250000']);
    expect(classes.map(({ index }) => index)).toEqual([1, 0, 2]);
    const { scores, gradient } = await model.inputGradient(picture, { class: 1, score: 'probability' });
    expect(scores[1], 'the score is the value before the sigmoid').toBeCloseTo(Math.log(3), 6);
    expect([gradient[0], gradient[2]]).toEqual([0, 0]);
    expect(gradient[1]).toBeCloseTo(3 / 16, 6);
    expect([...(await model.inputGradient(picture, { class: 1 })).gradient]).toEqual([0, 1, 0]);
  });

  test.each([0.5, -3, 14.7, -14.7, 40, -40])('a sigmoid at %f has its slope to 1e-5, however sure', async (at) => {
    const options = { classes: [0], score: 'probability' } as const;
    const graph = scoresOf(1, 'sigmoid');
    expect(await errorOf(await engineOn(driver), graph, [Float64Array.of(at)], options)).toBeLessThan(1e-5);
  });
});

test('a number that is no probability has none, and a gradient of one is refused with what to do', async () => {
  using model = await (await engineOn(nodeDrivers[0]!)).load(scoresOf(1));
  expect(await model.classify(image(7))).toEqual([{ index: 0, label: '0', score: 7, probability: null }]);
  await expect(model.inputGradient(image(7), { class: 0, score: 'probability' })).rejects.toMatchObject({
    code: 'validation',
    message: expect.stringMatching(/has no head .* take the score 'logit', or load the model with head:/),
  });
});

test('a neuron of a tensor that a sigmoid writes is the value after it, at the end and inside', async () => {
  const net = new Net({ C: 1, H: 1, W: 1 });
  const gate = net.add({ op: 'sigmoid', inputs: ['image'] }, 'gate');
  const graph = net.graph(net.add({ op: 'sigmoid', inputs: [net.fullyConnected(gate, 1, [1])] }, 'end'));
  using model = await (await engineOn(nodeDrivers[0]!)).load(graph);
  const p = 1 / (1 + Math.exp(-0.5));
  for (const [tensor, value, slope] of [
    ['gate', 0.5, 0.25],
    ['end', p, 0.25 * p * (1 - p)],
  ] as const) {
    const { scores, gradient } = await model.inputGradient(image(0), { class: { tensor, channel: 0 } });
    expect(scores[0], tensor).toBeCloseTo(value, 6);
    expect(gradient[0], tensor).toBeCloseTo(slope, 6);
  }
});
