import { type LrnDims, lrnBackward, lrnForward } from '../../shaders/lrn';
import { blocksOf, floatBits } from '../../shaders/kernel';
import type { LrnNode } from '../graph';
import { shapeError } from '../shape';
import type { Op, Site, Slice, Tensor } from './op';

function dimsOf({ node, batch }: Site<LrnNode>, x: Slice, y: Slice): LrnDims {
  return {
    N: batch,
    C: x.C,
    H: x.H,
    W: x.W,
    BLOCKS: blocksOf(x.C),
    BELOW: Math.floor((node.size - 1) / 2),
    ABOVE: Math.ceil((node.size - 1) / 2),
    SHARE: floatBits(node.alpha / node.size),
    BETA: floatBits(node.beta),
    K: floatBits(node.k),
    X_BLOCK: x.block,
    X_BLOCKS: x.blocks,
    Y_BLOCK: y.block,
    Y_BLOCKS: y.blocks,
  };
}

/** What each element is divided by, before the power. */
const scalesOf = ({ node, batch, inputs: [x] }: Site<LrnNode>): Tensor => ({
  name: `${node.name}.scales`,
  bytes: batch * blocksOf(x!.C) * x!.H * x!.W * 16,
  kind: 'saved',
});

export const lrn: Op<LrnNode> = {
  extents({ name, size, alpha, beta, k }, [input]) {
    if (!Number.isInteger(size) || size < 1)
      throw shapeError(name, `its size is ${size}; a whole number of channels, from 1, would be right`);
    if (!(k > 0 && alpha >= 0) || !Number.isFinite(beta))
      throw shapeError(
        name,
        `k ${k}, alpha ${alpha} and beta ${beta} do not keep the sum of squares positive: k above 0 and alpha from 0 would be right`,
      );
    return input!;
  },

  forward: (site) => [
    {
      label: `${site.node.name}.lrnForward`,
      kernel: lrnForward(dimsOf(site, site.inputs[0]!, site.output)),
      bind: { x: site.inputs[0]!.storage, y: site.output.storage, scales: scalesOf(site) },
    },
  ],

  backward: (site, { dY, dX, epilogue, kept }) => [
    {
      label: `${site.node.name}.lrnBackward`,
      kernel: lrnBackward(dimsOf(site, site.inputs[0]!, dY), dX, epilogue),
      bind: { dY: dY.storage, x: site.inputs[0]!.storage, dX: dX.storage, ...kept, scales: scalesOf(site) },
    },
  ],

  keepsInputs: true,
};
