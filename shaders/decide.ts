/**
 * Decisions that a gradient hangs on, watched: which side of its limits a number lies on (a ReLU, a clip), and which
 * tap of its window won (a max-pool). A *margin* is how far a decision is from going the other way. Rounding can take a
 * margin that is smaller than the error which reached it to either side; so what of the gradient goes through such
 * decisions is added up, and the largest of them are named.
 *
 * The scale of that error is the root mean square of the tensor at hand times `TOLERANCE`, the bits of an f32, which
 * the compiler chooses by what was measured (`src/compile/watch.ts`). `GROUPS` workgroups share an item. Each adds up
 * its own part in a fixed order, so the same picture gives the same bits:
 *
 *   squares[n, group]      Σ x², a sum per lane
 *   report[n, group, 0]    Σ dY² over: what is let through · what is undecided · what is within reach · ties
 *   report[n, group, 1]    how many are: undecided · ties
 *   report[n, group, 2]    the undecided one with the largest dY²: dY² · its channel · its pixel
 *
 * dY is taken 2³⁰ times, so that the squares of small gradients are no zeros. A margin of exactly 0 at a limit is
 * decided: a sum is 0 to the last bit where all its terms are. A *tie* is a window whose two largest values have the
 * same bits; where they may be `copies` of one number, by a pool before, it does not matter which wins.
 */
import { REPORT_VECTORS } from './report';
import { type BackwardEpilogue, type ClipLimits, gradientOf } from './epilogue';
import { type Kernel, WORKGROUP, floatBits, kernel } from './kernel';
import type { PoolDims } from './maxPool';
import { LARGEST, OVERFLOWED, inFloat32 } from './overflow';
import { ANY_PRECISION, type SliceOf, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface WatchDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly BLOCKS: number;
  /** Workgroups for each item. */
  readonly GROUPS: number;
}

/** How many times the tolerance an error may be: of 18 million numbers in six photos one of 10,000 was farther off. */
const REACH = 5;

/** Workgroups that share an item: one for so many blocks, no more than one invocation adds up in a moment. */
export const groupsFor = (blocks: number): number => Math.max(1, Math.min(64, Math.ceil(blocks / (WORKGROUP * 16))));

const SQUARES = ['squares', 'N GROUPS'] as const;
const REPORT = ['report', `N GROUPS ${REPORT_VECTORS}`] as const;
const TAKES = ['group', 'me'] as const;

/** What all these kernels are: `each` is done for every block `i` of item `n`, of those that a workgroup has. */
const overBlocks = (count: string, each: string): string => wgsl`
let n = group.z;
for (var i = group.x * ${WORKGROUP}u + me; i < ${count}; i += ${WORKGROUP}u * d.GROUPS) {
  ${each.trim()}
}`;

const spread = ({ N, GROUPS }: WatchDims) =>
  ({ workgroups: [GROUPS, 1, N], workgroupSize: [WORKGROUP], takes: TAKES }) as const;

const limitBits = ({ min, max }: ClipLimits) => ({
  CLIP_MIN: floatBits(inFloat32(min)),
  CLIP_MAX: floatBits(inFloat32(max)),
});

/**
 * squares = Σ x², and with limits y = min(max(x, min), max). What overflowed is handed on. Bindings: x [y] squares.
 */
export function watchForward(
  d: WatchDims,
  { x, y }: { readonly x: SliceOf; readonly y?: SliceOf },
  limits: ClipLimits | null,
): Kernel {
  return kernel({
    name: limits ? 'decideForward' : 'watchForward',
    dims: { ...d, ...(limits && limitBits(limits)) },
    slices: { x, ...(y && { y }) },
    tensors: [
      reads('x', 'N C/4 H W', ANY_PRECISION),
      limits && writes('y', 'N C/4 H W', ANY_PRECISION),
      writes(...SQUARES),
    ].filter((each) => each !== null),
    functions: limits ? OVERFLOWED : '',
    shared: [{ name: 'sums', length: WORKGROUP, shape: 'of each invocation' }],
    ...spread(d),
    body: wgsl`
var sum = vec4f();
${overBlocks(
  'd.BLOCKS * d.H * d.W',
  wgsl`
let value = load_x_at(index_x(n, 0u, 0u, 0u) + i);
sum += value * value;
#if ${limits !== null}
let cut = clamp(value, vec4f(bitcast<f32>(d.CLIP_MIN)), vec4f(bitcast<f32>(d.CLIP_MAX)));
store_y_at(index_y(n, 0u, 0u, 0u) + i, select(cut, value, overflowed(value)));
#endif`,
)}
sums[me] = sum;
workgroupBarrier();
if (me == 0u) {
  var total = vec4f();
  for (var k = 0u; k < ${WORKGROUP}u; k++) { total += sums[k]; }
  store_squares(n, group.x, total);
}`,
  });
}

/** WGSL: `tolerated`, the error that reached the tensor of item `group.z`, by its root mean square. */
const TOLERATED = wgsl`
if (me == 0u) {
  var total = vec4f();
  for (var k = 0u; k < d.GROUPS; k++) { total += load_squares(group.z, k); }
  sums[0] = total;
}
workgroupBarrier();
let elements = f32(d.C) * f32(d.H) * f32(d.W);
let tolerated = bitcast<f32>(d.TOLERANCE) * sqrt(dot(sums[0], vec4f(1.0)) / elements);
workgroupBarrier();
var sum = vec4f();
var counts = vec4f();
var place = vec4f(-1.0, 0.0, 0.0, 0.0);`;

/**
 * WGSL: notes the gradient `g` of block `b` at `pixel`, of decisions with these `margin`s: per lane whether it is let
 * through, and whether it is a tie.
 */
const NOTE = `
fn note(
  g: vec4f, margin: vec4f, through: vec4<bool>, tie: vec4<bool>, tolerated: f32, b: u32, pixel: u32,
  sum: ptr<function, vec4f>, counts: ptr<function, vec4f>, place: ptr<function, vec4f>,
) {
  let scaled = g * 1073741824.0;
  let energy = scaled * scaled;
  let open = (margin > vec4f()) & (margin <= vec4f(${REACH}.0 * tolerated)) & (g != vec4f());
  let tied = tie & (g != vec4f());
  (*sum).x += dot(select(vec4f(), energy, through), vec4f(1.0));
  if (!any(open | tied)) { return; }
  let undecided = open & (margin <= vec4f(tolerated));
  (*sum).y += dot(select(vec4f(), energy, undecided), vec4f(1.0));
  (*sum).z += dot(select(vec4f(), energy, open), vec4f(1.0));
  (*sum).w += dot(select(vec4f(), energy, tied), vec4f(1.0));
  (*counts).x += dot(vec4f(undecided), vec4f(1.0));
  (*counts).y += dot(vec4f(tied), vec4f(1.0));
  for (var lane = 0u; lane < 4u; lane++) {
    if (undecided[lane] && energy[lane] > (*place).x) {
      *place = vec4f(energy[lane], f32(4u * b + lane), f32(pixel), 0.0);
    }
  }
}`;

/** WGSL: the report of the workgroup. */
const REPORTED = wgsl`
sums[me] = sum;
countsOf[me] = counts;
places[me] = place;
workgroupBarrier();
if (me == 0u) {
  for (var k = 1u; k < ${WORKGROUP}u; k++) {
    sum += sums[k];
    counts += countsOf[k];
    if (places[k].x > place.x) { place = places[k]; }
  }
  store_report(group.z, group.x, 0u, sum);
  store_report(group.z, group.x, 1u, counts);
  store_report(group.z, group.x, 2u, place);
}`;

const SHARED = ['sums', 'countsOf', 'places'].map((name) => ({
  name,
  length: WORKGROUP,
  shape: 'of each invocation',
}));

/** dX = dY · [min < x < max]; undecided is what lies close to a limit. Bindings: dY x squares dX … report. */
export function decideBackward(
  d: WatchDims & { readonly TOLERANCE: number },
  slices: Slices<'x' | 'dX' | 'dY'>,
  limits: ClipLimits,
  epilogue: BackwardEpilogue,
): Kernel {
  const gradient = gradientOf(epilogue);
  return kernel({
    name: 'decideBackward',
    dims: { ...d, ...limitBits(limits), ...gradient.dims },
    slices,
    tensors: [
      reads('dY', 'N C/4 H W'),
      reads('x', 'N C/4 H W', ANY_PRECISION),
      reads(...SQUARES),
      ...gradient.tensors,
      writes(...REPORT),
    ],
    functions: `${gradient.functions}${NOTE}`,
    shared: SHARED,
    ...spread(d),
    body: wgsl`
${TOLERATED}
let least = vec4f(bitcast<f32>(d.CLIP_MIN));
let most = vec4f(bitcast<f32>(d.CLIP_MAX));
${overBlocks(
  'd.BLOCKS * d.H * d.W',
  wgsl`
let pixel = i % (d.H * d.W);
let b = i / (d.H * d.W);
let value = load_x_at(index_x(n, 0u, 0u, 0u) + i);
let g = dY[index_dY(n, 0u, 0u, 0u) + i];
let through = (value > least) & (value < most);
note(g, min(abs(value - least), abs(most - value)), through, vec4<bool>(), tolerated, b, pixel, &sum, &counts, &place);
storeGradient(n, b, pixel / d.W, pixel % d.W, select(vec4f(), g, through));`,
)}
${REPORTED}`,
  });
}

/**
 * Looks at the windows of a max-pool: undecided is one whose winner leads by little. A window that is won by exactly 0
 * is a dead one of a rectified tensor. Bindings: dY x squares report.
 */
export function watchPool(
  d: PoolDims & WatchDims & { readonly TOLERANCE: number },
  slices: Slices<'x' | 'dY'>,
  copies: boolean,
): Kernel {
  return kernel({
    name: 'watchPool',
    dims: { ...d },
    slices,
    tensors: [reads('dY', 'N C/4 P Q'), reads('x', 'N C/4 H W', ANY_PRECISION), reads(...SQUARES), writes(...REPORT)],
    functions: NOTE,
    shared: SHARED,
    ...spread(d),
    body: wgsl`
${TOLERATED}
${overBlocks(
  'd.BLOCKS * d.P * d.Q',
  wgsl`
let pixel = i % (d.P * d.Q);
let b = i / (d.P * d.Q);
let p = pixel / d.Q;
let q = pixel % d.Q;
let g = dY[index_dY(n, 0u, 0u, 0u) + i];
let plane = index_x(n, b, 0u, 0u);
var best = vec4f(-${LARGEST});
var second = best;
for (var r = 0u; r < d.R; r++) {
  let h = p * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
  if (h >= d.H) { continue; }
  for (var s = 0u; s < d.S; s++) {
    let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
    if (w >= d.W) { continue; }
    let value = load_x_at(plane + h * d.W + w);
    second = max(min(value, best), second);
    best = max(value, best);
  }
}
let alive = best != vec4f();
let tie = ${copies ? 'vec4<bool>()' : 'alive & (best == second)'};
note(g, select(vec4f(), best - second, alive), alive, tie, tolerated, b, pixel, &sum, &counts, &place);`,
)}
${REPORTED}`,
  });
}
