/**
 * Gradient ascent on S_c(I) − λ‖I‖₂² (§2 of the paper) and what later work adds to it, on the GPU from first to last.
 */
import { type Kernel, floatBits, kernel } from './kernel';
import { reads, writes } from './tensor';
import { DRAWN, WARP, type WarpLimits, warpDims } from './warp';
import { wgsl } from './wgsl';

export interface AscentDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
}

const LANES = 256;

const F32 = { element: 'f32' } as const;
/** Of each channel: the value that counts as 0, and the one that counts as 1 above it. */
const UNITS = reads('units', 'C 2', F32);
/** Iterations so far. */
const CLOCK = reads('clock', '1', { element: 'u32' });
const EACH_ELEMENT = { x: { h: 'H', w: 'W' }, y: { c: 'C' }, z: { n: 'N' } } as const;

/**
 * WGSL: `shifted(h, w)`, where the network sees pixel (h, w) of the image: moved around the edges by a distance that is
 * drawn anew for every iteration, alike for the whole batch.
 */
const SHIFT = `
${DRAWN}
fn shifted(h: u32, w: u32) -> vec2u {
  let shift = vec2u(d.W + drawn(1u) - d.JITTER, d.H + drawn(2u) - d.JITTER) % vec2u(d.W, d.H);
  return (vec2u(w, h) + shift) % vec2u(d.W, d.H);
}`;

/** What the network is shown of the image at each iteration. */
export interface Showing extends WarpLimits {
  /** Of what is drawn. */
  readonly seed: number;
}

/** Whether the image is shown otherwise than it is. */
export const isMoved = ({ jitter, rotate, zoom }: WarpLimits): boolean => jitter > 0 || rotate > 0 || zoom > 0;
/** Moved by more than whole pixels, which go around the edges. */
const isWarped = ({ rotate, zoom }: WarpLimits): boolean => rotate > 0 || zoom > 0;
const showingDims = (showing: Showing): Readonly<Record<string, number>> => ({
  ...(isWarped(showing) ? warpDims(showing) : { JITTER: showing.jitter }),
  SEED: showing.seed,
});

/**
 * shown[n, c, (h + dy) mod H, (w + dx) mod W] = image[n, c, h, w], or where it is turned or drawn nearer, bilinear:
 * shown[n, c, p] = image[n, c, seen(p)], whose outside is of the colour that counts as 0.
 */
export function ascentShow(d: AscentDims, showing: Showing): Kernel {
  const warped = isWarped(showing);
  return kernel({
    name: 'ascentShow',
    dims: { ...d, ...showingDims(showing) },
    tensors: [reads('image', 'N C H W', F32), CLOCK, warped && UNITS, writes('shown', 'N C H W', F32)],
    functions: warped ? WARP : SHIFT,
    each: EACH_ELEMENT,
    body: wgsl`
#if ${warped}
let at = seen(turn(), vec2f(f32(w), f32(h)));
let first = vec2i(floor(at));
let next = at - floor(at);
let centre = load_units(c, 0u);
var value = centre;
for (var dy = 0; dy < 2; dy++) {
  for (var dx = 0; dx < 2; dx++) {
    if (!inside(first.x + dx, first.y + dy)) { continue; }
    let weight = select(1.0 - next.x, next.x, dx == 1) * select(1.0 - next.y, next.y, dy == 1);
    value += weight * (load_image(n, c, u32(first.y + dy), u32(first.x + dx)) - centre);
  }
}
store_shown(n, c, h, w, value);
#else
let at = shifted(h, w);
store_shown(n, c, at.y, at.x, load_image(n, c, h, w));
#endif`,
  });
}

/** The clock of the drawn shifts. */
export function ascentTick(): Kernel {
  return kernel({
    name: 'ascentTick',
    dims: { STEP: 1 },
    tensors: [writes('clock', '1', { element: 'u32' })],
    workgroups: [1, 1, 1],
    workgroupSize: [1],
    takes: [],
    body: 'clock[0] += d.STEP;',
  });
}

/** Under the root of {@link ascentDirection}'s total variation, so that it has a derivative where the image is flat. */
const ROUNDING = 1e-6;

/**
 *   D = ∂S/∂J − 2λJ − τ · ∂TV/∂J,   TV(J) = Σ_p √((J_right − J_p)² + (J_below − J_p)² + 1e-6), per channel
 *
 * J = (I − centre) / spread is the image in units of its own: ∂S/∂J = spread · ∂S/∂I. One invocation owns one element.
 * A difference across the right or lower edge is 0.
 */
export function ascentDirection(
  d: AscentDims,
  options: Showing & { readonly l2: number; readonly totalVariation: number },
): Kernel {
  const { l2, totalVariation } = options;
  const [moved, warped] = [isMoved(options), isWarped(options)];
  return kernel({
    name: 'ascentDirection',
    dims: { ...d, L2: floatBits(l2), TOTAL_VARIATION: floatBits(totalVariation), ...showingDims(options) },
    tensors: [
      reads('gradient', 'N C H W', F32),
      reads('image', 'N C H W', F32),
      UNITS,
      writes('direction', 'N C H W', F32),
      moved && CLOCK,
    ],
    functions: `${warped ? WARP : moved ? SHIFT : ''}${IN_UNITS}${totalVariation > 0 ? DIFFERENCES : ''}`,
    each: EACH_ELEMENT,
    body: wgsl`
#if ${warped}
// the transposed of what ascentShow did: every pixel that shows this one gives back its weight's part
let t = turn();
let here = vec2f(f32(w), f32(h));
let near = vec2i(round(showing(t, here)));
var value = 0.0;
for (var y = near.y - REACH; y <= near.y + REACH; y++) {
  for (var x = near.x - REACH; x <= near.x + REACH; x++) {
    if (!inside(x, y)) { continue; }
    let weight = max(vec2f(0.0), 1.0 - abs(seen(t, vec2f(f32(x), f32(y))) - here));
    value += weight.x * weight.y * load_gradient(n, c, u32(y), u32(x));
  }
}
#elif ${moved}
let at = shifted(h, w);
var value = load_gradient(n, c, at.y, at.x);
#else
var value = load_gradient(n, c, h, w);
#endif
value = value * load_units(c, 1u) - 2.0 * bitcast<f32>(d.L2) * in_units(n, c, h, w);
#if ${totalVariation > 0}
let own = differences(n, c, h, w);
var slope = -(own.x + own.y) / own.z;
if (w > 0u) {
  let left = differences(n, c, h, w - 1u);
  slope += left.x / left.z;
}
if (h > 0u) {
  let above = differences(n, c, h - 1u, w);
  slope += above.y / above.z;
}
value -= bitcast<f32>(d.TOTAL_VARIATION) * slope;
#endif
store_direction(n, c, h, w, value);`,
  });
}

const IN_UNITS = `
fn in_units(n: u32, c: u32, h: u32, w: u32) -> f32 {
  return (load_image(n, c, h, w) - load_units(c, 0u)) / load_units(c, 1u);
}`;

// To the right and below, and the root of their squares' sum.
const DIFFERENCES = `
fn differences(n: u32, c: u32, h: u32, w: u32) -> vec3f {
  let value = in_units(n, c, h, w);
  var right = 0.0;
  var below = 0.0;
  if (w + 1u < d.W) { right = in_units(n, c, h, w + 1u) - value; }
  if (h + 1u < d.H) { below = in_units(n, c, h + 1u, w) - value; }
  return vec3f(right, below, sqrt(right * right + below * below + ${ROUNDING}));
}`;

/** The report of an iteration, per item: the score before its update, and the root mean square of D. */
export const REPORT = 2;

/**
 * The sum of what every lane has, in a fixed order, so that the same seed gives the same bits; `sums[0]` then holds it.
 */
const SUM_OF_LANES = `
sums[me] = sum;
for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
  workgroupBarrier();
  if (me < half) { sums[me] += sums[me + half]; }
}`;

/** One workgroup per image, whose lanes share the work. */
const perImage = ({ N }: { readonly N: number }) =>
  ({ workgroups: [1, 1, N], workgroupSize: [LANES], takes: ['me', 'group'] }) as const;
const SUMS = `var<workgroup> sums: array<f32, ${LANES}>;`;
const REPORT_TENSOR = ['report', `N ${REPORT}`, F32] as const;

/** report[n, 1] = √(Σ D² / SIZE). Each lane adds up its own elements. */
export function ascentNorm(d: AscentDims): Kernel {
  return kernel({
    name: 'ascentNorm',
    dims: { SIZE: d.C * d.H * d.W },
    tensors: [reads('direction', 'N SIZE', F32), writes(...REPORT_TENSOR)],
    ...perImage(d),
    functions: SUMS,
    body: `
let n = group.z;
var sum = 0.0;
for (var i = me; i < d.SIZE; i += ${LANES}u) {
  let value = load_direction(n, i);
  sum += value * value;
}
${SUM_OF_LANES}
if (me == 0u) { store_report(n, 1u, sqrt(sums[0] / f32(d.SIZE))); }`,
  });
}

/** Extents of the tensor that holds the score, in blocks of four channels. */
export interface ScoreDims {
  readonly N: number;
  readonly BLOCKS: number;
  readonly PLANE: number;
}

/** report[n, 0] = scores[n, channel] at the target's place, or summed over the plane where the target has none. */
export function ascentScore(d: ScoreDims): Kernel {
  return kernel({
    name: 'ascentScore',
    dims: { BLOCKS: d.BLOCKS, PLANE: d.PLANE },
    tensors: [
      reads('scores', 'N C/4 PLANE'),
      reads('chosen', 'N', { element: 'vec4u' }), // channel, and the pixels from … to before …
      writes(...REPORT_TENSOR),
    ],
    ...perImage(d),
    functions: SUMS,
    body: `
let n = group.z;
let neuron = load_chosen(n);
let plane = index_scores(n, neuron.x / 4u, 0u);
var sum = 0.0;
for (var i = neuron.y + me; i < neuron.z; i += ${LANES}u) { sum += scores[plane + i][neuron.x % 4u]; }
${SUM_OF_LANES}
if (me == 0u) { store_report(n, 0u, sums[0]); }`,
  });
}

/**
 *   V ← μV + D / norm,  I ← I + step · spread · V       where the direction vanishes, D / norm is 0
 *
 * `normalise` off: norm is 1. Without momentum V is D / norm and is not stored.
 */
export function ascentStep(
  d: AscentDims,
  options: { readonly step: number; readonly momentum: number; readonly normalise: boolean },
): Kernel {
  const { step, momentum, normalise } = options;
  return kernel({
    name: 'ascentStep',
    dims: {
      N: d.N,
      C: d.C,
      SIZE: d.C * d.H * d.W,
      PLANE: d.H * d.W,
      STEP: floatBits(step),
      MOMENTUM: floatBits(momentum),
    },
    tensors: [
      reads('direction', 'N SIZE', F32),
      UNITS,
      writes('image', 'N SIZE', F32),
      normalise && reads(...REPORT_TENSOR),
      momentum > 0 && writes('velocity', 'N SIZE', F32),
    ],
    each: { x: { i: 'SIZE' }, z: { n: 'N' } },
    body: wgsl`
var change = load_direction(n, i);
#if ${normalise}
let norm = load_report(n, 1u);
if (norm != 0.0) { change /= norm; }
#endif
#if ${momentum > 0}
change += bitcast<f32>(d.MOMENTUM) * load_velocity(n, i);
store_velocity(n, i, change);
#endif
store_image(n, i, load_image(n, i) + bitcast<f32>(d.STEP) * load_units(i / d.PLANE, 1u) * change);`,
  });
}

/**
 * One axis of a Gaussian blur of σ pixels, cut at 3σ; beyond its edges the image is continued by its mirror image.
 * Twice, along W and then along H, it blurs a plane. Bindings: x y.
 */
export function ascentBlur(d: AscentDims, axis: 'W' | 'H', sigma: number): Kernel {
  return kernel({
    name: 'ascentBlur',
    dims: { ...d, RADIUS: Math.ceil(3 * sigma), SIGMA: floatBits(sigma) },
    tensors: [reads('x', 'N C H W', F32), writes('y', 'N C H W', F32)],
    each: EACH_ELEMENT,
    body: `
let own = ${axis.toLowerCase()};
let period = 2u * d.${axis};
let sigma = bitcast<f32>(d.SIGMA);
var sum = 0.0;
var total = 0.0;
for (var k = 0u; k <= 2u * d.RADIUS; k++) {
  let far = f32(k) - f32(d.RADIUS);
  let weight = exp(-far * far / (2.0 * sigma * sigma));
  var at = (own + k + period * d.RADIUS - d.RADIUS) % period;
  if (at >= d.${axis}) { at = period - 1u - at; }
  sum += weight * ${axis === 'W' ? 'load_x(n, c, h, at)' : 'load_x(n, c, at, w)'};
  total += weight;
}
store_y(n, c, h, w, sum / total);`,
  });
}
