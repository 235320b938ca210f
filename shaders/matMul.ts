/**
 * Products of matrices, a matrix for each channel. Four of them lie in the lanes of a block, so that a product of
 * blocks, lane by lane, is what four products need of one pair of elements. Both ways back are such products, too.
 */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { type Kernel, eachPixel, kernel, unroll } from './kernel';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface MatMulDims {
  readonly N: number;
  /** Blocks of the result. */
  readonly BLOCKS: number;
  /** Extents of the result, and of what is summed over. */
  readonly ROWS: number;
  readonly COLUMNS: number;
  readonly INNER: number;
  /** Blocks that are summed over. */
  readonly SUMMED: number;
}

/** How a factor lies: as the product needs it, or transposed; one matrix for all channels, or one for each. */
export interface Factor {
  readonly transposed: boolean;
  readonly single: boolean;
}

/** Rows and columns of the result that one invocation owns, so that it uses each element that it loads so often. */
const TILE = 4;

/**
 *   y[c, m, n] = Σ_k left[c, m, k] · right[c, k, n]
 *
 * One invocation owns a tile of four rows × four columns of four channels. With `sum` the result is one matrix, summed
 * over all channels, in the first lane. With an epilogue it is a backward kernel, which stores a gradient. Bindings:
 * left right y, or left right dX [bits].
 */
export function matMul(
  d: MatMulDims,
  { left, right, to }: Slices<'left' | 'right' | 'to'>,
  how: { readonly left: Factor; readonly right: Factor; readonly sum: boolean },
  epilogue: BackwardEpilogue | null,
): Kernel {
  const gradient = epilogue && gradientOf(epilogue, 'ROWS', 'COLUMNS');
  const load = (name: 'left' | 'right', at: readonly [first: string, second: string]): string => {
    const { transposed, single } = how[name];
    const [first, second] = transposed ? at.toReversed() : at;
    return single ? `vec4f(load_${name}(n, 0u, ${first}, ${second}).x)` : `load_${name}(n, at, ${first}, ${second})`;
  };
  const shape = (name: 'left' | 'right', [rows, columns]: readonly [string, string]): string =>
    how[name].transposed ? `N C/4 ${columns} ${rows}` : `N C/4 ${rows} ${columns}`;
  return kernel({
    name: epilogue ? 'matMulBackward' : 'matMulForward',
    dims: {
      ...d,
      TILES_DOWN: Math.ceil(d.ROWS / TILE),
      TILES_ACROSS: Math.ceil(d.COLUMNS / TILE),
      ...gradient?.dims,
    },
    slices: { left, right, [epilogue ? 'dX' : 'y']: to },
    tensors: [
      reads('left', shape('left', ['ROWS', 'INNER']), ANY_PRECISION),
      reads('right', shape('right', ['INNER', 'COLUMNS']), ANY_PRECISION),
      ...(gradient ? gradient.tensors : [writes('y', 'N C/4 ROWS COLUMNS', ANY_PRECISION)]),
    ],
    flops: 8 * d.N * d.BLOCKS * d.SUMMED * d.ROWS * d.COLUMNS * d.INNER,
    functions: gradient?.functions ?? '',
    each: eachPixel({ down: 'TILES_DOWN', across: 'TILES_ACROSS' }),
    body: wgsl`
let row = down * ${TILE}u;
let column = across * ${TILE}u;
// those past the end are computed again from the last one, and not stored
${unroll({ i: TILE }, `let row{i} = min(row + {i}u, d.ROWS - 1u);`)}
${unroll({ j: TILE }, `let column{j} = min(column + {j}u, d.COLUMNS - 1u);`)}
${unroll({ i: TILE, j: TILE }, 'var sum{i}_{j} = vec4f();')}
for (var s = 0u; s < d.SUMMED; s++) {
  let at = b + s;
  for (var k = 0u; k < d.INNER; k++) {
    ${unroll({ i: TILE }, `let l{i} = ${load('left', ['row{i}', 'k'])};`)}
    ${unroll({ j: TILE }, `let r{j} = ${load('right', ['k', 'column{j}'])};`)}
    ${unroll({ i: TILE, j: TILE }, 'sum{i}_{j} += l{i} * r{j};')}
  }
}
#if ${how.sum}
${unroll({ i: TILE, j: TILE }, 'sum{i}_{j} = vec4f(dot(sum{i}_{j}, vec4f(1.0)), 0.0, 0.0, 0.0);')}
#endif
${unroll(
  { i: TILE, j: TILE },
  `
if (row + {i}u < d.ROWS && column + {j}u < d.COLUMNS) {
  ${epilogue ? 'storeGradient' : 'store_y'}(n, b, row + {i}u, column + {j}u, sum{i}_{j});
}`,
)}`,
  });
}
