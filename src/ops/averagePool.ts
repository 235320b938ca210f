import { type AveragePoolDims, averagePoolBackward, averagePoolForward } from '../../shaders/averagePool';
import { type Window, fullWindow } from '../shape';
import { flag, optional, window } from './fields';
import { type Node, type Slice, rewritten, unary } from './op';
import { poolDims, pooledExtents } from './pool';

/**
 * Each window divides by its own count: all its taps within the padded input if `countPadding`, else only those inside
 * the input.
 */
export interface AveragePoolNode extends Node<'averagePool'>, Window {
  readonly ceil?: boolean;
  readonly countPadding?: boolean;
}

export interface GlobalAveragePoolNode extends Node<'globalAveragePool'> {}

function dimsOf(node: AveragePoolNode, batch: number, x: Slice, y: Slice): AveragePoolDims {
  const [top, left, bottom, right] = fullWindow(node).pads;
  return {
    ...poolDims(node, batch, x, y),
    PADDED_H: x.H + top + bottom,
    PADDED_W: x.W + left + right,
    COUNT_PADDING: node.countPadding ? 1 : 0,
  };
}

export const averagePool = unary<AveragePoolNode>({
  op: 'averagePool',
  title: 'average pool (overlap, pads, dilation, ceil)',
  fields: { ...window, ceil: optional(flag), countPadding: optional(flag) },

  extents: pooledExtents,

  forward: ({ node, batch, x, y, step }) => [
    step('averagePoolForward', averagePoolForward(dimsOf(node, batch, x, y), { x, y }), { x, y }),
  ],

  backward: ({ node, batch, dY, dX, epilogue, step }) => [
    step('averagePoolBackward', averagePoolBackward(dimsOf(node, batch, dX, dY), { dX, dY }, epilogue), { dY, dX }),
  ],
});

/** The pool of one window. */
export const globalAveragePool = rewritten<GlobalAveragePoolNode>('windowPools', {
  op: 'globalAveragePool',
  title: 'global average pool',
  fields: {},
  extents: ({ C }) => ({ C, H: 1, W: 1 }),
});
