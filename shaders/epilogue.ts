/**
 * What kernels do as they store, so that neither ReLU, nor 2×2 pooling, nor the way out to the image costs a pass of
 * its own.
 *
 * Forward kernels rectify and keep one bit per element: a word covers one strip, bit `4·(w mod 8) + lane`. Backward
 * kernels multiply by the bits of the tensor whose gradient they store: so each element is masked once, after all its
 * readers have been summed.
 */
import type { ImageDims } from './image';
import { STRIP } from './kernel';
import { OVERFLOWED } from './overflow';
import { type Declaration, type UniformDeclaration, reads, writes } from './tensor';
import { wgsl } from './wgsl';

/**
 * How a backward kernel treats the tensor whose gradient it stores:
 * `none` it was not rectified · `bits` by the stored bits · `sign` the bits are implied, since every reader is a
 * max-pool, whose dead windows give nothing back; only the sign rule of guided and deconvnet is left · `clip` it was
 * clipped: by the stored bits, whatever the rule.
 */
export type Gate = 'none' | 'bits' | 'sign' | 'clip';

/** Limits that what is stored is kept within: `min ≤ 0 ≤ max`, so that zero stays zero. */
export interface ClipLimits {
  readonly min: number;
  readonly max: number;
}

export interface BackwardEpilogue {
  /** Add to what is stored, since another reader of the tensor was there before. */
  readonly accumulate: boolean;
  readonly gate: Gate;
  /**
   * The kernel's result is the gradient of a 2×2-pooled tensor; store that of the tensor before the pool, by the
   * switches.
   */
  readonly unpool?: true;
  /** The kernel's result is the gradient of the blocks that the image became; store that of the image, NCHW. */
  readonly image?: ImageDims;
}

/**
 * WGSL: `rectify(v)`, which hands on what overflowed, also minus infinity, so that it shows in the scores; and
 * `signs(v)`, the four bits of a pixel.
 */
export const RECTIFY = `
fn rectify(v: vec4f) -> vec4f {
  return select(v, vec4f(), (v <= vec4f()) & (bitcast<vec4u>(v) != vec4u(0xff800000u)));
}
fn signs(v: vec4f) -> u32 {
  return dot(vec4u(v > vec4f()), vec4u(1u, 2u, 4u, 8u));
}`;

/** WGSL: `channelsOf(b)`, the four channels of a block. */
export const CHANNELS = `
fn channelsOf(b: u32) -> vec4u {
  return vec4u(4u * b) + vec4u(0u, 1u, 2u, 3u);
}`;

/** The rule in force. A uniform, so that changing it neither compiles nor allocates. */
export const RULE: UniformDeclaration = {
  kind: 'uniform',
  name: 'rule',
  type: 'Rule',
  struct: 'struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }',
};

/** Code of a window whose maximum is not positive, in switches of four bits. */
export const DEAD = 15;

/** Fields of the uniform that say how the image lies in what becomes of it. */
function epilogueDims({ image }: BackwardEpilogue): Record<string, number> {
  if (!image) return {};
  const { C, H, W, STRIDE_Y, STRIDE_X, PAD_TOP, PAD_LEFT } = image;
  return {
    IMAGE_C: C,
    IMAGE_H: H,
    IMAGE_W: W,
    CELL_H: STRIDE_Y,
    CELL_W: STRIDE_X,
    IMAGE_TOP: PAD_TOP,
    IMAGE_LEFT: PAD_LEFT,
  };
}

/** What a backward kernel takes over from here: it adds all three to its own. */
export interface GradientOf {
  readonly dims: Readonly<Record<string, number>>;
  readonly tensors: readonly Declaration[];
  readonly functions: string;
}

/**
 * How a backward kernel stores its result, in the slice `dX`. Bindings: dX, then bits or switches, then the rule. WGSL:
 *
 *   storeGradient(n, b, h, w, g)    stores the gradient g of pixel (h, w) of block b of item n
 *   isLive(n, b, h, w)              per lane, whether anything but zero may be stored there: false says that it does
 *                                   not matter what g is
 *
 * under the rule in force (§4 of the paper; three rules, one code):
 *
 *   gradient  g·[x > 0]   ·   deconvnet  g·[g > 0]   ·   guided  g·[x > 0]·[g > 0]
 *
 * `H` and `W` name the extents of what the kernel computes.
 */
export function gradientOf(epilogue: BackwardEpilogue, H = 'H', W = 'W'): GradientOf {
  const { accumulate, gate, unpool = false, image } = epilogue;
  const bits = (gate === 'bits' || gate === 'clip') && !unpool;
  const ruled = gate === 'bits' || gate === 'sign';
  const gated = gate !== 'none';
  const like = { element: 'u32', like: 'dX' } as const;
  const tensors = [
    image
      ? writes('dX', 'N IMAGE_C IMAGE_H IMAGE_W', { element: 'f32' })
      : writes('dX', unpool ? `N C/4 2${H} 2${W}` : `N C/4 ${H} ${W}`),
    ...(unpool ? [reads('switches', `N C/4 ${H} ${W}/2`, like)] : []),
    ...(bits ? [reads('bits', `N C/4 ${H} ${W}/${STRIP}`, like)] : []),
    ...(ruled ? [RULE] : []),
  ];
  const functions = wgsl`
#if ${bits}
// which of a pixel's four bits are set
fn lit(bits: u32) -> vec4<bool> {
  return (vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
}
fn bitsAt(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return load_bits(n, b, h, w / ${STRIP}u) >> (w % ${STRIP}u * 4u);
}
#endif
#if ${ruled}
${OVERFLOWED}
fn gated(g: vec4f, live: vec4<bool>) -> vec4f {
  let kept = (g > vec4f()) | vec4<bool>(rule.testGradient == 0u) | overflowed(g);
  return select(vec4f(), g, live & kept);
}
#elif ${gated}
fn gated(g: vec4f, live: vec4<bool>) -> vec4f {
  return select(vec4f(), g, live);
}
#endif
#if ${unpool}

// which of the window's four taps won, per lane; for deconvnet a dead window is a tie of zeros, won by the first
fn winnerAt(n: u32, b: u32, h: u32, w: u32) -> vec4u {
  let word = load_switches(n, b, h, w / 2u) >> (w % 2u * 16u);
  let winner = (vec4u(word) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u);
#if ${gated}
  return select(winner, vec4u(), (winner == vec4u(${DEAD}u)) & vec4<bool>(rule.ignoreInput != 0u));
#else
  return winner;
#endif
}
#endif

fn isLive(n: u32, b: u32, h: u32, w: u32) -> vec4<bool> {
#if ${bits && ruled}
  return lit(bitsAt(n, b, h, w)) | vec4<bool>(rule.ignoreInput != 0u);
#elif ${bits}
  return lit(bitsAt(n, b, h, w));
#elif ${unpool && gated}
  return winnerAt(n, b, h, w) != vec4u(${DEAD}u);
#else
  return vec4<bool>(true);
#endif
}

fn storeGradient(n: u32, b: u32, h: u32, w: u32, g: vec4f) {
#if ${image !== undefined}
  for (var lane = 0u; lane < 4u; lane++) {
    let k = b * 4u + lane;
    let c = k / (d.CELL_H * d.CELL_W);
    let y = h * d.CELL_H + k / d.CELL_W % d.CELL_H - d.IMAGE_TOP;
    let x = w * d.CELL_W + k % d.CELL_W - d.IMAGE_LEFT;
    if (c < d.IMAGE_C && y < d.IMAGE_H && x < d.IMAGE_W) { store_dX(n, c, y, x, g[lane]); }
  }
#elif ${unpool}
  let winner = winnerAt(n, b, h, w);
#if ${gated}
  let value = gated(g, vec4<bool>(true));
#else
  let value = g;
#endif
  let above = index_dX(n, b, 2u * h, 2u * w);
  let below = above + 2u * d.${W};
  dX[above] = select(vec4f(), value, winner == vec4u());
  dX[above + 1u] = select(vec4f(), value, winner == vec4u(1u));
  dX[below] = select(vec4f(), value, winner == vec4u(2u));
  dX[below + 1u] = select(vec4f(), value, winner == vec4u(3u));
#else
  let i = index_dX(n, b, h, w);
#if ${accumulate}
  let sum = dX[i] + g;
#else
  let sum = g;
#endif
#if ${gated}
  dX[i] = gated(sum, isLive(n, b, h, w));
#else
  dX[i] = sum;
#endif
#endif
}`;
  return { dims: epilogueDims(epilogue), tensors, functions };
}
