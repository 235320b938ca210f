import { expect, test } from 'vitest';
import type { Graph, GraphNode } from '../../src/graph';
import { ops as registry } from '../../src/ops';
import { rootMeanSquare } from './compare';
import { runGraph } from './network';
import { normals, randomWeights, seededRandom } from './random';
import { mixedGraph } from './mixedGraph';
import { randomGraph } from './randomGraph';
import { sizeOf } from './tensor';

const graphs = Array.from({ length: 200 }, (_, seed) => randomGraph(seed));
const nodes = graphs.flatMap((graph) => graph.nodes);

test('one seed gives one sequence, and another seed another', () => {
  const draw = (seed: number) => [...normals(seededRandom(seed), 5)];
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(randomGraph(11)).toEqual(randomGraph(11));
});

test('uniform numbers fill [0, 1) evenly, and integers reach both their ends', () => {
  const random = seededRandom(1);
  const buckets = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) buckets[Math.floor(random.uniform() * 10)]! += 1;
  expect(Math.min(...buckets)).toBeGreaterThan(900);
  expect(Math.max(...buckets)).toBeLessThan(1100);
  const integers = Array.from({ length: 100 }, () => random.integer(-1, 2));
  expect([...new Set(integers)].toSorted((a, b) => a - b)).toEqual([-1, 0, 1, 2]);
});

test('normal deviates have mean 0 and variance 1, and float32 holds them', () => {
  const values = normals(seededRandom(2), 10_000);
  expect(Math.abs(values.reduce((sum, value) => sum + value) / values.length)).toBeLessThan(0.03);
  expect(rootMeanSquare(values)).toBeCloseTo(1, 1);
  expect(values).toEqual(values.map(Math.fround));
});

test('weights have the variance 2 / fan-in', () => {
  const { shape, data } = randomWeights(seededRandom(3), [50, 8, 5, 5]);
  expect(shape).toEqual([50, 8, 5, 5]);
  expect(rootMeanSquare(data)).toBeCloseTo(Math.sqrt(2 / 200), 2);
});

test('every random graph runs, in less than 2 MFLOP, and to finite scores', () => {
  for (const [seed, graph] of graphs.entries()) {
    const tensors = runGraph(graph, normals(seededRandom(seed), sizeOf(graph.input.extents)));
    const flops = graph.nodes.reduce((sum, node) => sum + convFlops(node, graph, tensors), 0);
    expect(flops).toBeLessThan(2e6);
    expect(tensors.get(graph.output)!.data.every(Number.isFinite)).toBe(true);
  }
});

function convFlops(node: GraphNode, graph: Graph, tensors: ReturnType<typeof runGraph>): number {
  if (node.op !== 'conv') return 0;
  const { H, W } = tensors.get(node.name)!.extents;
  return 2 * H * W * graph.weights.get(node.weight)!.data.length;
}

const mixed = Array.from({ length: 100 }, (_, seed) => mixedGraph(seed));

test('every mixed graph runs, to finite scores', () => {
  for (const [seed, graph] of mixed.entries()) {
    const tensors = runGraph(graph, normals(seededRandom(seed), sizeOf(graph.input.extents)));
    expect(tensors.get(graph.output)!.data.every(Number.isFinite)).toBe(true);
  }
});

test('random and mixed graphs contain every operator there is, but for straight-through estimates', () => {
  const found = new Set([...graphs, ...mixed].flatMap((graph) => graph.nodes.map(({ op }) => op)));
  expect(Object.keys(registry).filter((op) => !found.has(op as GraphNode['op']))).toEqual(['quantize']);
});

const writer = (graph: Graph, name: string) => graph.nodes.find((node) => node.name === name);

const features: [string, (node: GraphNode, graph: Graph) => boolean][] = [
  ['one-sided pads', (node) => 'pads' in node && node.pads[0] !== node.pads[2]],
  ['dilation', (node) => 'dilation' in node && node.dilation[1] > 1],
  ['groups', (node) => node.op === 'conv' && (node.groups ?? 1) > 1],
  [
    'depthwise convs',
    (node, { weights }) => node.op === 'conv' && (node.groups ?? 1) > 1 && weights.get(node.weight)!.shape[1] === 1,
  ],
  ['pools that round up', (node) => node.op === 'maxPool' && node.ceil === true],
  ['pools that overlap', (node) => node.op === 'maxPool' && node.kernel[0] > (node.stride?.[0] ?? 1)],
  ['average pools that count their padding', (node) => node.op === 'averagePool' && node.countPadding === true],
  ['a node that reads one tensor twice', (node) => new Set(node.inputs).size < node.inputs.length],
  [
    'nested concats',
    (node, graph) => node.op === 'concat' && node.inputs.some((name) => writer(graph, name)?.op === 'concat'),
  ],
  ['two relus in a row', (node, graph) => node.op === 'relu' && writer(graph, node.inputs[0]!)?.op === 'relu'],
  [
    'batch-norms behind a conv',
    (node, graph) => node.op === 'batchNorm' && writer(graph, node.inputs[0]!)?.op === 'conv',
  ],
  [
    'batch-norms behind something else',
    (node, graph) => node.op === 'batchNorm' && writer(graph, node.inputs[0]!)?.op !== 'conv',
  ],
  [
    'relus with several readers',
    (node, graph) => node.op === 'relu' && graph.nodes.filter(({ inputs }) => inputs.includes(node.name)).length > 1,
  ],
  ['convs on their own', (_, graph) => graph.nodes.every(({ op }) => ['conv', 'relu', 'batchNorm'].includes(op))],
];

test('random graphs contain every feature that kernels and rewrites tell apart', () => {
  const missing = features.filter(
    ([, feature]) => !graphs.some((graph) => graph.nodes.some((node) => feature(node, graph))),
  );
  expect(missing.map(([name]) => name)).toEqual([]);
});

test('random graphs alone contain every operator that they draw, and none else', () => {
  const drawn = [
    'conv fullyConnected relu maxPool averagePool globalAveragePool',
    'batchNorm flatten concat add identity softmax',
  ];
  expect([...new Set(nodes.map(({ op }) => op))].toSorted()).toEqual(drawn.join(' ').split(' ').toSorted());
});
