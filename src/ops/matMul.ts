/** Products of two computed matrices, on the kernel of `shaders/matMul.ts`. */
import { blocksOf } from '../../shaders/kernel';
import { type Factor, matMul as matMulKernel } from '../../shaders/matMul';
import type { BackwardEpilogue } from '../../shaders/epilogue';
import { type Extents, printExtents, shapeError } from '../shape';
import { flag, optional } from './fields';
import { type Node, type Slice, binary } from './op';

/**
 * `y[c, m, n] = Σ_k a[c, m, k] · b[c, k, n]`, a product of matrices for each channel. An input is given transposed
 * where its flag is set; one with a single channel is used for all of the other's.
 */
export interface MatMulNode extends Node<'matMul'> {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** One factor of a product as the kernel takes it. */
interface Given {
  readonly slice: Slice;
  readonly transposed: boolean;
}

const turned = ({ slice, transposed }: Given): Given => ({ slice, transposed: !transposed });

/** Rows and columns that a factor has in the product. */
const rowsOf = ({ slice, transposed }: Given): number => (transposed ? slice.W : slice.H);
const columnsOf = ({ slice, transposed }: Given): number => (transposed ? slice.H : slice.W);

/** The kernel of `left · right`; where `to` has one channel and they have more, the sum over theirs. */
function product(
  batch: number,
  { left, right, to }: { readonly left: Given; readonly right: Given; readonly to: Slice },
  epilogue: BackwardEpilogue | null,
) {
  const channels = Math.max(left.slice.C, right.slice.C);
  const factor = ({ slice, transposed }: Given): Factor => ({ transposed, single: slice.C === 1 && channels > 1 });
  const sum = to.C < channels;
  const dims = {
    N: batch,
    BLOCKS: blocksOf(to.C),
    ROWS: rowsOf(left),
    COLUMNS: columnsOf(right),
    INNER: columnsOf(left),
    SUMMED: sum ? blocksOf(channels) : 1,
  };
  const slices = { left: left.slice, right: right.slice, to };
  return matMulKernel(dims, slices, { left: factor(left), right: factor(right), sum }, epilogue);
}

const factorsOf = (node: MatMulNode, a: Slice, b: Slice): { readonly a: Given; readonly b: Given } => ({
  a: { slice: a, transposed: node.transposeA === true },
  b: { slice: b, transposed: node.transposeB === true },
});

export const matMul = binary<MatMulNode>({
  op: 'matMul',
  title: 'product of two computed matrices',
  fields: { transposeA: optional(flag), transposeB: optional(flag) },

  extents({ name, transposeA = false, transposeB = false }, { a, b }): Extents {
    const [H, ofA] = transposeA ? [a.W, a.H] : [a.H, a.W];
    const [ofB, W] = transposeB ? [b.W, b.H] : [b.H, b.W];
    if (ofA !== ofB)
      throw shapeError(
        name,
        `multiplies ${printExtents(a)}${transposeA ? ' transposed' : ''} by ` +
          `${printExtents(b)}${transposeB ? ' transposed' : ''}; ${ofA} columns of the first and ${ofB} rows of the ` +
          'second should be as many',
      );
    if (a.C !== b.C && a.C !== 1 && b.C !== 1)
      throw shapeError(
        name,
        `multiplies ${a.C} matrices by ${b.C}; as many of each, or a single one on a side, would be right`,
      );
    return { C: Math.max(a.C, b.C), H, W };
  },

  forward({ node, batch, a, b, y, step }) {
    const factors = factorsOf(node, a, b);
    const kernel = product(batch, { left: factors.a, right: factors.b, to: y }, null);
    return [step('matMulForward', kernel, { left: a, right: b, y })];
  },

  // With A and B the factors as the product has them: dA = dY · Bᵀ and dB = Aᵀ · dY; of one that is given transposed
  // the gradient is the transpose of that.
  backward({ node, batch, a, b, of, dY, dX, epilogue, step }) {
    const factors = factorsOf(node, a, b);
    const d: Given = { slice: dY, transposed: false };
    const [left, right] = of === 'a' ? [d, turned(factors.b)] : [turned(factors.a), d];
    const operands = factors[of].transposed
      ? { left: turned(right), right: turned(left), to: dX }
      : { left, right, to: dX };
    const kernel = product(batch, operands, epilogue);
    return [step('matMulBackward', kernel, { left: operands.left.slice, right: operands.right.slice, dX })];
  },

  keepsInputs: true,
});
