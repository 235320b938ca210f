/** What works on all elements along some axes together: extremes and normalization. */
import type { Axis, Extents } from '../../src/graph';
import type { NormalizeNode } from '../../src/ops/normalize';
import type { Gap } from './oracle';
import { forEach, get, scatter, tensor, zeros, type Numbers, type Tensor } from './tensor';

type Place = readonly [c: number, h: number, w: number];

/** The places of each group, in C, H, W order; the groups in that order, too. */
function groupsOf(x: Tensor, axes: readonly Axis[]): readonly (readonly Place[])[] {
  const groups = new Map<string, Place[]>();
  forEach(x, (...[c, h, w]) => {
    const key = `${axes.includes('C') || c} ${axes.includes('H') || h} ${axes.includes('W') || w}`;
    groups.set(key, [...(groups.get(key) ?? []), [c, h, w]]);
  });
  return [...groups.values()];
}

const foldedExtents = ({ C, H, W }: Extents, axes: readonly Axis[]): Extents => ({
  C: axes.includes('C') ? 1 : C,
  H: axes.includes('H') ? 1 : H,
  W: axes.includes('W') ? 1 : W,
});

// ── extremes ──

interface ExtremeSpec {
  readonly kind: 'max' | 'min';
  readonly axes: readonly Axis[];
}

/** The first place of a group that holds its extreme. */
function winnerOf({ kind }: ExtremeSpec, x: Tensor, group: readonly Place[]): Place {
  const sign = kind === 'max' ? 1 : -1;
  return group.reduce((best, place) => (sign * get(x, ...place) > sign * get(x, ...best) ? place : best));
}

export const extremeForward = (spec: ExtremeSpec, x: Tensor): Tensor =>
  tensor(
    foldedExtents(x.extents, spec.axes),
    groupsOf(x, spec.axes).map((group) => get(x, ...winnerOf(spec, x, group))),
  );

export function extremeBackward(spec: ExtremeSpec, dY: Tensor, x: Tensor): Tensor {
  const dX = zeros(x.extents);
  groupsOf(x, spec.axes).forEach((group, i) => scatter(dX, ...winnerOf(spec, x, group), dY.data[i]!));
  return dX;
}

/** The lead of every winner over all others of its group. */
export function* extremeLeads(spec: ExtremeSpec, here: Tensor, there: Tensor): Iterable<Gap> {
  for (const group of groupsOf(here, spec.axes)) {
    const best = winnerOf(spec, here, group);
    const lead = (x: Tensor, place: Place) => Math.abs(get(x, ...best) - get(x, ...place));
    for (const place of group) if (place !== best) yield [lead(here, place), lead(there, place)];
  }
}

// ── normalization ──

type NormalizeSpec = Pick<NormalizeNode, 'axes' | 'epsilon' | 'centred'>;

/** Of each element of a group; 1 and 0 where there are none. */
interface Scaling {
  readonly scale: Numbers | undefined;
  readonly bias: Numbers | undefined;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** What is taken off, and what the rest is divided by. */
function momentsOf({ centred, epsilon }: NormalizeSpec, x: Tensor, group: readonly Place[]) {
  const values = group.map((place) => get(x, ...place));
  const shift = centred ? mean(values) : 0;
  return { shift, divisor: Math.sqrt(mean(values.map((value) => (value - shift) ** 2)) + epsilon) };
}

export function normalizeForward(spec: NormalizeSpec, x: Tensor, { scale, bias }: Scaling): Tensor {
  const y = zeros(x.extents);
  for (const group of groupsOf(x, spec.axes)) {
    const { shift, divisor } = momentsOf(spec, x, group);
    group.forEach((place, i) =>
      scatter(y, ...place, ((get(x, ...place) - shift) / divisor) * (scale?.[i] ?? 1) + (bias?.[i] ?? 0)),
    );
  }
  return y;
}

/**
 * Each y depends on its own x, on the mean, and on the divisor, whose derivative by x[k] is (x[k] − mean) / (K ·
 * divisor).
 */
export function normalizeBackward(spec: NormalizeSpec, dY: Tensor, x: Tensor, { scale }: Scaling): Tensor {
  const dX = zeros(x.extents);
  for (const group of groupsOf(x, spec.axes)) {
    const { shift, divisor } = momentsOf(spec, x, group);
    for (const [i, from] of group.entries()) {
      const dy = get(dY, ...from) * (scale?.[i] ?? 1);
      const off = get(x, ...from) - shift;
      scatter(dX, ...from, dy / divisor);
      for (const place of group) {
        const inMean = spec.centred ? dy / divisor / group.length : 0;
        const inDivisor = (dy * off * (get(x, ...place) - shift)) / (group.length * divisor ** 3);
        scatter(dX, ...place, -inMean - inDivisor);
      }
    }
  }
  return dX;
}
