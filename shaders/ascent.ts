/** Gradient ascent on S_c(I) − λ‖I‖₂² (§2 of the paper), on the GPU from first to last. */
import { type Kernel, floatBits, grid, uniform } from './kernel';
import { wgsl } from './wgsl';

export interface AscentDims {
  readonly N: number;
  /** Elements of one image. */
  readonly SIZE: number;
}

const LANES = 256;

/** D = ∂S_c/∂I − 2λI, the direction of ascent, is never stored: both kernels compute it where they need it. */
const DIRECTION = `
fn direction(i: u32) -> f32 { return gradient[i] - 2.0 * bitcast<f32>(d.L2) * image[i]; }`;

/**
 * norm[n] = √(Σ D² / SIZE), the root mean square of the direction. One workgroup per image; each lane adds up its own elements, then
 * the lanes are added in a fixed order, so that the same seed gives the same bits.
 */
export function ascentNorm(d: AscentDims, l2: number): Kernel {
  const dims = { ...d, L2: floatBits(l2) };
  return {
    name: 'ascentNorm',
    dims,
    flops: 0,
    workgroups: [1, 1, d.N],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> gradient: array<f32>;     // [N, SIZE]
@group(0) @binding(2) var<storage, read> image: array<f32>;        // [N, SIZE]
@group(0) @binding(3) var<storage, read_write> norm: array<f32>;   // [N]
${DIRECTION}
var<workgroup> sums: array<f32, ${LANES}>;

@compute @workgroup_size(${LANES})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  var sum = 0.0;
  for (var i = lane; i < d.SIZE; i += ${LANES}u) {
    let value = direction(group.z * d.SIZE + i);
    sum += value * value;
  }
  sums[lane] = sum;
  for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { norm[group.z] = sqrt(sums[0] / f32(d.SIZE)); }
}`,
  };
}

/** I ← I + step · D / norm; where the direction vanishes, I stays. `normalise` off: I ← I + step · D. */
export function ascentStep(d: AscentDims, options: { readonly step: number; readonly l2: number; readonly normalise: boolean }): Kernel {
  const dims = { ...d, L2: floatBits(options.l2), STEP: floatBits(options.step) };
  return {
    name: 'ascentStep',
    dims,
    flops: 0,
    workgroups: grid(d.SIZE, 1, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> gradient: array<f32>;     // [N, SIZE]
@group(0) @binding(2) var<storage, read_write> image: array<f32>;  // [N, SIZE]
#if ${options.normalise}
@group(0) @binding(3) var<storage, read> norm: array<f32>;         // [N]
#endif
${DIRECTION}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.SIZE) { return; }
  let i = id.z * d.SIZE + id.x;
#if ${options.normalise}
  if (norm[id.z] == 0.0) { return; }
  let rate = bitcast<f32>(d.STEP) / norm[id.z];
#else
  let rate = bitcast<f32>(d.STEP);
#endif
  image[i] += rate * direction(i);
}`,
  };
}
