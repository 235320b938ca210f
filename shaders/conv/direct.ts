/**
 * Convolution, direct family: register blocking over runtime loops, no workgroup memory. What software adapters run
 * fastest, and the partner that every faster kernel is tested against.
 */
import { type Kernel, STRIP, lines, uniform } from '../kernel';
import { wgsl } from '../wgsl';
import type { Finish } from './finish';
import { type ConvDims, flopsOf } from './shape';
import type { Direction } from './weights';

export interface DirectVariant {
  readonly family: 'direct';
  /**
   * Whether the four invocations of a quad share what they load of the weights, a quarter each (needs the feature
   * `subgroups`). A storage load costs software adapters as much as dozens of multiply-adds, so this doubles their
   * speed; it also pays to unroll the row of taps then, which takes the loads of the input out of the loop.
   */
  readonly quads: boolean;
  /**
   * How often the multiply-adds of a unit may stand in the code: taps of a row × output blocks. A row of more taps is a
   * loop.
   */
  readonly unroll: number;
}

/**
 *   y[n,o,p,q] = Σ_{c,r,s} weight[o,c,r,s] · x[n, c, p·STRIDE + r·DILATION − PAD, q·STRIDE + s·DILATION − PAD]
 *
 * One invocation owns one unit of eight pixels in one, two or four output blocks, in registers `a<block>_<pixel>`. Rows
 * and columns in the padding wrap past zero and so fail `h < H`. With stride and dilation 1 along x, neighbouring taps
 * share their inputs: a short row of taps is unrolled over `columns + S − 1` loads; in others (and without quads) the
 * inputs roll through registers, one load per tap. In a unit of two rows the inputs of the second are, one row of taps
 * later, those of the first.
 *
 * Products are written as matrix times vector, which SwiftShader turns into fused multiply-adds: 1.4 times as fast as
 * the same sum written out.
 *
 * `direction` says which way the weight, packed for `forward`, is read: an input gradient (`flipped`) needs no second
 * packing, since its matrices are the same ones, transposed. Bindings: x weight, then those of `finish`.
 */
export function convDirect(
  name: string,
  d: ConvDims,
  { quads, unroll }: DirectVariant,
  direction: Exclude<Direction, 'transposed'>,
  finish: Finish,
): Kernel {
  const { rows, columns } = finish.unit;
  const adjacent = d.STRIDE_X === 1 && d.DILATION_X === 1;
  const unrolled = quads && adjacent && d.S <= unroll;
  const blocks = unrolled ? [4, 2, 1].find((count) => count * d.S <= unroll && d.OUT % count === 0)! : 1;
  const dims = { ...d, UNITS: Math.ceil(d.Q / columns), ...finish.dims };
  const units = dims.UNITS * Math.ceil(d.P / rows);
  const workgroup = units <= 8 ? 8 : units <= 16 ? 16 : 32;
  const tile: Tile = { rows, columns, blocks, quads, flipped: direction === 'flipped' };
  const handedOn = unrolled && rows === 2 && d.STRIDE_Y === 1 && d.DILATION_Y === 1;
  return {
    name,
    dims,
    flops: flopsOf(d),
    workgroups: [Math.ceil(units / workgroup), (d.GROUPS * d.OUT) / blocks, d.N],
    code: wgsl`
#if ${quads}
enable subgroups;
#endif
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;       // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;  // ${direction === 'flipped' ? '[C/4, O/4, R, S, 4]' : '[O/4, C/4, R, S, 4]'}
${finish.code}

@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) id: vec3u${quads ? ', @builtin(subgroup_invocation_id) lane: u32' : ''}) {
  let p = id.x / d.UNITS * ${rows}u;
  let q = id.x % d.UNITS * ${columns}u;
  let o = id.y * ${blocks}u;
  let n = id.z;
${perSum(tile, (b, j) => `  var a${b}_${j} = vec4f();`)}

  let input = n * d.X_BLOCKS + d.X_BLOCK + o / d.OUT * d.IN;
  for (var c = 0u; c < d.IN; c++) {
${handedOn ? `${place(0, '0u')}\n${inputs(tile, d.S, 0, 'var')}` : ''}
    for (var r = 0u; r < d.R; r++) {
${handedOn ? place(1, 'r') : lines(rows, (row) => place(row, 'r'))}
${unrolled ? unrolledTaps(tile, d.S, handedOn) : adjacent ? rollingTaps(tile) : anyTaps(tile)}
    }
  }

  if (p < d.P) {
${lines(
  blocks,
  (b) => `    var sums${b} = array<vec4f, 8>(${Array.from({ length: STRIP }, (_, j) => `a${b}_${j}`).join(', ')});
    finish(n, o + ${b}u, p, q, &sums${b});`,
)}
  }
}`,
  };
}

interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly blocks: number;
  readonly quads: boolean;
  readonly flipped: boolean;
}

const perSum = ({ blocks }: Tile, snippet: (b: number, j: number) => string): string =>
  lines(blocks, (b) => lines(STRIP, (j) => snippet(b, j)));

/** Pixel of the input, or zero in the padding. */
const load = (row: number, w: string): string =>
  `select(vec4f(), x[row${row} + min(${w}, d.W - 1u)], h${row} < d.H && ${w} < d.W)`;

/** Where the input of the unit's row `row` lies at row `r` of taps. */
const place = (
  row: number,
  r: string,
): string => `      let h${row} = (p + ${row}u) * d.STRIDE_Y + ${r} * d.DILATION_Y - d.PAD_TOP;
      let row${row} = ((input + c) * d.H + min(h${row}, d.H - 1u)) * d.W;`;

/** All that one row of taps reads of that row. */
const inputs = ({ columns }: Tile, S: number, row: number, declaration: 'let' | 'var'): string =>
  lines(columns + S - 1, (k) => `      ${declaration} x${row}_${k} = ${load(row, `(q + ${k}u - d.PAD_LEFT)`)};`);

/**
 * One row of taps, unrolled: the inputs, then the taps one after the other. `handedOn`: the first row's are there
 * already.
 */
const unrolledTaps = (tile: Tile, S: number, handedOn: boolean): string => `
${handedOn ? inputs(tile, S, 1, 'let') : lines(tile.rows, (row) => inputs(tile, S, row, 'let'))}
${lines(
  S,
  (s) => `      {
${weights(tile, `${s}u`)}
${multiplyAdd(tile, (row, column) => `x${row}_${column + s}`)}
      }`,
)}
${handedOn ? lines(tile.columns + S - 1, (k) => `      x0_${k} = x1_${k};`) : ''}`;

/** One row of taps as a loop; the inputs move on by one register. */
const rollingTaps = (tile: Tile): string => {
  const { rows, columns } = tile;
  return `
${lines(rows, (row) => lines(columns, (k) => `      var x${row}_${k} = vec4f();`))}
${lines(rows, (row) => lines(columns - 1, (k) => `      { let w = q + ${k}u - d.PAD_LEFT; if (h${row} < d.H && w < d.W) { x${row}_${k + 1} = x[row${row} + w]; } }`))}
      for (var s = 0u; s < d.S; s++) {
        let w = q + ${columns - 1}u + s - d.PAD_LEFT;
${lines(
  rows,
  (row) => `${lines(columns - 1, (k) => `        x${row}_${k} = x${row}_${k + 1};`)}
        x${row}_${columns - 1} = ${load(row, 'w')};`,
)}
${weights(tile, 's')}
${multiplyAdd(tile, (row, column) => `x${row}_${column}`)}
      }`;
};

/** With stride or dilation along x every tap has inputs of its own. */
const anyTaps = (tile: Tile): string => `
      for (var s = 0u; s < d.S; s++) {
        let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
${lines(tile.rows, (row) => lines(tile.columns, (k) => `        let x${row}_${k} = ${load(row, `(w + ${k}u * d.STRIDE_X)`)};`))}
${weights(tile, 's')}
${multiplyAdd(tile, (row, column) => `x${row}_${column}`)}
      }`;

/** `k<block>`, the weights of tap `s`: a column per input lane. */
const weights = ({ blocks, quads, flipped }: Tile, s: string): string =>
  lines(blocks, (b) => {
    const tap = flipped
      ? `((((o / d.OUT * d.IN + c) * d.OUT + o % d.OUT + ${b}u) * d.R + d.R - 1u - r) * d.S + d.S - 1u - ${s}) * 4u`
      : `((((o + ${b}u) * d.IN + c) * d.R + r) * d.S + ${s}) * 4u`;
    const matrix = (column: (k: number) => string): string => {
      const columns = `mat4x4f(${[0, 1, 2, 3].map(column).join(', ')})`;
      return flipped ? `transpose(${columns})` : columns;
    };
    return quads
      ? `        let quarter${b} = weight[${tap} + (lane & 3u)];
        let k${b} = ${matrix((column) => `quadBroadcast(quarter${b}, ${column}u)`)};`
      : `        let tap${b} = ${tap};
        let k${b} = ${matrix((column) => `weight[tap${b} + ${column}u]`)};`;
  });

const multiplyAdd = (tile: Tile, x: (row: number, column: number) => string): string =>
  perSum(tile, (b, j) => `        a${b}_${j} += k${b} * ${x(Math.floor(j / tile.columns), j % tile.columns)};`);
