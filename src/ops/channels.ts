/** Operators that only move elements. */
import { type ChannelDims, type RearrangeDims, concatBackward, concatForward, rearrange } from '../../shaders/channels';
import { AXES, type Axis, type Extents, type Triple, elements, printExtents, shapeError, triple } from '../shape';
import { axes, extents } from './fields';
import { type Description, type Node, unary, variadic } from './op';

/** Along channels; any number of inputs. */
export interface ConcatNode extends Node<'concat'> {}

/** `C×H×W → (C·H·W)×1×1`, in C, H, W order. */
export interface FlattenNode extends Node<'flatten'> {}

/** The same numbers, in C, H, W order, under other extents. */
export interface ReshapeNode extends Node<'reshape'> {
  readonly extents: Triple;
}

/** Axis k of the result is axis `order[k]` of the input. */
export interface TransposeNode extends Node<'transpose'> {
  readonly order: readonly [Axis, Axis, Axis];
}

const offsetOf = (inputs: readonly { C: number }[], k: number): number =>
  inputs.slice(0, k).reduce((sum, { C }) => sum + C, 0);

/** Part k of the whole. */
const partOf = (batch: number, inputs: readonly Extents[], k: number, part: Extents, whole: Extents): ChannelDims => ({
  N: batch,
  H: part.H,
  W: part.W,
  PART: part.C,
  WHOLE: whole.C,
  OFFSET: offsetOf(inputs, k),
});

export const concat = variadic<ConcatNode>(
  { fewest: 1 },
  {
    op: 'concat',
    title: 'concatenation along channels',
    fields: {},

    extents(node, inputs) {
      const [first] = inputs as readonly [Extents];
      const other = inputs.find(({ H, W }) => H !== first.H || W !== first.W);
      if (other)
        throw shapeError(
          node.name,
          `its inputs are ${printExtents(first)} and ${printExtents(other)}; along channels, height and width ` +
            'must agree',
        );
      return { ...first, C: offsetOf(inputs, inputs.length) };
    },

    forward: ({ batch, inputs, y, step }) =>
      inputs.map((x, k) => step('concatForward', concatForward(partOf(batch, inputs, k, x, y), { x, y }), { x, y })),

    backward: ({ batch, inputs, k, dY, dX, epilogue, step }) => [
      step('concatBackward', concatBackward(partOf(batch, inputs, k, dX, dY), { dX, dY }, epilogue), { dY, dX }),
    ],
  },
);

/**
 * How the result's elements are found in the input: the stride of each of its axes, in elements of the input in C, H, W
 * order.
 */
type Strides = Triple;

const inOrder = ({ H, W }: Extents): Strides => [H * W, W, 1];

function rearrangement(
  batch: number,
  { to, from, strides: [SC, SH, SW] }: { readonly to: Extents; readonly from: Extents; readonly strides: Strides },
): RearrangeDims {
  return { N: batch, C: to.C, H: to.H, W: to.W, SC, SH, SW, PLANE: from.H * from.W };
}

/** An operator that moves every element to another place. `strides(x, y)`: of the way forward and of the way back. */
const rearranging = <N extends Node>({
  extents,
  strides,
  ...description
}: Description<N> & {
  extents(node: N, x: Extents): Extents;
  strides(node: N, x: Extents, y: Extents): { readonly forward: Strides; readonly backward: Strides };
}) =>
  unary<N>({
    ...description,
    extents,
    forward({ node, batch, x, y, step }) {
      const dims = rearrangement(batch, { to: y, from: x, strides: strides(node, x, y).forward });
      return [step(`${node.op}Forward`, rearrange(dims, { from: x, to: y }, null), { x, y })];
    },
    backward({ node, batch, dY, dX, epilogue, step }) {
      const dims = rearrangement(batch, { to: dX, from: dY, strides: strides(node, dX, dY).backward });
      return [step(`${node.op}Backward`, rearrange(dims, { from: dY, to: dX }, epilogue), { x: dY, dX })];
    },
  });

/** Elements keep their number in C, H, W order. */
const inPlace = (_: Node, x: Extents, y: Extents) => ({ forward: inOrder(y), backward: inOrder(x) });

export const flatten = rearranging<FlattenNode>({
  op: 'flatten',
  title: 'flatten',
  fields: {},
  extents: (_, x) => ({ C: elements(x), H: 1, W: 1 }),
  strides: inPlace,
});

export const reshape = rearranging<ReshapeNode>({
  op: 'reshape',
  title: 'reshape',
  fields: { extents },
  extents({ name, extents: [C, H, W] }, x) {
    const y = { C, H, W };
    if (elements(y) !== elements(x))
      throw shapeError(name, `makes ${printExtents(y)} of ${printExtents(x)}; the number of elements must stay`);
    return y;
  },
  strides: inPlace,
});

export const transpose = rearranging<TransposeNode>({
  op: 'transpose',
  title: 'transpose',
  fields: { order: axes(3) },
  extents({ name, order }, x) {
    if (new Set(order).size !== 3 || order.some((axis) => !AXES.includes(axis)))
      throw shapeError(name, `its order is [${order.join(', ')}]; C, H and W, each once, would be right`);
    const [c, h, w] = order;
    return { C: x[c], H: x[h], W: x[w] };
  },
  // axis k of the result walks along axis order[k] of the input, and the other way round
  strides: ({ order }, x, y) => ({
    forward: triple((axis) => inOrder(x)[AXES.indexOf(order[axis]) as 0 | 1 | 2]),
    backward: triple((axis) => inOrder(y)[order.indexOf(AXES[axis]) as 0 | 1 | 2]),
  }),
});
