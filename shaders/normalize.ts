/**
 * Normalization of each group (`groups.ts`) to mean 0 and variance 1, or without centring to mean square 1. Over the K
 * elements k of a group:
 *
 *   z[i] = (x[i] − μ) · r,  μ = Σ_k x[k] / K or 0,  r = 1 / √(Σ_k (x[k] − μ)² / K + ε)
 *
 *   dX[i] = r · (d[i] − Σ_k d[k] / K − z[i] · Σ_k d[k] · z[k] / K),  without centring without the first sum
 *
 * The result is z, or scaled: scale[i] · z[i] + bias[i], with numbers that are the same for each group. On the way back
 * d[i] is dY[i], or scale[i] · dY[i].
 *
 * μ is kept in two parts, its first estimate and what is left of the mean after that is taken off: where it is far from
 * 0, one number would be too coarse.
 */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { type GroupDims, eachOfGroups, foldGroups, sumOf } from './groups';
import type { Kernel } from './kernel';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';

export interface NormalizeDims extends GroupDims {
  /** As the bits of an f32. */
  readonly EPSILON: number;
}

export interface NormalizeOptions {
  readonly centred: boolean;
  /** There are a scale and a bias for each element of a group, `[blocks, rows, columns of a group, 2]` of vec4f. */
  readonly scaled: boolean;
}

/** Of each group: r, then with centring the two parts of μ. */
export const statisticsVectors = (centred: boolean): number => (centred ? 3 : 1);
/** Of each group: Σ d · z / K, then with centring Σ d / K. */
export const sumsVectors = (centred: boolean): number => (centred ? 2 : 1);

const statistics = (centred: boolean) => ['statistics', `N KEPT P Q ${statisticsVectors(centred)}`] as const;
const sums = (centred: boolean) => ['sums', `N KEPT P Q ${sumsVectors(centred)}`] as const;

const X = reads('x', 'N C/4 H W', ANY_PRECISION);
const DY = reads('dY', 'N C/4 H W');
const AFFINE = reads('affine', 'RUN_B RUN_H RUN_W 2');

/** WGSL: scale and bias of the block at hand. */
const affineAt = (which: 0 | 1): string => `load_affine(b - g, h - p, w - q, ${which}u)`;
/** WGSL: d of the block at hand. */
const given = (scaled: boolean): string => `load_dY(n, b, h, w)${scaled ? ` * ${affineAt(0)}` : ''}`;

/** WGSL: r and z of the block at hand. */
const normal = (centred: boolean): string => `
let r = load_statistics(n, g, p, q, 0u);
${
  centred
    ? 'let z = (load_x(n, b, h, w) - load_statistics(n, g, p, q, 1u) - load_statistics(n, g, p, q, 2u)) * r;'
    : 'let z = load_x(n, b, h, w) * r;'
}`;

const COUNT = 'f32(d.SIZE)';

/** One invocation, or a workgroup, owns the groups of one place. */
export const normalizeStatistics = (d: NormalizeDims, slices: Slices<'x'>, centred: boolean): Kernel =>
  foldGroups(d, {
    name: 'normalizeStatistics',
    dims: { EPSILON: d.EPSILON },
    slices,
    tensors: [X, writes(...statistics(centred))],
    ...(centred
      ? {
          folds: [
            { ...sumOf('mean', 'vec4f', 'mean += load_x(n, b, h, w);'), after: `mean /= ${COUNT};` },
            sumOf(
              'moments',
              'mat2x4f',
              `
let off = select(vec4f(), load_x(n, b, h, w) - mean, inside);
moments += mat2x4f(off, off * off);`,
            ),
          ],
          body: `
let left = moments[0] / ${COUNT};
let variance = max(moments[1] / ${COUNT} - left * left, vec4f());
store_statistics(n, g, p, q, 0u, 1.0 / sqrt(variance + bitcast<f32>(d.EPSILON)));
store_statistics(n, g, p, q, 1u, mean);
store_statistics(n, g, p, q, 2u, left);`,
        }
      : {
          folds: [
            sumOf(
              'squares',
              'vec4f',
              `
let value = load_x(n, b, h, w);
squares += value * value;`,
            ),
          ],
          body: `store_statistics(n, g, p, q, 0u, 1.0 / sqrt(squares / ${COUNT} + bitcast<f32>(d.EPSILON)));`,
        }),
  });

/** One invocation owns one pixel × four channels. */
export const normalizeForward = (
  d: NormalizeDims,
  slices: Slices<'x' | 'y'>,
  { centred, scaled }: NormalizeOptions,
): Kernel =>
  eachOfGroups(d, {
    name: 'normalizeForward',
    slices,
    tensors: [X, reads(...statistics(centred)), scaled && AFFINE, writes('y', 'N C/4 H W', ANY_PRECISION)],
    body: `${normal(centred)}
store_y(n, b, h, w, select(vec4f(), ${scaled ? `z * ${affineAt(0)} + ${affineAt(1)}` : 'z'}, inside));`,
  });

/** The means of the way back. Ownership as in {@link normalizeStatistics}. */
export const normalizeSums = (
  d: NormalizeDims,
  slices: Slices<'x' | 'dY'>,
  { centred, scaled }: NormalizeOptions,
): Kernel =>
  foldGroups(d, {
    name: 'normalizeSums',
    slices,
    tensors: [DY, X, reads(...statistics(centred)), scaled && AFFINE, writes(...sums(centred))],
    folds: [
      centred
        ? sumOf(
            'means',
            'mat2x4f',
            `${normal(centred)}
let given = ${given(scaled)};
means += mat2x4f(select(vec4f(), given * z, inside), given);`,
          )
        : sumOf(
            'means',
            'vec4f',
            `${normal(centred)}
means += select(vec4f(), ${given(scaled)} * z, inside);`,
          ),
    ],
    body: centred
      ? `
store_sums(n, g, p, q, 0u, means[0] / ${COUNT});
store_sums(n, g, p, q, 1u, means[1] / ${COUNT});`
      : `store_sums(n, g, p, q, 0u, means / ${COUNT});`,
  });

/** One invocation owns one pixel × four channels of dX. */
export function normalizeBackward(
  d: NormalizeDims,
  slices: Slices<'x' | 'dX' | 'dY'>,
  { centred, scaled }: NormalizeOptions,
  epilogue: BackwardEpilogue,
): Kernel {
  const gradient = gradientOf(epilogue);
  return eachOfGroups(d, {
    name: 'normalizeBackward',
    dims: gradient.dims,
    slices,
    tensors: [DY, X, reads(...statistics(centred)), reads(...sums(centred)), scaled && AFFINE, ...gradient.tensors],
    functions: gradient.functions,
    body: `${normal(centred)}
var value = ${given(scaled)} - z * load_sums(n, g, p, q, 0u);
${centred ? 'value -= load_sums(n, g, p, q, 1u);' : ''}
storeGradient(n, b, h, w, select(vec4f(), value * r, inside));`,
  });
}
