/** Builds small graphs for tests, node by node; nothing here needs a GPU. */
import type { Extents, Graph, GraphNode, Weight, Window } from '../../src/graph';
import { forward } from '../oracle/operators';
import type { Growing, Unnamed } from '../oracle/oracle';
import { type Random, seededRandom } from '../oracle/random';
import { type Tensor, sizeOf, zeros } from '../oracle/tensor';

export type Draw = (random: Random) => number;
export const whole: Draw = (random) => random.integer(-2, 2);
export const real: Draw = (random) => Math.fround(random.normal());

/** Builds a graph node by node. Shapes are those that the oracle finds. */
export class Net implements Growing {
  readonly random: Random;
  private readonly nodes: GraphNode[] = [];
  private readonly weights = new Map<string, Weight>();
  private readonly tensors = new Map<string, Tensor>();

  constructor(
    readonly input: Extents,
    seed = 1,
    private readonly draw: Draw = whole,
  ) {
    this.random = seededRandom(seed);
    this.tensors.set('image', zeros(input));
  }

  add(node: Unnamed, name = `${node.op}${this.nodes.length + 1}`): string {
    const named = { ...node, name } as GraphNode;
    this.tensors.set(
      name,
      forward(
        named,
        node.inputs.map((input) => this.tensors.get(input)!),
        this.weights,
      ),
    );
    this.nodes.push(named);
    return name;
  }

  /** A parameter: the given values, or random ones. */
  parameter(shape: readonly number[], values: readonly number[] | Draw = this.draw): string {
    const name = `weight${this.weights.size + 1}`;
    const length = shape.reduce((a, b) => a * b, 1);
    this.weights.set(name, {
      shape,
      data: Float32Array.from({ length }, (_, i) => (typeof values === 'function' ? values(this.random) : values[i]!)),
    });
    return name;
  }

  relu(x: string): string {
    return this.add({ op: 'relu', inputs: [x] });
  }

  conv(x: string, O: number, window: Window & { readonly groups?: number; readonly bias?: boolean }): string {
    const { bias = true, ...rest } = window;
    const weight = this.parameter([O, this.extents(x).C / (rest.groups ?? 1), ...rest.kernel]);
    return this.add({ op: 'conv', inputs: [x], weight, ...rest, ...(bias ? { bias: this.parameter([O]) } : {}) });
  }

  fullyConnected(x: string, out: number, values?: readonly number[]): string {
    return this.add({
      op: 'fullyConnected',
      inputs: [x],
      weight: this.parameter([out, sizeOf(this.extents(x))], values),
      ...(values ? {} : { bias: this.parameter([out]) }),
    });
  }

  extents(name: string): Extents {
    return this.tensors.get(name)!.extents;
  }

  graph(output: string): Graph {
    return {
      name: 'net',
      input: { name: 'image', extents: this.input },
      nodes: this.nodes,
      output,
      weights: this.weights,
    };
  }

  /** An image that the net can be run on. */
  image(): Float64Array {
    return Float64Array.from({ length: sizeOf(this.input) }, () => this.draw(this.random));
  }
}

export const batchOf = (graph: Graph, items: readonly Float64Array[]) => {
  const { C, H, W } = graph.input.extents;
  return { data: Float32Array.from(items.flatMap((item) => [...item])), shape: [items.length, C, H, W] };
};
