/** Average pooling, both directions; global average pooling is the window of the whole plane. */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { type Kernel, eachPixel, kernel } from './kernel';
import type { PoolDims } from './maxPool';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';
import { FIRST_OUTPUT, covering } from './windows';

/**
 * `COUNT_PADDING` 1: a window divides by all its taps within the padded input, whose extents are `PADDED_H × PADDED_W`.
 */
export interface AveragePoolDims extends PoolDims {
  readonly PADDED_H: number;
  readonly PADDED_W: number;
  readonly COUNT_PADDING: 0 | 1;
}

// Taps of a window of output p that lie in the input, or in the padded input; and what each of them weighs.
const TAP_WEIGHT = `
// those that lie before position \`end\` of the padded input
fn before(end: u32, begin: u32, taps: u32, dilation: u32) -> u32 {
  return select(0u, min(taps, (end - begin + dilation - 1u) / dilation), end > begin);
}
fn count(p: u32, taps: u32, stride: u32, pad: u32, dilation: u32, extent: u32, padded: u32) -> u32 {
  let begin = p * stride;
  if (d.COUNT_PADDING == 1u) { return before(padded, begin, taps, dilation); }
  return before(pad + extent, begin, taps, dilation) - before(pad, begin, taps, dilation);
}
fn tapWeight(p: u32, q: u32) -> f32 {
  let rows = count(p, d.R, d.STRIDE_Y, d.PAD_TOP, d.DILATION_Y, d.H, d.PADDED_H);
  let columns = count(q, d.S, d.STRIDE_X, d.PAD_LEFT, d.DILATION_X, d.W, d.PADDED_W);
  return 1.0 / f32(rows * columns);
}`;

/** y[n,c,p,q] = Σ_{taps inside} x / count(p,q). One invocation owns one pixel × four channels. */
export function averagePoolForward(d: AveragePoolDims, slices: Slices<'x' | 'y'>): Kernel {
  return kernel({
    name: 'averagePoolForward',
    dims: { ...d },
    slices,
    tensors: [reads('x', 'N C/4 H W', ANY_PRECISION), writes('y', 'N C/4 P Q', ANY_PRECISION)],
    functions: TAP_WEIGHT,
    each: eachPixel({ p: 'P', q: 'Q' }),
    body: wgsl`
let plane = index_x(n, b, 0u, 0u);
var sum = vec4f();
for (var r = 0u; r < d.R; r++) {
  let h = p * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
  if (h >= d.H) { continue; }
  var row = vec4f(); // rows first: shorter sums round less
  for (var s = 0u; s < d.S; s++) {
    let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
    if (w < d.W) { row += load_x_at(plane + h * d.W + w); }
  }
  sum += row;
}
store_y(n, b, p, q, sum * tapWeight(p, q));`,
  });
}

/** dX[n,c,h,w] = Σ_{windows (p,q) that cover (h,w)} dY[n,c,p,q] / count(p,q): one term for a global pool. */
export function averagePoolBackward(
  d: AveragePoolDims,
  slices: Slices<'dX' | 'dY'>,
  epilogue: BackwardEpilogue,
): Kernel {
  const gradient = gradientOf(epilogue);
  return kernel({
    name: 'averagePoolBackward',
    dims: { ...d, ...gradient.dims },
    slices,
    tensors: [reads('dY', 'N C/4 P Q'), ...gradient.tensors],
    functions: gradient.functions + FIRST_OUTPUT + TAP_WEIGHT,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
var sum = vec4f();
${covering('sum += load_dY(n, b, p, q) * tapWeight(p, q);')}
storeGradient(n, b, h, w, sum);`,
  });
}
