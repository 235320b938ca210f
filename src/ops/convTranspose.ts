import { convDepthwiseBackwardStrided } from '../../shaders/conv/depthwise';
import { finishBackward, finishForward } from '../../shaders/conv/finish';
import { convBackwardStrided } from '../../shaders/conv/strided';
import { isDepthwise } from '../../shaders/conv/weights';
import { type Extents, type Pair, type Window, fullWindow, shapeError, MOST_POSITIONS } from '../shape';
import { convDims, hasStride1, turnedDims } from './conv';
import { type Filters, convolve, directWeight } from './convolutionSteps';
import { extent, optional, pairFrom0, weight, window } from './fields';
import { type Node, type OnePlaced, type Weights, unary } from './op';
import { blockedVector, weightOf } from './parameters';

/**
 * Transposed convolution: what a convolution with this window and this weight does on its way back, from its output to
 * its input. `weight`: `[C, O/groups, R, S]`, with C the channels that are read; `bias`: `[O]`. The result is
 * `(H − 1) · stride + (R − 1) · dilation + 1 − pads + outputPadding` high; the last are rows that the convolution,
 * whose stride steps over them, never reads.
 */
export interface ConvTransposeNode extends Node<'convTranspose'>, Window {
  readonly groups?: number;
  readonly weight: string;
  readonly bias?: string;
  readonly outputPadding?: Pair;
}

/** The filters as the convolution of which this is the way back has them: it leads from O to C channels. */
function filtersOf(node: ConvTransposeNode, input: { readonly C: number }, weights: Weights): Filters {
  const weight = weights.get(node.weight);
  if (!weight) throw shapeError(node.name, `its weight '${node.weight}' is not among the weights`);
  const groups = node.groups ?? 1;
  const [C = 0, perGroup = 0, R = 0, S = 0] = weight.shape;
  if (weight.shape.length !== 4 || R !== node.kernel[0] || S !== node.kernel[1] || perGroup < 1)
    throw shapeError(
      node.name,
      `weights are [${weight.shape.join(', ')}], its kernel is [${node.kernel.join(', ')}]: [C, O, R, S] would be ` +
        'right',
    );
  if (C !== input.C || C % groups !== 0)
    throw shapeError(
      node.name,
      `weights have ${C} input channels (${groups} groups), its input has ${input.C}: as many, a multiple of the ` +
        'groups, would be right',
    );
  return { name: node.weight, data: weight.data, shape: { O: C, C: perGroup * groups, R, S, groups } };
}

function extentsOf(node: ConvTransposeNode, x: Extents, weights: Weights): Extents {
  const { name, outputPadding = [0, 0] } = node;
  const { kernel, stride, pads, dilation } = fullWindow(node);
  const positive = [...kernel, ...stride, ...dilation];
  if (
    positive.some((n) => !Number.isInteger(n) || n < 1) ||
    [...pads, ...outputPadding].some((n) => !Number.isInteger(n) || n < 0)
  )
    throw shapeError(
      name,
      `kernel [${kernel}], stride [${stride}] and dilation [${dilation}] must be whole numbers from 1, pads ` +
        `[${pads}] and output padding [${outputPadding}] from 0`,
    );
  const along = (axis: 0 | 1): number => {
    const steps = ((axis === 0 ? x.H : x.W) - 1) * stride[axis];
    const span = (kernel[axis] - 1) * dilation[axis] + 1;
    const count = steps + span + outputPadding[axis] - pads[axis] - pads[axis + 2]!;
    if (count < 1 || count > MOST_POSITIONS)
      throw shapeError(
        name,
        `would write ${count} ${axis === 0 ? 'rows' : 'columns'}, pads are [${pads}]; 1 to ${MOST_POSITIONS} are ` +
          'possible',
        { count },
      );
    return count;
  };
  return { C: filtersOf(node, x, weights).shape.C, H: along(0), W: along(1) };
}

/** The convolution that leads from the result back to the input. */
const there = ({ node, x, y, weights }: OnePlaced<ConvTransposeNode>) => ({
  window: node,
  shape: filtersOf(node, x, weights).shape,
  x: y,
  y: x,
});

export const convTranspose = unary<ConvTransposeNode>({
  op: 'convTranspose',
  title: 'transposed convolution (stride, asymmetric pads, dilation, groups, output padding, bias)',
  fields: {
    ...window,
    groups: optional(extent),
    outputPadding: optional(pairFrom0),
    weight,
    bias: optional(weight),
  },

  extents(node, x, weights) {
    const y = extentsOf(node, x, weights);
    if (node.bias !== undefined) weightOf(weights, node.name, node.bias, [y.C]);
    return y;
  },

  forward(site) {
    const { node, batch, x, y, bits, weights, step } = site;
    const filters = filtersOf(node, x, weights);
    const bias =
      node.bias === undefined
        ? null
        : blockedVector(`${node.bias}/blocks`, y.C, weightOf(weights, node.name, node.bias, [y.C]));
    if (hasStride1(node))
      return convolve(
        {
          layer: node.name,
          name: 'convTransposeForward',
          filters,
          direction: 'flipped',
          dims: turnedDims(batch, { window: node, shape: filters.shape, x, y }),
          finish: finishForward({ bias: bias !== null, relu: false, bits: bits !== null, pooled: false }, { y }),
          x,
          stores: { y, bias, bits },
        },
        site.variants,
      );
    const [strided, direction] = isDepthwise(filters.shape)
      ? ([convDepthwiseBackwardStrided, 'forward'] as const)
      : ([convBackwardStrided, 'transposed'] as const);
    const plain = { accumulate: false, gate: 'none' } as const;
    const kernel = strided(convDims(batch, there(site)), { dX: y, dY: x }, plain, bias !== null);
    return [step('convTransposeForward', kernel, { dY: x, weight: directWeight(filters, direction), bias, dX: y })];
  },

  backward(site) {
    const { node, batch, x, weights, dY, dX, epilogue, kept } = site;
    return convolve(
      {
        layer: node.name,
        name: 'convTransposeBackward',
        filters: filtersOf(node, x, weights),
        direction: 'forward',
        dims: convDims(batch, there(site)),
        finish: finishBackward(epilogue, dX),
        x: dY,
        stores: { dX, ...kept },
      },
      site.variants,
    );
  },

  storesOnce: () => true,
});
