import { expect, test } from 'vitest';
import type { Graph, GraphNode } from '../../src/graph';
import { inputAwayFromKinks, kinkMargin } from './kinks';
import { runGraph } from './network';
import { randomGraph } from './randomGraph';

const POOL = { kernel: [1, 2], stride: [1, 2] } as const;

function marginOn(row: readonly number[], ...nodes: readonly GraphNode[]): number {
  const graph: Graph = {
    name: 'row',
    input: { name: 'x', extents: { C: 1, H: 1, W: row.length } },
    nodes,
    output: nodes.at(-1)!.name,
    weights: new Map(),
  };
  return kinkMargin(runGraph(graph, Float64Array.from(row)), graph);
}

test('a graph without ReLU and max-pool has no kinks', () => {
  expect(marginOn([1, 2], { op: 'identity', name: 'y', inputs: ['x'] })).toBe(Infinity);
});

test('the margin of a ReLU is its input nearest to zero, by the root mean square of them all', () => {
  expect(marginOn([-7, 1], { op: 'relu', name: 'y', inputs: ['x'] })).toBeCloseTo(1 / 5, 12);
});

test('the margin of a max-pool is the smallest lead of a winner', () => {
  expect(marginOn([7, -1, 5, 5.5], { op: 'maxPool', name: 'y', inputs: ['x'], ...POOL })).toBeCloseTo(
    0.5 / Math.sqrt((49 + 1 + 25 + 30.25) / 4),
    12,
  );
});

test('a zero and a tie that the input can undo are kinks', () => {
  expect(marginOn([0, 1], { op: 'relu', name: 'y', inputs: ['x'] })).toBe(0);
  expect(marginOn([0, 0], { op: 'relu', name: 'y', inputs: ['x'] })).toBe(0);
  expect(marginOn([3, 3], { op: 'maxPool', name: 'y', inputs: ['x'], ...POOL })).toBe(0);
});

test('the zeros behind a dead ReLU are no kinks, neither for a second ReLU nor for a max-pool', () => {
  const margin = marginOn(
    [-1, -1, 1, -1],
    { op: 'relu', name: 'first', inputs: ['x'] },
    { op: 'relu', name: 'second', inputs: ['first'] },
    { op: 'maxPool', name: 'y', inputs: ['second'], ...POOL },
  );
  expect(margin).toBeCloseTo(1, 12);
});

test('a value on which the input has no hold is no kink, however small', () => {
  const graph: Graph = {
    name: 'constant',
    input: { name: 'x', extents: { C: 1, H: 1, W: 1 } },
    nodes: [
      { op: 'fullyConnected', name: 'affine', inputs: ['x'], weight: 'weight', bias: 'bias' },
      { op: 'relu', name: 'y', inputs: ['affine'] },
    ],
    output: 'y',
    weights: new Map([
      ['weight', { shape: [2, 1], data: Float32Array.of(0, 1) }],
      ['bias', { shape: [2], data: Float32Array.of(2 ** -30, 0) }],
    ]),
  };
  expect(kinkMargin(runGraph(graph, Float64Array.of(1)), graph)).toBeCloseTo(Math.SQRT2, 12);
});

test('one maximum that overlapping windows have copied is no tie', () => {
  const margin = marginOn(
    [1, 9, 1],
    { op: 'maxPool', name: 'copies', inputs: ['x'], kernel: [1, 2] },
    { op: 'maxPool', name: 'y', inputs: ['copies'], kernel: [1, 2] },
  );
  expect(margin).toBeCloseTo(8 / Math.sqrt(83 / 3), 12);
});

test('an input is searched until it stays away from the kinks, and the search can give up', () => {
  const graph = randomGraph(3);
  const input = inputAwayFromKinks(graph, 1e-3);
  expect(kinkMargin(runGraph(graph, input), graph)).toBeGreaterThanOrEqual(1e-3);
  expect(input).toEqual(input.map(Math.fround));
  expect(() => inputAwayFromKinks(graph, 1e3)).toThrow('none of 100 inputs');
});
