/** Many variants of one picture, and the sum of their gradients: nothing of a single variant leaves the GPU. */
import { type Kernel, WORKGROUP, floatBits, grid, uniform } from './kernel';
import { mix32, normal } from './random';
import { wgsl } from './wgsl';

export interface SamplingDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** Variants in all. The last of the batches may be partly past them. */
  readonly SAMPLES: number;
}

/**
 * What becomes of the picture x in variant s of S; `other` is a second image, 0 unless given:
 *
 * - noise: x + σ · 𝒩(0, 1)
 * - path: other + (s + ½)/S · (x − other), the middles of S equal steps
 * - patch: x, but `other` in the s-th of the squares of side `size` that lie `stride` apart, row by row, `columns` in a
 * row
 * - rank: x, but `other` in those pixels whose rank is below s/(S − 1) of the plane
 */
export type Variation =
  | { readonly kind: 'noise'; readonly sigma: number; readonly seed: number }
  | { readonly kind: 'path' }
  | { readonly kind: 'patch'; readonly size: number; readonly stride: number; readonly columns: number }
  | { readonly kind: 'rank' };

/** y[n, c, h, w] = variant s = clock·N + n of the picture. One invocation owns one element. */
export function vary(d: SamplingDims, variation: Variation): Kernel {
  const { kind } = variation;
  const dims: Record<string, number> = {
    ...d,
    ...(kind === 'noise' ? { SIGMA: floatBits(variation.sigma), SEED: variation.seed } : {}),
    ...(kind === 'patch' ? { SIZE: variation.size, PATCH_STRIDE: variation.stride, COLUMNS: variation.columns } : {}),
  };
  return {
    name: 'vary',
    dims,
    flops: 0,
    workgroups: grid(d.H * d.W, d.C, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> picture: array<f32>;   // [C, H, W]
@group(0) @binding(2) var<storage, read> clock: array<u32>;     // [1]: batches so far
@group(0) @binding(3) var<storage, read_write> y: array<f32>;   // [N, C, H, W]
#if ${kind !== 'noise'}
@group(0) @binding(4) var<storage, read> other: array<f32>;     // [C, H, W]
#endif
#if ${kind === 'rank'}
@group(0) @binding(5) var<storage, read> ranks: array<u32>;     // [H, W]: 0 … H·W − 1, each once
#endif
#if ${kind === 'noise'}
${mix32}
${normal}
#endif

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let s = clock[0] * d.N + id.z;
  let i = id.y * d.H * d.W + id.x;
  var value = picture[i];
#if ${kind === 'noise'}
  value += bitcast<f32>(d.SIGMA) * normal(d.SEED, s, i);
#endif
#if ${kind === 'path'}
  value = other[i] + (f32(s) + 0.5) / f32(d.SAMPLES) * (value - other[i]);
#endif
#if ${kind === 'patch'}
  let corner = vec2u(s % d.COLUMNS, s / d.COLUMNS) * d.PATCH_STRIDE;
  let at = vec2u(id.x % d.W, id.x / d.W);
  if (all(at >= corner) && all(at < corner + vec2u(d.SIZE))) { value = other[i]; }
#endif
#if ${kind === 'rank'}
  if (f32(ranks[id.x]) < f32(s) * f32(d.H * d.W) / f32(d.SAMPLES - 1u)) { value = other[i]; }
#endif
  y[(id.z * d.C) * d.H * d.W + i] = value;
}`,
  };
}

/** What is added up of the gradients: themselves, their absolute values, or their squares. */
export type Sum = 'signed' | 'absolute' | 'squares';

/** total[c, h, w] += Σ_n f(gradient[n, c, h, w]), in the order of n, over the variants that there are. */
export function accumulate(d: SamplingDims, sum: Sum): Kernel {
  return {
    name: 'accumulate',
    dims: { ...d },
    flops: 0,
    workgroups: grid(d.H * d.W, d.C, 1),
    code: wgsl`
${uniform({ ...d })}
@group(0) @binding(1) var<storage, read> gradient: array<f32>;     // [N, C, H, W]
@group(0) @binding(2) var<storage, read> clock: array<u32>;        // [1]
@group(0) @binding(3) var<storage, read_write> total: array<f32>;  // [C, H, W]

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let plane = d.H * d.W;
  let i = id.y * plane + id.x;
  var sum = total[i];
  for (var n = 0u; n < min(d.N, d.SAMPLES - clock[0] * d.N); n++) {
    let value = gradient[n * d.C * plane + i];
#if ${sum === 'signed'}
    sum += value;
#elif ${sum === 'absolute'}
    sum += abs(value);
#else
    sum += value * value;
#endif
  }
  total[i] = sum;
}`,
  };
}

/**
 *   total[h, w] += Σ_n M_n(where view n shows the pixel),   M_n = max_c |gradient[n, c]| (or a sum over c), bilinear
 *
 * Views lie beside each other in the batch. `views[n]`: the part's left and top edge, width and height; then 1 if it
 * was mirrored. A pixel whose middle is outside of a view gets nothing from it.
 */
export function register(d: SamplingDims, channels: 'max-abs' | 'sum-abs' | 'sum'): Kernel {
  return {
    name: 'register',
    dims: { ...d },
    flops: 0,
    workgroups: grid(d.H * d.W, 1, 1),
    code: wgsl`
${uniform({ ...d })}
@group(0) @binding(1) var<storage, read> gradient: array<f32>;        // [N, C, H, W]
@group(0) @binding(2) var<storage, read> views: array<vec4f>;         // [SAMPLES, 2]
@group(0) @binding(3) var<storage, read> clock: array<u32>;           // [1]
@group(0) @binding(4) var<storage, read_write> total: array<vec2f>;   // [H, W]: the sum, and how many views

fn valueAt(n: u32, at: vec2u) -> f32 {
  var value = 0.0;
  for (var c = 0u; c < d.C; c++) {
    let g = gradient[((n * d.C + c) * d.H + at.y) * d.W + at.x];
#if ${channels === 'max-abs'}
    value = max(value, abs(g));
#elif ${channels === 'sum-abs'}
    value += abs(g);
#else
    value += g;
#endif
  }
  return value;
}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let extents = vec2f(f32(d.W), f32(d.H));
  let pixel = vec2f(f32(id.x % d.W), f32(id.x / d.W)) + 0.5;
  var sum = total[id.x];
  for (var n = 0u; n < min(d.N, d.SAMPLES - clock[0] * d.N); n++) {
    let view = views[2u * (clock[0] * d.N + n)];
    var inside = (pixel - view.xy) / view.zw;
    if (any(inside < vec2f(0.0)) || any(inside >= vec2f(1.0))) { continue; }
    if (views[2u * (clock[0] * d.N + n) + 1u].x != 0.0) { inside.x = 1.0 - inside.x; }
    let at = clamp(inside * extents - 0.5, vec2f(0.0), extents - 1.0);
    let low = vec2u(at);
    let high = min(low + 1u, vec2u(d.W, d.H) - 1u);
    let part = at - floor(at);
    let above = mix(valueAt(n, low), valueAt(n, vec2u(high.x, low.y)), part.x);
    let below = mix(valueAt(n, vec2u(low.x, high.y)), valueAt(n, high), part.x);
    sum += vec2f(mix(above, below, part.y), 1.0);
  }
  total[id.x] = sum;
}`,
  };
}
