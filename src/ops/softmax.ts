/** Soft-max and its logarithm, on the kernels of `shaders/softmax.ts`. */
import { type GroupDims, groupBytes, groupsOf } from '../../shaders/groups';
import {
  STATISTICS_VECTORS,
  softmaxBackward,
  softmaxForward,
  softmaxStatistics,
  softmaxSums,
} from '../../shaders/softmax';
import type { Axis } from '../shape';
import { axis, optional } from './fields';
import { type Description, type Node, type OnePlaced, type Tensor, stepOf, unary } from './op';

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
      const { node, x, y, step } = site;
      const d = groups(site);
      const statistics = statisticsOf(site);
      return [
        stepOf(node.name, 'softmaxStatistics', softmaxStatistics(d, { x }), { x, statistics }),
        step('softmaxForward', softmaxForward(d, { x, y }, logarithm), { x, statistics, y }),
      ];
    },

    backward(site) {
      const { node, x, dY, dX, epilogue, step } = site;
      const d = groups(site);
      const statistics = statisticsOf(site);
      const sums: Tensor = { name: `d.${node.name}.sums`, bytes: groupBytes(d, 1), kind: 'transient' };
      return [
        stepOf(node.name, 'softmaxSums', softmaxSums(d, { x, dY }, logarithm), {
          dY,
          ...(!logarithm && { x, statistics }),
          sums,
        }),
        step('softmaxBackward', softmaxBackward(d, { x, dX, dY }, logarithm, epilogue), {
          dY,
          x,
          statistics,
          sums,
          dX,
        }),
      ];
    },

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
