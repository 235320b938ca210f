import type { GraphNode, Weight } from '../../src/graph';
import { curveBackward, curveForward, curveOf, leakyPerChannel } from './activation';
import { affineBackward, affineForward } from './affine';
import {
  averagePoolBackward,
  averagePoolForward,
  globalAveragePoolBackward,
  globalAveragePoolForward,
} from './averagePool';
import { batchNormBackward, batchNormForward } from './batchNorm';
import { add, concatBackward, concatForward, multiply, reshape } from './combine';
import { convBackward, convForward } from './conv';
import { fullyConnectedBackward, fullyConnectedForward } from './fullyConnected';
import { lrnBackward, lrnForward } from './lrn';
import { globalMaxPoolBackward, globalMaxPoolForward, maxPoolBackward, maxPoolForward } from './maxPool';
import { moveBackward, moveForward } from './move';
import { reluBackward, reluForward, type ReluRule } from './relu';
import { reduceBackward, reduceForward, resizeBackward, resizeForward } from './resample';
import { logSoftmaxBackward, logSoftmaxForward, softmaxBackward, softmaxForward } from './softmax';
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
    case 'clip':
    case 'leakyRelu':
    case 'elu':
    case 'sigmoid':
    case 'hardSigmoid':
    case 'hardSwish':
    case 'swish':
    case 'sqrt':
    case 'reciprocal':
      return curveForward(x, () => curveOf(node));
    case 'prelu':
      return curveForward(x, leakyPerChannel(parameter(weights, node.slope)));
    case 'maxPool':
      return maxPoolForward(node, x);
    case 'globalMaxPool':
      return globalMaxPoolForward(x);
    case 'lrn':
      return lrnForward(node, x);
    case 'affine':
      return affineForward(x, optional(weights, node.scale), optional(weights, node.bias));
    case 'reshape': {
      const [C, H, W] = node.extents;
      return reshape(x, { C, H, W });
    }
    case 'transpose':
    case 'slice':
    case 'pad':
    case 'expand':
      return moveForward(node, x);
    case 'resize':
      return resizeForward(node, x);
    case 'reduce':
      return reduceForward(node, x);
    case 'multiply':
      return multiply(x, inputs[1]!);
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
    case 'logSoftmax':
      return logSoftmaxForward(x);
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
    case 'clip':
    case 'leakyRelu':
    case 'elu':
    case 'sigmoid':
    case 'hardSigmoid':
    case 'hardSwish':
    case 'swish':
    case 'sqrt':
    case 'reciprocal':
      return [curveBackward(dY, x, () => curveOf(node))];
    case 'prelu':
      return [curveBackward(dY, x, leakyPerChannel(parameter(weights, node.slope)))];
    case 'maxPool':
      return [maxPoolBackward(node, dY, x)];
    case 'globalMaxPool':
      return [globalMaxPoolBackward(dY, x)];
    case 'lrn':
      return [lrnBackward(node, dY, x)];
    case 'affine':
      return [affineBackward(dY, optional(weights, node.scale))];
    case 'reshape':
      return [reshape(dY, x.extents)];
    case 'transpose':
    case 'slice':
    case 'pad':
    case 'expand':
      return [moveBackward(node, dY, x.extents)];
    case 'resize':
      return [resizeBackward(node, dY, x.extents)];
    case 'reduce':
      return [reduceBackward(node, dY, x.extents)];
    case 'multiply':
      return [multiply(dY, inputs[1]!), multiply(dY, x)];
    case 'averagePool':
      return [averagePoolBackward(node, dY, x.extents)];
    case 'globalAveragePool':
      return [globalAveragePoolBackward(dY, x.extents)];
    case 'batchNorm':
      return [batchNormBackward(dY, batchNormParameters(node, weights), node.epsilon)];
    case 'flatten':
      return [reshape(dY, x.extents)];
    case 'concat':
      return concatBackward(
        dY,
        inputs.map(({ extents }) => extents),
      );
    case 'add':
      return inputs.map(() => dY);
    case 'identity':
      return [dY];
    case 'softmax':
      return [softmaxBackward(dY, x)];
    case 'logSoftmax':
      return [logSoftmaxBackward(dY, x)];
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
