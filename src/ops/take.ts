/** Any rearrangement of elements, on the kernel of `shaders/take.ts`. */
import { packLists, packSingles, take as takeKernel } from '../../shaders/take';
import { type Extents, type Triple, elements, printExtents, shapeError } from '../shape';
import { extents, weight } from './fields';
import { type Node, type Tensor, type Weights, unary } from './op';

/**
 * Element number i of the result, in C, H, W order, is element number `indices[i]` of the input, or 0 where that is −1.
 * `indices` names a weight with a number for each element of the result. An element that several of the result copy
 * gets the sum of their gradients.
 */
export interface TakeNode extends Node<'take'> {
  readonly indices: string;
  readonly extents: Triple;
}

/** Whole numbers below this are exact in float32, in which weights are given. */
const MOST_INDICES = 2 ** 24;

const extentsOf = ({ extents: [C, H, W] }: TakeNode): Extents => ({ C, H, W });

/** @throws GradlensError `shape` where an index is none of the input's elements. */
function indicesOf(node: TakeNode, x: Extents, weights: Weights): Int32Array {
  const { name, indices } = node;
  const given = weights.get(indices);
  if (!given) throw shapeError(name, `its indices '${indices}' are not among the weights`, { name: indices });
  const [count, most] = [elements(extentsOf(node)), elements(x)];
  if (given.data.length !== count)
    throw shapeError(name, `takes ${count} elements, for which it has ${given.data.length} indices`);
  if (most > MOST_INDICES)
    throw shapeError(name, `takes from ${most} elements; at most ${MOST_INDICES} can be counted by its indices`);
  const wrong = given.data.find((index) => !(Number.isInteger(index) && index >= -1 && index < most));
  if (wrong !== undefined)
    throw shapeError(
      name,
      `takes element ${wrong} of ${printExtents(x)}; a whole number to ${most - 1}, or -1 for none, would be right`,
    );
  return Int32Array.from(given.data);
}

/** Lists as the kernel reads them. */
const listsOf = (name: string, entries: number, pack: () => Uint32Array<ArrayBuffer>): Tensor => ({
  name,
  bytes: entries * 4,
  kind: 'weight',
  fill: () => new Float32Array(pack().buffer),
});

export const take = unary<TakeNode>({
  op: 'take',
  title: 'any rearrangement of elements',
  fields: { indices: weight, extents },

  extents(node, x, weights) {
    indicesOf(node, x, weights);
    return extentsOf(node);
  },

  forward({ node, batch, x, y, weights, step }) {
    const indices = indicesOf(node, x, weights);
    const used = indices.filter((index) => index >= 0).length;
    const lists = listsOf(`${node.name}.rows`, indices.length + 1 + used, () => packSingles(indices));
    const kernel = takeKernel(dimsOf(batch, x, y), { from: x, to: y }, null);
    return [step('takeForward', kernel, { x, lists, y })];
  },

  backward({ node, batch, weights, dY, dX, epilogue, step }) {
    const indices = indicesOf(node, dX, weights);
    const used = indices.filter((index) => index >= 0).length;
    const lists = listsOf(`${node.name}.rows back`, elements(dX) + 1 + used, () => packLists(indices, elements(dX)));
    const kernel = takeKernel(dimsOf(batch, dY, dX), { from: dY, to: dX }, epilogue);
    return [step('takeBackward', kernel, { x: dY, lists, dX })];
  },
});

const dimsOf = (batch: number, from: Extents, { C, H, W }: Extents) => ({
  N: batch,
  C,
  H,
  W,
  FROM_H: from.H,
  FROM_W: from.W,
});
