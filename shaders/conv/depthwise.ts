/**
 * Depthwise convolution: every channel has a filter of its own, so a block of four channels is multiplied lane by lane,
 * and nothing is summed over channels. Weights are `[C/4, R, S]` of `vec4f`.
 */
import { type BackwardEpilogue, gradientOf } from '../epilogue';
import { type Kernel, kernel, lines, unroll } from '../kernel';
import { ANY_PRECISION, type Slices, reads } from '../tensor';
import { wgsl } from '../wgsl';
import { OUTPUT_AT, gather } from '../windows';
import { type ConvKernel, sumsOf } from './finish';
import { type ConvDims, unitsOf } from './shape';
import { BIAS } from './strided';

/** Wider rows of taps stay a loop, as in the direct family. */
const MOST_TAPS = 5;

const flopsOf = (d: ConvDims): number => 2 * d.N * d.P * d.Q * d.R * d.S * d.GROUPS * 4;

const WEIGHT = reads('weight', 'C/4 R S', ANY_PRECISION);

/**
 *   y[n,c,p,q] = Σ_{r,s} weight[c,r,s] · x[n, c, p·STRIDE + r·DILATION − PAD, q·STRIDE + s·DILATION − PAD]
 *
 * One invocation owns one unit of eight pixels of one block, in registers `a<row>_<column>`. Rows and columns in the
 * padding wrap past zero and so fail `h < H`. With stride and dilation 1 along x a row of taps is unrolled, and shares
 * its inputs. Each block is a group.
 *
 * Bindings: x weight, then those of `finish`.
 */
export function convDepthwise({ name, dims: d, x, finish }: ConvKernel): Kernel {
  const { rows, columns } = finish.unit;
  const unrolled = d.STRIDE_X === 1 && d.DILATION_X === 1 && d.S <= MOST_TAPS;
  const unit = { row: rows, column: columns };
  const load = (w: string): string =>
    `select(vec4f(), load_x_at(line{row} + min(${w}, d.W - 1u)), h{row} < d.H && ${w} < d.W)`;
  return kernel({
    name,
    dims: { ...d, ...unitsOf(d, finish.unit), ...finish.dims },
    slices: { x, ...finish.slices },
    tensors: [reads('x', 'N C/4 H W', ANY_PRECISION), WEIGHT, ...finish.tensors],
    flops: flopsOf(d),
    functions: finish.functions,
    each: { x: { unitRow: 'UNIT_ROWS', unit: 'UNIT_COLUMNS' }, y: { b: 'GROUPS' }, z: { n: 'N' } },
    body: wgsl`
let p = unitRow * ${rows}u;
let q = unit * ${columns}u;
let plane = index_x(n, b, 0u, 0u);
${unroll(unit, 'var a{row}_{column} = vec4f();')}

for (var r = 0u; r < d.R; r++) {
  let tap = index_weight(b, r, 0u);
${unroll(
  { row: rows },
  `
  let h{row} = (p + {row}u) * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
  let line{row} = plane + min(h{row}, d.H - 1u) * d.W;`,
)}
#if ${unrolled}
  let w = q - d.PAD_LEFT;
${unroll({ row: rows, k: columns + d.S - 1 }, `let x{row}_{k} = ${load('(w + {k}u)')};`)}
${lines(
  unrolled ? d.S : 0,
  (s) => `
  let k${s} = load_weight_at(tap + ${s}u);
  ${unroll(unit, `a{row}_{column} += x{row}_{column+${s}} * k${s};`)}`,
)}
#else
  for (var s = 0u; s < d.S; s++) {
    let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
    let k = load_weight_at(tap + s);
${unroll(unit, `a{row}_{column} += ${load('(w + {column}u * d.STRIDE_X)')} * k;`)}
  }
#endif
}

var sums = ${sumsOf(unit, 'a{row}_{column}')};
finish(n, b, p, q, &sums);`,
  });
}

/**
 *   dX[n,c,h,w] = Σ_{r,s} weight[c,r,s] · dY[n, c, (h + PAD − r·DILATION)/STRIDE, (w + PAD − s·DILATION)/STRIDE]
 *
 * over the taps for which these are outputs. One invocation owns one pixel × four channels. `d` is the forward
 * convolution's. `biased`: sums begin from a bias, as those of a transposed convolution do.
 */
export function convDepthwiseBackwardStrided(
  d: ConvDims,
  slices: Slices<'dX' | 'dY'>,
  epilogue: BackwardEpilogue,
  biased = false,
): Kernel {
  const gradient = gradientOf(epilogue);
  return kernel({
    name: 'convDepthwiseBackwardStrided',
    dims: { ...d, ...gradient.dims },
    slices,
    tensors: [reads('dY', 'N C/4 P Q'), WEIGHT, biased && BIAS, ...gradient.tensors],
    flops: flopsOf(d),
    functions: gradient.functions + OUTPUT_AT,
    each: { x: { h: 'H', w: 'W' }, y: { b: 'GROUPS' }, z: { n: 'N' } },
    body: `
var sum = ${biased ? 'bias[b]' : 'vec4f()'};
${gather('sum += load_dY(n, b, p, q) * load_weight(b, r, s);')}
storeGradient(n, b, h, w, sum);`,
  });
}
