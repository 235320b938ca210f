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
import { wgsl } from './wgsl';

/**
 * How a backward kernel treats the tensor whose gradient it stores:
 * `none` it was not rectified · `bits` by the stored bits · `sign` the bits are implied, since every reader is a
 * max-pool, whose dead windows give nothing back; only the sign rule of guided and deconvnet is left.
 */
export type Gate = 'none' | 'bits' | 'sign';

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
 * WGSL: `rectify(v)`, which keeps a NaN, so that it shows in the scores that something overflowed; and `signs(v)`, the
 * four bits of a pixel.
 */
export const RECTIFY = `
fn rectify(v: vec4f) -> vec4f { return select(v, vec4f(), v <= vec4f()); }
fn signs(v: vec4f) -> u32 { return dot(vec4u(v > vec4f()), vec4u(1u, 2u, 4u, 8u)); }`;

/** WGSL: the rule in force. A uniform, so that changing it neither compiles nor allocates. */
export const RULE = `
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }`;

/** Code of a window whose maximum is not positive, in switches of four bits. */
export const DEAD = 15;

/** Fields that {@link giveFunction} needs in the uniform. */
export function epilogueDims({ image }: BackwardEpilogue): Record<string, number> {
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

/**
 * WGSL: the bindings of a backward kernel's result, from `first` on (dX, then bits or switches, then the rule), and
 *
 *   give(plane, h, w, g)    stores the gradient g of pixel (h, w) of block `plane`, counted over the batch
 *   open(plane, h, w)       per lane, whether anything but zero may be stored there: false says that it does not matter
 *   what g is
 *
 * under the rule in force (§4 of the paper; three rules, one code):
 *
 *   gradient  g·[x > 0]   ·   deconvnet  g·[g > 0]   ·   guided  g·[x > 0]·[g > 0]
 *
 * `H` and `W` name the extents of what the kernel computes.
 */
export function giveFunction(first: number, epilogue: BackwardEpilogue, H = 'd.H', W = 'd.W'): string {
  const { accumulate, gate, unpool = false, image } = epilogue;
  const bits = gate === 'bits' && !unpool;
  const gated = gate !== 'none';
  return wgsl`
#if ${image !== undefined}
@group(0) @binding(${first}) var<storage, read_write> dX: array<f32>;   // [N, IMAGE_C, IMAGE_H, IMAGE_W]
#elif ${unpool}
@group(0) @binding(${first}) var<storage, read_write> dX: array<vec4f>; // [N, C/4, 2·H, 2·W]
@group(0) @binding(${first + 1}) var<storage, read> switches: array<u32>;     // [N, C/4, H, W/2]
#else
@group(0) @binding(${first}) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
#endif
#if ${bits}
@group(0) @binding(${first + 1}) var<storage, read> bits: array<u32>;         // [N, C/4, H, W/8]

fn bitsAt(plane: u32, h: u32, w: u32) -> u32 {
  return bits[(plane * ${H} + h) * ((${W} + ${STRIP - 1}u) / ${STRIP}u) + w / ${STRIP}u] >> (w % ${STRIP}u * 4u);
}
#endif
#if ${gated}
${RULE}
@group(0) @binding(${first + 2}) var<uniform> rule: Rule;
fn gated(g: vec4f, bits: u32) -> vec4f {
  let lit = (vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
  let open = lit | vec4<bool>(rule.ignoreInput != 0u);
  let kept = (g > vec4f()) | vec4<bool>(rule.testGradient == 0u);
  return select(vec4f(), g, open & kept);
}
#endif
#if ${unpool}

// which of the window's four taps won, per lane; for deconvnet a dead window is a tie of zeros, won by the first
fn winnerAt(plane: u32, h: u32, w: u32) -> vec4u {
  let word = switches[(plane * ${H} + h) * ((${W} + 1u) / 2u) + w / 2u] >> (w % 2u * 16u);
  let winner = (vec4u(word) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u);
#if ${gated}
  return select(winner, vec4u(), (winner == vec4u(${DEAD}u)) & vec4<bool>(rule.ignoreInput != 0u));
#else
  return winner;
#endif
}
#endif

fn give(plane: u32, h: u32, w: u32, g: vec4f) {
#if ${image !== undefined}
  let blocks = (d.IMAGE_C * d.CELL_H * d.CELL_W + 3u) / 4u;
  for (var lane = 0u; lane < 4u; lane++) {
    let k = plane % blocks * 4u + lane;
    let c = k / (d.CELL_H * d.CELL_W);
    let y = h * d.CELL_H + k / d.CELL_W % d.CELL_H - d.IMAGE_TOP;
    let x = w * d.CELL_W + k % d.CELL_W - d.IMAGE_LEFT;
    if (c < d.IMAGE_C && y < d.IMAGE_H && x < d.IMAGE_W) { dX[((plane / blocks * d.IMAGE_C + c) * d.IMAGE_H + y) * d.IMAGE_W + x] = g[lane]; }
  }
#elif ${unpool}
  let winner = winnerAt(plane, h, w);
#if ${gated}
  let value = gated(g, 15u);
#else
  let value = g;
#endif
  let width = 2u * ${W};
  let corner = (plane * 2u * ${H} + 2u * h) * width + 2u * w;
  dX[corner] = select(vec4f(), value, winner == vec4u());
  dX[corner + 1u] = select(vec4f(), value, winner == vec4u(1u));
  dX[corner + width] = select(vec4f(), value, winner == vec4u(2u));
  dX[corner + width + 1u] = select(vec4f(), value, winner == vec4u(3u));
#else
  let i = (plane * ${H} + h) * ${W} + w;
#if ${accumulate}
  let sum = dX[i] + g;
#else
  let sum = g;
#endif
#if ${bits}
  dX[i] = gated(sum, bitsAt(plane, h, w));
#elif ${gated}
  dX[i] = gated(sum, 15u);
#else
  dX[i] = sum;
#endif
#endif
}

fn open(plane: u32, h: u32, w: u32) -> vec4<bool> {
#if ${bits}
  return ((vec4u(bitsAt(plane, h, w)) & vec4u(1u, 2u, 4u, 8u)) != vec4u()) | vec4<bool>(rule.ignoreInput != 0u);
#elif ${unpool && gated}
  return winnerAt(plane, h, w) != vec4u(${DEAD}u);
#else
  return vec4<bool>(true);
#endif
}`;
}
