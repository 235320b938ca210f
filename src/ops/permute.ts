/** Axes of any number in another order, on the kernel of `shaders/permute.ts`. */
import { MOST_AXES, type Stride, permute as permuteKernel } from '../../shaders/permute';
import { type Extents, type Triple, elements, printExtents, product, shapeError } from '../shape';
import { counts, extents } from './fields';
import { type Node, unary } from './op';

/**
 * The elements of the input, in C, H, W order, as a tensor of this `shape`; its axes in another order, axis k of the
 * result being axis `order[k]`; and that, again in order, under these extents. At most six axes.
 */
export interface PermuteNode extends Node<'permute'> {
  readonly shape: readonly number[];
  readonly order: readonly number[];
  readonly extents: Triple;
}

export { MOST_AXES };

/** The axes of what is written, and how far apart in what is read. `order`: of the latter, whose axes `shape` says. */
const stridesOf = (shape: readonly number[], order: readonly number[]): Stride[] =>
  order.map((axis) => ({ extent: shape[axis]!, stride: product(shape.slice(axis + 1)) }));

const dimsOf = (batch: number, from: Extents, { C, H, W }: Extents) => ({ N: batch, C, H, W, PLANE: from.H * from.W });

export const permute = unary<PermuteNode>({
  op: 'permute',
  title: 'transpose of up to six axes',
  fields: { shape: counts, order: counts, extents },

  extents({ name, shape, order, extents: [C, H, W] }, x) {
    const axes = new Set(order);
    const isOrder = order.length === shape.length && axes.size === shape.length && shape.every((_, k) => axes.has(k));
    if (!isOrder || shape.length > MOST_AXES) {
      throw shapeError(
        name,
        `its order is [${order.join(', ')}] of ${shape.length} axes; each from 0 on once, and at most ${MOST_AXES} ` +
          'would be right',
      );
    }
    const y = { C, H, W };
    const read = product(shape);
    if (read !== elements(x) || elements(y) !== read)
      throw shapeError(
        name,
        `reads ${printExtents(x)} as [${shape.join(', ')}] and writes ${printExtents(y)}; the number of elements ` +
          'must stay',
      );
    return y;
  },

  forward({ node: { shape, order }, batch, x, y, step }) {
    const kernel = permuteKernel(dimsOf(batch, x, y), stridesOf(shape, order), { from: x, to: y }, null);
    return [step(kernel.name, kernel, { x, y })];
  },

  backward({ node: { shape, order }, batch, dY, dX, epilogue, step }) {
    const turned = order.map((axis) => shape[axis]!);
    const inverse = order.map((_, k) => order.indexOf(k));
    const kernel = permuteKernel(dimsOf(batch, dY, dX), stridesOf(turned, inverse), { from: dY, to: dX }, epilogue);
    return [step(kernel.name, kernel, { x: dY, dX })];
  },
});
