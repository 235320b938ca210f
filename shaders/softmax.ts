/**
 * Soft-max along axes, or its logarithm, both directions. With the groups of `groups.ts`, over the elements k of one:
 *
 *   y[i] = exp(x[i] − m) / s,  m = max_k x[k],  s = Σ_k exp(x[k] − m)      or  x[i] − m − log s
 *
 * and with y the soft-max, which the way back computes again from x, m and s:
 *
 *   dX[i] = y[i] · (dY[i] − Σ_k dY[k] · y[k])                              or  dY[i] − y[i] · Σ_k dY[k]
 *
 * The first is the same for dY less any number, since Σ_k y[k] = 1. It is computed for dY less that of the largest y:
 * of a soft-max near 1 the sum would have lost what is left of it to rounding.
 */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { FIRST_OF, type Fold, type GroupDims, foldGroups, sumOf } from './groups';
import type { Kernel } from './kernel';
import { LARGEST } from './overflow';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';

/** m and s of each group. */
export const STATISTICS_VECTORS = 2;
const STATISTICS = ['statistics', `N KEPT P Q ${STATISTICS_VECTORS}`] as const;

const X = reads('x', 'N C/4 H W', ANY_PRECISION);
const DY = reads('dY', 'N C/4 H W');

/** WGSL: the soft-max y of the block at hand. */
const SOFTMAX = 'let y = exp(load_x(n, b, h, w) - load_statistics(n, g, p, q, 0u)) / load_statistics(n, g, p, q, 1u);';

/** dY where x is largest; of several such places the largest. */
const AT_PEAK: Fold = {
  name: 'atPeak',
  type: 'vec4f',
  begin: `vec4f(-${LARGEST})`,
  step: `
let isPeak = inside & (load_x(n, b, h, w) == load_statistics(n, g, p, q, 0u));
atPeak = select(atPeak, max(atPeak, load_dY(n, b, h, w)), isPeak);`,
  join: (a, b) => `max(${a}, ${b})`,
};

/**
 * One invocation, or a workgroup, owns the groups of one place. `tapped`: what a host reads is written beside, in NCHW.
 * Bindings: x statistics y [tap].
 */
export const softmaxForward = (
  d: GroupDims,
  slices: Slices<'x' | 'y'>,
  { logarithm, tapped }: { readonly logarithm: boolean; readonly tapped: boolean },
): Kernel =>
  foldGroups(d, {
    name: logarithm ? 'logSoftmaxForward' : 'softmaxForward',
    slices,
    tensors: [
      X,
      writes(...STATISTICS),
      writes('y', 'N C/4 H W', ANY_PRECISION),
      tapped && writes('tap', 'N C H W', { element: 'f32' }),
    ],
    functions: FIRST_OF,
    folds: [
      {
        name: 'peak',
        type: 'vec4f',
        begin: 'firstOf(load_x(n, g, p, q), g)',
        step: 'peak = select(peak, max(peak, load_x(n, b, h, w)), inside);',
        join: (a, b) => `max(${a}, ${b})`,
      },
      sumOf('total', 'vec4f', 'total += select(vec4f(), exp(load_x(n, b, h, w) - peak), inside);'),
    ],
    body: `
store_statistics(n, g, p, q, 0u, peak);
store_statistics(n, g, p, q, 1u, total);`,
    each: `
let above = load_x(n, b, h, w) - peak;
let value = select(vec4f(), ${logarithm ? 'above - log(total)' : 'exp(above) / total'}, inside);
store_y(n, b, h, w, value);${
      tapped
        ? `
for (var lane = 0u; lane < 4u; lane++) {
  if (inside[lane]) { store_tap(n, 4u * b + lane, h, w, value[lane]); }
}`
        : ''
    }`,
  });

/** Ownership as on the way forward. Bindings: dY x statistics dX [bits]. */
export function softmaxBackward(
  d: GroupDims,
  slices: Slices<'x' | 'dX' | 'dY'>,
  logarithm: boolean,
  epilogue: BackwardEpilogue,
): Kernel {
  const gradient = gradientOf(epilogue);
  return foldGroups(d, {
    name: logarithm ? 'logSoftmaxBackward' : 'softmaxBackward',
    dims: gradient.dims,
    slices,
    tensors: [DY, X, reads(...STATISTICS), ...gradient.tensors],
    functions: gradient.functions,
    folds: logarithm
      ? [sumOf('sum', 'vec4f', 'sum += load_dY(n, b, h, w);')]
      : [
          AT_PEAK,
          sumOf('sum', 'vec4f', `${SOFTMAX}\nsum += select(vec4f(), (load_dY(n, b, h, w) - atPeak) * y, inside);`),
        ],
    each: `
${SOFTMAX}
let dy = load_dY(n, b, h, w);
storeGradient(n, b, h, w, select(vec4f(), ${logarithm ? 'dy - y * sum' : 'y * (dy - atPeak - sum)'}, inside));`,
  });
}
