/**
 * Means and sums along axes, which are matrices (`separable.ts`), and maxima, on the kernels of `shaders/extremes.ts`.
 */
import { type Extreme, extremeBackward, extremeForward } from '../../shaders/extremes';
import { type GroupDims, groupBytes, groupsOf } from '../../shaders/groups';
import { AXES, type Axis } from '../shape';
import { axes, oneOf } from './fields';
import { type Node, type Operator, type Tensor, unary } from './op';
import { eachAxis, identity, mapping, matrix } from './separable';

/**
 * Mean, sum, maximum or minimum along the axes, whose extents become 1. The gradient of a maximum or a minimum goes to
 * the element that is it; a tie goes to the first in C, H, W order.
 */
export interface ReduceNode extends Node<'reduce'> {
  readonly kind: 'mean' | 'sum' | Extreme;
  readonly axes: readonly Axis[];
}

const description = {
  op: 'reduce',
  title: 'mean, sum, maximum and minimum along axes',
  fields: { kind: oneOf('mean', 'sum', 'max', 'min'), axes: axes(1) },
} as const;

const linear = mapping<ReduceNode>({
  ...description,
  matrices: ({ name, kind, axes }, x) =>
    eachAxis(x, (axis, extent) =>
      axes.includes(AXES[axis])
        ? [matrix(name, extent, (i) => [[i, kind === 'mean' ? 1 / extent : 1]]).flat()]
        : identity(name, extent),
    ),
});

const isExtreme = (kind: ReduceNode['kind']): kind is Extreme => kind === 'max' || kind === 'min';

/** Which element of each group is the extreme one. */
const placesOf = ({ name }: ReduceNode, groups: GroupDims): Tensor => ({
  name: `${name}.places`,
  bytes: groupBytes(groups, 1),
  kind: 'saved',
});

const extreme = unary<ReduceNode>({
  ...description,
  extents: ({ axes }, x) => ({
    C: axes.includes('C') ? 1 : x.C,
    H: axes.includes('H') ? 1 : x.H,
    W: axes.includes('W') ? 1 : x.W,
  }),

  forward({ node, batch, x, y, step }) {
    const kind = node.kind as Extreme;
    const groups = groupsOf(batch, x, node.axes);
    return [step(`${kind}Forward`, extremeForward(groups, { x, y }, kind), { x, y, places: placesOf(node, groups) })];
  },

  backward({ node, batch, dY, dX, epilogue, step }) {
    const kind = node.kind as Extreme;
    const groups = groupsOf(batch, dX, node.axes);
    const kernel = extremeBackward(groups, { dX, dY }, kind, epilogue);
    return [step(`${kind}Backward`, kernel, { dY, places: placesOf(node, groups), dX })];
  },
});

const by = ({ kind }: ReduceNode): Operator<ReduceNode> => (isExtreme(kind) ? extreme : linear);

export const reduce: Operator<ReduceNode> = {
  ...linear,
  extents: (node, inputs, weights) => by(node).extents(node, inputs, weights),
  forward: (site) => by(site.node).forward(site),
  backward: (site, share) => by(site.node).backward(site, share),
};
