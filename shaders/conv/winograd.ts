/**
 * Convolution, Winograd family: F(2×2, 3×3) of Lavin and Gray 2015, for 3×3 filters with stride and dilation 1. Four
 * outputs take 16 products per pair of channels instead of 36; in float32 the result is no less exact than by the
 * direct sum.
 *
 *   y = Aᵀ·[ Σ_c (G·g·Gᵀ) ⊙ (Bᵀ·x·B) ]·A     over tiles of 2×2 outputs, which see 4×4 inputs
 *
 * Three kernels: the inputs are transformed; each of the 16 places of a tile is a matrix product of its own, output ×
 * input channels × tiles, which is a 1×1 convolution in 16 groups; the outputs are transformed back and finished.
 */
import { type Kernel, STRIP, grid, lines, uniform } from '../kernel';
import { wgsl } from '../wgsl';
import type { Finish } from './finish';
import type { ConvDims } from './shape';
import type { Tile } from './tiled';

export interface WinogradVariant {
  readonly family: 'winograd';
  /** Of the matrix products. */
  readonly tile: Tile;
}

/** Places of a 4×4 tile. */
export const PLACES = 16;

/** Whether a convolution can be computed so. */
export const suitsWinograd = (d: ConvDims): boolean =>
  d.R === 3 && d.S === 3 && [d.STRIDE_Y, d.STRIDE_X, d.DILATION_Y, d.DILATION_X].every((n) => n === 1);

const tilesOf = (d: ConvDims) => ({ TILE_ROWS: Math.ceil(d.P / 2), TILE_COLUMNS: Math.ceil(d.Q / 2) });

/** The 16 matrix products as a convolution: places are groups, tiles are pixels. */
export function productDims(d: ConvDims): ConvDims {
  const { TILE_ROWS, TILE_COLUMNS } = tilesOf(d);
  const W = d.N * TILE_ROWS * TILE_COLUMNS;
  const GROUPS = PLACES * d.GROUPS;
  return {
    N: 1,
    H: 1,
    W,
    P: 1,
    Q: W,
    R: 1,
    S: 1,
    STRIDE_Y: 1,
    STRIDE_X: 1,
    PAD_TOP: 0,
    PAD_LEFT: 0,
    DILATION_Y: 1,
    DILATION_X: 1,
    IN: d.IN,
    OUT: d.OUT,
    GROUPS,
    X_BLOCK: 0,
    X_BLOCKS: GROUPS * d.IN,
    Y_BLOCK: 0,
    Y_BLOCKS: GROUPS * d.OUT,
  };
}

type Transform = (u: (k: number) => string) => readonly string[];
/** Bᵀ and Aᵀ of the equation. */
const INPUT: Transform = (u) => [`${u(0)} - ${u(2)}`, `${u(1)} + ${u(2)}`, `${u(2)} - ${u(1)}`, `${u(1)} - ${u(3)}`];
const OUTPUT: Transform = (u) => [`${u(0)} + ${u(1)} + ${u(2)}`, `${u(1)} - ${u(2)} - ${u(3)}`];

/** `v<row>_<column>`, the transform of `u<row>_<column>`: of its columns, and of the rows that come out. */
const transformed = (transform: Transform): string => {
  const columns = lines(4, (j) =>
    transform((i) => `u${i}_${j}`)
      .map((sum, i) => `    let t${i}_${j} = ${sum};`)
      .join('\n'),
  );
  const count = transform(String).length;
  return `${columns}\n${lines(count, (i) =>
    transform((j) => `t${i}_${j}`)
      .map((sum, j) => `    let v${i}_${j} = ${sum};`)
      .join('\n'),
  )}`;
};
const perPlace = (snippet: (i: number, j: number) => string): string => lines(4, (i) => lines(4, (j) => snippet(i, j)));

/** Bᵀ·x·B. An invocation owns one tile of one input block. Bindings: x transformed. */
export function winogradInput(name: string, d: ConvDims): Kernel {
  const tiles = tilesOf(d);
  const dims = { ...d, ...tiles, TILES: d.N * tiles.TILE_ROWS * tiles.TILE_COLUMNS };
  return {
    name,
    dims,
    flops: 0,
    workgroups: grid(dims.TILES, d.GROUPS * d.IN, 1),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;                 // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> transformed: array<vec4f>; // [16, C/4, TILES]

fn load(block: u32, h: u32, w: u32) -> vec4f {
  if (h < d.H && w < d.W) { return x[(block * d.H + h) * d.W + w]; }
  return vec4f();
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.TILES) { return; }
  let perItem = d.TILE_ROWS * d.TILE_COLUMNS;
  let h = id.x % perItem / d.TILE_COLUMNS * 2u - d.PAD_TOP;
  let w = id.x % d.TILE_COLUMNS * 2u - d.PAD_LEFT;
  let block = id.x / perItem * d.X_BLOCKS + d.X_BLOCK + id.y;
${perPlace((i, j) => `    let u${i}_${j} = load(block, h + ${i}u, w + ${j}u);`)}
${transformed(INPUT)}
  let to = id.y * d.TILES + id.x;
  let place = d.GROUPS * d.IN * d.TILES;
${perPlace((i, j) => `  transformed[to + ${4 * i + j}u * place] = v${i}_${j};`)}
}`,
  };
}

/** Invocations of a workgroup that transforms back; half of them finish, a unit each. */
const BACK = 64;
/** Pixels of a unit in workgroup memory, and an unused one, so that neighbours do not meet in a bank. */
const APART = STRIP + 1;

/**
 * Aᵀ·products·A, and `finish`. An invocation owns one tile of one output block, so that neighbours read neighbouring
 * words; what comes out waits in workgroup memory until the tiles below each other or beside each other make whole
 * units. Bindings: products, then those of `finish`.
 */
export function winogradOutput(name: string, d: ConvDims, finish: Finish): Kernel {
  const tiles = tilesOf(d);
  const { rows, columns } = finish.unit;
  // So many tiles beside each other make two units of one row each, or one unit of two rows.
  const across = columns / 2;
  const UNIT_COLUMNS = Math.ceil(d.Q / columns);
  const dims = { ...d, ...tiles, TILES: d.N * tiles.TILE_ROWS * tiles.TILE_COLUMNS, UNIT_COLUMNS, ...finish.dims };
  const place = (i: number, j: number): string =>
    rows === 2
      ? `(me / ${across}u) * ${APART}u + me % ${across}u * 2u + ${i * columns + j}u`
      : `(me / ${across}u * 2u + ${i}u) * ${APART}u + me % ${across}u * 2u + ${j}u`;
  return {
    name,
    dims,
    flops: 0,
    workgroups: [Math.ceil((UNIT_COLUMNS * across * tiles.TILE_ROWS) / BACK), d.GROUPS * d.OUT, d.N],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> products: array<vec4f>; // [16, O/4, TILES]
${finish.code}

var<workgroup> pixels: array<vec4f, ${(BACK / 2) * APART}>;

@compute @workgroup_size(${BACK})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let first = group.x * ${BACK / across}u;
  let own = first + me / ${across}u;
  let row = own / d.UNIT_COLUMNS;
  let column = own % d.UNIT_COLUMNS * ${across}u + me % ${across}u;
  if (row < d.TILE_ROWS && column < d.TILE_COLUMNS) {
    let at = ((group.y * d.N + group.z) * d.TILE_ROWS + row) * d.TILE_COLUMNS + column;
    let place = d.GROUPS * d.OUT * d.TILES;
${perPlace((i, j) => `    let u${i}_${j} = products[at + ${4 * i + j}u * place];`)}
${transformed(OUTPUT)}
${lines(2, (i) => lines(2, (j) => `    pixels[${place(i, j)}] = v${i}_${j};`))}
  }
  workgroupBarrier();
  if (me >= ${BACK / 2}u) { return; }
  var sums = array<vec4f, ${STRIP}>(${Array.from({ length: STRIP }, (_, j) => `pixels[me * ${APART}u + ${j}u]`).join(', ')});
#if ${rows === 2}
  let unit = first + me;
  let p = unit / d.UNIT_COLUMNS * 2u;
#else
  let unit = first + me / 2u;
  let p = unit / d.UNIT_COLUMNS * 2u + me % 2u;
#endif
  if (p < d.P) { finish(group.z, group.y, p, unit % d.UNIT_COLUMNS * ${columns}u, &sums); }
}`,
  };
}
