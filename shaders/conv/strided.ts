/** Input gradient of a convolution with stride, by gathering. */
import { type BackwardEpilogue, gradientOf } from '../epilogue';
import { type Kernel, STRIP, kernel, unroll } from '../kernel';
import { ANY_PRECISION, type Slices, reads } from '../tensor';
import { NO_OUTPUT, OUTPUT_AT } from '../windows';
import { type ConvDims, flopsOf } from './shape';

/** Of a transposed convolution, over the blocks that it writes. */
export const BIAS = reads('bias', 'C/4');

const WORKGROUP = 32;
const PIXELS = { j: STRIP };

/**
 * Input gradient of a convolution with any stride, by gathering: an invocation owns eight pixels of one row that share
 * their phase (w, w + STRIDE, …), and so share their taps; those whose row or column falls between two outputs are
 * passed over. `d` is the forward convolution's. Weights are `[C/4, O/4, R, S, 4]`: one `vec4f` per output lane, over
 * four input lanes. `biased`: sums begin from a bias, as those of a transposed convolution do.
 */
export function convBackwardStrided(
  d: ConvDims,
  slices: Slices<'dX' | 'dY'>,
  epilogue: BackwardEpilogue,
  biased = false,
): Kernel {
  const gradient = gradientOf(epilogue);
  const RUNS = Math.ceil(d.W / (STRIP * d.STRIDE_X)) * d.STRIDE_X;
  return kernel({
    name: 'convBackwardStrided',
    dims: { ...d, RUNS, ...gradient.dims },
    slices,
    tensors: [
      reads('dY', 'N O/4 P Q'),
      reads('weight', 'IN OUT R S 4', ANY_PRECISION),
      biased && BIAS,
      ...gradient.tensors,
    ],
    flops: flopsOf(d),
    functions: gradient.functions + OUTPUT_AT,
    workgroups: [Math.ceil((RUNS * d.H) / WORKGROUP), d.GROUPS * d.IN, d.N],
    workgroupSize: [WORKGROUP],
    takes: ['id'],
    flat: true,
    body: `
if (id.x >= d.H * d.RUNS) { return; }
let n = id.z;
let c = id.y;
let h = id.x / d.RUNS;
let run = id.x % d.RUNS;
let w = run / d.STRIDE_X * d.STRIDE_X * ${STRIP}u + run % d.STRIDE_X;
let plane = d.P * d.Q;
let first = index_dY(n, c / d.IN * d.OUT, 0u, 0u);
${unroll(PIXELS, `var a{j} = ${biased ? 'bias[c]' : 'vec4f()'};`)}

for (var r = 0u; r < d.R; r++) {
  let p = outputAt(h + d.PAD_TOP, r * d.DILATION_Y, d.STRIDE_Y);
  if (p >= d.P) { continue; }
  for (var s = 0u; s < d.S; s++) {
    let q = outputAt(w + d.PAD_LEFT, s * d.DILATION_X, d.STRIDE_X);
    if (q == ${NO_OUTPUT}) { continue; }
    for (var o = 0u; o < d.OUT; o++) {
      let line = first + o * plane + p * d.Q;
      let tap = index_weight(c, o, r, s, 0u);
      let k0 = load_weight_at(tap);
      let k1 = load_weight_at(tap + 1u);
      let k2 = load_weight_at(tap + 2u);
      let k3 = load_weight_at(tap + 3u);
${unroll(
  PIXELS,
  `
      let q{j} = q + {j}u;
      let x{j} = select(vec4f(), dY[line + min(q{j}, d.Q - 1u)], q{j} < d.Q);
      a{j} += x{j}.x * k0 + x{j}.y * k1 + x{j}.z * k2 + x{j}.w * k3;`,
)}
    }
  }
}

${unroll(
  PIXELS,
  `
let w{j} = w + {j}u * d.STRIDE_X;
if (w{j} < d.W) { storeGradient(n, c, h, w{j}, a{j}); }`,
)}`,
  });
}
