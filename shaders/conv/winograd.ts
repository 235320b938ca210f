/**
 * Convolution, Winograd family: F(2×2, 3×3) of Lavin and Gray 2015, for 3×3 filters with stride and dilation 1. Four outputs take 16
 * products per pair of channels instead of 36; in float32 the result is no less exact than by the direct sum.
 *
 *   y = Aᵀ·[ Σ_c (G·g·Gᵀ) ⊙ (Bᵀ·x·B) ]·A     over tiles of 2×2 outputs, which see 4×4 inputs
 *
 * Three kernels: the inputs are transformed; each of the 16 places of a tile is a matrix product of its own, output × input channels ×
 * tiles, which is a 1×1 convolution in 16 groups; the outputs are transformed back and finished.
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
export const suitsWinograd = (d: ConvDims): boolean => d.R === 3 && d.S === 3 && [d.STRIDE_Y, d.STRIDE_X, d.DILATION_Y, d.DILATION_X].every((n) => n === 1);

const tilesOf = (d: ConvDims) => ({ TILE_ROWS: Math.ceil(d.P / 2), TILE_COLUMNS: Math.ceil(d.Q / 2) });

/** The 16 matrix products as a convolution: places are groups, tiles are pixels. */
export function productDims(d: ConvDims): ConvDims {
  const { TILE_ROWS, TILE_COLUMNS } = tilesOf(d);
  const W = d.N * TILE_ROWS * TILE_COLUMNS;
  const GROUPS = PLACES * d.GROUPS;
  return {
    N: 1, H: 1, W, P: 1, Q: W, R: 1, S: 1, STRIDE_Y: 1, STRIDE_X: 1, PAD_TOP: 0, PAD_LEFT: 0, DILATION_Y: 1, DILATION_X: 1,
    IN: d.IN, OUT: d.OUT, GROUPS, X_BLOCK: 0, X_BLOCKS: GROUPS * d.IN, Y_BLOCK: 0, Y_BLOCKS: GROUPS * d.OUT,
  };
}

type Transform = (u: (k: number) => string) => readonly string[];
/** Bᵀ and Aᵀ of the equation. */
const INPUT: Transform = (u) => [`${u(0)} - ${u(2)}`, `${u(1)} + ${u(2)}`, `${u(2)} - ${u(1)}`, `${u(1)} - ${u(3)}`];
const OUTPUT: Transform = (u) => [`${u(0)} + ${u(1)} + ${u(2)}`, `${u(1)} - ${u(2)} - ${u(3)}`];

/** `v<row>_<column>`, the transform of `u<row>_<column>`: of its columns, and of the rows that come out. */
const transformed = (transform: Transform): string => {
  const columns = lines(4, (j) => transform((i) => `u${i}_${j}`).map((sum, i) => `    let t${i}_${j} = ${sum};`).join('\n'));
  const count = transform(String).length;
  return `${columns}\n${lines(count, (i) => transform((j) => `t${i}_${j}`).map((sum, j) => `    let v${i}_${j} = ${sum};`).join('\n'))}`;
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

/** Aᵀ·products·A, and `finish`. An invocation owns the tiles below one unit of one output block. Bindings: products, then those of `finish`. */
export function winogradOutput(name: string, d: ConvDims, finish: Finish): Kernel {
  const tiles = tilesOf(d);
  const { rows, columns } = finish.unit;
  const across = columns / 2;
  const dims = { ...d, ...tiles, TILES: d.N * tiles.TILE_ROWS * tiles.TILE_COLUMNS, UNIT_COLUMNS: Math.ceil(d.Q / columns), ...finish.dims };
  // A row of tiles makes two units of one row each, or one unit of two rows.
  const sums = (i: number): string => (rows === 2 ? `sums0[${i * columns}u + 2u * k` : `sums${i}[2u * k`);
  return {
    name,
    dims,
    flops: 0,
    workgroups: grid(dims.UNIT_COLUMNS * tiles.TILE_ROWS, d.GROUPS * d.OUT, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> products: array<vec4f>; // [16, O/4, TILES]
${finish.code}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x / d.UNIT_COLUMNS;
  if (row >= d.TILE_ROWS) { return; }
  let first = id.x % d.UNIT_COLUMNS * ${across}u;
  let at = (id.y * d.N + id.z) * d.TILE_ROWS * d.TILE_COLUMNS + row * d.TILE_COLUMNS + first;
  let place = d.GROUPS * d.OUT * d.TILES;
${lines(2 / rows, (i) => `  var sums${i} = array<vec4f, ${STRIP}>();`)}
  for (var k = 0u; k < min(${across}u, d.TILE_COLUMNS - first); k++) {
${perPlace((i, j) => `    let u${i}_${j} = products[at + k + ${4 * i + j}u * place];`)}
${transformed(OUTPUT)}
${lines(2, (i) => lines(2, (j) => `    ${sums(i)} + ${j}u] = v${i}_${j};`))}
  }
  finish(id.z, id.y, 2u * row, 2u * first, &sums0);
#if ${rows === 1}
  if (2u * row + 1u < d.P) { finish(id.z, id.y, 2u * row + 1u, 2u * first, &sums1); }
#endif
}`,
  };
}
