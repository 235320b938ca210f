/**
 * Decisions that are watched as they are differentiated (`shaders/decide.ts`): what `src/compile/watch.ts` puts in
 * place of ReLUs, clips and max-pools. No file holds them.
 */
import { type WatchDims, decideBackward, groupsFor, watchForward, watchPool } from '../../shaders/decide';
import { REPORT_VECTORS } from '../../shaders/report';
import type { ClipLimits } from '../../shaders/epilogue';
import { blocksOf, floatBits } from '../../shaders/kernel';
import type { Extents } from '../shape';
import { number } from './fields';
import { type MaxPoolNode, maxPool } from './maxPool';
import { type Node, type Op, type Slice, type Tensor, stepOf, unary } from './op';
import { poolDims } from './pool';

/** `min(max(x, min), max)`, a ReLU or a clip. Its error is at most `tolerance` times the root mean square of x. */
export interface DecideNode extends Node<'decide'>, ClipLimits {
  readonly tolerance: number;
}

/**
 * A max-pool, whose input has an error of `tolerance` times its root mean square; with `copies`, equal numbers of it
 * are one that another pool copied.
 */
export interface WatchedPoolNode extends Node<'watchedPool'>, Omit<MaxPoolNode, 'op' | 'name' | 'inputs'> {
  readonly tolerance: number;
  readonly copies: boolean;
}

const watchDims = (batch: number, x: Extents): WatchDims => ({
  N: batch,
  C: x.C,
  H: x.H,
  W: x.W,
  BLOCKS: blocksOf(x.C),
  GROUPS: groupsFor(blocksOf(x.C) * x.H * x.W),
});

const squaresOf = ({ name }: Node, { N, GROUPS }: WatchDims): Tensor => ({
  name: `${name}.squares`,
  bytes: N * GROUPS * 16,
  kind: 'saved',
});

const reportOf = ({ name }: Node, { N, GROUPS }: WatchDims): Tensor => ({
  name: `${name}.report`,
  bytes: N * GROUPS * REPORT_VECTORS * 16,
  kind: 'saved',
});

export const decide: Op<DecideNode> = unary<DecideNode>({
  op: 'decide',
  title: 'watched ReLU or clip',
  fields: { min: number, max: number, tolerance: number },

  extents: (_, x) => x,

  forward({ node, batch, x, y, step }) {
    const d = watchDims(batch, x);
    return [step('decideForward', watchForward(d, { x, y }, node), { x, y, squares: squaresOf(node, d) })];
  },

  backward({ node, batch, x, dY, dX, epilogue, step }) {
    const d = { ...watchDims(batch, x), TOLERANCE: floatBits(node.tolerance) };
    const tensors = { dY, x, squares: squaresOf(node, d), dX, report: reportOf(node, d) };
    return [step('decideBackward', decideBackward(d, { x, dX, dY }, node, epilogue), tensors)];
  },

  keepsInputs: true,
});

const poolOf = ({ tolerance: _, copies: __, ...node }: WatchedPoolNode): MaxPoolNode => ({ ...node, op: 'maxPool' });

export const watchedPool: Op<WatchedPoolNode> = {
  extents: (node, inputs, weights) => maxPool.extents(poolOf(node), inputs, weights),

  forward(site) {
    const { node, batch, inputs } = site;
    const [x] = inputs as readonly [Slice];
    const d = watchDims(batch, x);
    return [
      stepOf(node.name, 'watchForward', watchForward(d, { x }, null), { x, squares: squaresOf(node, d) }),
      ...maxPool.forward({ ...site, node: poolOf(node) }),
    ];
  },

  backward(site, share) {
    const { node, batch, inputs, output } = site;
    const [x] = inputs as readonly [Slice];
    const { dY } = share;
    const watched = watchDims(batch, x);
    const d = {
      ...poolDims(poolOf(node), batch, x, output),
      ...watched,
      TOLERANCE: floatBits(node.tolerance),
    };
    const tensors = { dY, x, squares: squaresOf(node, watched), report: reportOf(node, watched) };
    return [
      stepOf(node.name, 'watchPool', watchPool(d, { x, dY }, node.copies), tensors),
      ...maxPool.backward({ ...site, node: poolOf(node) }, share),
    ];
  },

  keepsInputs: true,
};
