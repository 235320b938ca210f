/**
 * Fully connected layers: what all families of their kernels agree on. The weight is stored once, transposed: row i
 * holds what input i gives to every output. Forward adds up rows and passes over those whose input is zero (exact, and
 * most inputs are, after a ReLU); backward takes one dot product per row and passes over rows that the ReLU's bits will
 * zero anyway. Rows come in chunks, since a binding may be no larger than 128 MiB; each chunk is a span of the sum.
 *
 * Inputs are counted as they are stored, in blocks: row `4·i + lane` with `i = (c/4)·H·W + h·W + w`.
 */
import { RECTIFY } from '../epilogue';
import { blocksOf } from '../kernel';
import { ANY_PRECISION, type Declaration, reads, writes } from '../tensor';
import { wgsl } from '../wgsl';

export interface FullyConnectedDims {
  readonly N: number;
  /** Extents of the input plane. */
  readonly H: number;
  readonly W: number;
  /** Blocks of inputs (of four rows) and of outputs. */
  readonly IN: number;
  readonly OUT: number;
}

/**
 * The part of the rows that one binding holds, cut into spans that are summed apart. All counted in blocks of four
 * rows.
 */
export interface RowChunk {
  readonly FIRST: number;
  readonly ROWS: number;
  readonly SPAN: number;
  /** Index of the chunk's first span, and the number of spans of all chunks. */
  readonly FIRST_SPAN: number;
  readonly SPANS: number;
}

/** Items of a batch that share one reading of the weights: up to `most`. */
export const itemsOf = (N: number, most: number): number => Math.ceil(N / Math.ceil(N / most));

/** From so many items on hardly a row is zero, or masked, for all of them: looking would cost more than it saves. */
export const DENSE = 4;

export interface ForwardEpilogue {
  readonly relu: boolean;
  readonly bits: boolean;
}

/** The weight: rows in blocks of four, each over all blocks of outputs. */
export const WEIGHT = reads('weight', 'ROWS 4 OUT', ANY_PRECISION);

/** The inputs; number `i` of an item lies `i` after its first. */
export const INPUTS = reads('x', 'N C/4 H W', ANY_PRECISION);

/** WGSL: block of rows `d.FIRST + offset` as block `b` of channels at pixel (h, w). */
export const BLOCK_AND_PIXEL = `
let i = d.FIRST + offset;
let pixel = i % (d.H * d.W);
let h = pixel / d.W;
let w = pixel % d.W;
let b = i / (d.H * d.W);`;

/** What stores the sums, for a kernel to add to its own. */
export interface Store {
  readonly tensors: readonly Declaration[];
  readonly functions: string;
}

/**
 * WGSL: `finish(n, o, sum)`, which adds the bias, rectifies, keeps bits and stores. Bindings: bias y [bits].
 */
export const finishOf = ({ relu, bits }: ForwardEpilogue): Store => ({
  tensors: [
    reads('bias', 'OUT'),
    writes('y', 'N O/4', ANY_PRECISION),
    ...(bits ? [writes('bits', 'N O/4', { element: 'u32', like: 'y' })] : []),
  ],
  functions: wgsl`
${relu || bits ? RECTIFY : ''}
fn finish(n: u32, o: u32, sum: vec4f) {
  var value = sum + bias[o];
#if ${relu}
  value = rectify(value);
#endif
#if ${bits}
  store_bits(n, o, signs(value));
#endif
  store_y(n, o, value);
}`,
});

/** The sums of a span of rows; `fullyConnectedSum` adds them up. */
export const PARTIAL = ['partial', 'SPANS N OUT'] as const;

/**
 * WGSL: `store(span, n, o, sum)`, where the spans of all chunks are counted together: a single one finishes, several
 * are put aside. Bindings: those of {@link finishOf}, or partial.
 */
export function storeOf(spans: number, epilogue: ForwardEpilogue): Store {
  if (spans > 1) {
    return {
      tensors: [writes(...PARTIAL)],
      functions: `
fn store(span: u32, n: u32, o: u32, sum: vec4f) {
  store_partial(span, n, o, sum);
}`,
    };
  }
  const { tensors, functions } = finishOf(epilogue);
  return {
    tensors,
    functions: `${functions}
fn store(span: u32, n: u32, o: u32, sum: vec4f) {
  finish(n, o, sum);
}`,
  };
}

/**
 * `[out, in]` with `in` in C, H, W order → rows `first … first + rows` (blocks of four) of `[in/4, 4, out]`, outputs
 * padded to whole blocks.
 */
export function packFullyConnected(
  weight: Float32Array,
  shape: { out: number; C: number; plane: number },
  first: number,
  rows: number,
): Float32Array {
  const { out, C, plane } = shape;
  const width = blocksOf(out) * 4;
  const packed = new Float32Array(rows * 4 * width);
  for (let row = 0; row < rows * 4; row++) {
    const block = first + (row >> 2);
    const c = Math.floor(block / plane) * 4 + (row & 3);
    if (c >= C) continue;
    const column = c * plane + (block % plane);
    for (let o = 0; o < out; o++) packed[row * width + o] = weight[o * C * plane + column]!;
  }
  return packed;
}
