import { convDepthwiseBackwardStrided } from '../../shaders/conv/depthwise';
import { finishBackward, finishForward } from '../../shaders/conv/finish';
import { type ConvDims, phasesOf } from '../../shaders/conv/shape';
import { convBackwardStrided } from '../../shaders/conv/strided';
import { type ConvWeightShape, blockedGroups, everyTap, isDepthwise } from '../../shaders/conv/weights';
import { blocksOf } from '../../shaders/kernel';
import { type Extents, type Window, fullWindow, shapeError, slide } from '../shape';
import { type Filters, convolve, directWeight } from './convolutionSteps';
import { extent, optional, weight, window } from './fields';
import { type MaxPoolNode, maxPoolSwitches } from './maxPool';
import { type Node, type OneBackward, type OnePlaced, type Step, type Tensor, type Weights, unary } from './op';
import { blockedVector, weightOf } from './parameters';

/** Cross-correlation, as in every ConvNet framework. `weight`: `[O, C/groups, R, S]`; `bias`: `[O]`. */
export interface ConvNode extends Node<'conv'>, Window {
  readonly groups?: number;
  readonly weight: string;
  readonly bias?: string;
}

function weightShape(node: ConvNode, input: { C: number }, weights: Weights) {
  const weight = weights.get(node.weight);
  if (!weight) throw shapeError(node.name, `its weight '${node.weight}' is not among the weights`);
  const groups = node.groups ?? 1;
  const [O = 0, perGroup = 0, R = 0, S = 0] = weight.shape;
  if (weight.shape.length !== 4 || R !== node.kernel[0] || S !== node.kernel[1]) {
    throw shapeError(
      node.name,
      `weights are [${weight.shape.join(', ')}], its kernel is [${node.kernel.join(', ')}]: [O, C, R, S] would ` +
        'be right',
    );
  }
  if (perGroup * groups !== input.C || O % groups !== 0) {
    throw shapeError(
      node.name,
      `weights have ${perGroup * groups} input channels (${groups} groups) and ${O} output channels, its input ` +
        `has ${input.C}`,
    );
  }
  return { weight, O, C: input.C, R, S, groups };
}

function filtersOf({ node, weights, x }: OnePlaced<ConvNode>): Filters {
  const { weight, ...shape } = weightShape(node, x, weights);
  return { name: node.weight, data: weight.data, shape };
}

/** The convolution that leads from `x` to `y`, as the kernels count it. */
export function convDims(
  batch: number,
  { window, shape, x, y }: { readonly window: Window; readonly shape: ConvWeightShape; x: Extents; y: Extents },
): ConvDims {
  const { stride, pads, dilation } = fullWindow(window);
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
  };
}

const dimsOf = (site: OnePlaced<ConvNode>, x: Extents, y: Extents): ConvDims =>
  convDims(site.batch, { window: site.node, shape: filtersOf(site).shape, x, y });

/** The convolution of stride 1, by turned filters, that leads back from the output of one of stride 1 to its input. */
export function turnedDims(batch: number, given: Parameters<typeof convDims>[1]): ConvDims {
  const {
    kernel: [R, S],
    pads,
    dilation,
  } = fullWindow(given.window);
  return {
    ...convDims(batch, given),
    PAD_TOP: (R - 1) * dilation[0] - pads[0],
    PAD_LEFT: (S - 1) * dilation[1] - pads[1],
  };
}

export const hasStride1 = (node: Window): boolean => fullWindow(node).stride.every((step) => step === 1);

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

const convSwitches = ({ node, batch, y }: OnePlaced<ConvNode>): Tensor =>
  maxPoolSwitches(carriedPool(node.name), batch, unpooled(y), y);

/**
 * The way back from a stride as convolutions without, one for each phase of the input: where those have kernels that
 * are made for them. Null: they do not.
 */
function strided(site: OneBackward<ConvNode>, { name, data, shape }: Filters): readonly Step[] | null {
  const { node, dY, dX, epilogue, kept, variants } = site;
  const { stride, pads, dilation } = fullWindow(node);
  if (hasStride1(node) || isDepthwise(shape) || dilation.some((step) => step > 1)) return null;
  const phases = phasesOf(dimsOf(site, dX, dY));
  if (!phases.some(({ dims }) => variants.conv(dims).family !== 'direct')) return null;
  return phases.flatMap(({ dims, phase }, number) => {
    const { R, S } = dims;
    if (R * S === 0 && epilogue.accumulate && epilogue.gate === 'none') return [];
    const first = [(phase.FROM_Y + pads[0]) % stride[0], (phase.FROM_X + pads[1]) % stride[1]] as const;
    const filters: Filters = {
      name: `${name}/taps ${first.join(' ')} of ${stride.join(' ')}`,
      shape: { ...shape, R, S },
      get data() {
        return everyTap(data, shape, stride, first);
      },
    };
    return convolve(
      {
        layer: node.name,
        name: `convBackwardPhase${number}`,
        filters,
        direction: 'flipped',
        dims,
        finish: finishBackward(epilogue, dX, phase),
        x: dY,
        stores: { dX: { ...dX, phase: { layer: node.name, number } }, ...kept },
      },
      variants,
    );
  });
}

export const conv = unary<ConvNode>({
  op: 'conv',
  title: 'convolution (stride, asymmetric pads, dilation, groups, bias)',
  fields: { ...window, groups: optional(extent), weight, bias: optional(weight) },

  extents(node, x, weights) {
    const { O } = weightShape(node, x, weights);
    if (node.bias !== undefined) weightOf(weights, node.name, node.bias, [O]);
    const { P, Q } = slide(node.name, node, x);
    return node.pooled ? { C: O, H: P / 2, W: Q / 2 } : { C: O, H: P, W: Q };
  },

  forward(site) {
    const { node, x, y, bits, addend, weights } = site;
    const { bias, relu = false, clip, pooled = false } = node;
    const name = pooled ? 'convPoolForward' : 'convForward';
    return convolve(
      {
        layer: node.name,
        name,
        filters: filtersOf(site),
        direction: 'forward',
        dims: dimsOf(site, x, pooled ? unpooled(y) : y),
        finish: finishForward({ bias: bias !== undefined, relu, clip, bits: bits !== null, pooled }, { y, addend }),
        x,
        stores: {
          y,
          bias:
            bias === undefined ? null : blockedVector(`${bias}/blocks`, y.C, weightOf(weights, node.name, bias, [y.C])),
          addend,
          bits: pooled ? null : bits,
          switches: pooled ? convSwitches(site) : null,
        },
      },
      site.variants,
    );
  },

  backward(site) {
    const { node, dY, dX, epilogue, kept, step } = site;
    const filters = filtersOf(site);
    const phases = strided(site, filters);
    if (phases) return phases;
    if (!hasStride1(node)) {
      const [strided, direction] = isDepthwise(filters.shape)
        ? ([convDepthwiseBackwardStrided, 'forward'] as const)
        : ([convBackwardStrided, 'transposed'] as const);
      const kernel = strided(dimsOf(site, dX, dY), { dX, dY }, epilogue);
      return [step('convBackwardStrided', kernel, { dY, weight: directWeight(filters, direction), dX })];
    }
    return convolve(
      {
        layer: node.name,
        name: 'convBackward',
        filters,
        direction: 'flipped',
        dims: turnedDims(site.batch, { window: node, shape: filters.shape, x: dY, y: dX }),
        finish: finishBackward(epilogue, dX),
        x: dY,
        stores: { dX, ...kept },
      },
      site.variants,
    );
  },

  storesOnce: hasStride1,
});
