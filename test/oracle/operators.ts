import type { GraphNode, Weight } from '../../src/graph';
import { averagePoolBackward, averagePoolForward, globalAveragePoolBackward, globalAveragePoolForward } from './averagePool';
import { batchNormBackward, batchNormForward } from './batchNorm';
import { add, concatBackward, concatForward, reshape } from './combine';
import { convBackward, convForward } from './conv';
import { fullyConnectedBackward, fullyConnectedForward } from './fullyConnected';
import { maxPoolBackward, maxPoolForward } from './maxPool';
import { reluBackward, reluForward, type ReluRule } from './relu';
import { softmaxBackward, softmaxForward } from './softmax';
import { sizeOf, type Numbers, type Tensor } from './tensor';

export type Weights = ReadonlyMap<string, Weight>;

/** The tensor that a node writes, from those it reads. */
export function forward(node: GraphNode, inputs: readonly Tensor[], weights: Weights): Tensor {
  const x = inputs[0]!;
  switch (node.op) {
    case 'conv':
      return convForward(node, x, parameter(weights, node.weight), optional(weights, node.bias));
    case 'fullyConnected':
      return fullyConnectedForward(x, parameter(weights, node.weight), optional(weights, node.bias));
    case 'relu':
      return reluForward(x);
    case 'maxPool':
      return maxPoolForward(node, x);
    case 'averagePool':
      return averagePoolForward(node, x);
    case 'globalAveragePool':
      return globalAveragePoolForward(x);
    case 'batchNorm':
      return batchNormForward(x, batchNormParameters(node, weights), node.epsilon);
    case 'flatten':
      return reshape(x, { C: sizeOf(x.extents), H: 1, W: 1 });
    case 'concat':
      return concatForward(inputs);
    case 'add':
      return add(inputs);
    case 'identity':
      return x;
    case 'softmax':
      return softmaxForward(x);
  }
}

/** The gradients of a node's inputs, one for each, from that of its output. */
export function backward(
  node: GraphNode,
  dY: Tensor,
  inputs: readonly Tensor[],
  weights: Weights,
  rule: ReluRule = 'gradient',
): readonly Tensor[] {
  const x = inputs[0]!;
  switch (node.op) {
    case 'conv':
      return [convBackward(node, dY, parameter(weights, node.weight), x.extents)];
    case 'fullyConnected':
      return [fullyConnectedBackward(dY, parameter(weights, node.weight), x.extents)];
    case 'relu':
      return [reluBackward(dY, x, rule)];
    case 'maxPool':
      return [maxPoolBackward(node, dY, x)];
    case 'averagePool':
      return [averagePoolBackward(node, dY, x.extents)];
    case 'globalAveragePool':
      return [globalAveragePoolBackward(dY, x.extents)];
    case 'batchNorm':
      return [batchNormBackward(dY, batchNormParameters(node, weights), node.epsilon)];
    case 'flatten':
      return [reshape(dY, x.extents)];
    case 'concat':
      return concatBackward(dY, inputs.map(({ extents }) => extents));
    case 'add':
      return inputs.map(() => dY);
    case 'identity':
      return [dY];
    case 'softmax':
      return [softmaxBackward(dY, x)];
  }
}

function batchNormParameters(node: Extract<GraphNode, { op: 'batchNorm' }>, weights: Weights) {
  return {
    scale: parameter(weights, node.scale),
    bias: parameter(weights, node.bias),
    mean: parameter(weights, node.mean),
    variance: parameter(weights, node.variance),
  };
}

function optional(weights: Weights, name: string | undefined): Numbers | undefined {
  return name === undefined ? undefined : parameter(weights, name);
}

function parameter(weights: Weights, name: string): Numbers {
  const weight = weights.get(name);
  if (weight === undefined) throw new RangeError(`the graph has no weight named ${name}`);
  return weight.data;
}
