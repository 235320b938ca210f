/** Functions of one number, all on the kernels of `shaders/activation.ts`. */
import {
  type ActivationDims,
  type CurvedName,
  type StraightName,
  activationBackward,
  activationForward,
  isStraight,
} from '../../shaders/activation';
import { blocksOf, floatBits, stripsOf } from '../../shaders/kernel';
import type { ClipNode, EluNode, GraphNode, HardSigmoidNode, LeakyReluNode, PReluNode } from '../graph';
import type { Op, Site, Slice, Tensor } from './op';
import { blockedVector, weightOf } from './parameters';

type Name = StraightName | CurvedName;
type ActivationNode = Extract<GraphNode, { op: Name }>;

/** Beyond every float32 of a network; WGSL has no infinity. */
const LARGEST = 3.4028234663852886e38;

/** What the kernels call a and b. */
function parametersOf(node: ActivationNode): readonly [a: number, b: number] {
  const read: { [K in Name]?: (node: never) => readonly [number, number] } = {
    clip: ({ min = -LARGEST, max = LARGEST }: ClipNode) => [min, max],
    leakyRelu: ({ slope }: LeakyReluNode) => [slope, 0],
    hardSigmoid: ({ alpha, beta }: HardSigmoidNode) => [alpha, beta],
    elu: ({ alpha }: EluNode) => [alpha, 0],
  };
  return read[node.op]?.(node as never) ?? [0, 0];
}

function dimsOf(node: ActivationNode, batch: number, to: Slice): ActivationDims {
  const [a, b] = parametersOf(node);
  return {
    N: batch,
    C: to.C,
    H: to.H,
    W: to.W,
    BLOCKS: blocksOf(to.C),
    Y_BLOCK: to.block,
    Y_BLOCKS: to.blocks,
    A: floatBits(a),
    B: floatBits(b),
  };
}

/** One bit per element: on which piece it lies. */
const maskOf = ({ node, batch, inputs: [x] }: Site<ActivationNode>): Tensor => ({
  name: `${node.name}.mask`,
  bytes: batch * blocksOf(x!.C) * x!.H * stripsOf(x!.W) * 4,
  kind: 'saved',
});

/** The slopes of a PReLU, one per channel. */
function slopesOf({ node, inputs: [x], weights }: Site<ActivationNode>): Readonly<{ slopes?: Tensor }> {
  return node.op === 'prelu'
    ? { slopes: blockedVector(`${node.slope}/blocks`, x!.C, weights.get(node.slope)!.data) }
    : {};
}

function activation<N extends ActivationNode>(name: N['op']): Op<N> {
  const straight = isStraight(name);
  return {
    extents(node, [input], weights) {
      if (node.op === 'prelu') weightOf(weights, node.name, (node as PReluNode).slope, [input!.C]);
      return input!;
    },
    forward(site) {
      const {
        node,
        batch,
        inputs: [x],
        output,
      } = site;
      return [
        {
          label: `${node.name}.${name}Forward`,
          kernel: activationForward(name, dimsOf(node, batch, output), [x!.block, x!.blocks]),
          bind: { x: x!.storage, y: output.storage, ...(straight ? { mask: maskOf(site) } : {}), ...slopesOf(site) },
        },
      ];
    },
    backward(site, { dY, dX, epilogue, kept }) {
      const {
        node,
        batch,
        inputs: [x],
      } = site;
      return [
        {
          label: `${node.name}.${name}Backward`,
          kernel: activationBackward(
            name,
            dimsOf(node, batch, dX),
            [dY.block, dY.blocks],
            [x!.block, x!.blocks],
            epilogue,
          ),
          bind: {
            dY: dY.storage,
            dX: dX.storage,
            ...kept,
            ...(straight ? { mask: maskOf(site) } : { x: x!.storage }),
            ...slopesOf(site),
          },
        },
      ];
    },
    ...(straight ? {} : { keepsInputs: true }),
  };
}

export const activations = {
  clip: activation<ClipNode>('clip'),
  leakyRelu: activation<LeakyReluNode>('leakyRelu'),
  prelu: activation<PReluNode>('prelu'),
  hardSigmoid: activation<HardSigmoidNode>('hardSigmoid'),
  sigmoid: activation('sigmoid'),
  swish: activation('swish'),
  elu: activation<EluNode>('elu'),
  hardSwish: activation('hardSwish'),
  sqrt: activation('sqrt'),
  reciprocal: activation('reciprocal'),
};
