import type { Graph, GraphNode } from '../../src/graph';
import { rootMeanSquare } from './compare';
import { winner, type MaxPoolSpec } from './maxPool';
import { named, runGraph, type Tensors } from './network';
import { normals, seededRandom } from './random';
import { get, type Tensor } from './tensor';
import { slide, type Tap } from './window';

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
    const name = node.inputs[0]!;
    const x = named(tensors, name);
    const scale = rootMeanSquare(x.data);
    for (const [here, there] of gaps(node, x, named(nearby, name))) {
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

type Gap = readonly [here: number, there: number];

/**
 * How far every choice that a node makes is from falling the other way, in one run and, for the same choice, in the
 * other.
 */
function gaps(node: GraphNode, here: Tensor, there: Tensor): Iterable<Gap> {
  if (node.op === 'maxPool') return leads(node, here, there);
  if (node.op === 'globalMaxPool') return leads({ kernel: [here.extents.H, here.extents.W] }, here, there);
  return cornersOf(node).flatMap((corner) => [...distances(corner, here, there)]);
}

/** Where a function of one number is not smooth. */
function cornersOf(node: GraphNode): readonly number[] {
  switch (node.op) {
    case 'relu':
    case 'leakyRelu':
    case 'prelu':
    case 'elu':
      return [0];
    case 'clip':
      return [node.min, node.max].filter((corner) => corner !== undefined);
    case 'hardSigmoid':
      return [-node.beta / node.alpha, (1 - node.beta) / node.alpha];
    case 'hardSwish':
      return [-3, 3];
    default:
      return [];
  }
}

function* distances(corner: number, here: Tensor, there: Tensor): Generator<Gap> {
  for (const [i, value] of here.data.entries()) yield [Math.abs(value - corner), Math.abs(there.data[i]! - corner)];
}

/** Of every winner over every other tap of its window. */
function* leads(spec: MaxPoolSpec, here: Tensor, there: Tensor): Generator<Gap> {
  const { P, Q, taps } = slide(spec, here.extents, spec.ceil);
  for (let c = 0; c < here.extents.C; c++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        const best = winner(here, c, taps(p, q));
        const lead = (x: Tensor, { h, w }: Tap) => get(x, c, best.h, best.w) - get(x, c, h, w);
        for (const tap of taps(p, q)) {
          if (tap !== best) yield [lead(here, tap), lead(there, tap)];
        }
      }
    }
  }
}

function nudged(input: Float64Array): Float64Array {
  const step = 1e-7 * (rootMeanSquare(input) || 1);
  const direction = normals(seededRandom(1), input.length);
  return input.map((value, i) => value + step * direction[i]!);
}
