/**
 * A linear map that works along each axis by itself: slices, pads, resizing, copies along an axis, means. Each axis has
 * a sparse matrix; the way back is the same kernel with the three matrices transposed.
 */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { type Kernel, blocksOf, eachPixel, kernel } from './kernel';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

/** For every element of the result along one axis: which elements it is made of, and by which factor. */
export type AxisRows = readonly (readonly (readonly [from: number, factor: number])[])[];

export interface SeparableDims {
  readonly N: number;
  /** Extents of what is read. */
  readonly H: number;
  readonly W: number;
  /** Extents of what is written. */
  readonly O: number;
  readonly P: number;
  readonly Q: number;
  /** What an element is that is made of nothing, as the bits of an f32. */
  readonly FILL: number;
}

/**
 * The matrices of the axes C, H, W as one array of u32: per row where its entries begin, then per entry its index and
 * its factor's bits.
 */
export function packAxes(axes: readonly AxisRows[]): Uint32Array<ArrayBuffer> {
  const starts = axes.reduce((sum, rows) => sum + rows.length + 1, 0);
  const entries = axes.flat(2).length;
  const table = new Uint32Array(starts + 2 * entries);
  const factors = new Float32Array(table.buffer);
  let row = 0;
  let at = starts;
  for (const rows of axes) {
    for (const entry of rows.flatMap((entries) => [{ begins: true }, ...entries.map((pair) => ({ pair }))] as const)) {
      if ('begins' in entry) {
        table[row++] = at;
      } else {
        table[at] = entry.pair[0];
        factors[at + 1] = entry.pair[1];
        at += 2;
      }
    }
    table[row++] = at;
  }
  return table;
}

/** The matrices of the way back. `extents`: those of what the way there reads. */
export function transposeAxes(axes: readonly AxisRows[], extents: readonly number[]): AxisRows[] {
  return axes.map((rows, axis) => {
    const transposed: [number, number][][] = Array.from({ length: extents[axis]! }, () => []);
    rows.forEach((entries, to) => entries.forEach(([from, factor]) => transposed[from]!.push([to, factor])));
    return transposed;
  });
}

/** Whether an axis stays as it is. */
export const isIdentity = (rows: AxisRows, extent: number): boolean =>
  rows.length === extent &&
  rows.every((entries, i) => entries.length === 1 && entries[0]![0] === i && entries[0]![1] === 1);

// The sum over the plane of one block: four channels. Rows are added up first, since shorter sums round less.
const PLANE_SUM = `
fn planeSum(n: u32, b: u32, p: u32, q: u32) -> vec4f {
  let rows = d.O + 1u + p;
  let columns = d.O + d.P + 2u + q;
  var sum = vec4f();
  for (var e = table[rows]; e < table[rows + 1u]; e += 2u) {
    let line = index_x(n, b, table[e], 0u);
    var row = vec4f();
    for (var f = table[columns]; f < table[columns + 1u]; f += 2u) {
      row += bitcast<f32>(table[f + 1u]) * load_x_at(line + table[f]);
    }
    sum += bitcast<f32>(table[e + 1u]) * row;
  }
  return sum;
}`;

/**
 *   y[o,p,q] = Σ_{c,h,w} A[o,c] · B[p,h] · D[q,w] · x[c,h,w]
 *
 * One invocation owns one pixel × four channels. `mixes`: A is not the identity, so that lanes are summed one by one.
 * With an epilogue it is a backward kernel, which stores a gradient. Bindings: x table y, or x table dX [bits].
 */
export function separable(
  d: SeparableDims,
  { from, to }: Slices<'from' | 'to'>,
  mixes: boolean,
  epilogue: BackwardEpilogue | null,
): Kernel {
  const gradient = epilogue && gradientOf(epilogue, 'P', 'Q');
  return kernel({
    name: epilogue ? 'separableBackward' : 'separableForward',
    dims: { ...d, BLOCKS: blocksOf(d.O), ...gradient?.dims },
    slices: { x: from, [epilogue ? 'dX' : 'y']: to },
    tensors: [
      reads('x', 'N C/4 H W', ANY_PRECISION),
      reads('table', 'WORDS', { element: 'u32' }),
      ...(gradient ? gradient.tensors : [writes('y', 'N O/4 P Q', ANY_PRECISION)]),
    ],
    functions: `${gradient?.functions ?? ''}${PLANE_SUM}`,
    each: eachPixel({ p: 'P', q: 'Q' }),
    body: wgsl`
#if ${mixes}
var value = vec4f();
for (var lane = 0u; lane < 4u; lane++) {
  let o = b * 4u + lane;
  if (o < d.O) {
    for (var e = table[o]; e < table[o + 1u]; e += 2u) {
      value[lane] += bitcast<f32>(table[e + 1u]) * planeSum(n, table[e] / 4u, p, q)[table[e] % 4u];
    }
  }
}
#else
var value = planeSum(n, b, p, q);
#endif
#if ${epilogue !== null}
storeGradient(n, b, p, q, value);
#else
if (d.FILL != 0u) {
  let rows = d.O + 1u + p;
  let columns = d.O + d.P + 2u + q;
  let outside = table[rows] == table[rows + 1u] || table[columns] == table[columns + 1u];
  for (var lane = 0u; lane < 4u; lane++) {
    let o = b * 4u + lane;
    if (o < d.O && (outside || table[o] == table[min(o, d.O - 1u) + 1u])) { value[lane] = bitcast<f32>(d.FILL); }
  }
}
store_y(n, b, p, q, value);
#endif`,
  });
}
