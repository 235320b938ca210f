import { type AveragePoolDims, averagePoolBackward, averagePoolForward } from '../../shaders/averagePool';
import type { AveragePoolNode } from '../graph';
import { fullWindow } from '../shape';
import type { Op, Slice } from './op';
import { poolDims, pooledExtents } from './pool';

function dimsOf(node: AveragePoolNode, batch: number, x: Slice, y: Slice): AveragePoolDims {
  const [top, left, bottom, right] = fullWindow(node).pads;
  return {
    ...poolDims(node, batch, x, y),
    PADDED_H: x.H + top + bottom,
    PADDED_W: x.W + left + right,
    COUNT_PADDING: node.countPadding ? 1 : 0,
  };
}

export const averagePool: Op<AveragePoolNode> = {
  extents: (node, [input]) => pooledExtents(node, input!),

  forward: ({ node, batch, inputs, output }) => [
    {
      label: `${node.name}.averagePoolForward`,
      kernel: averagePoolForward(dimsOf(node, batch, inputs[0]!, output)),
      bind: { x: inputs[0]!.storage, y: output.storage },
    },
  ],

  backward: ({ node, batch }, { dY, dX, epilogue, kept }) => [
    {
      label: `${node.name}.averagePoolBackward`,
      kernel: averagePoolBackward(dimsOf(node, batch, dX, dY), epilogue),
      bind: { dY: dY.storage, dX: dX.storage, ...kept },
    },
  ],
};
