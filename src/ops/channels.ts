/** Operators that only move elements. */
import { type RearrangeDims, concatBackward, concatForward, rearrange } from '../../shaders/channels';
import type { ConcatNode, Extents, FlattenNode, ReshapeNode, TransposeNode } from '../graph';
import { elements, printExtents, shapeError } from '../shape';
import type { Op, Slice } from './op';

const places = (x: Slice, y: Slice) => ({ X_BLOCK: x.block, X_BLOCKS: x.blocks, Y_BLOCK: y.block, Y_BLOCKS: y.blocks });

const offsetOf = (inputs: readonly { C: number }[], k: number): number =>
  inputs.slice(0, k).reduce((sum, { C }) => sum + C, 0);

export const concat: Op<ConcatNode> = {
  extents(node, inputs) {
    const [first] = inputs;
    const other = inputs.find(({ H, W }) => H !== first!.H || W !== first!.W);
    if (other)
      throw shapeError(
        node.name,
        `its inputs are ${printExtents(first!)} and ${printExtents(other)}; along channels, height and width must agree`,
      );
    return { ...first!, C: offsetOf(inputs, inputs.length) };
  },

  forward: ({ node, batch, inputs, output }) =>
    inputs.map((x, k) => ({
      label: `${node.name}.concatForward`,
      kernel: concatForward({
        N: batch,
        H: x.H,
        W: x.W,
        PART: x.C,
        WHOLE: output.C,
        OFFSET: offsetOf(inputs, k),
        ...places(x, output),
      }),
      bind: { x: x.storage, y: output.storage },
    })),

  backward: ({ node, batch, inputs }, { k, dY, dX, epilogue, kept }) => [
    {
      label: `${node.name}.concatBackward`,
      kernel: concatBackward(
        { N: batch, H: dX.H, W: dX.W, PART: dX.C, WHOLE: dY.C, OFFSET: offsetOf(inputs, k), ...places(dX, dY) },
        epilogue,
      ),
      bind: { dY: dY.storage, dX: dX.storage, ...kept },
    },
  ],
};

/**
 * How the result's elements are found in the input: the stride of each of its axes, in elements of the input in C, H, W
 * order.
 */
type Strides = readonly [SC: number, SH: number, SW: number];

const inOrder = ({ H, W }: Extents): Strides => [H * W, W, 1];

function rearrangement(
  batch: number,
  { to, from, strides: [SC, SH, SW] }: { readonly to: Slice; readonly from: Slice; readonly strides: Strides },
): RearrangeDims {
  return { N: batch, C: to.C, H: to.H, W: to.W, SC, SH, SW, PLANE: from.H * from.W, ...places(from, to) };
}

/** An operator that moves every element to another place. `strides(y's extents)`, and the same for the way back. */
function rearranging<N extends FlattenNode | ReshapeNode | TransposeNode>(
  extents: Op<N>['extents'],
  strides: (node: N, x: Extents, y: Extents) => { readonly forward: Strides; readonly backward: Strides },
): Op<N> {
  return {
    extents,
    forward: ({ node, batch, inputs: [x], output }) => [
      {
        label: `${node.name}.${node.op}Forward`,
        kernel: rearrange(
          rearrangement(batch, { to: output, from: x!, strides: strides(node, x!, output).forward }),
          null,
        ),
        bind: { x: x!.storage, y: output.storage },
      },
    ],
    backward: ({ node, batch }, { dY, dX, epilogue, kept }) => [
      {
        label: `${node.name}.${node.op}Backward`,
        kernel: rearrange(
          rearrangement(batch, { to: dX, from: dY, strides: strides(node, dX, dY).backward }),
          epilogue,
        ),
        bind: { x: dY.storage, dX: dX.storage, ...kept },
      },
    ],
  };
}

export const flatten: Op<FlattenNode> = rearranging(
  (_, [input]) => ({ C: elements(input!), H: 1, W: 1 }),
  (_, x, y) => ({ forward: inOrder(y), backward: inOrder(x) }),
);

export const reshape: Op<ReshapeNode> = rearranging(
  ({ name, extents: [C, H, W] }, [input]) => {
    const extents = { C, H, W };
    if (elements(extents) !== elements(input!))
      throw shapeError(
        name,
        `makes ${printExtents(extents)} of ${printExtents(input!)}; the number of elements must stay`,
      );
    return extents;
  },
  (_, x, y) => ({ forward: inOrder(y), backward: inOrder(x) }),
);

const AXES = ['C', 'H', 'W'] as const;

/** The strides of `of`'s axes, in the given order. */
const permuted = (of: Extents, order: readonly number[]): Strides =>
  order.map((axis) => inOrder(of)[axis]!) as unknown as Strides;

export const transpose: Op<TransposeNode> = rearranging(
  ({ name, order }, [input]) => {
    if (new Set(order).size !== 3 || order.some((axis) => !AXES.includes(axis)))
      throw shapeError(name, `its order is [${order.join(', ')}]; C, H and W, each once, would be right`);
    const [C, H, W] = order.map((axis) => input![axis]) as [number, number, number];
    return { C, H, W };
  },
  ({ order }, x, y) => ({
    forward: permuted(
      x,
      order.map((axis) => AXES.indexOf(axis)),
    ),
    backward: permuted(
      y,
      AXES.map((axis) => order.indexOf(axis)),
    ),
  }),
);
