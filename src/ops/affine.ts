/** A scale and a bias, as they are or as batch-norm gives them, on the kernels of `shaders/elementwise.ts`. */
import { type Affine, elementwiseBackward, elementwiseForward } from '../../shaders/elementwise';
import { blocksOf } from '../../shaders/kernel';
import type { Extents } from '../shape';
import { elementwiseDims } from './elementwise';
import { numberFrom0, optional, weight } from './fields';
import { type Description, type Node, type Tensor, type Weights, unary } from './op';
import { weightOf } from './parameters';

/** `y = x · scale + bias`, each either `[C]` or `[C, H, W]`; an absent scale is 1, an absent bias 0. */
export interface AffineNode extends Node<'affine'> {
  readonly scale?: string;
  readonly bias?: string;
}

/** Inference form: `y = (x − mean) / √(variance + epsilon) · scale + bias`, all four `[C]`. */
export interface BatchNormNode extends Node<'batchNorm'> {
  readonly scale: string;
  readonly bias: string;
  readonly mean: string;
  readonly variance: string;
  readonly epsilon: number;
}

/** Scale and bias of an inference batch-norm, in float64. */
function batchNormAffine(
  node: BatchNormNode,
  channels: number,
  weights: Weights,
): { scale: Float64Array; bias: Float64Array } {
  const read = (name: string): Float32Array => weightOf(weights, node.name, name, [channels]);
  const [gamma, beta, mean, variance] = [read(node.scale), read(node.bias), read(node.mean), read(node.variance)];
  const scale = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c]! + node.epsilon));
  return { scale, bias: scale.map((s, c) => beta[c]! - mean[c]! * s) };
}

/**
 * Scale and bias of a batch-norm or an affine layer, in float64; an absent one of an affine layer is null. `[C]`, or
 * `[C, H, W]` if `perElement`.
 */
export function affineOf(
  node: BatchNormNode | AffineNode,
  { C, H, W }: Extents,
  weights: Weights,
): { scale: Float64Array | null; bias: Float64Array | null; perElement: boolean } {
  if (node.op === 'batchNorm') return { ...batchNormAffine(node, C, weights), perElement: false };
  const names = [node.scale, node.bias];
  const perElement = names.some((name) => name !== undefined && weights.get(name)?.shape.length === 3);
  const [scale, bias] = names.map((name) => {
    if (name === undefined) return null;
    const full = weights.get(name)?.shape.length === 3;
    const data = weightOf(weights, node.name, name, full ? [C, H, W] : [C]);
    return Float64Array.from(
      { length: perElement ? C * H * W : C },
      (_, i) => data[full || !perElement ? i : Math.floor(i / (H * W))]!,
    );
  }) as [Float64Array | null, Float64Array | null];
  return { scale, bias, perElement };
}

/** Scale and bias as the kernels read them, and how they are laid out. */
function affineTensor(
  node: BatchNormNode | AffineNode,
  { C, H, W }: Extents,
  weights: Weights,
): { readonly kind: Affine; readonly affine: Tensor } {
  const { scale, bias, perElement } = affineOf(node, { C, H, W }, weights);
  const plane = perElement ? H * W : 1;
  const affine: Tensor = {
    name: `${node.name}.affine`,
    bytes: blocksOf(C) * plane * 32,
    kind: 'weight',
    fill: () => {
      const packed = new Float32Array(blocksOf(C) * plane * 8);
      for (let c = 0; c < C; c++)
        for (let i = 0; i < plane; i++) {
          const at = ((c >> 2) * plane + i) * 8 + (c & 3);
          packed[at] = scale ? scale[c * plane + i]! : 1;
          packed[at + 4] = bias ? bias[c * plane + i]! : 0;
        }
      return packed;
    },
  };
  return { kind: perElement ? 'elements' : 'channels', affine };
}

/** An operator that is a scale and a bias. */
const scaling = <N extends BatchNormNode | AffineNode>(description: Description<N>) =>
  unary<N>({
    ...description,

    extents(node, x, weights) {
      affineOf(node, x, weights);
      return x;
    },

    forward({ node, batch, x, y, bits, weights, step }) {
      const { kind, affine } = affineTensor(node, y, weights);
      const options = { product: false, affine: kind, relu: node.relu === true, bits: bits !== null };
      const kernel = elementwiseForward(elementwiseDims(batch, y), { inputs: [x], y }, options);
      return [step(kernel.name, kernel, { x0: x, y, affine })];
    },

    backward({ node, batch, y, weights, dY, dX, epilogue, step }) {
      const { kind, affine } = affineTensor(node, y, weights);
      const kernel = elementwiseBackward(elementwiseDims(batch, dX), { dX, dY }, kind, epilogue);
      return [step(kernel.name, kernel, { dY, dX, affine })];
    },
  });

export const batchNorm = scaling<BatchNormNode>({
  op: 'batchNorm',
  title: 'batch-norm (folded where it can be)',
  fields: { scale: weight, bias: weight, mean: weight, variance: weight, epsilon: numberFrom0 },
});

export const affine = scaling<AffineNode>({
  op: 'affine',
  title: 'scale and bias (per channel or element)',
  fields: { scale: optional(weight), bias: optional(weight) },
});
