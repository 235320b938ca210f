/** Operators that map pixel to pixel, all on the kernels of `shaders/elementwise.ts`. */
import { type Affine, elementwiseBackward, elementwiseForward } from '../../shaders/elementwise';
import { blocksOf } from '../../shaders/kernel';
import type { AddNode, AffineNode, BatchNormNode, Extents, MultiplyNode, ReluNode, Weight } from '../graph';
import { printExtents, sameExtents, shapeError } from '../shape';
import { type Op, type Share, type Site, type Slice, type Step, type Tensor, bitsBinding } from './op';
import { weightOf } from './parameters';

type ElementwiseNode = ReluNode | AddNode | MultiplyNode | BatchNormNode | AffineNode;

/** The kernels' scale and bias, and how they are laid out. */
interface AffineTensor {
  readonly kind: Affine;
  readonly tensor: Tensor | null;
}
const NONE: AffineTensor = { kind: 'none', tensor: null };

const dimsOf = (batch: number, to: Slice) => ({
  N: batch,
  H: to.H,
  W: to.W,
  BLOCKS: blocksOf(to.C),
  Y_BLOCK: to.block,
  Y_BLOCKS: to.blocks,
});
const bound = ({ tensor }: AffineTensor): Readonly<Record<string, Tensor>> => (tensor ? { affine: tensor } : {});

function forward({ node, batch, inputs, output, bits }: Site<ElementwiseNode>, affine = NONE): readonly Step[] {
  const kernel = elementwiseForward(
    dimsOf(batch, output),
    inputs.map((x) => [x.block, x.blocks] as const),
    {
      product: node.op === 'multiply',
      affine: affine.kind,
      relu: node.relu === true || node.op === 'relu',
      bits: bits !== null,
    },
  );
  const named = Object.fromEntries(inputs.map((x, k) => [`x${k}`, x.storage]));
  return [
    {
      label: `${node.name}.${kernel.name}`,
      kernel,
      bind: { ...named, y: output.storage, ...bound(affine), ...bitsBinding(bits) },
    },
  ];
}

function backward(
  { node, batch }: Site<ElementwiseNode>,
  { dY, dX, epilogue, kept }: Share,
  affine = NONE,
): readonly Step[] {
  const kernel = elementwiseBackward(dimsOf(batch, dX), [dY.block, dY.blocks], affine.kind, epilogue);
  return [
    {
      label: `${node.name}.${kernel.name}`,
      kernel,
      bind: { dY: dY.storage, dX: dX.storage, ...bound(affine), ...kept },
    },
  ];
}

export const relu: Op<ReluNode> = {
  extents: (_, [input]) => input!,
  forward: (site) => forward(site),
  backward: (site, share) => backward(site, share),
};

/** Inputs of one sum: what fits beside `y` and its bits into the eight storage buffers that every device has. */
const MOST_TERMS = 5;

export const add: Op<AddNode> = {
  extents(node, inputs) {
    const [first] = inputs;
    const other = inputs.find((input) => !sameExtents(input, first!));
    if (other)
      throw shapeError(
        node.name,
        `its inputs are ${printExtents(first!)} and ${printExtents(other)}; a sum needs one shape`,
      );
    if (inputs.length > MOST_TERMS)
      throw shapeError(node.name, `it adds ${inputs.length} inputs; at most ${MOST_TERMS} are supported in one node`);
    return first!;
  },
  forward: (site) => forward(site),
  backward: (site, share) => backward(site, share),
};

export const multiply: Op<MultiplyNode> = {
  extents(node, inputs) {
    const [first, second] = inputs;
    if (inputs.length !== 2 || !sameExtents(first!, second!))
      throw shapeError(
        node.name,
        `its inputs are ${inputs.map(printExtents).join(' and ')}; a product needs two of one shape`,
      );
    return first!;
  },
  forward: (site) => forward(site),
  backward({ node, batch, inputs }, { k, dY, dX, epilogue, kept }) {
    const other = inputs[1 - k]!;
    const kernel = elementwiseBackward(
      dimsOf(batch, dX),
      [dY.block, dY.blocks],
      { other: [other.block, other.blocks] },
      epilogue,
    );
    return [
      {
        label: `${node.name}.${kernel.name}`,
        kernel,
        bind: { dY: dY.storage, other: other.storage, dX: dX.storage, ...kept },
      },
    ];
  },
  keepsInputs: true,
};

/** Scale and bias of an inference batch-norm, in float64. */
export function batchNormAffine(
  node: BatchNormNode,
  channels: number,
  weights: ReadonlyMap<string, Weight>,
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
  weights: ReadonlyMap<string, Weight>,
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

function affineTensor({ node, output: { C, H, W }, weights }: Site<BatchNormNode | AffineNode>): AffineTensor {
  const { scale, bias, perElement } = affineOf(node, { C, H, W }, weights);
  const plane = perElement ? H * W : 1;
  const tensor: Tensor = {
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
  return { kind: perElement ? 'elements' : 'channels', tensor };
}

/** Batch-norm at inference, and any other scale and bias. */
const scaled: Op<BatchNormNode | AffineNode> = {
  extents(node, [input], weights) {
    affineOf(node, input!, weights);
    return input!;
  },
  forward: (site) => forward(site, affineTensor(site)),
  backward: (site, share) => backward(site, share, affineTensor(site)),
};
export const batchNorm = scaled as Op<BatchNormNode>;
export const affine = scaled as Op<AffineNode>;
