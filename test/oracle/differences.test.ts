import { describe, expect, test } from 'vitest';
import type { GraphNode } from '../../src/graph';
import { SHARE_OF_RUNS } from '../runs';
import { dot, relativeL2 } from './compare';
import { backwardError, centralDifferences, slopeAlong } from './differences';
import { inputAwayFromKinks } from './kinks';
import { graphGradient, runGraph, scoresOf } from './network';
import { backward, forward, oracleOf, oracles } from './operators';
import { normals, seededRandom } from './random';
import { mixedGraph } from './mixedGraph';
import { Builder, randomGraph } from './randomGraph';
import { sizeOf, tensor } from './tensor';

describe('the backward pass of one operator is the transpose of its Jacobian:', () => {
  const examples = (Object.keys(oracles) as GraphNode['op'][]).flatMap((op) =>
    oracleOf(op).examples.map((example, k) => ({ title: `${op}, example ${k + 1}`, op, example })),
  );

  test.each(examples)('$title', ({ op, example }) => {
    const random = seededRandom(7);
    const net = new Builder(random, { C: 4, H: 5, W: 7 });
    const name = net.add(example(net, 'input'));
    const { nodes, weights, input } = net.graph(op, name);
    const node = nodes.at(-1)!;
    const tensors = runGraph(net.graph(op, name), normals(random, sizeOf(input.extents)));
    const inputs = node.inputs.map((read) => tensors.get(read)!);
    const y = forward(node, inputs, weights);
    const dY = tensor(y.extents, normals(random, y.data.length));

    const gradients = backward(node, dY, inputs, weights);
    expect(gradients).toHaveLength(inputs.length);
    gradients.forEach((dX, i) => {
      const { standsFor = forward } = oracleOf(op);
      const asFunctionOfInput = (x: (typeof inputs)[number]) => standsFor(node, inputs.with(i, x), weights);
      expect(dX.extents).toEqual(inputs[i]!.extents);
      expect(backwardError(asFunctionOfInput, inputs[i]!, dY, dX)).toBeLessThan(1e-8);
    });
  });
});

describe('the gradient of a random graph is its slope', () => {
  const seeds = Array.from({ length: 60 * SHARE_OF_RUNS }, (_, seed) => seed);

  test.each([
    ...seeds.map((seed) => [seed, randomGraph(seed)] as const),
    ...seeds.map((seed) => [seed, mixedGraph(seed)] as const),
  ])('along three directions (seed %i)', (seed, graph) => {
    const random = seededRandom(seed);
    const input = inputAwayFromKinks(graph, 1e-4, seed);
    const classIndex = random.integer(0, scoresOf(graph, input).length - 1);
    const { scores, gradient } = graphGradient(graph, input, { class: classIndex });
    const score = (x: Float64Array) => scoresOf(graph, x)[classIndex]!;

    const tolerance = 1e-6 * Math.sqrt(dot(gradient, gradient)) + 1e-7 * Math.abs(scores[classIndex]!);
    for (let repetition = 0; repetition < 3; repetition++) {
      const direction = normals(random, input.length);
      const slope = slopeAlong(direction, score, input, 1e-7);
      expect(Math.abs(dot(gradient, direction) - slope)).toBeLessThanOrEqual(tolerance);
    }
  });

  test('for a probability, and for a neuron in the midst of the graph', () => {
    const graph = randomGraph(1);
    const input = inputAwayFromKinks(graph, 1e-3);
    const probability = (x: Float64Array) => {
      const scores = scoresOf(graph, x);
      return Math.exp(scores[1]!) / scores.reduce((sum, score) => sum + Math.exp(score), 0);
    };
    const ofProbability = graphGradient(graph, input, { class: 1, score: 'probability' }).gradient;
    expect(relativeL2(ofProbability, centralDifferences(probability, input))).toBeLessThan(1e-6);

    const name = graph.nodes[2]!.name;
    const { H, W } = runGraph(graph, input).get(name)!.extents;
    const y = H - 1;
    const x = W - 1;
    const neuron = (at: Float64Array) => runGraph(graph, at).get(name)!.data[y * W + x]!;
    const ofNeuron = graphGradient(graph, input, { target: { tensor: name, channel: 0, y, x } }).gradient;
    expect(relativeL2(ofNeuron, centralDifferences(neuron, input))).toBeLessThan(1e-6);
  });
});
