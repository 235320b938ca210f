/** Functions of several numbers, element by element, and the ReLU: all on the kernels of `shaders/elementwise.ts`. */
import { elementwiseBackward, elementwiseForward } from '../../shaders/elementwise';
import { blocksOf } from '../../shaders/kernel';
import { type Extents, printExtents, sameExtents, shapeError } from '../shape';
import { type Node, type Slice, binary, unary, variadic } from './op';

/**
 * `max(x, 0)`, with derivative 0 at 0. The ReLU rules of the paper's rivals (deconvnet, guided) change this node alone,
 * none of those below.
 */
export interface ReluNode extends Node<'relu'> {}

/** Element-wise sum of two or more inputs of one shape. */
export interface AddNode extends Node<'add'> {}

/** Element-wise product of two inputs of one shape. */
export interface MultiplyNode extends Node<'multiply'> {}

/** The extents of a tensor as the kernels count them. */
export const elementwiseDims = (batch: number, to: Extents) => ({
  N: batch,
  H: to.H,
  W: to.W,
  BLOCKS: blocksOf(to.C),
});

/** The inputs by the kernels' names: `x0`, `x1` … */
export const numbered = (inputs: readonly Slice[]) => Object.fromEntries(inputs.map((x, k) => [`x${k}`, x]));

export const relu = unary<ReluNode>({
  op: 'relu',
  title: 'ReLU',
  fields: {},

  extents: (_, x) => x,

  forward({ batch, x, y, bits, step }) {
    const options = { product: false, affine: 'none', relu: true, bits: bits !== null } as const;
    const kernel = elementwiseForward(elementwiseDims(batch, y), { inputs: [x], y }, options);
    return [step(kernel.name, kernel, { x0: x, y })];
  },

  backward({ batch, dY, dX, epilogue, step }) {
    const kernel = elementwiseBackward(elementwiseDims(batch, dX), { dX, dY }, 'none', epilogue);
    return [step(kernel.name, kernel, { dY, dX })];
  },
});

/** Inputs of one sum: what fits beside `y` and its bits into the eight storage buffers that every device has. */
export const MOST_TERMS = 5;

export const add = variadic<AddNode>(
  { fewest: 2, most: MOST_TERMS },
  {
    op: 'add',
    title: 'sum',
    fields: {},

    extents: ({ name }, inputs) => sameOf(name, 'a sum', inputs),

    forward({ node, batch, inputs, y, bits, step }) {
      const options = { product: false, affine: 'none', relu: node.relu === true, bits: bits !== null } as const;
      const kernel = elementwiseForward(elementwiseDims(batch, y), { inputs, y }, options);
      return [step(kernel.name, kernel, { ...numbered(inputs), y })];
    },

    backward({ batch, dY, dX, epilogue, step }) {
      const kernel = elementwiseBackward(elementwiseDims(batch, dX), { dX, dY }, 'none', epilogue);
      return [step(kernel.name, kernel, { dY, dX })];
    },
  },
);

export const multiply = binary<MultiplyNode>({
  op: 'multiply',
  title: 'product',
  fields: {},

  extents: ({ name }, { a, b }) => sameOf(name, 'a product', [a, b]),

  forward({ node, batch, a, b, y, bits, step }) {
    const options = { product: true, affine: 'none', relu: node.relu === true, bits: bits !== null } as const;
    const kernel = elementwiseForward(elementwiseDims(batch, y), { inputs: [a, b], y }, options);
    return [step(kernel.name, kernel, { ...numbered([a, b]), y })];
  },

  backward({ batch, a, b, of, dY, dX, epilogue, step }) {
    const other = of === 'a' ? b : a;
    const kernel = elementwiseBackward(elementwiseDims(batch, dX), { dX, dY }, { other }, epilogue);
    return [step(kernel.name, kernel, { dY, other, dX })];
  },

  keepsInputs: true,
});

/** The extents that all inputs have. @throws GradlensError `shape` where they differ. */
export function sameOf(name: string, what: string, inputs: readonly Extents[]): Extents {
  const [first, ...others] = inputs as readonly [Extents, ...Extents[]];
  const other = others.find((input) => !sameExtents(input, first));
  if (other)
    throw shapeError(name, `its inputs are ${printExtents(first)} and ${printExtents(other)}; ${what} needs one shape`);
  return first;
}
