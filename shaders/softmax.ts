/**
 * Soft-max along axes, or its logarithm, both directions. With the groups of `groups.ts`, over the elements k of one:
 *
 *   y[i] = exp(x[i] − m) / s,  m = max_k x[k],  s = Σ_k exp(x[k] − m)      or  x[i] − m − log s
 *
 * and with y the soft-max, which the way back computes again from x, m and s:
 *
 *   dX[i] = y[i] · (dY[i] − Σ_k dY[k] · y[k])                              or  dY[i] − y[i] · Σ_k dY[k]
 */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { FIRST_OF, type GroupDims, eachOfGroups, foldGroups, sumOf } from './groups';
import type { Kernel } from './kernel';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';

/** m and s of each group. */
export const STATISTICS_VECTORS = 2;
const STATISTICS = ['statistics', `N KEPT P Q ${STATISTICS_VECTORS}`] as const;

const X = reads('x', 'N C/4 H W', ANY_PRECISION);
const DY = reads('dY', 'N C/4 H W');

/** WGSL: the soft-max y of the block at hand. */
const SOFTMAX = 'let y = exp(load_x(n, b, h, w) - load_statistics(n, g, p, q, 0u)) / load_statistics(n, g, p, q, 1u);';

/** One invocation, or a workgroup, owns the groups of one place. */
export const softmaxStatistics = (d: GroupDims, slices: Slices<'x'>): Kernel =>
  foldGroups(d, {
    name: 'softmaxStatistics',
    slices,
    tensors: [X, writes(...STATISTICS)],
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
  });

/** One invocation owns one pixel × four channels. */
export const softmaxForward = (d: GroupDims, slices: Slices<'x' | 'y'>, logarithm: boolean): Kernel =>
  eachOfGroups(d, {
    name: logarithm ? 'logSoftmaxForward' : 'softmaxForward',
    slices,
    tensors: [X, reads(...STATISTICS), writes('y', 'N C/4 H W', ANY_PRECISION)],
    body: `
let total = load_statistics(n, g, p, q, 1u);
let above = load_x(n, b, h, w) - load_statistics(n, g, p, q, 0u);
let value = ${logarithm ? 'above - log(total)' : 'exp(above) / total'};
store_y(n, b, h, w, select(vec4f(), value, inside));`,
  });

/** The sums of the way back, `Σ_k dY[k] · y[k]` or `Σ_k dY[k]`. Ownership as in {@link softmaxStatistics}. */
export const softmaxSums = (d: GroupDims, slices: Slices<'x' | 'dY'>, logarithm: boolean): Kernel =>
  foldGroups(d, {
    name: logarithm ? 'logSoftmaxSums' : 'softmaxSums',
    slices,
    tensors: [DY, ...(logarithm ? [] : [X, reads(...STATISTICS)]), writes('sums', 'N KEPT P Q')],
    folds: [
      sumOf(
        'sum',
        'vec4f',
        logarithm
          ? 'sum += load_dY(n, b, h, w);'
          : `${SOFTMAX}\nsum += select(vec4f(), load_dY(n, b, h, w) * y, inside);`,
      ),
    ],
    body: 'store_sums(n, g, p, q, sum);',
  });

/** One invocation owns one pixel × four channels of dX. */
export function softmaxBackward(
  d: GroupDims,
  slices: Slices<'x' | 'dX' | 'dY'>,
  logarithm: boolean,
  epilogue: BackwardEpilogue,
): Kernel {
  const gradient = gradientOf(epilogue);
  return eachOfGroups(d, {
    name: logarithm ? 'logSoftmaxBackward' : 'softmaxBackward',
    dims: gradient.dims,
    slices,
    tensors: [DY, X, reads(...STATISTICS), reads('sums', 'N KEPT P Q'), ...gradient.tensors],
    functions: gradient.functions,
    body: `
${SOFTMAX}
let sum = load_sums(n, g, p, q);
let dy = load_dY(n, b, h, w);
storeGradient(n, b, h, w, select(vec4f(), ${logarithm ? 'dy - y * sum' : 'y * (dy - sum)'}, inside));`,
  });
}
