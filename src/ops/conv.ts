import { convDepthwiseBackwardStrided } from '../../shaders/conv/depthwise';
import { finishBackward, finishForward } from '../../shaders/conv/finish';
import type { ConvDims } from '../../shaders/conv/shape';
import { convBackwardStrided } from '../../shaders/conv/strided';
import { blockedGroups, isDepthwise } from '../../shaders/conv/weights';
import { blocksOf } from '../../shaders/kernel';
import type { ConvNode, Extents, MaxPoolNode } from '../graph';
import { fullWindow, shapeError, slide } from '../shape';
import { type Filters, convolve, directWeight } from './convolutionSteps';
import { maxPoolSwitches } from './maxPool';
import { type Layer, type Op, type Site, type Slice, type Tensor, bitsBinding } from './op';
import { blockedVector, weightOf } from './parameters';

function weightShape(node: ConvNode, input: { C: number }, weights: Site<ConvNode>['weights']) {
  const weight = weights.get(node.weight);
  if (!weight) throw shapeError(node.name, `its weight '${node.weight}' is not among the weights`);
  const groups = node.groups ?? 1;
  const [O = 0, perGroup = 0, R = 0, S = 0] = weight.shape;
  if (weight.shape.length !== 4 || R !== node.kernel[0] || S !== node.kernel[1]) {
    throw shapeError(
      node.name,
      `weights are [${weight.shape.join(', ')}], its kernel is [${node.kernel.join(', ')}]: [O, C, R, S] would be right`,
    );
  }
  if (perGroup * groups !== input.C || O % groups !== 0) {
    throw shapeError(
      node.name,
      `weights have ${perGroup * groups} input channels (${groups} groups) and ${O} output channels, its input has ${input.C}`,
    );
  }
  return { O, C: input.C, R, S, groups };
}

const filtersOf = ({ node, weights, inputs }: Site<ConvNode>): Filters => ({
  name: node.weight,
  data: weights.get(node.weight)!.data,
  shape: weightShape(node, inputs[0]!, weights),
});

/** The convolution that leads from `x` to `y`, as the kernels count it. */
function dimsOf(site: Site<ConvNode>, x: Slice, y: Slice): ConvDims {
  const { node, batch } = site;
  const shape = weightShape(node, site.inputs[0]!, site.weights);
  const { stride, pads, dilation } = fullWindow(node);
  const GROUPS = blockedGroups(shape);
  return {
    N: batch,
    H: x.H,
    W: x.W,
    P: y.H,
    Q: y.W,
    R: shape.R,
    S: shape.S,
    STRIDE_Y: stride[0],
    STRIDE_X: stride[1],
    PAD_TOP: pads[0],
    PAD_LEFT: pads[1],
    DILATION_Y: dilation[0],
    DILATION_X: dilation[1],
    IN: blocksOf(x.C / GROUPS),
    OUT: blocksOf(y.C / GROUPS),
    GROUPS,
    X_BLOCK: x.block,
    X_BLOCKS: x.blocks,
    Y_BLOCK: y.block,
    Y_BLOCKS: y.blocks,
  };
}

const hasStride1 = (node: Layer<ConvNode>): boolean => fullWindow(node).stride.every((step) => step === 1);

/** The tensor before the 2×2 pool of a slice's layer. */
export const unpooled = <T extends Extents>(slice: T): T => ({ ...slice, H: 2 * slice.H, W: 2 * slice.W });

/** The pool that a `pooled` convolution carries, as a node of its own. */
export const carriedPool = (name: string): MaxPoolNode => ({
  op: 'maxPool',
  name,
  inputs: [],
  kernel: [2, 2],
  stride: [2, 2],
});

const convSwitches = ({ node, batch, output }: Site<ConvNode>): Tensor =>
  maxPoolSwitches(carriedPool(node.name), batch, unpooled(output), output);

export const conv: Op<ConvNode> = {
  extents(node, [input], weights) {
    const shape = weightShape(node, input!, weights);
    if (node.bias !== undefined) weightOf(weights, node.name, node.bias, [shape.O]);
    const { P, Q } = slide(node.name, node, input!);
    return node.pooled ? { C: shape.O, H: P / 2, W: Q / 2 } : { C: shape.O, H: P, W: Q };
  },

  forward(site) {
    const { node, output, bits, weights } = site;
    const pooled = node.pooled === true;
    const computed = pooled ? unpooled(output) : output;
    const bias =
      node.bias === undefined
        ? {}
        : { bias: blockedVector(`${node.bias}/blocks`, output.C, weights.get(node.bias)!.data) };
    const finish = finishForward({
      bias: node.bias !== undefined,
      relu: node.relu === true,
      bits: bits !== null,
      pooled,
    });
    const kept = pooled ? { switches: convSwitches(site) } : bitsBinding(bits);
    return convolve(
      {
        layer: node.name,
        name: pooled ? 'convPoolForward' : 'convForward',
        filters: filtersOf(site),
        direction: 'forward',
        dims: dimsOf(site, site.inputs[0]!, computed),
        finish,
        x: site.inputs[0]!.storage,
        stores: { y: output.storage, ...bias, ...kept },
      },
      site.variants,
    );
  },

  backward(site, { dY, dX, epilogue, kept }) {
    const { node } = site;
    const {
      kernel: [R, S],
      pads,
      dilation,
    } = fullWindow(node);
    if (!hasStride1(node)) {
      const [strided, direction] = isDepthwise(filtersOf(site).shape)
        ? ([convDepthwiseBackwardStrided, 'forward'] as const)
        : ([convBackwardStrided, 'transposed'] as const);
      return [
        {
          label: `${node.name}.convBackwardStrided`,
          kernel: strided(dimsOf(site, dX, dY), epilogue),
          bind: { dY: dY.storage, weight: directWeight(filtersOf(site), direction), dX: dX.storage, ...kept },
        },
      ];
    }
    const turned = {
      ...dimsOf(site, dY, dX),
      PAD_TOP: (R - 1) * dilation[0] - pads[0],
      PAD_LEFT: (S - 1) * dilation[1] - pads[1],
    };
    return convolve(
      {
        layer: node.name,
        name: 'convBackward',
        filters: filtersOf(site),
        direction: 'flipped',
        dims: turned,
        finish: finishBackward(epilogue),
        x: dY.storage,
        stores: { dX: dX.storage, ...kept },
      },
      site.variants,
    );
  },

  storesOnce: hasStride1,
};
