import { type ImageDims, imageBackward, imageForward } from '../../shaders/image';
import { blocksOf } from '../../shaders/kernel';
import type { Extents } from '../graph';
import type { ImageNode, Op } from './op';

/** The image layer as kernels count it. */
export function imageDims(node: ImageNode, batch: number, { C, H, W }: Extents): ImageDims {
  const [STRIDE_Y, STRIDE_X] = node.stride;
  const DEPTH = C * STRIDE_Y * STRIDE_X;
  return {
    N: batch,
    C,
    H,
    W,
    STRIDE_Y,
    STRIDE_X,
    PAD_TOP: node.pads[0],
    PAD_LEFT: node.pads[1],
    DEPTH,
    BLOCKS: blocksOf(DEPTH),
    P: node.cells[0],
    Q: node.cells[1],
  };
}

export const image: Op<ImageNode> = {
  extents: ({ stride, cells }, [input]) => ({ C: input!.C * stride[0] * stride[1], H: cells[0], W: cells[1] }),

  forward: ({ node, batch, inputs, output }) => [
    {
      label: `${node.name}.imageForward`,
      kernel: imageForward(imageDims(node, batch, inputs[0]!)),
      bind: { x: inputs[0]!.storage, y: output.storage },
    },
  ],

  backward: ({ node, batch }, { dY, dX }) => [
    {
      label: `${node.name}.imageBackward`,
      kernel: imageBackward(imageDims(node, batch, dX)),
      bind: { dY: dY.storage, dX: dX.storage },
    },
  ],
};
