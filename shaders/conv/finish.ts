/**
 * What every family of convolution kernels does with the sums of one unit (eight pixels of one output block) once they
 * are complete.
 *
 * WGSL: `finish(n, o, p, q, sums)` stores the unit that begins at pixel (p, q) of block `o` (counted over all groups)
 * of item `n`. The eight sums come as an array and are walked by a loop whose bound is known only at run time (not even
 * that it is eight at most), so that the code stands once: on software adapters compiling it eight times over is what a
 * cold start waits for.
 */
import { type BackwardEpilogue, DEAD, RECTIFY, epilogueDims, giveFunction } from '../epilogue';
import { IS_NAN } from '../nan';
import { wgsl } from '../wgsl';
import { STRIP } from '../kernel';
import { ROW, SQUARE, type Unit } from './shape';

export interface Finish {
  readonly unit: Unit;
  /** WGSL: bindings from 3 on, and `finish`. */
  readonly code: string;
  /** Fields that it needs in the uniform. */
  readonly dims: Readonly<Record<string, number>>;
}

const DIMS = { PIXELS: STRIP };

export interface ForwardEpilogue {
  readonly bias: boolean;
  readonly relu: boolean;
  /** Keep the ReLU bits. */
  readonly bits: boolean;
  /** Max-pool 2×2 with stride 2 what was computed, and keep the switches; P and Q must be even. */
  readonly pooled: boolean;
}

/**
 * Adds the bias, rectifies, and stores with the bits, or pools and stores with the switches. Bindings: y [bias] [bits |
 * switches].
 */
export function finishForward({ bias, relu, bits, pooled }: ForwardEpilogue): Finish {
  const code = wgsl`
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, O/4, P, Q]
#if ${bias}
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;    // [O/4]
#endif
#if ${pooled}
@group(0) @binding(5) var<storage, read_write> switches: array<u32>; // [N, O/4, P/2, Q/4]
#elif ${bits}
@group(0) @binding(5) var<storage, read_write> bits: array<u32>; // [N, O/4, P, Q/8]
#endif
#if ${relu}
${RECTIFY}
#endif
${pooled ? POOL : ''}

fn finish(n: u32, o: u32, p: u32, q: u32, sums: ptr<function, array<vec4f, 8>>) {
#if ${bias}
  let offset = bias[o];
#else
  let offset = vec4f();
#endif
  let plane = n * d.Y_BLOCKS + d.Y_BLOCK + o;
#if ${pooled}
  let height = d.P / 2u;
  let width = d.Q / 2u;
  let line = (plane * height + p / 2u) * width + q / 2u;
  let count = min(d.PIXELS / 4u, width - q / 2u);
  var word = 0u;
  for (var j = 0u; j < count; j++) {
    var best = pool(sums[2u * j], sums[2u * j + 1u], sums[2u * j + 4u], sums[2u * j + 5u]);
    best.value += offset;
#if ${relu}
    // pooling before rectifying gives the same values, and the same winners where any is positive
    best = Pooled(rectify(best.value), select(best.winner, vec4u(${DEAD}u), best.value <= vec4f()));
#endif
    y[line + j] = best.value;
    word |= code(best.winner) << (16u * j);
  }
  switches[((n * d.GROUPS * d.OUT + o) * height + p / 2u) * ((d.Q + 3u) / 4u) + q / 4u] = word;
#else
  let line = (plane * d.P + p) * d.Q + q;
  let count = min(d.PIXELS, d.Q - q);
  var word = 0u;
  for (var j = 0u; j < count; j++) {
#if ${relu}
    let value = rectify(sums[j] + offset);
#else
    let value = sums[j] + offset;
#endif
    y[line + j] = value;
#if ${bits}
    word |= signs(value) << (4u * j);
#endif
  }
#if ${bits}
  bits[(plane * d.P + p) * ((d.Q + 7u) / 8u) + q / 8u] = word;
#endif
#endif
}`;
  return { unit: pooled ? SQUARE : ROW, code, dims: DIMS };
}

// The winner of four taps in row-major order, the first on a tie.
const POOL = `${IS_NAN}
struct Pooled { value: vec4f, winner: vec4u }
fn better(a: Pooled, value: vec4f, tap: u32) -> Pooled {
  let wins = (value > a.value) | isNan(value); // a NaN wins, and stays
  return Pooled(select(a.value, value, wins), select(a.winner, vec4u(tap), wins));
}
fn pool(a: vec4f, b: vec4f, c: vec4f, e: vec4f) -> Pooled {
  return better(better(better(Pooled(a, vec4u()), b, 1u), c, 2u), e, 3u);
}
fn code(winner: vec4u) -> u32 {
  let codes = winner << vec4u(0u, 4u, 8u, 12u);
  return codes.x | codes.y | codes.z | codes.w;
}`;

/** Gives the sums, which are a gradient, to the tensor before. Bindings: dX [bits | switches] [rule]. */
export function finishBackward(epilogue: BackwardEpilogue): Finish {
  const code = wgsl`
${giveFunction(3, epilogue, 'd.P', 'd.Q')}

fn finish(n: u32, o: u32, p: u32, q: u32, sums: ptr<function, array<vec4f, 8>>) {
  let plane = n * d.Y_BLOCKS + d.Y_BLOCK + o;
  let count = min(d.PIXELS, d.Q - q);
  for (var j = 0u; j < count; j++) { give(plane, p, q + j, sums[j]); }
}`;
  return { unit: ROW, code, dims: { ...DIMS, ...epilogueDims(epilogue) } };
}
