/**
 * Graphs as JSON, on their way into a page and back. Float32 values survive: they print as the float64 that they are.
 */
import type { Graph } from '../../src/graph';

export interface WrittenGraph extends Omit<Graph, 'weights'> {
  readonly weights: readonly (readonly [name: string, shape: readonly number[], data: readonly number[]])[];
}

export const written = (graph: Graph): WrittenGraph => ({
  ...graph,
  weights: [...graph.weights].map(([name, { shape, data }]) => [name, shape, [...data]]),
});

export const graphOf = (graph: WrittenGraph): Graph => ({
  ...graph,
  weights: new Map(graph.weights.map(([name, shape, data]) => [name, { shape, data: Float32Array.from(data) }])),
});
