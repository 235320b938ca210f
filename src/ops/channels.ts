/** Operators that only move channels. */
import { concatBackward, concatForward, flattenBackward, flattenForward } from '../../shaders/channels';
import type { ConcatNode, FlattenNode } from '../graph';
import { elements, printExtents, shapeError } from '../shape';
import type { Op, Slice } from './op';

const places = (x: Slice, y: Slice) => ({ X_BLOCK: x.block, X_BLOCKS: x.blocks, Y_BLOCK: y.block, Y_BLOCKS: y.blocks });

const offsetOf = (inputs: readonly { C: number }[], k: number): number => inputs.slice(0, k).reduce((sum, { C }) => sum + C, 0);

export const concat: Op<ConcatNode> = {
  extents(node, inputs) {
    const [first] = inputs;
    const other = inputs.find(({ H, W }) => H !== first!.H || W !== first!.W);
    if (other) throw shapeError(node.name, `its inputs are ${printExtents(first!)} and ${printExtents(other)}; along channels, height and width must agree`);
    return { ...first!, C: offsetOf(inputs, inputs.length) };
  },

  forward: ({ node, batch, inputs, output }) => inputs.map((x, k) => ({
    label: `${node.name}.concatForward`,
    kernel: concatForward({ N: batch, H: x.H, W: x.W, PART: x.C, WHOLE: output.C, OFFSET: offsetOf(inputs, k), ...places(x, output) }),
    bind: { x: x.storage, y: output.storage },
  })),

  backward: ({ node, batch, inputs }, { k, dY, dX, epilogue, kept }) => [{
    label: `${node.name}.concatBackward`,
    kernel: concatBackward({ N: batch, H: dX.H, W: dX.W, PART: dX.C, WHOLE: dY.C, OFFSET: offsetOf(inputs, k), ...places(dX, dY) }, epilogue),
    bind: { dY: dY.storage, dX: dX.storage, ...kept },
  }],
};

export const flatten: Op<FlattenNode> = {
  extents: (_, [input]) => ({ C: elements(input!), H: 1, W: 1 }),

  forward: ({ node, batch, inputs: [x], output }) => [{
    label: `${node.name}.flattenForward`,
    kernel: flattenForward({ N: batch, C: x!.C, H: x!.H, W: x!.W, ...places(x!, output) }),
    bind: { x: x!.storage, y: output.storage },
  }],

  backward: ({ node, batch }, { dY, dX, epilogue, kept }) => [{
    label: `${node.name}.flattenBackward`,
    kernel: flattenBackward({ N: batch, C: dX.C, H: dX.H, W: dX.W, ...places(dX, dY) }, epilogue),
    bind: { dY: dY.storage, dX: dX.storage, ...kept },
  }],
};
