/**
 * Convolution, Winograd family: F(2×2, 3×3) of Lavin and Gray 2015, for 3×3 filters with stride and dilation 1. Four
 * outputs take 16 products per pair of channels instead of 36; in float32 the result is no less exact than by the
 * direct sum.
 *
 *   y = Aᵀ·[ Σ_c (G·g·Gᵀ) ⊙ (Bᵀ·x·B) ]·A     over tiles of 2×2 outputs, which see 4×4 inputs
 *
 * Three kernels: the inputs are transformed; each of the 16 elements of a tile is a matrix product of its own, output ×
 * input channels × tiles, which is a 1×1 convolution in 16 groups; the outputs are transformed back and finished.
 *
 * A filter turned by 180° has the elements of the filter itself in another order, the outer ones changed along each
 * side: G·turned(g)·Gᵀ = P·(G·g·Gᵀ)·P. So an input gradient by products of the direct family needs no weights of its
 * own: both transforms count the elements in that order, `turned`.
 */
import { type Kernel, STRIP, kernel, lines, unroll } from '../kernel';
import { ANY_PRECISION, reads, writes } from '../tensor';
import { wgsl } from '../wgsl';
import type { DirectVariant } from './direct';
import { type ConvKernel, sumsOf } from './finish';
import type { ConvDims } from './shape';
import type { Tile } from './tiled';

/** What computes the matrix products: tiles, or the direct family, which software adapters run fastest. */
export type WinogradVariant = { readonly family: 'winograd' } & (
  | { readonly tile: Tile }
  | { readonly products: DirectVariant }
);

/** Elements of a 4×4 tile. */
const ELEMENTS = 16;

/** Whether a convolution can be computed so. */
export const suitsWinograd = (d: ConvDims): boolean =>
  d.R === 3 && d.S === 3 && [d.STRIDE_Y, d.STRIDE_X, d.DILATION_Y, d.DILATION_X].every((n) => n === 1);

const tilesOf = (d: ConvDims) => ({ TILE_ROWS: Math.ceil(d.P / 2), TILE_COLUMNS: Math.ceil(d.Q / 2) });

/** The 16 matrix products as a convolution: elements are groups, tiles are pixels. */
export function productDims(d: ConvDims): ConvDims {
  const { TILE_ROWS, TILE_COLUMNS } = tilesOf(d);
  const W = d.N * TILE_ROWS * TILE_COLUMNS;
  const GROUPS = ELEMENTS * d.GROUPS;
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
  };
}

/** The rows of Bᵀ and of Aᵀ in the equation, each as a sum of `u0 … u3`. */
const INPUT = ['u0 - u2', 'u1 + u2', 'u2 - u1', 'u1 - u3'];
const OUTPUT = ['u0 + u1 + u2', 'u1 - u2 - u3'];

/** WGSL: `v<i>_<j>`, the transform of `u<i>_<j>`: of its columns, which are `t<i>_<j>`, and of the rows of those. */
const transformed = (rows: readonly string[]): string =>
  [
    ...rows.map((sum, i) => unroll({ j: 4 }, `let t${i}_{j} = ${sum.replace(/u(\d)/g, 'u$1_{j}')};`)),
    ...rows.map((sum, j) => unroll({ i: rows.length }, `let v{i}_${j} = ${sum.replace(/u(\d)/g, 't{i}_$1')};`)),
  ].join('\n');

/** WGSL: `code` for every element of a 4×4 tile, `{at}` being its number among {@link ELEMENTS}. */
const ofElements = (turned: boolean, code: string): string => {
  const order = turned ? '3120' : '0123';
  return lines(ELEMENTS, (element) => {
    const [i, j] = [element >> 2, element & 3];
    const at = `(4u * ${order[i]}u + ${order[j]}u)`;
    return code.replaceAll('{i}', `${i}`).replaceAll('{j}', `${j}`).replaceAll('{at}', at);
  });
};

/** Bᵀ·x·B. An invocation owns one tile of one input block. Bindings: x transformed. */
export function winogradInput({ name, dims: d, x }: Omit<ConvKernel, 'finish'>, turned = false): Kernel {
  const tiles = tilesOf(d);
  const INPUTS = d.GROUPS * d.IN;
  return kernel({
    name,
    dims: { ...d, ...tiles, TILES: d.N * tiles.TILE_ROWS * tiles.TILE_COLUMNS, INPUTS },
    slices: { x },
    tensors: [
      reads('x', 'N C/4 H W', ANY_PRECISION),
      writes('transformed', `${ELEMENTS} C/4 TILES`, { blocks: ['INPUTS'] }),
    ],
    functions: `
fn inside(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  if (h < d.H && w < d.W) { return load_x(n, b, h, w); }
  return vec4f();
}`,
    each: { x: { tile: 'TILES' }, y: { b: 'INPUTS' } },
    body: `
let perItem = d.TILE_ROWS * d.TILE_COLUMNS;
let n = tile / perItem;
let h = tile % perItem / d.TILE_COLUMNS * 2u - d.PAD_TOP;
let w = tile % d.TILE_COLUMNS * 2u - d.PAD_LEFT;
${unroll({ i: 4, j: 4 }, 'let u{i}_{j} = inside(n, b, h + {i}u, w + {j}u);')}
${transformed(INPUT)}
let to = index_transformed(0u, b, tile);
let apart = d.INPUTS * d.TILES;
${ofElements(turned, 'transformed[to + {at} * apart] = v{i}_{j};')}`,
  });
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
export function winogradOutput({ name, dims: d, finish }: Omit<ConvKernel, 'x'>, turned = false): Kernel {
  const tiles = tilesOf(d);
  const { rows, columns } = finish.unit;
  // So many tiles beside each other make two units of one row each, or one unit of two rows.
  const across = columns / 2;
  const UNIT_COLUMNS = Math.ceil(d.Q / columns);
  const OUTPUTS = d.GROUPS * d.OUT;
  // Where pixel (i, j) of an invocation's tile waits in workgroup memory.
  const slot =
    rows === 2
      ? `me / ${across}u * ${APART}u + me % ${across}u * 2u + {i}u * ${columns}u + {j}u`
      : `(me / ${across}u * 2u + {i}u) * ${APART}u + me % ${across}u * 2u + {j}u`;
  return kernel({
    name,
    dims: {
      ...d,
      ...tiles,
      TILES: d.N * tiles.TILE_ROWS * tiles.TILE_COLUMNS,
      UNIT_COLUMNS,
      OUTPUTS,
      ...finish.dims,
    },
    slices: finish.slices,
    tensors: [
      reads('products', `${ELEMENTS} O/4 N TILE_ROWS TILE_COLUMNS`, { blocks: ['OUTPUTS'] }),
      ...finish.tensors,
    ],
    functions: `${finish.functions}

var<workgroup> pixels: array<vec4f, ${(BACK / 2) * APART}>;`,
    workgroups: [Math.ceil((UNIT_COLUMNS * across * tiles.TILE_ROWS) / BACK), OUTPUTS, d.N],
    workgroupSize: [BACK],
    takes: ['group', 'me'],
    body: wgsl`
let n = group.z;
let o = group.y;
let first = group.x * ${BACK / across}u;
let own = first + me / ${across}u;
let row = own / d.UNIT_COLUMNS;
let column = own % d.UNIT_COLUMNS * ${across}u + me % ${across}u;
if (row < d.TILE_ROWS && column < d.TILE_COLUMNS) {
  let at = index_products(0u, o, n, row, column);
  let apart = d.OUTPUTS * d.TILES;
${ofElements(turned, 'let u{i}_{j} = products[at + {at} * apart];')}
${transformed(OUTPUT)}
${unroll({ i: 2, j: 2 }, `pixels[${slot}] = v{i}_{j};`)}
}
workgroupBarrier();
if (me >= ${BACK / 2}u) { return; }
var sums = ${sumsOf({ j: STRIP }, `pixels[me * ${APART}u + {j}u]`)};
#if ${rows === 2}
let unit = first + me;
let p = unit / d.UNIT_COLUMNS * 2u;
#else
let unit = first + me / 2u;
let p = unit / d.UNIT_COLUMNS * 2u + me % 2u;
#endif
if (p < d.P) { finish(n, o, p, unit % d.UNIT_COLUMNS * ${columns}u, &sums); }`,
  });
}
