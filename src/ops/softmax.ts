/** Soft-max and its logarithm, on the kernels of `shaders/softmax.ts`. */
import { type GroupDims, groupBytes, groupsOf } from '../../shaders/groups';
import { STATISTICS_VECTORS, softmaxBackward, softmaxForward } from '../../shaders/softmax';
import type { Axis } from '../shape';
import { axis, optional } from './fields';
import { type Description, type Node, type OnePlaced, type Tensor, unary } from './op';

/**
 * `exp(x) / Σ exp(x)` along an axis, channels if none is given. As the last of a graph, along channels, it only turns
 * scores into probabilities: there the score is taken before it.
 */
export interface SoftmaxNode extends Node<'softmax'> {
  readonly axis?: Axis;
}

/** The logarithm of a soft-max, `x − log Σ exp(x)`. */
export interface LogSoftmaxNode extends Node<'logSoftmax'> {
  readonly axis?: Axis;
}

const groups = <N extends SoftmaxNode | LogSoftmaxNode>({ node, batch, x }: OnePlaced<N>): GroupDims =>
  groupsOf(batch, x, [node.axis ?? 'C']);

const statisticsOf = <N extends SoftmaxNode | LogSoftmaxNode>(site: OnePlaced<N>): Tensor => ({
  name: `${site.node.name}.statistics`,
  bytes: groupBytes(groups(site), STATISTICS_VECTORS),
  kind: 'saved',
});

const softmaxOf = <N extends SoftmaxNode | LogSoftmaxNode>(logarithm: boolean, description: Description<N>) =>
  unary<N>({
    ...description,
    extents: (_, x) => x,

    forward(site) {
      const { x, y, tap, step } = site;
      const statistics = statisticsOf(site);
      const kernel = softmaxForward(groups(site), { x, y }, { logarithm, tapped: tap !== undefined });
      return [step('softmaxForward', kernel, { x, statistics, y, ...(tap && { tap }) })];
    },

    backward(site) {
      const { x, dY, dX, epilogue, step } = site;
      const statistics = statisticsOf(site);
      const kernel = softmaxBackward(groups(site), { x, dX, dY }, logarithm, epilogue);
      return [step('softmaxBackward', kernel, { dY, x, statistics, dX })];
    },

    writesTap: true,
    keepsInputs: true,
  });

export const softmax = softmaxOf<SoftmaxNode>(false, {
  op: 'softmax',
  title: 'soft-max',
  fields: { axis: optional(axis) },
});

export const logSoftmax = softmaxOf<LogSoftmaxNode>(true, {
  op: 'logSoftmax',
  title: 'logarithm of a soft-max',
  fields: { axis: optional(axis) },
});
