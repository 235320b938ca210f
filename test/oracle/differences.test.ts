import { describe, expect, test } from 'vitest';
import type { Extents, GraphNode } from '../../src/graph';
import { dot, relativeL2 } from './compare';
import { backwardError, centralDifferences, slopeAlong } from './differences';
import { inputAwayFromKinks } from './kinks';
import { graphGradient, runGraph } from './network';
import { backward, forward } from './operators';
import { normals, randomParameter, seededRandom } from './random';
import { mixedGraph } from './mixedGraph';
import { randomGraph } from './randomGraph';
import { sizeOf, tensor } from './tensor';

describe('the backward pass of one operator is the transpose of its Jacobian:', () => {
  const one = { name: 'y', inputs: ['x'] };
  const two = { name: 'y', inputs: ['x', 'other'] };
  const norm = { scale: 'c1', bias: 'c2', mean: 'c3', variance: 'positive', epsilon: 1e-3 };

  const nodes: [string, GraphNode][] = [
    ['a plain conv', { op: 'conv', ...one, kernel: [2, 3], weight: '6×4×2×3', bias: 'c1' }],
    ['conv with one-sided pads', { op: 'conv', ...one, kernel: [2, 3], pads: [1, 0, 0, 2], weight: '6×4×2×3' }],
    [
      'conv with stride and dilation',
      { op: 'conv', ...one, kernel: [2, 3], stride: [3, 2], dilation: [2, 3], weight: '6×4×2×3' },
    ],
    ['conv in groups', { op: 'conv', ...one, kernel: [2, 3], groups: 2, weight: '6×2×2×3' }],
    ['depthwise conv', { op: 'conv', ...one, kernel: [2, 3], pads: [0, 1, 1, 0], groups: 4, weight: '8×1×2×3' }],
    ['fullyConnected', { op: 'fullyConnected', ...one, weight: '3×140' }],
    ['relu', { op: 'relu', ...one }],
    ['maxPool with overlaps', { op: 'maxPool', ...one, kernel: [3, 2], stride: [2, 1], pads: [1, 0, 0, 1] }],
    [
      'maxPool with ceil and dilation',
      { op: 'maxPool', ...one, kernel: [2, 3], stride: [2, 3], dilation: [2, 1], ceil: true },
    ],
    ['averagePool', { op: 'averagePool', ...one, kernel: [3, 2], stride: [2, 3], pads: [1, 0, 2, 1], ceil: true }],
    [
      'averagePool over padding',
      { op: 'averagePool', ...one, kernel: [3, 4], stride: [3, 2], pads: [0, 2, 1, 1], ceil: true, countPadding: true },
    ],
    ['averagePool with dilation', { op: 'averagePool', ...one, kernel: [2, 2], pads: [1, 1, 0, 0], dilation: [2, 3] }],
    ['globalAveragePool', { op: 'globalAveragePool', ...one }],
    ['batchNorm', { op: 'batchNorm', ...one, ...norm }],
    ['globalMaxPool', { op: 'globalMaxPool', ...one }],
    ['clip', { op: 'clip', ...one, min: -0.5, max: 0.75 }],
    ['clip from below alone', { op: 'clip', ...one, min: 0.1 }],
    ['leakyRelu', { op: 'leakyRelu', ...one, slope: 0.1 }],
    ['prelu', { op: 'prelu', ...one, slope: 'per channel' }],
    ['elu', { op: 'elu', ...one, alpha: 1.5 }],
    ['sigmoid', { op: 'sigmoid', ...one }],
    ['hardSigmoid', { op: 'hardSigmoid', ...one, alpha: 0.4, beta: 0.3 }],
    ['hardSwish', { op: 'hardSwish', ...one }],
    ['swish', { op: 'swish', ...one }],
    ['sqrt', { op: 'sqrt', inputs: ['positive x'], name: 'y' }],
    ['reciprocal', { op: 'reciprocal', inputs: ['positive x'], name: 'y' }],
    ['lrn', { op: 'lrn', ...one, size: 3, alpha: 0.7, beta: 0.75, k: 1.5 }],
    ['lrn of an even window', { op: 'lrn', ...one, size: 4, alpha: 2, beta: 0.5, k: 1 }],
    ['affine', { op: 'affine', ...one, scale: 'per channel', bias: 'per channel' }],
    ['affine per element', { op: 'affine', ...one, scale: '4×5×7', bias: 'per channel' }],
    ['reshape', { op: 'reshape', ...one, extents: [7, 2, 10] }],
    ['transpose', { op: 'transpose', ...one, order: ['H', 'W', 'C'] }],
    ['slice', { op: 'slice', ...one, begin: [3, 1, 6], step: [-2, 1, -3], extents: [2, 3, 3] }],
    ['pad', { op: 'pad', ...one, before: [1, 0, 2], after: [0, 3, 1], mode: 'constant', value: 5 }],
    ['pad by reflection', { op: 'pad', ...one, before: [0, 2, 3], after: [3, 4, 1], mode: 'reflect' }],
    ['pad by edges', { op: 'pad', ...one, before: [1, 2, 0], after: [0, 1, 9], mode: 'edge' }],
    ['expand', { op: 'expand', inputs: ['row'], name: 'y', extents: [4, 3, 7] }],
    ['resize to the nearest', { op: 'resize', ...one, size: [7, 4], mode: 'nearest', coordinates: 'half-pixel' }],
    ['resize linearly', { op: 'resize', ...one, size: [9, 5], mode: 'linear', coordinates: 'align-corners' }],
    ['resize by cubics', { op: 'resize', ...one, size: [3, 12], mode: 'cubic', coordinates: 'half-pixel' }],
    ['mean', { op: 'reduce', ...one, kind: 'mean', axes: ['C', 'W'] }],
    ['sum', { op: 'reduce', ...one, kind: 'sum', axes: ['H'] }],
    ['multiply', { op: 'multiply', ...two }],
    ['logSoftmax', { op: 'logSoftmax', ...one }],
    ['flatten', { op: 'flatten', ...one }],
    ['concat', { op: 'concat', ...two }],
    ['add', { op: 'add', ...two }],
    ['identity', { op: 'identity', ...one }],
    ['softmax', { op: 'softmax', ...one }],
  ];

  test.each(nodes)('%s', (_, node) => {
    const random = seededRandom(7);
    const shapes = ['6×4×2×3', '6×2×2×3', '8×1×2×3', '3×140'];
    const weights = new Map([
      ...shapes.map((shape) => [shape, randomParameter(random, shape.split('×').map(Number))] as const),
      ...['c1', 'c2', 'c3'].map((name) => [name, randomParameter(random, [6])] as const),
      ['positive', randomParameter(random, [6], () => 0.5 + random.uniform())],
    ]);
    weights.set('per channel', randomParameter(random, [4]));
    weights.set('4×5×7', randomParameter(random, [4, 5, 7]));
    const extents: Extents = node.op === 'expand' ? { C: 4, H: 1, W: 7 } : { C: 4, H: 5, W: 7 };
    const inputs = node.inputs.map((name) =>
      tensor(
        extents,
        normals(random, sizeOf(extents)).map((value) => (name === 'positive x' ? Math.abs(value) + 0.3 : value)),
      ),
    );
    const y = forward(node, inputs, weights);
    const dY = tensor(y.extents, normals(random, y.data.length));

    backward(node, dY, inputs, weights).forEach((dX, i) => {
      const asFunctionOfInput = (x: (typeof inputs)[number]) => forward(node, inputs.with(i, x), weights);
      expect(dX.extents).toEqual(extents);
      expect(backwardError(asFunctionOfInput, inputs[i]!, dY, dX)).toBeLessThan(1e-8);
    });
  });
});

describe('the gradient of a random graph is its slope', () => {
  const seeds = Array.from({ length: 60 }, (_, seed) => seed);

  test.each([
    ...seeds.map((seed) => [seed, randomGraph(seed)] as const),
    ...seeds.map((seed) => [seed, mixedGraph(seed)] as const),
  ])('along three directions (seed %i)', (seed, graph) => {
    const random = seededRandom(seed);
    const input = inputAwayFromKinks(graph, 1e-4, seed);
    const classIndex = random.integer(0, graphGradient(graph, input, { class: 0 }).scores.length - 1);
    const { scores, gradient } = graphGradient(graph, input, { class: classIndex });
    const score = (x: Float64Array) => graphGradient(graph, x, { class: classIndex }).scores[classIndex]!;

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
      const { scores } = graphGradient(graph, x, { class: 1 });
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
