import { MAX_POOL_TAPS } from '../../shaders/maxPool';
import type { AveragePoolNode } from '../ops/averagePool';
import type { MaxPoolNode } from '../ops/maxPool';
import { MOST_AT_ONCE } from '../ops/separable';
import type { Layer } from './network';
import { fullWindow } from '../shape';
import { extentsOf } from './extents';
import type { Rewrite } from './network';

/**
 * A global pool is a pool of one window. A max-pool with more taps than a switch can name becomes one along the rows
 * and one along the columns: the winner is the same, also of a tie, the first of each row and of these the first row.
 * An average of a large plane becomes a mean along its axes, whose sums are shared out. Works front to back, since
 * later extents need the earlier layers rewritten.
 */
export const windowPools: Rewrite = (network) => {
  const extents = new Map([[network.input.name, network.input.extents]]);
  const layers = network.layers.flatMap((layer): readonly Layer[] => {
    const { name, inputs } = layer;
    const { H, W } = extents.get(inputs[0] ?? network.input.name)!;
    const windowed: Layer =
      layer.op === 'globalAveragePool'
        ? { op: 'averagePool', name, inputs, kernel: [H, W] }
        : layer.op === 'globalMaxPool'
          ? { op: 'maxPool', name, inputs, kernel: [H, W] }
          : layer;
    const rewritten =
      windowed.op === 'maxPool'
        ? split(windowed)
        : windowed.op === 'averagePool' && isLargePlane(windowed, H, W)
          ? [{ op: 'reduce', name, inputs, kind: 'mean', axes: ['H', 'W'] } as const]
          : [windowed];
    for (const one of rewritten) extents.set(one.name, extentsOf(one, extents, network.weights));
    return rewritten;
  });
  return { ...network, layers };
};

function isLargePlane(layer: Layer<AveragePoolNode>, H: number, W: number): boolean {
  const { kernel, pads } = fullWindow(layer);
  return kernel[0] === H && kernel[1] === W && H * W > MOST_AT_ONCE && pads.every((pad) => pad === 0);
}

function split(layer: Layer<MaxPoolNode>): readonly Layer<MaxPoolNode>[] {
  const {
    kernel: [R, S],
    stride,
    pads: [top, left, bottom, right],
    dilation,
  } = fullWindow(layer);
  if (R * S <= MAX_POOL_TAPS || Math.max(R, S) > MAX_POOL_TAPS) return [layer];
  const along: Layer<MaxPoolNode> = {
    ...layer,
    name: `${layer.name}.rows`,
    kernel: [1, S],
    stride: [1, stride[1]],
    pads: [0, left, 0, right],
    dilation: [1, dilation[1]],
  };
  const down: Layer<MaxPoolNode> = {
    ...layer,
    inputs: [along.name],
    kernel: [R, 1],
    stride: [stride[0], 1],
    pads: [top, 0, bottom, 0],
    dilation: [dilation[0], 1],
  };
  return [along, down];
}
