import type { Graph } from '../../src/graph';
import { rootMeanSquare } from './compare';
import { named, runGraph, type Tensors } from './network';
import { oracleOf } from './operators';
import { normals, seededRandom } from './random';

/**
 * How far a run stays from the places where the gradient jumps: the smallest |x| at any ReLU and the smallest lead of
 * any max-pool winner, relative to the root mean square of the tensor; infinite if there are none.
 *
 * A gap that does not move with the network's input closes nowhere nearby, and is no kink even at 0: the zero behind a
 * dead ReLU, a window full of such zeros, one maximum that overlapping windows have copied side by side. A second run
 * close by tells which gaps those are.
 */
export function kinkMargin(tensors: Tensors, graph: Graph): number {
  const nearby = runGraph(graph, nudged(named(tensors, graph.input.name).data));
  let margin = Infinity;
  for (const node of graph.nodes) {
    const [x, ...others] = node.inputs.map((name) => named(tensors, name));
    if (!x) continue; // a constant
    const scale = rootMeanSquare(x.data);
    const nearbyInputs = node.inputs.map((name) => named(nearby, name));
    for (const [here, there] of oracleOf(node.op).corners(node, [x, ...others], nearbyInputs)) {
      if (here !== there) margin = Math.min(margin, here === 0 ? 0 : here / scale);
    }
  }
  return margin;
}

/** An input at which a graph's kink margin is at least `margin`, found by drawing normal deviates until one is. */
export function inputAwayFromKinks(graph: Graph, margin: number, seed = 1, attempts = 100): Float64Array {
  const random = seededRandom(seed);
  const { C, H, W } = graph.input.extents;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const input = normals(random, C * H * W);
    if (kinkMargin(runGraph(graph, input), graph) >= margin) return input;
  }
  throw new RangeError(`${graph.name}: none of ${attempts} inputs stays ${margin} away from the kinks`);
}

function nudged(input: Float64Array): Float64Array {
  const step = 1e-7 * (rootMeanSquare(input) || 1);
  const direction = normals(seededRandom(1), input.length);
  return input.map((value, i) => value + step * direction[i]!);
}
