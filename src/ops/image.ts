import { type ImageDims, imageBackward, imageForward } from '../../shaders/image';
import { blocksOf } from '../../shaders/kernel';
import type { Extents, Pads, Pair } from '../shape';
import { extentPair, pads } from './fields';
import { type Node, type Op, unary } from './op';

/**
 * The way in, put before the first layer: pixels become blocks and, with a stride, space becomes depth (see
 * `shaders/image.ts`). The only node that no file holds.
 */
export interface ImageNode extends Node<'image'> {
  readonly stride: Pair;
  readonly pads: Pads;
  /** Rows and columns of cells. */
  readonly cells: Pair;
}

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

/** No file holds it, so it is an operator without being one of the records. */
export const image: Op<ImageNode> = unary<ImageNode>({
  op: 'image',
  title: 'way in',
  fields: { stride: extentPair, pads, cells: extentPair },

  extents: ({ stride, cells }, x) => ({ C: x.C * stride[0] * stride[1], H: cells[0], W: cells[1] }),

  forward: ({ node, batch, x, y, step }) => [step('imageForward', imageForward(imageDims(node, batch, x)), { x, y })],

  backward: ({ node, batch, dY, dX, step }) => [
    step('imageBackward', imageBackward(imageDims(node, batch, dX)), { dY, dX }),
  ],
});
