/**
 * What every family of convolution kernels does with the sums of one unit (eight pixels of one output block) once they
 * are complete.
 *
 * WGSL: `finish(n, o, p, q, sums)` stores the unit that begins at pixel (p, q) of block `o` (counted over all groups)
 * of item `n`. The eight sums come as an array and are walked by a loop whose bound is known only at run time (not even
 * that it is eight at most), so that the code stands once: on software adapters compiling it eight times over is what a
 * cold start waits for.
 */
import { type BackwardEpilogue, type ClipLimits, DEAD, RECTIFY, gradientOf } from '../epilogue';
import { STRIP, floatBits, unroll } from '../kernel';
import { MAGNITUDE, OVERFLOWED, inFloat32 } from '../overflow';
import { ANY_PRECISION, type Declaration, type SliceOf, reads, writes } from '../tensor';
import { wgsl } from '../wgsl';
import { type ConvDims, type Phase, ROW, SQUARE, type Unit } from './shape';

export interface Finish {
  readonly unit: Unit;
  /** What the kernel adds to its own. */
  readonly slices: Readonly<Record<string, SliceOf>>;
  readonly dims: Readonly<Record<string, number>>;
  readonly tensors: readonly Declaration[];
  readonly functions: string;
}

/** A convolution as a kernel of any family computes it. */
export interface ConvKernel {
  readonly name: string;
  readonly dims: ConvDims;
  /** Where the input lies. */
  readonly x: SliceOf;
  readonly finish: Finish;
}

const DIMS = { PIXELS: STRIP };

/** WGSL: the parameters of `finish`. */
const TAKES = `n: u32, o: u32, p: u32, q: u32, sums: ptr<function, array<vec4f, ${STRIP}>>`;

/** WGSL: the sums of a unit as an array of eight, for `finish`: those that {@link unroll} names over some ranges. */
export const sumsOf = (ranges: Readonly<Record<string, number>>, sum: string): string => {
  const missing = STRIP - Object.values(ranges).reduce((product, count) => product * count, 1);
  return `array<vec4f, ${STRIP}>(${[unroll(ranges, sum, ', '), ...Array(missing).fill('vec4f()')].join(', ')})`;
};

/** What `finish` stores, unit by unit: kernels that deal out the same units store the same elements. */
export const ownedOf = ({ N, P, Q, OUT, GROUPS }: ConvDims, { unit, slices, dims }: Finish) => [
  { N, P, Q, OUT, GROUPS, ...unit },
  slices,
  dims,
];

export interface ForwardEpilogue {
  readonly bias: boolean;
  readonly relu: boolean;
  /** Keep what is stored within these limits; not beside `relu`, nor where it is pooled. */
  readonly clip?: ClipLimits | undefined;
  /** Keep the ReLU bits; with `clip`, one where the number lay between the limits. */
  readonly bits: boolean;
  /** Max-pool 2×2 with stride 2 what was computed, and keep the switches; P and Q must be even. */
  readonly pooled: boolean;
}

/**
 * Adds the bias and what lies in `addend`, rectifies, and stores with the bits, or pools and stores with the switches.
 * Bindings: y [bias] [addend] [bits | switches]. What is pooled has no addend.
 */
export function finishForward(
  { bias, relu, clip, bits, pooled }: ForwardEpilogue,
  { y, addend }: { readonly y: SliceOf; readonly addend?: SliceOf | undefined },
): Finish {
  const blocks = ['GROUPS', 'OUT'];
  const tensors = [
    writes('y', pooled ? 'N O/4 P/2 Q/2' : 'N O/4 P Q', ANY_PRECISION),
    ...(bias ? [reads('bias', 'O/4')] : []),
    ...(addend ? [reads('addend', 'N O/4 P Q', ANY_PRECISION)] : []),
    ...(pooled ? [writes('switches', 'N O/4 P/2 Q/4', { element: 'u32', blocks })] : []),
    ...(bits && !pooled ? [writes('bits', `N O/4 P Q/${STRIP}`, { element: 'u32', like: 'y' })] : []),
  ];
  const functions = wgsl`
${pooled ? MAGNITUDE : ''}
${relu ? RECTIFY : ''}
${clip ? OVERFLOWED : ''}
${pooled ? POOL : ''}

fn finish(${TAKES}) {
#if ${bias}
  let offset = bias[o];
#else
  let offset = vec4f();
#endif
  var word = 0u;
#if ${pooled}
  let line = index_y(n, o, p / 2u, q / 2u);
  let count = min(d.PIXELS / 4u, (d.Q - q) / 2u);
  for (var j = 0u; j < count; j++) {
    var best = pool(sums[2u * j], sums[2u * j + 1u], sums[2u * j + 4u], sums[2u * j + 5u]);
    best.value += offset;
#if ${relu}
    // pooling before rectifying gives the same values, and the same winners where any is positive
    best = Pooled(rectify(best.value), select(best.winner, vec4u(${DEAD}u), best.value <= vec4f()));
#endif
    store_y_at(line + j, best.value);
    word |= code(best.winner) << (16u * j);
  }
  store_switches(n, o, p / 2u, q / 4u, word);
#else
  let line = index_y(n, o, p, q);
  let count = min(d.PIXELS, d.Q - q);
  for (var j = 0u; j < count; j++) {
    var value = sums[j] + offset;
#if ${addend !== undefined}
    value += load_addend(n, o, p, q + j);
#endif
#if ${relu}
    value = rectify(value);
#endif
#if ${clip !== undefined}
    let least = vec4f(bitcast<f32>(d.CLIP_MIN));
    let most = vec4f(bitcast<f32>(d.CLIP_MAX));
#if ${bits}
    word |= dot(vec4u((value > least) & (value < most)), vec4u(1u, 2u, 4u, 8u)) << (4u * j);
#endif
    value = select(clamp(value, least, most), value, overflowed(value));
#endif
    store_y_at(line + j, value);
#if ${bits && !clip}
    word |= signs(value) << (4u * j);
#endif
  }
#if ${bits}
  store_bits(n, o, p, q / ${STRIP}u, word);
#endif
#endif
}`;
  const slices = { y, ...(addend && { addend }) };
  const dims = {
    ...DIMS,
    ...(clip && { CLIP_MIN: floatBits(inFloat32(clip.min)), CLIP_MAX: floatBits(inFloat32(clip.max)) }),
  };
  return { unit: pooled ? SQUARE : ROW, slices, dims, tensors, functions };
}

// The winner of four taps in row-major order, the first on a tie; what overflowed wins, and stays.
const POOL = `struct Pooled { value: vec4f, winner: vec4u }
fn better(a: Pooled, value: vec4f, tap: u32) -> Pooled {
  let wins = value > a.value;
  return Pooled(select(a.value, value, wins), select(a.winner, vec4u(tap), wins));
}
fn pool(a: vec4f, b: vec4f, c: vec4f, e: vec4f) -> Pooled {
  let largest = max(max(magnitude(a), magnitude(b)), max(magnitude(c), magnitude(e)));
  let best = better(better(better(Pooled(a, vec4u()), b, 1u), c, 2u), e, 3u);
  return Pooled(select(best.value, bitcast<vec4f>(largest), largest >= vec4u(INFINITE)), best.winner);
}
fn code(winner: vec4u) -> u32 {
  let codes = winner << vec4u(0u, 4u, 8u, 12u);
  return codes.x | codes.y | codes.z | codes.w;
}`;

/**
 * Gives the sums, which are a gradient, to the tensor before; with `phase` to some of its pixels. Bindings: dX [bits |
 * switches] [rule].
 */
export function finishBackward(epilogue: BackwardEpilogue, dX: SliceOf, phase?: Phase): Finish {
  const { dims, tensors, functions } = phase
    ? gradientOf(epilogue, 'FULL_H', 'FULL_W')
    : gradientOf(epilogue, 'P', 'Q');
  const [h, w] = phase ? ['p * d.STEP_Y + d.FROM_Y', '(q + j) * d.STEP_X + d.FROM_X'] : ['p', 'q + j'];
  return {
    unit: ROW,
    slices: { dX },
    dims: { ...DIMS, ...phase, ...dims },
    tensors,
    functions: `${functions}

fn finish(${TAKES}) {
  let count = min(d.PIXELS, d.Q - q);
  for (var j = 0u; j < count; j++) { storeGradient(n, o, ${h}, ${w}, sums[j]); }
}`,
  };
}
