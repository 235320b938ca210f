import { floatBits, blocksOf } from '../../shaders/kernel';
import { type LrnDims, lrnBackward, lrnForward } from '../../shaders/lrn';
import { shapeError } from '../shape';
import { extent, number } from './fields';
import { type Node, type OnePlaced, type Tensor, unary } from './op';

/**
 * Local response normalization across channels: `y[c] = x[c] / (k + alpha / size · Σ x[c′]²)^beta`, with c′ from
 * `c − ⌊(size − 1)/2⌋` to `c + ⌈(size − 1)/2⌉`, as far as there are channels.
 */
export interface LrnNode extends Node<'lrn'> {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;
}

function dimsOf({ node, batch, x }: OnePlaced<LrnNode>): LrnDims {
  return {
    N: batch,
    C: x.C,
    H: x.H,
    W: x.W,
    BLOCKS: blocksOf(x.C),
    BELOW: Math.floor((node.size - 1) / 2),
    ABOVE: Math.ceil((node.size - 1) / 2),
    ALPHA: floatBits(node.alpha / node.size),
    BETA: floatBits(node.beta),
    K: floatBits(node.k),
  };
}

/** What each element is divided by, before the power. */
const scalesOf = ({ node, batch, x }: OnePlaced<LrnNode>): Tensor => ({
  name: `${node.name}.scales`,
  bytes: batch * blocksOf(x.C) * x.H * x.W * 16,
  kind: 'saved',
});

export const lrn = unary<LrnNode>({
  op: 'lrn',
  title: 'local response normalization',
  fields: { size: extent, alpha: number, beta: number, k: number },

  extents({ name, size, alpha, beta, k }, x) {
    if (!Number.isInteger(size) || size < 1)
      throw shapeError(name, `its size is ${size}; a whole number of channels, from 1, would be right`);
    if (!(k > 0 && alpha >= 0) || !Number.isFinite(beta))
      throw shapeError(
        name,
        `k ${k}, alpha ${alpha} and beta ${beta} do not keep the sum of squares positive: k above 0 and alpha ` +
          'from 0 would be right',
      );
    return x;
  },

  forward(site) {
    const { x, y, step } = site;
    return [step('lrnForward', lrnForward(dimsOf(site), { x, y }), { x, y, scales: scalesOf(site) })];
  },

  backward(site) {
    const { x, dY, dX, epilogue, step } = site;
    const kernel = lrnBackward(dimsOf(site), { x, dX, dY }, epilogue);
    return [step('lrnBackward', kernel, { dY, x, dX, scales: scalesOf(site) })];
  },

  keepsInputs: true,
});
