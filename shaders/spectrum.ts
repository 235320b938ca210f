/**
 * A picture as a sum of cosines, and how much each of them is worth: ascent on what a picture is made of instead of on
 * its pixels.
 */
import type { AscentDims } from './ascent';
import { type Kernel, floatBits, kernel, unroll } from './kernel';
import { reads, writes } from './tensor';

const F32 = { element: 'f32' } as const;

/**
 * The cosines of a quarter turn's parts, which {@link cosineTransform} looks up: of `extent` pixels cos(πk / 2·extent)
 * for k below 4·extent. Their own numbers are exact; those of WGSL's `cos` are not.
 */
export const waves = (extent: number): Float32Array =>
  Float32Array.from({ length: 4 * extent }, (_, k) => Math.cos((Math.PI * k) / (2 * extent)));

/** Outputs of an invocation, each way. */
const TILE = 4;

/**
 * One axis of the discrete cosine transform, or of its transposed, without the factors that would make it orthonormal
 * ({@link spectrumWeight} has their squares):
 *
 *   y[u] = Σ_h x[h] · cos(π (2h + 1) u / 2H)        back: y[h] = Σ_u x[u] · the same
 *
 * An invocation owns four outputs along the axis, of four lines beside each other, so that each cosine and each x that
 * it loads counts four times. Beyond an edge it computes and stores what the edge has, once more.
 */
export function cosineTransform(d: AscentDims, axis: 'W' | 'H', back: boolean): Kernel {
  const other = axis === 'W' ? 'H' : 'W';
  const [x, y] = axis === 'W' ? ['line{i}, k', 'line{i}, at{j}'] : ['k, line{i}', 'at{j}, line{i}'];
  return kernel({
    name: 'cosineTransform',
    dims: { ...d, WAVES: 4 * d[axis], TILES: Math.ceil(d[axis] / TILE), LINES: Math.ceil(d[other] / TILE) },
    tensors: [reads('x', 'N C H W', F32), reads('waves', 'WAVES', F32), writes('y', 'N C H W', F32)],
    flops: 2 * d.N * d.C * d.H * d.W * d[axis],
    each: { x: { line: 'LINES', tile: 'TILES' }, y: { c: 'C' }, z: { n: 'N' } },
    body: `
${unroll({ i: TILE }, `let line{i} = min(${TILE}u * line + {i}u, d.${other} - 1u);`)}
${unroll({ j: TILE }, `let at{j} = min(${TILE}u * tile + {j}u, d.${axis} - 1u);`)}
let ats = vec4u(${unroll({ j: TILE }, 'at{j}', ', ')});
var wave = ${back ? 'vec4u(0u)' : 'ats'};
let step = ${back ? '2u * ats + 1u' : '2u * ats'};
${unroll({ i: TILE }, 'var sum{i} = vec4f(0.0);')}
for (var k = 0u; k < d.${axis}; k++) {
  let cosines = vec4f(${unroll({ j: TILE }, 'load_waves(wave[{j}])', ', ')});
  ${unroll({ i: TILE }, `sum{i} += load_x(n, c, ${x}) * cosines;`)}
  wave += step;
  wave -= select(vec4u(0u), vec4u(d.WAVES), wave >= vec4u(d.WAVES));
}
${unroll({ i: TILE, j: TILE }, `store_y(n, c, ${y}, sum{i}[{j}]);`)}`,
  });
}

/**
 *   y[c, u, v] = (4 / HW) ½^([u = 0] + [v = 0]) · (f₀ / max(f₀, f))^2·DECAY · Σ_k COLOURS[c, k] · x[k, u, v]
 *
 * with f² = (u / 2H)² + (v / 2W)², in periods per pixel, and f₀ the lowest that is not 0. Between a transform and its
 * transposed it is A·Aᵀ of A = cosines · amplitudes as f^−DECAY · colours: one step up in the coefficients of A, told
 * in pixels.
 */
export function spectrumWeight(d: AscentDims, decay: number): Kernel {
  return kernel({
    name: 'spectrumWeight',
    dims: { ...d, K: d.C, DECAY: floatBits(decay) },
    tensors: [reads('x', 'N C H W', F32), reads('colours', 'C K', F32), writes('y', 'N C H W', F32)],
    each: { x: { h: 'H', w: 'W' }, y: { c: 'C' }, z: { n: 'N' } },
    body: `
var sum = 0.0;
for (var k = 0u; k < d.C; k++) { sum += load_colours(c, k) * load_x(n, k, h, w); }
let frequency = 0.5 * vec2f(f32(h) / f32(d.H), f32(w) / f32(d.W));
let lowest = 0.5 / f32(max(d.H, d.W));
let weight = pow(lowest / max(lowest, length(frequency)), 2.0 * bitcast<f32>(d.DECAY));
let once = select(2.0, 1.0, h == 0u) * select(2.0, 1.0, w == 0u) / f32(d.H * d.W);
store_y(n, c, h, w, once * weight * sum);`,
  });
}

/** In this order they make of a direction in pixels one step in the coefficients, in pixels again. */
export const spectrumSteps = (
  d: AscentDims,
  decay: number,
): readonly { readonly kernel: Kernel; readonly axis: 'W' | 'H' | null }[] => [
  { kernel: cosineTransform(d, 'W', false), axis: 'W' },
  { kernel: cosineTransform(d, 'H', false), axis: 'H' },
  { kernel: spectrumWeight(d, decay), axis: null },
  { kernel: cosineTransform(d, 'H', true), axis: 'H' },
  { kernel: cosineTransform(d, 'W', true), axis: 'W' },
];
