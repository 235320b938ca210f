/** The oracle of every operator: its loops, where its gradient jumps, and examples. Complete by type. */
import type { Extents, GraphNode, Triple } from '../../src/graph';
import { affineBackward, affineForward } from './affine';
import {
  averagePoolBackward,
  averagePoolForward,
  globalAveragePoolBackward,
  globalAveragePoolForward,
} from './averagePool';
import { batchNormBackward, batchNormForward } from './batchNorm';
import { add, concatBackward, concatForward, multiply, reshape } from './combine';
import { constantForward } from './constant';
import { convBackward, convForward } from './conv';
import { convTransposeBackward, convTransposeForward } from './convTranspose';
import { curveOracles } from './curves';
import { formulaOracles } from './formulas';
import { fullyConnectedBackward, fullyConnectedForward } from './fullyConnected';
import { extremeBackward, extremeForward, extremeLeads, normalizeBackward, normalizeForward } from './groups';
import { lrnBackward, lrnForward } from './lrn';
import { globalMaxPoolBackward, globalMaxPoolForward, maxPoolBackward, maxPoolForward } from './maxPool';
import { matMulBackward, matMulForward } from './matMul';
import {
  cumulateBackward,
  cumulateForward,
  moveBackward,
  moveForward,
  takeBackward,
  takeForward,
  type MoveNode,
} from './move';
import {
  cornersAt,
  first,
  leads,
  optional,
  parameter,
  smooth,
  type Example,
  type Growing,
  type NodeOf,
  type Oracle,
  type Unnamed,
  type Weights,
} from './oracle';
import { permuteBackward, permuteForward } from './permute';
import type { Random } from './random';
import { reluBackward, reluForward, type ReluRule } from './relu';
import { reduceBackward, reduceForward, resizeBackward, resizeForward } from './resample';
import { logSoftmaxBackward, logSoftmaxForward, softmaxBackward, softmaxForward } from './softmax';
import { sizeOf, type Tensor } from './tensor';

/** An example that reads `x` itself, with these fields. */
const plain =
  <N extends GraphNode>(
    op: N['op'],
    fields: (net: Growing, extents: Extents) => Omit<N, 'op' | 'name' | 'inputs'>,
  ): Example<N> =>
  (net, x) =>
    ({ op, inputs: [x], ...fields(net, net.extents(x)) }) as unknown as Unnamed<N>;

/** An example without fields. */
const bare = <N extends GraphNode>(op: N['op']): Example<N> => plain<N>(op, () => ({}) as never);

/** Two tensors of one shape, neither a multiple of the other. */
const pairOf = (net: Growing, x: string): readonly [string, string] => [x, net.add({ op: 'sigmoid', inputs: [x] })];

/** One channel: the mean of all. */
const singleOf = (net: Growing, x: string): string => net.add({ op: 'reduce', inputs: [x], kind: 'mean', axes: ['C'] });

/** Operators whose every output element is a copy of one input element, or of none. */
const moving = <N extends MoveNode>(examples: Oracle<N>['examples']): Oracle<N> => ({
  forward: (node, inputs) => moveForward(node, first(inputs)),
  backward: (node, dY, inputs) => [moveBackward(node, dY, first(inputs).extents)],
  corners: smooth,
  examples,
});

const conv = (window: Omit<NodeOf<'conv'>, 'op' | 'name' | 'inputs' | 'weight' | 'bias'>, perGroup?: number) =>
  plain<NodeOf<'conv'>>('conv', (net, { C }) => {
    const groups = perGroup === undefined ? 1 : C / perGroup;
    const O = 2 * groups;
    const weight = net.parameter([O, C / groups, ...window.kernel]);
    return { ...window, ...(groups > 1 && { groups }), weight, bias: net.parameter([O]) };
  });

const half = (random: Random): number => 0.5 + random.uniform();

export const oracles: { readonly [Op in GraphNode['op']]: Oracle<NodeOf<Op>> } = {
  ...curveOracles,
  ...formulaOracles,

  conv: {
    forward: (node, inputs, weights) =>
      convForward(node, first(inputs), parameter(weights, node.weight), optional(weights, node.bias)),
    backward: (node, dY, inputs, weights) => [
      convBackward(node, dY, parameter(weights, node.weight), first(inputs).extents),
    ],
    corners: smooth,
    examples: [
      conv({ kernel: [2, 3], pads: [1, 1, 0, 1] }),
      conv({ kernel: [2, 3], pads: [1, 0, 1, 2] }),
      conv({ kernel: [2, 3], stride: [3, 2], pads: [2, 3, 2, 3], dilation: [2, 3] }),
      conv({ kernel: [2, 3], pads: [0, 1, 1, 1] }, 1),
    ],
  },

  convTranspose: {
    forward: (node, inputs, weights) =>
      convTransposeForward(node, first(inputs), parameter(weights, node.weight), optional(weights, node.bias)),
    backward: (node, dY, inputs, weights) => [
      convTransposeBackward(node, dY, parameter(weights, node.weight), first(inputs).extents),
    ],
    corners: smooth,
    examples: [
      plain('convTranspose', (net, { C }) => ({
        kernel: [2, 3],
        stride: [2, 1],
        pads: [0, 1, 1, 0],
        outputPadding: [1, 0],
        weight: net.parameter([C, 3, 2, 3]),
        bias: net.parameter([3]),
      })),
      plain('convTranspose', (net, { C }) => ({
        kernel: [3, 2],
        pads: [1, 0, 1, 0],
        dilation: [1, 2],
        groups: C,
        weight: net.parameter([C, 1, 3, 2]),
      })),
    ],
  },

  fullyConnected: {
    forward: (node, inputs, weights) =>
      fullyConnectedForward(first(inputs), parameter(weights, node.weight), optional(weights, node.bias)),
    backward: (node, dY, inputs, weights) => [
      fullyConnectedBackward(dY, parameter(weights, node.weight), first(inputs).extents),
    ],
    corners: smooth,
    examples: [
      plain('fullyConnected', (net, x) => ({ weight: net.parameter([3, sizeOf(x)]), bias: net.parameter([3]) })),
      plain('fullyConnected', (net, x) => ({ weight: net.parameter([5, sizeOf(x)]) })),
    ],
  },

  relu: {
    forward: (_, inputs) => reluForward(first(inputs)),
    backward: (_, dY, inputs, __, rule) => [reluBackward(dY, first(inputs), rule)],
    corners: cornersAt(() => [0]),
    examples: [bare('relu')],
  },

  maxPool: {
    forward: (node, inputs) => maxPoolForward(node, first(inputs)),
    backward: (node, dY, inputs) => [maxPoolBackward(node, dY, first(inputs))],
    corners: leads((node) => node),
    examples: [
      plain('maxPool', () => ({ kernel: [3, 2], stride: [2, 1], pads: [1, 1, 1, 1] })),
      plain('maxPool', () => ({ kernel: [2, 3], stride: [2, 3], pads: [1, 1, 0, 1], ceil: true })),
      plain('maxPool', () => ({ kernel: [2, 2], pads: [1, 1, 1, 1], dilation: [2, 1] })),
    ],
  },

  globalMaxPool: {
    forward: (_, inputs) => globalMaxPoolForward(first(inputs)),
    backward: (_, dY, inputs) => [globalMaxPoolBackward(dY, first(inputs))],
    corners: leads((_, { H, W }) => ({ kernel: [H, W] })),
    examples: [bare('globalMaxPool')],
  },

  averagePool: {
    forward: (node, inputs) => averagePoolForward(node, first(inputs)),
    backward: (node, dY, inputs) => [averagePoolBackward(node, dY, first(inputs).extents)],
    corners: smooth,
    examples: [
      plain('averagePool', () => ({ kernel: [3, 2], stride: [2, 3], pads: [1, 0, 1, 1], ceil: true })),
      plain('averagePool', () => ({ kernel: [3, 2], stride: [2, 2], pads: [1, 1, 1, 1], countPadding: true })),
      plain('averagePool', () => ({ kernel: [2, 2], pads: [1, 1, 1, 1], dilation: [2, 2] })),
    ],
  },

  globalAveragePool: {
    forward: (_, inputs) => globalAveragePoolForward(first(inputs)),
    backward: (_, dY, inputs) => [globalAveragePoolBackward(dY, first(inputs).extents)],
    corners: smooth,
    examples: [bare('globalAveragePool')],
  },

  lrn: {
    forward: (node, inputs) => lrnForward(node, first(inputs)),
    backward: (node, dY, inputs) => [lrnBackward(node, dY, first(inputs))],
    corners: smooth,
    examples: [
      plain('lrn', () => ({ size: 3, alpha: 0.7, beta: 0.75, k: 1.5 })),
      plain('lrn', () => ({ size: 4, alpha: 2, beta: 0.5, k: 1 })),
    ],
  },

  batchNorm: {
    forward: (node, inputs, weights) =>
      batchNormForward(first(inputs), batchNormParameters(node, weights), node.epsilon),
    backward: (node, dY, _, weights) => [batchNormBackward(dY, batchNormParameters(node, weights), node.epsilon)],
    corners: smooth,
    examples: [
      plain('batchNorm', (net, { C }) => ({
        scale: net.parameter([C]),
        bias: net.parameter([C]),
        mean: net.parameter([C]),
        variance: net.parameter([C], half),
        epsilon: 1e-3,
      })),
    ],
  },

  affine: {
    forward: (node, inputs, weights) =>
      affineForward(first(inputs), optional(weights, node.scale), optional(weights, node.bias)),
    backward: (node, dY, _, weights) => [affineBackward(dY, optional(weights, node.scale))],
    corners: smooth,
    examples: [
      plain('affine', (net, { C }) => ({ scale: net.parameter([C]), bias: net.parameter([C]) })),
      plain('affine', (net, { C, H, W }) => ({ scale: net.parameter([C, H, W]), bias: net.parameter([C]) })),
      plain('affine', (net, { C }) => ({ bias: net.parameter([C]) })),
    ],
  },

  flatten: {
    forward: (_, inputs) => reshape(first(inputs), { C: sizeOf(first(inputs).extents), H: 1, W: 1 }),
    backward: (_, dY, inputs) => [reshape(dY, first(inputs).extents)],
    corners: smooth,
    examples: [bare('flatten')],
  },

  reshape: {
    forward({ extents: [C, H, W] }, inputs) {
      return reshape(first(inputs), { C, H, W });
    },
    backward: (_, dY, inputs) => [reshape(dY, first(inputs).extents)],
    corners: smooth,
    examples: [plain('reshape', (_, { C, H, W }) => ({ extents: [W, C, H] }))],
  },

  transpose: moving([
    plain('transpose', () => ({ order: ['H', 'W', 'C'] })),
    plain('transpose', () => ({ order: ['C', 'W', 'H'] })),
  ]),

  permute: {
    forward: (node, inputs) => permuteForward(node, first(inputs)),
    backward: (node, dY, inputs) => [permuteBackward(node, dY, first(inputs).extents)],
    corners: smooth,
    examples: [
      plain('permute', (_, { C, H, W }) => ({ shape: [C, H, W], order: [2, 0, 1], extents: [H * W, C, 1] })),
      (net, x) => {
        const { C, H, W } = net.extents(x);
        const doubled = net.add({ op: 'concat', inputs: [x, x] });
        return {
          op: 'permute',
          inputs: [doubled],
          shape: [1, 2, C, H, 1, W],
          order: [3, 1, 5, 2, 0, 4],
          extents: [H, W, 2 * C],
        };
      },
    ],
  },

  constant: {
    forward: (node, _, weights) => constantForward(node, parameter(weights, node.value)),
    backward: () => [],
    corners: smooth,
    examples: [
      (net, x) => {
        const { C, H, W } = net.extents(x);
        const value = net.add({
          op: 'constant',
          inputs: [],
          value: net.parameter([C, H, W]),
          extents: [C, H, W],
        });
        return { op: 'multiply', inputs: [x, value] };
      },
    ],
  },

  slice: moving([
    plain('slice', (_, { C, H, W }) => ({
      begin: [C - 1, 0, W - 1],
      step: [-1, 2, -2],
      extents: [C, Math.ceil(H / 2), Math.ceil(W / 2)],
    })),
    plain('slice', (_, { C, H, W }) => ({ begin: [0, H >> 1, W >> 1], extents: [C, H - (H >> 1), W - (W >> 1)] })),
  ]),

  pad: moving([
    plain('pad', () => ({ before: [1, 0, 2], after: [0, 3, 1], mode: 'constant', value: 5 })),
    plain('pad', (_, x) => ({
      before: [0, 0, 0],
      after: triple(x, (extent) => Math.min(extent - 1, 2)),
      mode: 'reflect',
    })),
    plain('pad', () => ({ before: [1, 2, 0], after: [0, 1, 3], mode: 'edge' })),
  ]),

  expand: moving([
    (net, x) => ({
      op: 'expand',
      inputs: [net.add({ op: 'reduce', inputs: [x], kind: 'mean', axes: ['H'] })],
      extents: triple(net.extents(x), (extent) => extent),
    }),
  ]),

  resize: {
    forward: (node, inputs) => resizeForward(node, first(inputs)),
    backward: (node, dY, inputs) => [resizeBackward(node, dY, first(inputs).extents)],
    corners: smooth,
    examples: [
      plain('resize', () => ({ size: [7, 4], mode: 'nearest', coordinates: 'half-pixel' })),
      plain('resize', () => ({ size: [7, 5], mode: 'linear', coordinates: 'align-corners' })),
      plain('resize', () => ({ size: [3, 9], mode: 'cubic', coordinates: 'half-pixel' })),
      plain('resize', () => ({ size: [3, 9], mode: 'cubic', coordinates: 'half-pixel', excludeOutside: true })),
      plain('resize', () => ({ size: [2, 3], mode: 'cubic', coordinates: 'half-pixel', antialias: true })),
      plain('resize', () => ({ size: [3, 6], mode: 'linear', coordinates: 'asymmetric', antialias: true })),
      plain('resize', () => ({
        size: [4, 5],
        mode: 'linear',
        coordinates: 'tensorflow-crop',
        region: [0.2, -0.4, 0.9, 1.1],
        outside: 2,
      })),
      plain('resize', (_, { H, W }) => ({
        size: [2 * H, W],
        scale: [2, 1],
        mode: 'nearest',
        coordinates: 'asymmetric',
        rounding: 'floor',
      })),
    ],
  },

  reduce: {
    forward: (node, inputs) => {
      const { kind } = node;
      return kind === 'max' || kind === 'min'
        ? extremeForward({ ...node, kind }, first(inputs))
        : reduceForward({ ...node, kind }, first(inputs));
    },
    backward: (node, dY, inputs) => {
      const { kind } = node;
      return kind === 'max' || kind === 'min'
        ? [extremeBackward({ ...node, kind }, dY, first(inputs))]
        : [reduceBackward({ ...node, kind }, dY, first(inputs).extents)];
    },
    corners: (node, here, there) => {
      const { kind } = node;
      return kind === 'max' || kind === 'min' ? extremeLeads({ ...node, kind }, first(here), first(there)) : [];
    },
    examples: [
      plain('reduce', () => ({ kind: 'mean', axes: ['C', 'W'] })),
      plain('reduce', () => ({ kind: 'sum', axes: ['H'] })),
      plain('reduce', () => ({ kind: 'max', axes: ['C'] })),
      plain('reduce', () => ({ kind: 'min', axes: ['W', 'H'] })),
    ],
  },

  normalize: {
    forward: (node, inputs, weights) => normalizeForward(node, first(inputs), scalingOf(node, weights)),
    backward: (node, dY, inputs, weights) => [normalizeBackward(node, dY, first(inputs), scalingOf(node, weights))],
    corners: smooth,
    examples: [
      plain('normalize', () => ({ axes: ['C'], epsilon: 0.1, centred: true })),
      plain('normalize', (net, { H, W }) => ({
        axes: ['H', 'W'],
        epsilon: 0.1,
        centred: true,
        scale: net.parameter([H, W]),
      })),
      plain('normalize', (net, { C }) => ({
        axes: ['C'],
        epsilon: 0.1,
        centred: false,
        scale: net.parameter([C]),
        bias: net.parameter([C]),
      })),
      plain('normalize', () => ({ axes: ['C', 'W'], epsilon: 0.1, centred: false })),
    ],
  },

  matMul: {
    forward: (node, [a, b]) => matMulForward(node, a!, b!),
    backward: (node, dY, [a, b]) => matMulBackward(node, dY, a!, b!),
    corners: smooth,
    examples: [
      (net, x) => ({ op: 'matMul', inputs: pairOf(net, x), transposeB: true }),
      (net, x) => ({ op: 'matMul', inputs: pairOf(net, x), transposeA: true }),
      (net, x) => ({
        op: 'matMul',
        inputs: [net.add({ op: 'transpose', inputs: [singleOf(net, x)], order: ['C', 'W', 'H'] }), x],
      }),
      (net, x) => ({ op: 'matMul', inputs: [x, singleOf(net, x)], transposeA: true, transposeB: false }),
    ],
  },

  gather: moving([
    plain('gather', (_, { C }) => ({ axis: 'C', indices: [C - 1, 0, C - 1] })),
    plain('gather', (_, { W }) => ({ axis: 'W', indices: [0, W - 1, 0, W >> 1] })),
  ]),

  cumulate: {
    forward: (node, inputs) => cumulateForward(node, first(inputs)),
    backward: (node, dY) => [cumulateBackward(node, dY)],
    corners: smooth,
    examples: [
      plain('cumulate', () => ({ axis: 'W' })),
      plain('cumulate', () => ({ axis: 'C', exclusive: true, reverse: true })),
    ],
  },

  take: {
    forward: (node, inputs, weights) => {
      const [C, H, W] = node.extents;
      return takeForward(parameter(weights, node.indices), { C, H, W }, first(inputs));
    },
    backward: (node, dY, inputs, weights) => [
      takeBackward(parameter(weights, node.indices), dY, first(inputs).extents),
    ],
    corners: smooth,
    examples: [
      plain('take', (net, x) => ({
        indices: net.parameter([3 * 2 * 4], (random) => random.integer(-1, sizeOf(x) - 1)),
        extents: [3, 2, 4],
      })),
    ],
  },

  concat: {
    forward: (_, inputs) => concatForward(inputs),
    backward: (_, dY, inputs) =>
      concatBackward(
        dY,
        inputs.map(({ extents }) => extents),
      ),
    corners: smooth,
    examples: [(net, x) => ({ op: 'concat', inputs: pairOf(net, x) })],
  },

  add: {
    forward: (_, inputs) => add(inputs),
    backward: (_, dY, inputs) => inputs.map(() => dY),
    corners: smooth,
    examples: [
      (net, x) => ({ op: 'add', inputs: pairOf(net, x) }),
      (net, x) => ({ op: 'add', inputs: [...pairOf(net, x), x] }),
    ],
  },

  multiply: {
    forward: (_, [a, b]) => multiply(a!, b!),
    backward: (_, dY, [a, b]) => [multiply(dY, b!), multiply(dY, a!)],
    corners: smooth,
    examples: [(net, x) => ({ op: 'multiply', inputs: pairOf(net, x) })],
  },

  identity: {
    forward: (_, inputs) => first(inputs),
    backward: (_, dY) => [dY],
    corners: smooth,
    examples: [bare('identity')],
  },

  softmax: {
    forward: (node, inputs) => softmaxForward(first(inputs), node.axis),
    backward: (node, dY, inputs) => [softmaxBackward(dY, first(inputs), node.axis)],
    corners: smooth,
    examples: [bare('softmax'), plain('softmax', () => ({ axis: 'W' }))],
  },

  logSoftmax: {
    forward: (node, inputs) => logSoftmaxForward(first(inputs), node.axis),
    backward: (node, dY, inputs) => [logSoftmaxBackward(dY, first(inputs), node.axis)],
    corners: smooth,
    examples: [bare('logSoftmax'), plain('logSoftmax', () => ({ axis: 'H' }))],
  },
};

/** The oracle of a node's operator. */
export const oracleOf = (op: GraphNode['op']): Oracle<GraphNode> => oracles[op] as unknown as Oracle<GraphNode>;

/** The tensor that a node writes, from those it reads. */
export const forward = (node: GraphNode, inputs: readonly Tensor[], weights: Weights): Tensor =>
  oracleOf(node.op).forward(node, inputs, weights);

/** The gradients of a node's inputs, one for each, from that of its output. */
export const backward = (
  node: GraphNode,
  dY: Tensor,
  inputs: readonly Tensor[],
  weights: Weights,
  rule: ReluRule = 'gradient',
): readonly Tensor[] => oracleOf(node.op).backward(node, dY, inputs, weights, rule);

const scalingOf = ({ scale, bias }: NodeOf<'normalize'>, weights: Weights) => ({
  scale: optional(weights, scale),
  bias: optional(weights, bias),
});

function batchNormParameters(node: NodeOf<'batchNorm'>, weights: Weights) {
  return {
    scale: parameter(weights, node.scale),
    bias: parameter(weights, node.bias),
    mean: parameter(weights, node.mean),
    variance: parameter(weights, node.variance),
  };
}

function triple({ C, H, W }: Extents, value: (extent: number) => number): Triple {
  return [value(C), value(H), value(W)];
}
