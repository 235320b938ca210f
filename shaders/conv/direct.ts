/**
 * Convolution, direct family: register blocking over runtime loops, no workgroup memory. What software adapters run
 * fastest, and the partner that every faster kernel is tested against.
 */
import { type Kernel, STRIP, kernel, lines, unroll } from '../kernel';
import { ANY_PRECISION, reads } from '../tensor';
import { type ConvKernel, ownedOf, sumsOf } from './finish';
import { type Unit, flopsOf, narrowed, unitsOf } from './shape';
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

/** Invocations of the smallest workgroup: what lavapipe runs at a time. */
const FEWEST = 8;
/** Invocations of a quad: they must have one output block, whose weights they share. */
const QUAD = 4;

/**
 *   y[n,o,p,q] = Σ_{c,r,s} weight[o,c,r,s] · x[n, c, p·STRIDE + r·DILATION − PAD, q·STRIDE + s·DILATION − PAD]
 *
 * One invocation owns one unit of eight pixels in one, two or four output blocks, in registers
 * `a<block>_<row>_<column>`. Rows and columns in the padding wrap past zero and so fail `h < H`. With stride and
 * dilation 1 along x, neighbouring taps share their inputs: a short row of taps is unrolled over `columns + S − 1`
 * loads; in others (and without quads) the inputs roll through registers, one load per tap. In a unit of two rows the
 * inputs of the second are, one row of taps later, those of the first. Where an item has fewer units than a workgroup
 * has invocations, those of all items and output blocks lie in one row.
 *
 * Products are written as matrix times vector, which SwiftShader turns into fused multiply-adds: 1.4 times as fast as
 * the same sum written out.
 *
 * A single row of taps is no loop: at every turn of one SwiftShader writes all sums to memory and reads them again.
 *
 * `direction` says which way the weight, packed for `forward`, is read: an input gradient (`flipped`) needs no second
 * packing, since its matrices are the same ones, transposed. Bindings: x weight, then those of `finish`.
 */
export function convDirect(
  { name, dims: d, x, finish }: ConvKernel,
  { quads, unroll: mostUnrolled }: DirectVariant,
  direction: Exclude<Direction, 'transposed'>,
): Kernel {
  const unit = narrowed(finish.unit, d);
  const { rows, columns } = unit;
  const adjacent = d.STRIDE_X === 1 && d.DILATION_X === 1;
  const unrolled = quads && adjacent && d.S <= mostUnrolled;
  const most = (mostUnrolled * STRIP) / (rows * columns);
  const blocks = unrolled ? [4, 2, 1].find((count) => count * d.S <= most && d.OUT % count === 0)! : 1;
  const { UNIT_ROWS, UNIT_COLUMNS } = unitsOf(d, unit);
  const units = UNIT_ROWS * UNIT_COLUMNS;
  const workgroup = units <= FEWEST ? FEWEST : units <= 16 ? 16 : 32;
  const packed = units < FEWEST;
  const ALL_UNITS = Math.ceil((d.N * units) / QUAD) * QUAD;
  const tile: Tile = { unit, blocks, quads, flipped: direction === 'flipped' };
  const handedOn = unrolled && rows === 2 && d.STRIDE_Y === 1 && d.DILATION_Y === 1;
  const taps = unrolled ? unrolledTaps(tile, d.S, handedOn) : adjacent ? rollingTaps(tile) : anyTaps(tile);
  return kernel({
    name,
    dims: { ...d, UNIT_COLUMNS, ...(packed && { UNITS: units, ALL_UNITS }), ...finish.dims },
    slices: { x, ...finish.slices },
    tensors: [
      reads('x', 'N C/4 H W', ANY_PRECISION),
      reads('weight', tile.flipped ? 'IN OUT R S 4' : 'OUT IN R S 4', ANY_PRECISION),
      ...finish.tensors,
    ],
    flops: flopsOf(d),
    owns: JSON.stringify([blocks, workgroup, unit, ownedOf(d, finish)]),
    enable: quads ? ['subgroups'] : [],
    functions: finish.functions,
    workgroups: packed
      ? [Math.ceil((ALL_UNITS * d.GROUPS * d.OUT) / blocks / workgroup), 1, 1]
      : [Math.ceil(units / workgroup), (d.GROUPS * d.OUT) / blocks, d.N],
    workgroupSize: [workgroup],
    takes: quads ? ['id', 'lane'] : ['id'],
    flat: true,
    body: `
${
  packed
    ? `let n = id.x % d.ALL_UNITS / d.UNITS;
let o = id.x / d.ALL_UNITS * ${blocks}u;
let unit = id.x % d.ALL_UNITS % d.UNITS;`
    : `let n = id.z;
let o = id.y * ${blocks}u;
let unit = id.x;`
}
let p = unit / d.UNIT_COLUMNS * ${rows}u;
let q = unit % d.UNIT_COLUMNS * ${columns}u;
let group = o / d.OUT;
let input = index_x(n, group * d.IN, 0u, 0u);
${unroll(sums(tile), 'var a{b}_{row}_{column} = vec4f();')}

for (var c = 0u; c < d.IN; c++) {
  let plane = input + c * d.H * d.W;
  ${handedOn ? inputLine(0, '0u').trim() + inputs(tile, d.S, 0, 'var') : ''}
  ${d.R === 1 ? '{\n    let r = 0u;' : 'for (var r = 0u; r < d.R; r++) {'}
    ${handedOn ? inputLine(1, 'r').trim() : lines(rows, (row) => inputLine(row, 'r'))}
    ${taps.trim()}
  }
}

if (${packed ? 'n < d.N && o < d.GROUPS * d.OUT' : 'p < d.P'}) {
${unroll(
  { b: blocks },
  `
  var sums{b} = ${sumsOf({ row: rows, column: columns }, 'a{b}_{row}_{column}')};
  finish(n, o + {b}u, p, q, &sums{b});`,
)}
}`,
  });
}

interface Tile {
  readonly unit: Unit;
  readonly blocks: number;
  readonly quads: boolean;
  readonly flipped: boolean;
}

/** What {@link unroll} walks for every sum that an invocation owns. */
const sums = ({ blocks, unit: { rows, columns } }: Tile) => ({ b: blocks, row: rows, column: columns });

/** Pixel `w` of the input's line in row `row` of the unit, or zero in the padding. */
const load = (row: number | '{row}', w: string): string =>
  `select(vec4f(), load_x_at(line${row} + min(${w}, d.W - 1u)), h${row} < d.H && ${w} < d.W)`;

/** Where the input of row `row` of the unit lies for row `r` of taps. */
const inputLine = (row: number, r: string): string => `
let h${row} = (p + ${row}u) * d.STRIDE_Y + ${r} * d.DILATION_Y - d.PAD_TOP;
let line${row} = plane + min(h${row}, d.H - 1u) * d.W;`;

/** All that one row of taps reads of that line. */
const inputs = ({ unit }: Tile, S: number, row: number, declaration: 'let' | 'var'): string => `
${unroll({ k: unit.columns + S - 1 }, `${declaration} x${row}_{k} = ${load(row, '(q + {k}u - d.PAD_LEFT)')};`)}`;

/**
 * One row of taps, unrolled: the inputs, then the taps one after the other. `handedOn`: the first row's are there
 * already, and the second row's are handed on to it.
 */
const unrolledTaps = (tile: Tile, S: number, handedOn: boolean): string => `
${handedOn ? inputs(tile, S, 1, 'let').trim() : lines(tile.unit.rows, (row) => inputs(tile, S, row, 'let'))}
${lines(
  S,
  (s) => `{
${weights(tile, `${s}u`)}
${unroll(sums(tile), `a{b}_{row}_{column} += k{b} * x{row}_{column+${s}};`)}
}`,
)}
${handedOn ? unroll({ k: tile.unit.columns + S - 1 }, 'x0_{k} = x1_{k};') : ''}`;

/** One row of taps as a loop; the inputs move on by one register. */
const rollingTaps = (tile: Tile): string => {
  const { rows, columns } = tile.unit;
  const last = columns - 1;
  return `
${unroll({ row: rows, k: columns }, 'var x{row}_{k} = vec4f();')}
${unroll(
  { row: rows, k: last },
  `
{
  let w = q + {k}u - d.PAD_LEFT;
  if (h{row} < d.H && w < d.W) { x{row}_{k+1} = load_x_at(line{row} + w); }
}`,
)}
for (var s = 0u; s < d.S; s++) {
  let w = q + ${last}u + s - d.PAD_LEFT;
${lines(
  rows,
  (row) => `
  ${unroll({ k: last }, `x${row}_{k} = x${row}_{k+1};`)}
  x${row}_${last} = ${load(row, 'w')};`,
)}
${weights(tile, 's')}
${unroll(sums(tile), 'a{b}_{row}_{column} += k{b} * x{row}_{column};')}
}`;
};

/** With stride or dilation along x every tap has inputs of its own. */
const anyTaps = (tile: Tile): string => `
for (var s = 0u; s < d.S; s++) {
  let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
${unroll(
  { row: tile.unit.rows, k: tile.unit.columns },
  `let x{row}_{k} = ${load('{row}', '(w + {k}u * d.STRIDE_X)')};`,
)}
${weights(tile, 's')}
${unroll(sums(tile), 'a{b}_{row}_{column} += k{b} * x{row}_{column};')}
}`;

/** `k<block>`, the weights of tap `s`: a column per input lane. With quads each lane loads one of them. */
const weights = ({ blocks, quads, flipped }: Tile, s: string): string => {
  const tap = flipped
    ? `index_weight(group * d.IN + c, o % d.OUT + {b}u, d.R - 1u - r, d.S - 1u - ${s}, 0u)`
    : `index_weight(o + {b}u, c, r, ${s}, 0u)`;
  const columns = unroll({ k: 4 }, quads ? 'quadBroadcast(quarter{b}, {k}u)' : 'load_weight_at(tap{b} + {k}u)', ', ');
  return unroll(
    { b: blocks },
    `
${quads ? `let quarter{b} = load_weight_at(${tap} + (lane & 3u));` : `let tap{b} = ${tap};`}
let k{b} = ${flipped ? `transpose(mat4x4f(${columns}))` : `mat4x4f(${columns})`};`,
  );
};
