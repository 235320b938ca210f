/** What max- and average pooling share: their shape rule, and their extents as the kernels count them. */
import { blocksOf } from '../../shaders/kernel';
import type { PoolDims } from '../../shaders/maxPool';
import { type Extents, type Window, fullWindow, shapeError, slide } from '../shape';

export type PoolNode = Window & { readonly name: string; readonly ceil?: boolean };

export function pooledExtents(node: PoolNode, input: Extents): Extents {
  const { P, Q } = slide(node.name, node, input, node.ceil);
  const { kernel, stride, pads, dilation } = fullWindow(node);
  for (const [axis, count, extent] of [
    [0, P, input.H],
    [1, Q, input.W],
  ] as const) {
    // those that begin before the input, and the last: all others begin inside
    const leading = Math.min(count, Math.ceil(pads[axis] / stride[axis]));
    for (
      let position = 0;
      position < count;
      position = position < leading - 1 || position === count - 1 ? position + 1 : count - 1
    ) {
      const begin = position * stride[axis] - pads[axis];
      const tap = Math.max(0, Math.ceil(-begin / dilation[axis])); // the first past the padding
      if (tap >= kernel[axis] || begin + tap * dilation[axis] >= extent)
        throw shapeError(
          node.name,
          `window ${position} of ${axis === 0 ? 'its rows' : 'its columns'} lies in the padding alone, where ` +
            `there is nothing to pool; smaller pads [${pads}] would do`,
          { pads },
        );
    }
  }
  return { C: input.C, H: P, W: Q };
}

export function poolDims(node: PoolNode, batch: number, x: Extents, y: Extents): PoolDims {
  const { kernel, stride, pads, dilation } = fullWindow(node);
  return {
    N: batch,
    H: x.H,
    W: x.W,
    P: y.H,
    Q: y.W,
    R: kernel[0],
    S: kernel[1],
    STRIDE_Y: stride[0],
    STRIDE_X: stride[1],
    PAD_TOP: pads[0],
    PAD_LEFT: pads[1],
    DILATION_Y: dilation[0],
    DILATION_X: dilation[1],
    BLOCKS: blocksOf(x.C),
  };
}
