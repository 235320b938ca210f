import { expect, test } from 'vitest';
import { describeOperators, stageOfStep, stagesOf } from '../../src/compile/stages';
import type { Graph, Weight } from '../../src/index';

const weight = (...shape: number[]): Weight => ({
  data: new Float32Array(shape.reduce((product, extent) => product * extent, 1)),
  shape,
});
/** A convolution, a squeeze-and-excite block around it, a pool, and scores. */
const graph: Graph = {
  name: 'squeezed',
  input: { name: 'image', extents: { C: 3, H: 8, W: 8 } },
  nodes: [
    { op: 'conv', name: 'a', inputs: ['image'], kernel: [1, 1], weight: 'w1' },
    { op: 'relu', name: 'a.relu', inputs: ['a'] },
    { op: 'globalAveragePool', name: 'squeeze', inputs: ['a.relu'] },
    { op: 'sigmoid', name: 'gate', inputs: ['squeeze'] },
    { op: 'expand', name: 'spread', inputs: ['gate'], extents: [4, 8, 8] },
    { op: 'multiply', name: 'gated', inputs: ['a.relu', 'spread'] },
    { op: 'maxPool', name: 'pool', inputs: ['gated'], kernel: [2, 2], stride: [2, 2] },
    { op: 'globalAveragePool', name: 'mean', inputs: ['pool'] },
    { op: 'fullyConnected', name: 'scores', inputs: ['mean'], weight: 'w2' },
  ] as Graph['nodes'],
  output: 'scores',
  weights: new Map([
    ['w1', weight(4, 3, 1, 1)],
    ['w2', weight(5, 4)],
  ]),
};

test('a stage is what stands on planes of one size, with what squeezes and spreads them again', () => {
  expect(stagesOf(graph)).toEqual([
    {
      height: 8,
      width: 8,
      channels: 4,
      end: 'gated',
      operators: { conv: 1, relu: 1, globalAveragePool: 1, sigmoid: 1, expand: 1, multiply: 1 },
      nodes: ['a', 'a.relu', 'squeeze', 'gate', 'spread', 'gated'],
    },
    { height: 4, width: 4, channels: 4, end: 'pool', operators: { maxPool: 1 }, nodes: ['pool'] },
    {
      height: 1,
      width: 1,
      channels: 5,
      end: 'scores',
      operators: { globalAveragePool: 1, fullyConnected: 1 },
      nodes: ['mean', 'scores'],
    },
  ]);
  expect(describeOperators({ operators: { conv: 2, relu: 1 } })).toBe('2 conv, relu');
  expect(describeOperators({ operators: { reshape: 2, conv: 1, permute: 1 } })).toBe('conv, 3 moves');
  expect(describeOperators({ operators: { reshape: 2, flatten: 1 } })).toBe('2 reshape, flatten');
});

test('what lies otherwise for a while, as round a layer norm, belongs to the planes that it comes from', () => {
  const channelsLast = ['H', 'W', 'C'] as const;
  const stages = stagesOf({
    ...graph,
    nodes: [
      { op: 'conv', name: 'stem', inputs: ['image'], kernel: [1, 1], weight: 'w1' },
      { op: 'transpose', name: 'turned', inputs: ['stem'], order: channelsLast },
      { op: 'reduce', name: 'mean', inputs: ['turned'], kind: 'mean', axes: ['W'] },
      { op: 'expand', name: 'means', inputs: ['mean'], extents: [8, 8, 4] },
      { op: 'subtract', name: 'centred', inputs: ['turned', 'means'] },
      { op: 'permute', name: 'listed', inputs: ['centred'], shape: [64, 4], order: [1, 0], extents: [4, 64, 1] },
      { op: 'conv', name: 'pointwise', inputs: ['listed'], kernel: [1, 1], weight: 'w3' },
      { op: 'constant', name: 'number', inputs: [], value: 'one', extents: [1, 1, 1] },
      { op: 'pad', name: 'padded', inputs: ['stem'], before: [0, 1, 1], after: [0, 1, 1], mode: 'constant' },
      { op: 'maxPool', name: 'pooled', inputs: ['padded'], kernel: [3, 3] },
      { op: 'reshape', name: 'back', inputs: ['pointwise'], extents: [4, 8, 8] },
      { op: 'add', name: 'sum', inputs: ['back', 'pooled'] },
      { op: 'transpose', name: 'last', inputs: ['sum'], order: channelsLast },
      { op: 'reduce', name: 'pool', inputs: ['last'], kind: 'mean', axes: ['C', 'H'] },
      { op: 'flatten', name: 'features', inputs: ['pool'] },
      { op: 'fullyConnected', name: 'scores', inputs: ['features'], weight: 'w2' },
    ] as Graph['nodes'],
    weights: new Map([...graph.weights, ['w3', weight(4, 4, 1, 1)], ['one', weight(1, 1, 1)]]),
  });
  expect(stages.map(({ channels, height, width, end }) => [end, channels, height, width])).toEqual([
    ['sum', 4, 8, 8],
    ['scores', 5, 1, 1],
  ]);
});

test('a step belongs to the stage of its layer, also where one name begins another', () => {
  const stages = [{ nodes: ['a'] }, { nodes: ['a.b', 'c'] }] as unknown as ReturnType<typeof stagesOf>;
  const of = (label: string): number => stageOfStep(stages, label);
  expect([of('image.blocks.imageForward'), of('a.convForward'), of('a.b.convForward'), of('c.d.e')]).toEqual([
    0, 0, 1, 1,
  ]);
});
