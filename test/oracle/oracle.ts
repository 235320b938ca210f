/** What the oracle knows of an operator, and the few words in which its records say it. */
import type { Extents, GraphNode, Weight } from '../../src/graph';
import type { MaxPoolSpec } from './maxPool';
import type { Random } from './random';
import type { ReluRule } from './relu';
import { winner } from './maxPool';
import { get, type Numbers, type Tensor } from './tensor';
import { slide, type Tap } from './window';

export type Weights = ReadonlyMap<string, Weight>;

/** The nodes of one operator. */
export type NodeOf<Op extends GraphNode['op']> = Extract<GraphNode, { op: Op }>;

/** One operator in float64, by its definition: forward gathers, backward scatters. */
export interface Oracle<N extends GraphNode> {
  /** The tensor that a node writes, from those it reads. */
  forward(node: N, inputs: readonly Tensor[], weights: Weights): Tensor;
  /** The gradients of a node's inputs, one for each, from that of its output. */
  backward(node: N, dY: Tensor, inputs: readonly Tensor[], weights: Weights, rule: ReluRule): readonly Tensor[];
  /**
   * What its backward is the gradient of, if not of `forward`: a straight-through estimate is that of another function.
   */
  standsFor?(node: N, inputs: readonly Tensor[], weights: Weights): Tensor;
  /** Where its gradient jumps. */
  readonly corners: Corners<N>;
  /** Its gradient is 0 everywhere. */
  readonly isFlat?: true;
  /**
   * Nodes that can stand anywhere, of every kind that it has: all that is tested of any operator runs on them. For one
   * that reads nothing, products with it.
   */
  readonly examples: readonly [Example<N | NodeOf<'multiply'>>, ...Example<N | NodeOf<'multiply'>>[]];
}

/** A node that reads the tensor `x`, or something that it puts behind `x`. */
export type Example<N extends GraphNode> = (net: Growing, x: string) => Unnamed<N>;

/** A graph that grows node by node, as examples see it. */
export interface Growing {
  readonly random: Random;
  extents(x: string): Extents;
  add(node: Unnamed): string;
  /** A new weight of random numbers, normal deviates if they are not drawn otherwise. */
  parameter(shape: readonly number[], draw?: (random: Random) => number): string;
}

/** A node before it has a name. Distributes over the union, which plain `Omit` does not. */
export type Unnamed<Node = GraphNode> = Node extends GraphNode ? Omit<Node, 'name'> : never;

/** Something that depends on x and lies between these, both of which it stays away from. */
export function within(net: Growing, x: string, [low, high]: Interval): string {
  const number = (value: number) => net.parameter([net.extents(x).C], () => value);
  if (high === Infinity) {
    if (low === -Infinity) return x;
    return net.add({
      op: 'affine',
      inputs: [net.add({ op: 'multiply', inputs: [x, x] })],
      bias: number(low + 1 / 3),
    });
  }
  const middle = net.add({ op: 'sigmoid', inputs: [x] });
  const size = high - low;
  return net.add({ op: 'affine', inputs: [middle], scale: number(0.9 * size), bias: number(low + 0.05 * size) });
}

export type Interval = readonly [low: number, high: number];

export function parameter(weights: Weights, name: string): Numbers {
  const weight = weights.get(name);
  if (weight === undefined) throw new RangeError(`the graph has no weight named ${name}`);
  return weight.data;
}

export function optional(weights: Weights, name: string | undefined): Numbers | undefined {
  return name === undefined ? undefined : parameter(weights, name);
}

/** For an operator of one input. */
export const first = (inputs: readonly Tensor[]): Tensor => inputs[0]!;

// ── corners ──

/** How far a choice is from falling the other way, in one run and, for the same choice, in another. */
export type Gap = readonly [here: number, there: number];

/** How far every choice that a node makes of its inputs is from falling the other way. */
export type Corners<N> = (node: N, here: readonly Tensor[], there: readonly Tensor[]) => Iterable<Gap>;

/** Differentiable everywhere. */
export const smooth = (): readonly Gap[] => [];

/** Not smooth where an element of the first input is one of these. */
export const cornersAt = <N>(corners: (node: N) => readonly number[]): Corners<N> =>
  function* (node, [here], [there]) {
    for (const corner of corners(node))
      for (const [i, value] of here!.data.entries())
        yield [Math.abs(value - corner), Math.abs(there!.data[i]! - corner)];
  };

/** The leads of every winner over every other tap of its window. */
export const leads = <N>(specOf: (node: N, x: Extents) => MaxPoolSpec): Corners<N> =>
  function* (node, inputs, nearby) {
    const here = first(inputs);
    const there = first(nearby);
    const spec = specOf(node, here.extents);
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
  };
