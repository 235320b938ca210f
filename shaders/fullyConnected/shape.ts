/**
 * Fully connected layers: what all families of their kernels agree on. The weight is stored once, transposed: row i
 * holds what input i gives to every output. Forward adds up rows and passes over those whose input is zero (exact, and
 * most inputs are, after a ReLU); backward takes one dot product per row and passes over rows that the ReLU's bits will
 * zero anyway. Rows come in chunks, since a binding may be no larger than 128 MiB; each chunk is a slice of the sum.
 *
 * Inputs are counted as they are stored, in blocks: row `4·i + lane` with `i = (c/4)·H·W + h·W + w`.
 */
import { RECTIFY } from '../epilogue';
import { blocksOf } from '../kernel';
import { wgsl } from '../wgsl';

export interface FullyConnectedDims {
  readonly N: number;
  /** Extents of the input plane. */
  readonly H: number;
  readonly W: number;
  /** Blocks of inputs (of four rows) and of outputs. */
  readonly IN: number;
  readonly OUT: number;
  readonly X_BLOCK: number;
  readonly X_BLOCKS: number;
  readonly Y_BLOCK: number;
  readonly Y_BLOCKS: number;
}

/**
 * The part of the rows that one binding holds, cut into slices that are summed apart. All counted in blocks of four
 * rows.
 */
export interface RowChunk {
  readonly FIRST: number;
  readonly ROWS: number;
  readonly SLICE: number;
  /** Index of the chunk's first slice, and the number of slices of all chunks. */
  readonly FIRST_SLICE: number;
  readonly SLICES: number;
}

/** Items of a batch that share one reading of the weights: up to `most`. */
export const itemsOf = (N: number, most: number): number => Math.ceil(N / Math.ceil(N / most));

/** From so many items on hardly a row is zero, or masked, for all of them: looking would cost more than it saves. */
export const DENSE = 4;

export interface ForwardEpilogue {
  readonly relu: boolean;
  readonly bits: boolean;
}

/** WGSL: where the gradient of block of rows `d.FIRST + offset` is given: its `block`, and pixel `h`, `w`. */
export const PLACE = `  let i = d.FIRST + offset;
  let pixel = i % (d.H * d.W);
  let h = pixel / d.W;
  let w = pixel % d.W;
  let block = d.X_BLOCK + i / (d.H * d.W);`;

/** Fields of the uniform that adding up slices needs. */
export const sumDims = ({ N, OUT, Y_BLOCK, Y_BLOCKS }: FullyConnectedDims, SLICES: number) => ({
  N,
  OUT,
  Y_BLOCK,
  Y_BLOCKS,
  SLICES,
});

/**
 * WGSL: bindings from 3 on, and `finish(n, o, sum)`, which adds the bias, rectifies, keeps bits and stores. Bindings:
 * bias y [bits].
 */
export const finishFunction = ({ relu, bits }: ForwardEpilogue): string => wgsl`
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;    // [OUT]
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>; // [N, OUT]
#if ${bits}
@group(0) @binding(5) var<storage, read_write> bits: array<u32>; // [N, OUT]
#endif
#if ${relu || bits}
${RECTIFY}
#endif

fn finish(n: u32, o: u32, sum: vec4f) {
  let place = n * d.Y_BLOCKS + d.Y_BLOCK + o;
  var value = sum + bias[o];
#if ${relu}
  value = rectify(value);
#endif
#if ${bits}
  bits[place] = signs(value);
#endif
  y[place] = value;
}`;

/**
 * WGSL: `store(slice, n, o, sum)`, where the slices of all chunks are counted together: a single one finishes, several
 * are put aside.
 */
export const storeFunction = (slices: number, epilogue: ForwardEpilogue): string =>
  slices === 1
    ? `${finishFunction(epilogue)}
fn store(slice: u32, n: u32, o: u32, sum: vec4f) { finish(n, o, sum); }`
    : `
@group(0) @binding(3) var<storage, read_write> partial: array<vec4f>; // [SLICES, N, OUT]
fn store(slice: u32, n: u32, o: u32, sum: vec4f) { partial[(slice * d.N + n) * d.OUT + o] = sum; }`;

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
