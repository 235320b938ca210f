/**
 * Max-pooling, both directions. The forward pass keeps, for every pooled element, which tap of its window won (`r·S +
 * s`), in 4 or 8 bits; the backward pass gathers by these switches. A tie goes to the first tap in row-major order, so
 * values are compared with `>`; padding never wins, since its taps are passed over.
 */
import { type BackwardEpilogue, RULE, epilogueDims, giveFunction } from './epilogue';
import { type Kernel, type WindowDims, grid, uniform } from './kernel';
import { IS_NAN } from './nan';
import { wgsl } from './wgsl';

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

/**
 *   y[n,c,p,q] = max_{r,s} x[n, c, p·STRIDE + r·DILATION − PAD, q·STRIDE + s·DILATION − PAD]
 *
 * One invocation owns one word of switches: two pixels × four channels, or one pixel with large windows. If x is
 * rectified (`dead`), a window whose maximum is 0 gets the dead code, which carries the ReLU's mask: no bits are kept
 * for it.
 */
export function maxPoolForward(d: PoolDims, dead: boolean): Kernel {
  const bits = bitsOf(d);
  const dims = { ...d, WORDS: wordsPerRow(d) };
  return {
    name: 'maxPoolForward',
    dims,
    flops: 0,
    workgroups: grid(dims.WORDS * d.P, d.BLOCKS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;              // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;        // [N, C/4, P, Q]
@group(0) @binding(3) var<storage, read_write> switches: array<u32>;   // [N, C/4, P, Q / ${pixelsPerWord(d)}]
${IS_NAN}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.WORDS * d.P) { return; }
  let p = id.x / d.WORDS;
  let plane = id.z * d.X_BLOCKS + d.X_BLOCK + id.y;
  var word = 0u;
  for (var k = 0u; k < ${pixelsPerWord(d)}u; k++) {
    let q = id.x % d.WORDS * ${pixelsPerWord(d)}u + k;
    if (q >= d.Q) { break; }
    var best = vec4f();
    var winner = vec4u();
    var first = true;
    for (var r = 0u; r < d.R; r++) {
      let h = p * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
      if (h >= d.H) { continue; }
      for (var s = 0u; s < d.S; s++) {
        let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
        if (w >= d.W) { continue; }
        let value = x[(plane * d.H + h) * d.W + w];
        let wins = (value > best) | isNan(value) | vec4<bool>(first); // a NaN wins, and stays
        best = select(best, value, wins);
        winner = select(winner, vec4u(r * d.S + s), wins);
        first = false;
      }
    }
#if ${dead}
    winner = select(winner, vec4u(${2 ** bits - 1}u), best <= vec4f());
#endif
    y[((id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y) * d.P + p) * d.Q + q] = best;
    let codes = winner << vec4u(0u, ${bits}u, ${2 * bits}u, ${3 * bits}u);
    word |= (codes.x | codes.y | codes.z | codes.w) << (k * ${4 * bits}u % 32u);
  }
  switches[(id.z * d.BLOCKS + id.y) * d.P * d.WORDS + id.x] = word;
}`,
  };
}

/**
 *   dX[n,c,h,w] = Σ_{p,q} dY[n,c,p,q] · [the window of (p,q) was won by (h,w)]
 *
 * One invocation owns one pixel × four channels and gathers from the few windows that cover it. A dead window gives
 * nothing; but deconvnet does not ask the ReLU's input, so there it is a tie of zeros, which goes to the window's first
 * tap. Every reader of the rectified tensor must do so, also those that do not store last and have no gate.
 */
export function maxPoolBackward(d: PoolDims, dead: boolean, epilogue: BackwardEpilogue): Kernel {
  const bits = bitsOf(d);
  const dims = { ...d, WORDS: wordsPerRow(d), ...epilogueDims(epilogue) };
  return {
    name: 'maxPoolBackward',
    dims,
    flops: 0,
    workgroups: grid(d.H * d.W, d.BLOCKS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;       // [N, C/4, P, Q]
@group(0) @binding(2) var<storage, read> switches: array<u32>;   // [N, C/4, P, Q / ${pixelsPerWord(d)}]
${giveFunction(3, epilogue)}
#if ${dead && epilogue.gate === 'none'}
${RULE}
@group(0) @binding(5) var<uniform> rule: Rule;
#endif

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let h = id.x / d.W;
  let w = id.x % d.W;
  let n = id.z;
  let gradient = (n * d.Y_BLOCKS + d.Y_BLOCK + id.y) * d.P;
  let plane = (n * d.BLOCKS + id.y) * d.P;

  let y = h + d.PAD_TOP;
  let x = w + d.PAD_LEFT;
  let tall = (d.R - 1u) * d.DILATION_Y;
  let wide = (d.S - 1u) * d.DILATION_X;
  let pBegin = select(0u, (y - tall + d.STRIDE_Y - 1u) / d.STRIDE_Y, y > tall);
  let qBegin = select(0u, (x - wide + d.STRIDE_X - 1u) / d.STRIDE_X, x > wide);
  let pEnd = min(y / d.STRIDE_Y + 1u, d.P);
  let qEnd = min(x / d.STRIDE_X + 1u, d.Q);

  var sum = vec4f();
  for (var p = pBegin; p < pEnd; p++) {
    let down = y - p * d.STRIDE_Y;
    if (down % d.DILATION_Y != 0u) { continue; }
    for (var q = qBegin; q < qEnd; q++) {
      let along = x - q * d.STRIDE_X;
      if (along % d.DILATION_X != 0u) { continue; }
      let tap = down / d.DILATION_Y * d.S + along / d.DILATION_X;
      let word = switches[(plane + p) * d.WORDS + q / ${pixelsPerWord(d)}u] >> (q % ${pixelsPerWord(d)}u * ${(4 * bits) % 32}u);
      var winner = (vec4u(word) >> vec4u(0u, ${bits}u, ${2 * bits}u, ${3 * bits}u)) & vec4u(${2 ** bits - 1}u);
#if ${dead}
      let dead = (winner == vec4u(${2 ** bits - 1}u)) & vec4<bool>(rule.ignoreInput != 0u);
      winner = select(winner, vec4u(firstTap(p, d.STRIDE_Y, d.PAD_TOP, d.DILATION_Y) * d.S + firstTap(q, d.STRIDE_X, d.PAD_LEFT, d.DILATION_X)), dead);
#endif
      sum += select(vec4f(), dY[(gradient + p) * d.Q + q], winner == vec4u(tap));
    }
  }

  give(n * d.X_BLOCKS + d.X_BLOCK + id.y, h, w, sum);
}
#if ${dead}

// first tap of the window of output p that lies past the padding
fn firstTap(p: u32, stride: u32, pad: u32, dilation: u32) -> u32 {
  let start = p * stride;
  return select(0u, (pad - start + dilation - 1u) / dilation, start < pad);
}
#endif`,
  };
}
