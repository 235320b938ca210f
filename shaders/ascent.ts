/**
 * Gradient ascent on S_c(I) − λ‖I‖₂² (§2 of the paper) and what later work adds to it, on the GPU from first to last.
 */
import { type Kernel, WORKGROUP, floatBits, grid, uniform } from './kernel';
import { mix32 } from './random';
import { wgsl } from './wgsl';

export interface AscentDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
}

const LANES = 256;

/**
 * The image is shown to the network at (h + dy, w + dx), around the edges; drawn anew for every iteration, alike for
 * the whole batch.
 */
const SHIFT = `
fn drawn(salt: u32) -> u32 { return mix32(mix32(mix32(d.SEED) ^ salt) ^ clock[0]) % (2u * d.JITTER + 1u); }
fn shift() -> vec2u { return vec2u(d.W + drawn(1u) - d.JITTER, d.H + drawn(2u) - d.JITTER) % vec2u(d.W, d.H); }`;

/** shown[n, c, (h + dy) mod H, (w + dx) mod W] = image[n, c, h, w] */
export function ascentShow(d: AscentDims, jitter: number, seed: number): Kernel {
  const dims = { ...d, JITTER: jitter, SEED: seed };
  return {
    name: 'ascentShow',
    dims,
    flops: 0,
    workgroups: grid(d.W * d.H, d.C, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> image: array<f32>;        // [N, C, H, W]
@group(0) @binding(2) var<storage, read> clock: array<u32>;        // [1]: iterations so far
@group(0) @binding(3) var<storage, read_write> shown: array<f32>;  // [N, C, H, W]
${mix32}
${SHIFT}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.W * d.H) { return; }
  let at = (vec2u(id.x % d.W, id.x / d.W) + shift()) % vec2u(d.W, d.H);
  let plane = (id.z * d.C + id.y) * d.H * d.W;
  shown[plane + at.y * d.W + at.x] = image[plane + id.x];
}`,
  };
}

/** The clock of the drawn shifts. */
export function ascentTick(): Kernel {
  const dims = { STEP: 1 };
  return {
    name: 'ascentTick',
    dims,
    flops: 0,
    workgroups: [1, 1, 1],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read_write> clock: array<u32>;

@compute @workgroup_size(1)
fn main() { clock[0] += d.STEP; }`,
  };
}

/** Under the root of {@link ascentDirection}'s total variation, so that it has a derivative where the image is flat. */
const ROUNDING = 1e-6;

/**
 *   D = ∂S/∂I − 2λI − τ · ∂TV/∂I,   TV(I) = Σ_p √((I_right − I_p)² + (I_below − I_p)² + 1e-6), per channel
 *
 * One invocation owns one element. A difference across the right or lower edge is 0.
 */
export function ascentDirection(
  d: AscentDims,
  options: { readonly l2: number; readonly totalVariation: number; readonly jitter: number; readonly seed: number },
): Kernel {
  const { l2, totalVariation, jitter, seed } = options;
  const dims = { ...d, L2: floatBits(l2), TOTAL_VARIATION: floatBits(totalVariation), JITTER: jitter, SEED: seed };
  return {
    name: 'ascentDirection',
    dims,
    flops: 0,
    workgroups: grid(d.W * d.H, d.C, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> gradient: array<f32>;         // [N, C, H, W]
@group(0) @binding(2) var<storage, read> image: array<f32>;            // [N, C, H, W]
@group(0) @binding(3) var<storage, read_write> direction: array<f32>;  // [N, C, H, W]
#if ${jitter > 0}
@group(0) @binding(4) var<storage, read> clock: array<u32>;            // [1]
${mix32}
${SHIFT}
#endif
#if ${totalVariation > 0}

/** To the right and below, and the root of their squares' sum. */
fn differences(plane: u32, h: u32, w: u32) -> vec3f {
  let i = plane + h * d.W + w;
  var right = 0.0;
  var below = 0.0;
  if (w + 1u < d.W) { right = image[i + 1u] - image[i]; }
  if (h + 1u < d.H) { below = image[i + d.W] - image[i]; }
  return vec3f(right, below, sqrt(right * right + below * below + ${ROUNDING}));
}
#endif

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.W * d.H) { return; }
  let w = id.x % d.W;
  let h = id.x / d.W;
  let plane = (id.z * d.C + id.y) * d.H * d.W;
  let i = plane + id.x;
#if ${jitter > 0}
  let at = (vec2u(w, h) + shift()) % vec2u(d.W, d.H);
  var value = gradient[plane + at.y * d.W + at.x];
#else
  var value = gradient[i];
#endif
  value -= 2.0 * bitcast<f32>(d.L2) * image[i];
#if ${totalVariation > 0}
  let own = differences(plane, h, w);
  var slope = -(own.x + own.y) / own.z;
  if (w > 0u) { let left = differences(plane, h, w - 1u); slope += left.x / left.z; }
  if (h > 0u) { let above = differences(plane, h - 1u, w); slope += above.y / above.z; }
  value -= bitcast<f32>(d.TOTAL_VARIATION) * slope;
#endif
  direction[i] = value;
}`,
  };
}

/** What is told of an iteration, per item: the score before its update, and the root mean square of D. */
export const TOLD = 2;

/**
 * The sum of what every lane has, in a fixed order, so that the same seed gives the same bits; lane 0 then holds it in
 * `sums[0]`.
 */
const SUM_OF_LANES = `
  sums[lane] = sum;
  for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }`;

/** told[n, 1] = √(Σ D² / SIZE). One workgroup per image; each lane adds up its own elements. */
export function ascentNorm(d: AscentDims): Kernel {
  const dims = { SIZE: d.C * d.H * d.W };
  return {
    name: 'ascentNorm',
    dims,
    flops: 0,
    workgroups: [1, 1, d.N],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> direction: array<f32>;   // [N, SIZE]
@group(0) @binding(2) var<storage, read_write> told: array<f32>;  // [N, ${TOLD}]
var<workgroup> sums: array<f32, ${LANES}>;

@compute @workgroup_size(${LANES})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  var sum = 0.0;
  for (var i = lane; i < d.SIZE; i += ${LANES}u) {
    let value = direction[group.z * d.SIZE + i];
    sum += value * value;
  }
${SUM_OF_LANES}
  if (lane == 0u) { told[group.z * ${TOLD}u + 1u] = sqrt(sums[0] / f32(d.SIZE)); }
}`,
  };
}

/** Extents of the tensor that holds the score, in blocks of four channels. */
export interface ScoreDims {
  readonly N: number;
  readonly BLOCKS: number;
  readonly PLANE: number;
}

/** told[n, 0] = scores[n, channel] at the target's place, or summed over the plane where the target has none. */
export function ascentScore(d: ScoreDims): Kernel {
  const dims = { BLOCKS: d.BLOCKS, PLANE: d.PLANE };
  return {
    name: 'ascentScore',
    dims,
    flops: 0,
    workgroups: [1, 1, d.N],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> scores: array<vec4f>;    // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> chosen: array<vec4u>;    // [N]: channel, and the pixels from … to before …
@group(0) @binding(3) var<storage, read_write> told: array<f32>;  // [N, ${TOLD}]
var<workgroup> sums: array<f32, ${LANES}>;

@compute @workgroup_size(${LANES})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let neuron = chosen[group.z];
  let plane = (group.z * d.BLOCKS + neuron.x / 4u) * d.PLANE;
  var sum = 0.0;
  for (var i = neuron.y + lane; i < neuron.z; i += ${LANES}u) { sum += scores[plane + i][neuron.x % 4u]; }
${SUM_OF_LANES}
  if (lane == 0u) { told[group.z * ${TOLD}u] = sums[0]; }
}`,
  };
}

/**
 *   V ← μV + D / norm,  I ← I + step · V       where the direction vanishes, D / norm is 0
 *
 * `normalise` off: norm is 1. Without momentum V is D / norm and is not stored.
 */
export function ascentStep(
  d: AscentDims,
  options: { readonly step: number; readonly momentum: number; readonly normalise: boolean },
): Kernel {
  const { step, momentum, normalise } = options;
  const dims = { SIZE: d.C * d.H * d.W, STEP: floatBits(step), MOMENTUM: floatBits(momentum) };
  return {
    name: 'ascentStep',
    dims,
    flops: 0,
    workgroups: grid(dims.SIZE, 1, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> direction: array<f32>;       // [N, SIZE]
@group(0) @binding(2) var<storage, read_write> image: array<f32>;     // [N, SIZE]
#if ${normalise}
@group(0) @binding(3) var<storage, read> told: array<f32>;            // [N, ${TOLD}]
#endif
#if ${momentum > 0}
@group(0) @binding(4) var<storage, read_write> velocity: array<f32>;  // [N, SIZE]
#endif

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.SIZE) { return; }
  let i = id.z * d.SIZE + id.x;
  var change = direction[i];
#if ${normalise}
  let norm = told[id.z * ${TOLD}u + 1u];
  if (norm != 0.0) { change /= norm; }
#endif
#if ${momentum > 0}
  change += bitcast<f32>(d.MOMENTUM) * velocity[i];
  velocity[i] = change;
#endif
  image[i] += bitcast<f32>(d.STEP) * change;
}`,
  };
}

/**
 * One axis of a Gaussian blur of σ pixels, cut at 3σ; beyond its edges the image is continued by its mirror image.
 * Twice, along W and then along H, it blurs a plane. Bindings: x y.
 */
export function ascentBlur(d: AscentDims, axis: 'W' | 'H', sigma: number): Kernel {
  const [LENGTH, STRIDE] = axis === 'W' ? [d.W, 1] : [d.H, d.W];
  const dims = { PLANE: d.H * d.W, C: d.C, LENGTH, STRIDE, RADIUS: Math.ceil(3 * sigma), SIGMA: floatBits(sigma) };
  return {
    name: 'ascentBlur',
    dims,
    flops: 0,
    workgroups: grid(dims.PLANE, d.C, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<f32>;        // [N, C, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // [N, C, H, W]

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.PLANE) { return; }
  let i = (id.z * d.C + id.y) * d.PLANE + id.x;
  let own = id.x / d.STRIDE % d.LENGTH;
  let begin = i - own * d.STRIDE;
  let period = 2u * d.LENGTH;
  let sigma = bitcast<f32>(d.SIGMA);
  var sum = 0.0;
  var total = 0.0;
  for (var k = 0u; k <= 2u * d.RADIUS; k++) {
    let far = f32(k) - f32(d.RADIUS);
    let weight = exp(-far * far / (2.0 * sigma * sigma));
    var at = (own + k + period * d.RADIUS - d.RADIUS) % period;
    if (at >= d.LENGTH) { at = period - 1u - at; }
    sum += weight * x[begin + at * d.STRIDE];
    total += weight;
  }
  y[i] = sum / total;
}`,
  };
}
