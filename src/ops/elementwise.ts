/** Operators that map pixel to pixel, all on the kernels of `shaders/elementwise.ts`. */
import { elementwiseBackward, elementwiseForward } from '../../shaders/elementwise';
import { blocksOf } from '../../shaders/kernel';
import type { AddNode, BatchNormNode, ReluNode, Weight } from '../graph';
import { printExtents, sameExtents, shapeError } from '../shape';
import { type Op, type Share, type Site, type Slice, type Step, type Tensor, bitsBinding } from './op';
import { weightOf } from './weights';

type ElementwiseNode = ReluNode | AddNode | BatchNormNode;

const dimsOf = (batch: number, to: Slice) => ({ N: batch, H: to.H, W: to.W, BLOCKS: blocksOf(to.C), Y_BLOCK: to.block, Y_BLOCKS: to.blocks });

function forward({ node, batch, inputs, output, bits }: Site<ElementwiseNode>, affine: Tensor | null): readonly Step[] {
  const kernel = elementwiseForward(
    dimsOf(batch, output),
    inputs.map((x) => [x.block, x.blocks] as const),
    { affine: affine !== null, relu: node.relu === true || node.op === 'relu', bits: bits !== null },
  );
  const named = Object.fromEntries(inputs.map((x, k) => [`x${k}`, x.storage]));
  return [{ label: `${node.name}.${kernel.name}`, kernel, bind: { ...named, y: output.storage, ...(affine ? { affine } : {}), ...bitsBinding(bits) } }];
}

function backward({ node, batch }: Site<ElementwiseNode>, { dY, dX, epilogue, kept }: Share, affine: Tensor | null): readonly Step[] {
  const kernel = elementwiseBackward(dimsOf(batch, dX), [dY.block, dY.blocks], affine !== null, epilogue);
  return [{ label: `${node.name}.${kernel.name}`, kernel, bind: { dY: dY.storage, dX: dX.storage, ...(affine ? { affine } : {}), ...kept } }];
}

export const relu: Op<ReluNode> = {
  extents: (_, [input]) => input!,
  forward: (site) => forward(site, null),
  backward: (site, share) => backward(site, share, null),
};

/** Inputs of one sum: what fits beside `y` and its bits into the eight storage buffers that every device has. */
const MOST_TERMS = 5;

export const add: Op<AddNode> = {
  extents(node, inputs) {
    const [first] = inputs;
    const other = inputs.find((input) => !sameExtents(input, first!));
    if (other) throw shapeError(node.name, `its inputs are ${printExtents(first!)} and ${printExtents(other)}; a sum needs one shape`);
    if (inputs.length > MOST_TERMS) throw shapeError(node.name, `it adds ${inputs.length} inputs; at most ${MOST_TERMS} are supported in one node`);
    return first!;
  },
  forward: (site) => forward(site, null),
  backward: (site, share) => backward(site, share, null),
};

/** Scale and bias of an inference batch-norm, in float64. */
export function batchNormAffine(node: BatchNormNode, channels: number, weights: ReadonlyMap<string, Weight>): { scale: Float64Array; bias: Float64Array } {
  const read = (name: string): Float32Array => weightOf(weights, node.name, name, [channels]);
  const [gamma, beta, mean, variance] = [read(node.scale), read(node.bias), read(node.mean), read(node.variance)];
  const scale = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c]! + node.epsilon));
  return { scale, bias: scale.map((s, c) => beta[c]! - mean[c]! * s) };
}

function affineOf({ node, inputs, weights }: Site<BatchNormNode>): Tensor {
  const { C } = inputs[0]!;
  return {
    name: `${node.name}.affine`,
    bytes: blocksOf(C) * 32,
    kind: 'weight',
    fill: () => {
      const { scale, bias } = batchNormAffine(node, C, weights);
      const packed = new Float32Array(blocksOf(C) * 8);
      for (let c = 0; c < C; c++) {
        packed[(c >> 2) * 8 + (c & 3)] = scale[c]!;
        packed[(c >> 2) * 8 + 4 + (c & 3)] = bias[c]!;
      }
      return packed;
    },
  };
}

export const batchNorm: Op<BatchNormNode> = {
  extents(node, [input], weights) {
    batchNormAffine(node, input!.C, weights);
    return input!;
  },
  forward: (site) => forward(site, affineOf(site)),
  backward: (site, share) => backward(site, share, affineOf(site)),
};
