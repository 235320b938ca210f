import { expect, test } from 'vitest';
import type { Graph, GraphNode } from '../../src/graph';
import { graphGradient, runGraph } from './network';
import { normals, seededRandom } from './random';
import { randomGraph } from './randomGraph';
import { sizeOf } from './tensor';

function vectorGraph(
  length: number,
  nodes: readonly GraphNode[],
  weights: Readonly<Record<string, number[]>> = {},
): Graph {
  return {
    name: 'toy',
    input: { name: 'x', extents: { C: length, H: 1, W: 1 } },
    nodes,
    output: nodes.at(-1)!.name,
    weights: new Map(
      Object.entries(weights).map(([name, data]) => [name, { shape: [data.length], data: Float32Array.from(data) }]),
    ),
  };
}

/** Hidden values at (2, 1): 2, 1, 3 and −1; the score weighs them by 1, −2, 0 and 4. */
const toy = vectorGraph(
  2,
  [
    { op: 'fullyConnected', name: 'hidden', inputs: ['x'], weight: 'in' },
    { op: 'relu', name: 'relu', inputs: ['hidden'] },
    { op: 'fullyConnected', name: 'score', inputs: ['relu'], weight: 'out' },
  ],
  { in: [1, 0, 0, 1, 1, 1, 0, -1], out: [1, -2, 0, 4] },
);
const at = Float64Array.of(2, 1);

test.each([
  ['gradient', [1, -2]],
  ['deconvnet', [1, -4]],
  ['guided', [1, 0]],
] as const)('the rule %s gives what one finds by hand', (relu, expected) => {
  const { scores, gradient } = graphGradient(toy, at, { class: 0, relu });
  expect([...scores]).toEqual([0]);
  expect([...gradient]).toEqual(expected);
});

test('the three rules coincide where there is no ReLU', () => {
  for (let seed = 0; seed < 20; seed++) {
    const graph = randomGraph(seed);
    const linear = {
      ...graph,
      nodes: graph.nodes.map((node) => (node.op === 'relu' ? { ...node, op: 'identity' as const } : node)),
    };
    const input = normals(seededRandom(seed), sizeOf(graph.input.extents));
    const { gradient } = graphGradient(linear, input, { class: 0 });
    expect(gradient.some((value) => value !== 0)).toBe(true);
    expect(graphGradient(linear, input, { class: 0, relu: 'deconvnet' }).gradient).toEqual(gradient);
    expect(graphGradient(linear, input, { class: 0, relu: 'guided' }).gradient).toEqual(gradient);
  }
});

test('gradients of several readers are summed before the rule of the ReLU applies', () => {
  const graph = vectorGraph(
    1,
    [
      { op: 'relu', name: 'relu', inputs: ['x'] },
      { op: 'fullyConnected', name: 'up', inputs: ['relu'], weight: 'three' },
      { op: 'fullyConnected', name: 'down', inputs: ['relu'], weight: 'minusTwo' },
      { op: 'add', name: 'score', inputs: ['up', 'down'] },
    ],
    { three: [3], minusTwo: [-2] },
  );
  expect([...graphGradient(graph, Float64Array.of(-1), { class: 0, relu: 'deconvnet' }).gradient]).toEqual([1]);
  expect([...graphGradient(graph, Float64Array.of(5), { class: 0, relu: 'guided' }).gradient]).toEqual([1]);
});

test('a tensor that one node reads twice gets both gradients', () => {
  const graph = vectorGraph(1, [{ op: 'add', name: 'score', inputs: ['x', 'x'] }]);
  expect([...graphGradient(graph, Float64Array.of(4), { class: 0 }).gradient]).toEqual([2]);
});

test('the score is taken before a final soft-max, even if a node that does nothing follows', () => {
  const graph = vectorGraph(2, [
    { op: 'identity', name: 'logits', inputs: ['x'] },
    { op: 'softmax', name: 'probabilities', inputs: ['logits'] },
    { op: 'identity', name: 'end', inputs: ['probabilities'] },
  ]);
  const input = Float64Array.of(0, Math.log(3));
  const { scores, gradient } = graphGradient(graph, input, { class: 1 });
  expect([...scores]).toEqual([...input]);
  expect([...gradient]).toEqual([0, 1]);
});

test('the gradient of a probability is the same whether or not the graph spells its soft-max out', () => {
  const bare = vectorGraph(2, [{ op: 'identity', name: 'logits', inputs: ['x'] }]);
  const spelled = {
    ...bare,
    nodes: [...bare.nodes, { op: 'softmax' as const, name: 'end', inputs: ['logits'] }],
    output: 'end',
  };
  const input = Float64Array.of(0, Math.log(3));
  const { gradient } = graphGradient(bare, input, { class: 0, score: 'probability' });
  expect(gradient[0]).toBeCloseTo(3 / 16, 15);
  expect(gradient[1]).toBeCloseTo(-3 / 16, 15);
  expect(graphGradient(spelled, input, { class: 0, score: 'probability' }).gradient).toEqual(gradient);
});

test('any neuron can be differentiated, and without a place its whole channel is', () => {
  const graph: Graph = { ...toy, input: { name: 'x', extents: { C: 2, H: 1, W: 1 } } };
  expect([...graphGradient(graph, at, { target: { tensor: 'hidden', channel: 2 } }).gradient]).toEqual([1, 1]);

  const plane: Graph = {
    ...vectorGraph(1, [{ op: 'identity', name: 'y', inputs: ['x'] }]),
    input: { name: 'x', extents: { C: 2, H: 1, W: 3 } },
  };
  const zero = new Float64Array(6);
  expect([...graphGradient(plane, zero, { target: { tensor: 'y', channel: 1 } }).gradient]).toEqual([0, 0, 0, 1, 1, 1]);
  const one = { tensor: 'y', channel: 1, y: 0, x: 2 };
  expect([...graphGradient(plane, zero, { target: one }).gradient]).toEqual([0, 0, 0, 0, 0, 1]);
});

test('every tensor is reported by name, the input among them', () => {
  const tensors = runGraph(toy, at);
  expect([...tensors.keys()]).toEqual(['x', 'hidden', 'relu', 'score']);
  expect([...tensors.get('hidden')!.data]).toEqual([2, 1, 3, -1]);
});

test('a class, a neuron, an input or a weight that does not exist is refused', () => {
  expect(() => graphGradient(toy, at, { class: 1 })).toThrow('class 1 is none of 1');
  expect(() => graphGradient(toy, at, { target: { tensor: 'hidden', channel: 4 } })).toThrow('there is no neuron');
  expect(() => graphGradient(toy, at, { target: { tensor: 'lost', channel: 0 } })).toThrow('no tensor named lost');
  expect(() => runGraph(toy, Float64Array.of(1))).toThrow('2×1×1 takes 2 values, not 1');
  expect(() => runGraph({ ...toy, weights: new Map() }, at)).toThrow('no weight named in');
});
