import type { Graph } from '../../src/graph';
import { add } from './combine';
import { backward, forward } from './operators';
import type { ReluRule } from './relu';
import { softmaxBackward } from './softmax';
import { forEach, tensor, zeros, type Tensor } from './tensor';

/** Every tensor of a graph by name, the input among them. */
export type Tensors = ReadonlyMap<string, Tensor>;

/** One neuron; without `y` and `x`, the sum of the channel's plane. */
export interface Neuron {
  readonly tensor: string;
  readonly channel: number;
  readonly y?: number;
  readonly x?: number;
}

/**
 * What to differentiate: a class, counted through the scores in C, H, W order, any neuron, or any tensors, each times
 * its seed.
 */
export type GradientOptions = { readonly relu?: ReluRule } & (
  | { readonly class: number; readonly score?: 'logit' | 'probability'; readonly target?: undefined }
  | { readonly target: Neuron; readonly class?: number; readonly score?: undefined }
  | { readonly seeds: ReadonlyMap<string, Float64Array>; readonly target?: undefined }
);

export interface GradientResult {
  /** Before the head, whatever is differentiated. */
  readonly scores: Float64Array;
  readonly gradient: Float64Array;
  readonly tensors: Tensors;
}

/** Forward pass of one item, `C·H·W` numbers. */
export function runGraph(graph: Graph, input: Float64Array): Tensors {
  const tensors = new Map([[graph.input.name, tensor(graph.input.extents, input)]]);
  for (const node of graph.nodes) {
    tensors.set(
      node.name,
      forward(
        node,
        node.inputs.map((name) => named(tensors, name)),
        graph.weights,
      ),
    );
  }
  return tensors;
}

/** The scores before the head. */
export const scoresOf = (graph: Graph, input: Float64Array): Float64Array =>
  named(runGraph(graph, input), endOf(graph).scoreName).data;

/**
 * Gradient of one item's score with respect to its input. A tensor with several readers sums their gradients, and only
 * the sum meets the node that wrote it: for the rules that ask for the sign of dY the order matters.
 */
export function graphGradient(graph: Graph, input: Float64Array, options: GradientOptions): GradientResult {
  const tensors = runGraph(graph, input);
  const scores = named(tensors, endOf(graph).scoreName);
  const gradients = seedsOf(tensors, endOf(graph), options);

  for (const node of graph.nodes.toReversed()) {
    const dY = gradients.get(node.name);
    if (dY === undefined) continue;
    const inputs = node.inputs.map((name) => named(tensors, name));
    backward(node, dY, inputs, graph.weights, options.relu).forEach((dX, i) => {
      const name = node.inputs[i]!;
      const sum = gradients.get(name);
      gradients.set(name, sum === undefined ? dX : add([sum, dX]));
    });
  }

  const gradient = gradients.get(graph.input.name) ?? zeros(graph.input.extents);
  return { scores: scores.data, gradient: gradient.data, tensors };
}

type Head = 'softmax' | 'sigmoid';

/** The tensor that a final soft-max or sigmoid reads, if there is one; what follows it may only rename its numbers. */
function endOf({ nodes, output }: Graph): { readonly scoreName: string; readonly head: Head } {
  let name = output;
  for (const node of nodes.toReversed()) {
    if (node.name !== name) continue;
    if ((node.op === 'softmax' || node.op === 'logSoftmax') && (node.axis ?? 'C') === 'C')
      return { scoreName: node.inputs[0]!, head: 'softmax' };
    if (node.op === 'sigmoid') return { scoreName: node.inputs[0]!, head: 'sigmoid' };
    if (node.op !== 'identity' && node.op !== 'flatten' && node.op !== 'reshape') break;
    name = node.inputs[0]!;
  }
  return { scoreName: output, head: 'softmax' };
}

/** What is differentiated: the gradient of it with respect to each tensor that it reads. */
function seedsOf(tensors: Tensors, { scoreName, head }: ReturnType<typeof endOf>, options: GradientOptions) {
  if ('seeds' in options)
    return new Map(
      [...options.seeds].map(([name, seed]) => [name, tensor(named(tensors, name).extents, seed)] as const),
    );
  const { target } = options;
  return new Map([
    target === undefined
      ? [
          scoreName,
          classSeed(named(tensors, scoreName), options.class, options.score === 'probability' ? head : 'none'),
        ]
      : [target.tensor, neuronSeed(named(tensors, target.tensor), target)],
  ]);
}

/** ∂score/∂scores: one-hot, or for a probability what its head makes of it. */
function classSeed(scores: Tensor, classIndex: number, head: Head | 'none'): Tensor {
  if (!(classIndex in scores.data)) throw new RangeError(`class ${classIndex} is none of ${scores.data.length}`);
  const oneHot = zeros(scores.extents);
  oneHot.data[classIndex] = 1;
  if (head === 'none') return oneHot;
  if (head === 'softmax') return softmaxBackward(oneHot, scores);
  const e = Math.exp(-Math.abs(scores.data[classIndex]!));
  oneHot.data[classIndex] = e / (1 + e) ** 2;
  return oneHot;
}

function neuronSeed({ extents }: Tensor, { channel, y, x }: Neuron): Tensor {
  const seed = zeros(extents);
  forEach(seed, (c, h, w) => {
    const chosen = c === channel && (y ?? h) === h && (x ?? w) === w;
    if (chosen) seed.data[(c * extents.H + h) * extents.W + w] = 1;
  });
  if (!seed.data.includes(1)) throw new RangeError(`there is no neuron (${channel}, ${y}, ${x})`);
  return seed;
}

/** Looks a tensor up, or says which is missing. */
export function named(tensors: Tensors, name: string): Tensor {
  const found = tensors.get(name);
  if (found === undefined) throw new RangeError(`the graph has no tensor named ${name}`);
  return found;
}
