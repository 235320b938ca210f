import { MAX_POOL_TAPS, maxPoolBackward, maxPoolForward, switchBytes } from '../../shaders/maxPool';
import { GradlensError } from '../errors';
import type { Window } from '../shape';
import { flag, optional, window } from './fields';
import { type Node, type OnePlaced, type Slice, type Tensor, rewritten, unary } from './op';
import { poolDims, pooledExtents } from './pool';

/**
 * Padding never wins. `ceil`: a last, partial window counts, provided that it starts inside the input or its leading
 * padding.
 */
export interface MaxPoolNode extends Node<'maxPool'>, Window {
  readonly ceil?: boolean;
}

/** A tie goes to the first maximum in row-major order. */
export interface GlobalMaxPoolNode extends Node<'globalMaxPool'> {}

/** Which tap won each window, kept for the way back. */
export const maxPoolSwitches = (node: MaxPoolNode, batch: number, x: Slice, y: Slice): Tensor => ({
  name: `${node.name}.switches`,
  bytes: switchBytes(poolDims(node, batch, x, y)),
  kind: 'saved',
});

const switchesOf = ({ node, batch, x, y }: OnePlaced<MaxPoolNode>): Tensor => maxPoolSwitches(node, batch, x, y);

export const maxPool = unary<MaxPoolNode>({
  op: 'maxPool',
  title: 'max-pool (overlap, pads, dilation, ceil, ties)',
  fields: { ...window, ceil: optional(flag) },

  extents(node, x) {
    const taps = node.kernel[0] * node.kernel[1];
    if (taps > MAX_POOL_TAPS) {
      throw new GradlensError(
        'unsupported-op',
        `${node.name}: a max-pool window of ${node.kernel.join('×')} is too large, at most ${MAX_POOL_TAPS} taps ` +
          'along an axis are supported',
        { node: node.name, taps },
      );
    }
    return pooledExtents(node, x);
  },

  forward(site) {
    const { node, batch, x, y, rectified, step } = site;
    const switches = switchesOf(site);
    return [
      step('maxPoolForward', maxPoolForward(poolDims(node, batch, x, y), { x, y }, rectified), { x, y, switches }),
    ];
  },

  backward(site) {
    const { node, batch, rectified, dY, dX, epilogue, step } = site;
    const kernel = maxPoolBackward(poolDims(node, batch, dX, dY), { dX, dY }, rectified, epilogue);
    return [step('maxPoolBackward', kernel, { dY, switches: switchesOf(site), dX })];
  },
});

/** The pool of one window. */
export const globalMaxPool = rewritten<GlobalMaxPoolNode>('windowPools', {
  op: 'globalMaxPool',
  title: 'global max-pool',
  fields: {},
  extents: ({ C }) => ({ C, H: 1, W: 1 }),
});
