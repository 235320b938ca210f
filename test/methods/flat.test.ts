/** Maps that show nothing say so, and why. */
import { expect, test } from 'vitest';
import { type Graph, type GraphNode, METHODS, gradCam, mapBy, saliency, smoothGrad } from '../../src';
import { engineOn, graph, picture } from './support';

/** The net with other values in tensors of weights. */
const withWeights = (names: string | readonly string[], change: (value: number, i: number) => number): Graph => ({
  ...graph,
  weights: new Map(
    [...graph.weights].map(([key, weight]) => [
      key,
      names.includes(key) ? { ...weight, data: weight.data.map(change) } : weight,
    ]),
  ),
});
const behind = (op: 'sigmoid' | 'hardSigmoid', net: Graph): Graph => ({
  ...net,
  nodes: [
    ...net.nodes,
    { op, name: 'head', inputs: [net.output], ...(op === 'sigmoid' ? {} : { alpha: 0.2, beta: 0.5 }) } as GraphNode,
  ],
  output: 'head',
});

test('a map that shows something says nothing of the kind', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  for (const { name, options } of METHODS) {
    const values = Object.hasOwn(options, 'samples') ? { samples: 2 } : {};
    expect(await mapBy(name, model, picture, { ...values, class: 2 }), name).not.toHaveProperty('flat');
  }
});

test('where all units are shut, every method says which come first', async () => {
  using engine = await engineOn();
  const model = await engine.load(withWeights(['b1', 'b2'], () => -1e4));
  for (const { name, options } of METHODS) {
    const values = Object.hasOwn(options, 'samples') ? { samples: 2 } : {};
    const map = await mapBy(name, model, picture, { ...values, class: 2 });
    expect(
      map.data.every((value) => value === map.data[0]),
      name,
    ).toBe(true);
    expect(map.flat, name).toEqual({
      value: map.data[0],
      reason: 'dead units',
      message: "every value of 'relu1' is 0 for this picture",
    });
  }
});

test('where later units are shut, the message names the last plane that is alive', async () => {
  using engine = await engineOn();
  const shut = await saliency(await engine.load(withWeights('b2', () => -1e4)), picture, { class: 2 });
  expect(shut.flat).toMatchObject({ value: 0, reason: 'dead units', message: expect.stringContaining("'relu1'") });
  expect(shut.flat!.message).toContain('changes the score');
});

test('a hard sigmoid at its end, and a probability at its, are told from dead units', async () => {
  using engine = await engineOn();
  const hard = await engine.load(
    behind(
      'hardSigmoid',
      withWeights('b3', () => 1e3),
    ),
  );
  expect((await saliency(hard, picture, { class: 2 })).flat).toEqual({
    value: 0,
    reason: 'curve',
    message: "the scores come out of 'head' (hardSigmoid), which is flat at 1.00",
  });
  const sigmoid = await engine.load(
    behind(
      'sigmoid',
      withWeights('b3', () => 1e3),
    ),
  );
  expect((await saliency(sigmoid, picture, { class: 2, score: 'probability' })).flat).toMatchObject({
    reason: 'saturation',
    message: "its probability is 1.00, where a sigmoid is flat; score 'logit' is not",
  });
  expect(await saliency(sigmoid, picture, { class: 2 })).not.toHaveProperty('flat');
  const sure = await engine.load(withWeights('b3', (value, i) => (i === 2 ? 1e4 : value)));
  expect((await saliency(sure, picture, { class: 2, score: 'probability' })).flat).toMatchObject({
    reason: 'saturation',
    message: "its probability is 1.00, where soft-max is flat; score 'logit' is not",
  });
  expect(await saliency(sure, picture, { class: 2 })).not.toHaveProperty('flat');
});

test('Grad-CAM that is nowhere positive says that it is cut off; SmoothGrad of the same net is not', async () => {
  using engine = await engineOn();
  // every gradient of the last plane below 0, every activation above
  const model = await engine.load(withWeights('w3', (value) => -Math.abs(value)));
  const map = await gradCam(model, picture, { class: 2 });
  expect(map.flat).toMatchObject({ value: 0, reason: 'cut off' });
  expect(await smoothGrad(model, picture, { class: 2, samples: 2 })).not.toHaveProperty('flat');
});
