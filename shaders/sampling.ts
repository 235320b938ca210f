/** Many variants of one picture, and the sum of their gradients: nothing of a single variant leaves the GPU. */
import { type Kernel, floatBits, kernel } from './kernel';
import { type ChannelRule, valueAt } from './overChannels';
import { mix32, normal } from './random';
import { reads, writes } from './tensor';
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
  | {
      /** Gaussian noise. */
      readonly kind: 'noise';
      /** σ */
      readonly sigma: number;
      /** Of the noise. */
      readonly seed: number;
    }
  | {
      /** A straight way. */
      readonly kind: 'path';
    }
  | {
      /** Squares. */
      readonly kind: 'patch';
      /** Of their sides, in pixels. */
      readonly size: number;
      /** From square to square. */
      readonly stride: number;
      /** Squares in a row. */
      readonly columns: number;
    }
  | {
      /** By the ranks of pixels. */
      readonly kind: 'rank';
    };

const F32 = { element: 'f32' } as const;
const CLOCK = reads('clock', '1', { element: 'u32' });

/** y[n, c, h, w] = variant s = clock·N + n of the picture. One invocation owns one element. `clock`: batches so far. */
export function vary(d: SamplingDims, variation: Variation): Kernel {
  const { kind } = variation;
  return kernel({
    name: 'vary',
    dims: {
      ...d,
      ...(kind === 'noise' ? { SIGMA: floatBits(variation.sigma), SEED: variation.seed } : {}),
      ...(kind === 'patch' ? { SIZE: variation.size, PATCH_STRIDE: variation.stride, COLUMNS: variation.columns } : {}),
    },
    tensors: [
      reads('picture', 'C H W', F32),
      CLOCK,
      writes('y', 'N C H W', F32),
      kind !== 'noise' && reads('other', 'C H W', F32),
      kind === 'rank' && reads('ranks', 'H W', { element: 'u32' }), // 0 … H·W − 1, each once
    ],
    functions: kind === 'noise' ? mix32 + normal : '',
    each: { x: { h: 'H', w: 'W' }, y: { c: 'C' }, z: { n: 'N' } },
    body: wgsl`
let s = clock[0] * d.N + n;
var value = load_picture(c, h, w);
#if ${kind === 'noise'}
value += bitcast<f32>(d.SIGMA) * normal(d.SEED, s, index_picture(c, h, w));
#endif
#if ${kind === 'path'}
value = load_other(c, h, w) + (f32(s) + 0.5) / f32(d.SAMPLES) * (value - load_other(c, h, w));
#endif
#if ${kind === 'patch'}
let corner = vec2u(s % d.COLUMNS, s / d.COLUMNS) * d.PATCH_STRIDE;
let at = vec2u(w, h);
if (all(at >= corner) && all(at < corner + vec2u(d.SIZE))) { value = load_other(c, h, w); }
#endif
#if ${kind === 'rank'}
if (f32(load_ranks(h, w)) < f32(s) * f32(d.H * d.W) / f32(d.SAMPLES - 1u)) { value = load_other(c, h, w); }
#endif
store_y(n, c, h, w, value);`,
  });
}

/** What is added up of the gradients: themselves, their absolute values, or their squares. */
export type Sum = 'signed' | 'absolute' | 'squares';

/** total[c, h, w] += Σ_n f(gradient[n, c, h, w]), in the order of n, over the variants that there are. */
export function accumulate(d: SamplingDims, sum: Sum): Kernel {
  return kernel({
    name: 'accumulate',
    dims: { ...d },
    tensors: [reads('gradient', 'N C H W', F32), CLOCK, writes('total', 'C H W', F32)],
    each: { x: { h: 'H', w: 'W' }, y: { c: 'C' } },
    body: wgsl`
var sum = load_total(c, h, w);
for (var n = 0u; n < min(d.N, d.SAMPLES - clock[0] * d.N); n++) {
  let value = load_gradient(n, c, h, w);
#if ${sum === 'signed'}
  sum += value;
#elif ${sum === 'absolute'}
  sum += abs(value);
#else
  sum += value * value;
#endif
}
store_total(c, h, w, sum);`,
  });
}

/**
 *   total[h, w] += Σ_n M_n(where view n shows the pixel),   M_n = max_c |gradient[n, c]| (or a sum over c), bilinear
 *
 * Views lie beside each other in the batch. `views[n]`: the part's left and top edge, width and height; then 1 if it
 * was mirrored. A pixel whose middle is outside of a view gets nothing from it.
 */
export function register(d: SamplingDims, channels: ChannelRule): Kernel {
  return kernel({
    name: 'register',
    dims: { ...d },
    tensors: [
      reads('gradient', 'N C H W', F32),
      reads('views', 'SAMPLES 2'),
      CLOCK,
      writes('total', 'H W', { element: 'vec2f' }), // the sum, and how many views
    ],
    functions: valueAt(channels),
    each: { x: { h: 'H', w: 'W' } },
    body: wgsl`
let extents = vec2f(f32(d.W), f32(d.H));
let pixel = vec2f(f32(w), f32(h)) + 0.5;
var sum = load_total(h, w);
for (var n = 0u; n < min(d.N, d.SAMPLES - clock[0] * d.N); n++) {
  let sample = clock[0] * d.N + n;
  let view = load_views(sample, 0u);
  var inside = (pixel - view.xy) / view.zw;
  if (any(inside < vec2f(0.0)) || any(inside >= vec2f(1.0))) { continue; }
  if (load_views(sample, 1u).x != 0.0) { inside.x = 1.0 - inside.x; }
  let at = clamp(inside * extents - 0.5, vec2f(0.0), extents - 1.0);
  let low = vec2u(at);
  let high = min(low + 1u, vec2u(d.W, d.H) - 1u);
  let part = at - floor(at);
  let above = mix(valueAt(n, low), valueAt(n, vec2u(high.x, low.y)), part.x);
  let below = mix(valueAt(n, vec2u(low.x, high.y)), valueAt(n, high), part.x);
  sum += vec2f(mix(above, below, part.y), 1.0);
}
store_total(h, w, sum);`,
  });
}
