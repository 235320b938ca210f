/**
 * Max-pooling, both directions. The forward pass keeps, for every pooled element, which tap of its window won (`r·S +
 * s`), in 4 or 8 bits; the backward pass gathers by these switches. A tie goes to the first tap in row-major order, so
 * values are compared with `>`; padding never wins, since its taps are passed over.
 */
import { type BackwardEpilogue, RULE, gradientOf } from './epilogue';
import { type Kernel, eachPixel, kernel } from './kernel';
import { MAGNITUDE } from './overflow';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';
import { FIRST_OUTPUT, type WindowDims, covering } from './windows';

export interface PoolDims extends WindowDims {
  readonly BLOCKS: number;
}

/** Taps that a switch can name; the largest code means a dead window. */
export const MAX_POOL_TAPS = 255;

/** Bits of a switch: half a byte up to 3×3 and 3×5, a byte beyond. */
const bitsOf = (d: PoolDims): 4 | 8 => (d.R * d.S <= 15 ? 4 : 8);
const pixelsPerWord = (d: PoolDims): number => 8 / bitsOf(d);
const wordsPerRow = (d: PoolDims): number => Math.ceil(d.Q / pixelsPerWord(d));

/** Bytes of the switches, `[N, C/4, P, ⌈Q / pixels a word⌉]` of u32. */
export const switchBytes = (d: PoolDims): number => d.N * d.BLOCKS * d.P * wordsPerRow(d) * 4;

const SWITCHES = ['switches', 'N C/4 P WORDS', { element: 'u32' }] as const;

/** WGSL: how far the four codes of a word's first pixel are shifted. */
const shifts = (bits: number): string => `vec4u(0u, ${bits}u, ${2 * bits}u, ${3 * bits}u)`;

/**
 *   y[n,c,p,q] = max_{r,s} x[n, c, p·STRIDE + r·DILATION − PAD, q·STRIDE + s·DILATION − PAD]
 *
 * One invocation owns one word of switches: two pixels × four channels, or one pixel with large windows. If x is
 * rectified (`dead`), a window whose maximum is 0 gets the dead code, which carries the ReLU's mask: no bits are kept
 * for it.
 */
export function maxPoolForward(d: PoolDims, slices: Slices<'x' | 'y'>, dead: boolean): Kernel {
  const bits = bitsOf(d);
  return kernel({
    name: 'maxPoolForward',
    dims: { ...d, WORDS: wordsPerRow(d) },
    slices,
    tensors: [reads('x', 'N C/4 H W', ANY_PRECISION), writes('y', 'N C/4 P Q', ANY_PRECISION), writes(...SWITCHES)],
    functions: MAGNITUDE,
    each: eachPixel({ p: 'P', word: 'WORDS' }),
    body: wgsl`
let plane = index_x(n, b, 0u, 0u);
var codes = 0u;
for (var k = 0u; k < ${pixelsPerWord(d)}u; k++) {
  let q = word * ${pixelsPerWord(d)}u + k;
  if (q >= d.Q) { break; }
  var best = vec4f();
  var largest = vec4u();
  var winner = vec4u();
  var first = true;
  for (var r = 0u; r < d.R; r++) {
    let h = p * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
    if (h >= d.H) { continue; }
    for (var s = 0u; s < d.S; s++) {
      let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
      if (w >= d.W) { continue; }
      let value = load_x_at(plane + h * d.W + w);
      let wins = (value > best) | vec4<bool>(first);
      best = select(best, value, wins);
      winner = select(winner, vec4u(r * d.S + s), wins);
      largest = max(largest, magnitude(value));
      first = false;
    }
  }
#if ${dead}
  winner = select(winner, vec4u(${2 ** bits - 1}u), best <= vec4f());
#endif
  // what overflowed wins
  store_y(n, b, p, q, select(best, bitcast<vec4f>(largest), largest >= vec4u(INFINITE)));
  let code = winner << ${shifts(bits)};
  codes |= (code.x | code.y | code.z | code.w) << (k * ${4 * bits}u % 32u);
}
store_switches(n, b, p, word, codes);`,
  });
}

/**
 *   dX[n,c,h,w] = Σ_{p,q} dY[n,c,p,q] · [the window of (p,q) was won by (h,w)]
 *
 * One invocation owns one pixel × four channels and gathers from the few windows that cover it, in row-major order. A
 * dead window gives nothing; but deconvnet does not ask the ReLU's input, so there it is a tie of zeros, which goes to
 * the window's first tap. Every reader of the rectified tensor must do so, also those that do not store last and have
 * no gate.
 */
export function maxPoolBackward(
  d: PoolDims,
  slices: Slices<'dX' | 'dY'>,
  dead: boolean,
  epilogue: BackwardEpilogue,
): Kernel {
  const gradient = gradientOf(epilogue);
  const bits = bitsOf(d);
  return kernel({
    name: 'maxPoolBackward',
    dims: { ...d, WORDS: wordsPerRow(d), ...gradient.dims },
    slices,
    tensors: [reads('dY', 'N C/4 P Q'), reads(...SWITCHES), ...gradient.tensors, dead && RULE],
    functions: wgsl`
${gradient.functions}
${FIRST_OUTPUT}
#if ${dead}

// first tap of the window of output p that lies past the padding
fn firstTap(p: u32, stride: u32, pad: u32, dilation: u32) -> u32 {
  let start = p * stride;
  return select(0u, (pad - start + dilation - 1u) / dilation, start < pad);
}
#endif`,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
var sum = vec4f();
${covering(wgsl`
let word = load_switches(n, b, p, q / ${pixelsPerWord(d)}u) >> (q % ${pixelsPerWord(d)}u * ${(4 * bits) % 32}u);
var winner = (vec4u(word) >> ${shifts(bits)}) & vec4u(${2 ** bits - 1}u);
#if ${dead}
let dead = (winner == vec4u(${2 ** bits - 1}u)) & vec4<bool>(rule.ignoreInput != 0u);
let first = firstTap(p, d.STRIDE_Y, d.PAD_TOP, d.DILATION_Y) * d.S + firstTap(q, d.STRIDE_X, d.PAD_LEFT, d.DILATION_X);
winner = select(winner, vec4u(first), dead);
#endif
sum += select(vec4f(), load_dY(n, b, p, q), winner == vec4u(r * d.S + s));`)}
storeGradient(n, b, h, w, sum);`,
  });
}
