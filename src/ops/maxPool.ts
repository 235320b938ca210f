import { MAX_POOL_TAPS, maxPoolBackward, maxPoolForward, switchBytes } from '../../shaders/maxPool';
import { GradlensError } from '../errors';
import type { MaxPoolNode } from '../graph';
import type { Op, Site, Slice, Tensor } from './op';
import { poolDims, pooledExtents } from './pool';

/** Which tap won each window, kept for the way back. */
export const maxPoolSwitches = (node: MaxPoolNode, batch: number, x: Slice, y: Slice): Tensor => ({
  name: `${node.name}.switches`,
  bytes: switchBytes(poolDims(node, batch, x, y)),
  kind: 'saved',
});

const switchesOf = ({ node, batch, inputs, output }: Site<MaxPoolNode>): Tensor =>
  maxPoolSwitches(node, batch, inputs[0]!, output);

export const maxPool: Op<MaxPoolNode> = {
  extents(node, [input]) {
    const taps = node.kernel[0] * node.kernel[1];
    if (taps > MAX_POOL_TAPS) {
      throw new GradlensError(
        'unsupported-op',
        `${node.name}: a max-pool window of ${node.kernel.join('×')} is too large, at most ${MAX_POOL_TAPS} taps along an axis are supported`,
        { node: node.name, taps },
      );
    }
    return pooledExtents(node, input!);
  },

  forward(site) {
    const { node, batch, inputs, output, rectified } = site;
    return [
      {
        label: `${node.name}.maxPoolForward`,
        kernel: maxPoolForward(poolDims(node, batch, inputs[0]!, output), rectified[0]!),
        bind: { x: inputs[0]!.storage, y: output.storage, switches: switchesOf(site) },
      },
    ];
  },

  backward(site, { dY, dX, epilogue, kept }) {
    const { node, batch, rectified } = site;
    return [
      {
        label: `${node.name}.maxPoolBackward`,
        kernel: maxPoolBackward(poolDims(node, batch, dX, dY), rectified[0]!, epilogue),
        bind: { dY: dY.storage, switches: switchesOf(site), dX: dX.storage, ...kept },
      },
    ];
  },
};
