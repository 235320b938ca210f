import type { Extents } from '../../src/graph';
import type { ResizeNode } from '../../src/ops/resize';
import type { ReduceNode } from '../../src/ops/reduce';
import { forEach, gather, get, scatter, zeros, type Tensor } from './tensor';

type Spec = Omit<ResizeNode, 'op' | 'name' | 'inputs'>;

/** One old pixel's part in a new one. */
interface Part {
  readonly at: number;
  readonly weight: number;
}

/** `y[p,q] = Σ weight · weight · x[h,w]` over the old pixels round the place of each new one. */
export function resizeForward(spec: Spec, x: Tensor): Tensor {
  const [P, Q] = spec.size;
  return gather({ C: x.extents.C, H: P, W: Q }, (c, p, q) => {
    let sum = isOutside(spec, p, q, x.extents) ? (spec.outside ?? 0) : 0;
    for (const row of parts(spec, 0, p, x.extents))
      for (const column of parts(spec, 1, q, x.extents))
        sum += row.weight * column.weight * get(x, c, row.at, column.at);
    return sum;
  });
}

export function resizeBackward(spec: Spec, dY: Tensor, input: Extents): Tensor {
  const dX = zeros(input);
  forEach(dY, (c, p, q, dy) => {
    for (const row of parts(spec, 0, p, input))
      for (const column of parts(spec, 1, q, input)) scatter(dX, c, row.at, column.at, row.weight * column.weight * dy);
  });
  return dX;
}

const isOutside = (spec: Spec, p: number, q: number, x: Extents): boolean =>
  parts(spec, 0, p, x).length === 0 || parts(spec, 1, q, x).length === 0;

function parts(spec: Spec, axis: 0 | 1, i: number, { H, W }: Extents): Part[] {
  const old = axis === 0 ? H : W;
  const x = place(spec, axis, i, old);
  if (spec.coordinates === 'tensorflow-crop' && (x < 0 || x > old - 1)) return [];
  if (spec.antialias || spec.excludeOutside) return inner(spec, x, old, spec.antialias ? stretch(spec, axis, old) : 1);
  const near = Math.floor(x);
  const between = x - near;
  const clamp = (at: number) => Math.max(0, Math.min(old - 1, at));
  if (spec.mode === 'nearest') return [{ at: clamp(round(spec.rounding ?? 'round-prefer-floor', x)), weight: 1 }];
  if (spec.mode === 'linear')
    return [
      { at: clamp(near), weight: 1 - between },
      { at: clamp(near + 1), weight: between },
    ];
  // Keys' cubic, as ONNX writes out its four coefficients
  const A = spec.coefficient ?? -0.75;
  const s = between;
  const weights = [
    ((A * (s + 1) - 5 * A) * (s + 1) + 8 * A) * (s + 1) - 4 * A,
    ((A + 2) * s - (A + 3)) * s * s + 1,
    ((A + 2) * (1 - s) - (A + 3)) * (1 - s) * (1 - s) + 1,
    ((A * (2 - s) - 5 * A) * (2 - s) + 8 * A) * (2 - s) - 4 * A,
  ];
  return weights.map((weight, k) => ({ at: clamp(near - 1 + k), weight }));
}

/** By how much a kernel is wider than it would be without antialiasing. */
function stretch({ size, scale }: Spec, axis: 0 | 1, old: number): number {
  return Math.max(1, 1 / (scale ? scale[axis] : size[axis] / old));
}

/** The pixels under a kernel, by their shares; those outside are at the edge, or are none. */
function inner({ mode, coefficient: A = -0.75, excludeOutside }: Spec, x: number, old: number, wide: number): Part[] {
  const kernel = (t: number): number => {
    if (mode === 'linear') return Math.max(0, 1 - t);
    if (t >= 2) return 0;
    return t < 1 ? (A + 2) * t ** 3 - (A + 3) * t ** 2 + 1 : A * (t ** 3 - 5 * t ** 2 + 8 * t - 4);
  };
  const [from, to] = excludeOutside ? [0, old] : [-4 * old, 5 * old];
  const all: Part[] = [];
  for (let at = from; at < to; at++)
    all.push({ at: Math.max(0, Math.min(old - 1, at)), weight: kernel(Math.abs(at - x) / wide) });
  const sum = all.reduce((total, { weight }) => total + weight, 0);
  return all.map(({ at, weight }) => ({ at, weight: weight / sum }));
}

function place({ coordinates, size, scale, region }: Spec, axis: 0 | 1, i: number, old: number): number {
  const factor = scale ? scale[axis] : size[axis] / old;
  const alone = size[axis] === 1;
  if (coordinates === 'asymmetric') return i / factor;
  if (coordinates === 'align-corners') return alone ? 0 : i * ((old - 1) / (size[axis] - 1));
  if (coordinates === 'tensorflow-crop') {
    const [from, to] = [region![axis], region![axis + 2]!];
    return (old - 1) * (alone ? (from + to) / 2 : from + (to - from) * (i / (size[axis] - 1)));
  }
  if (coordinates === 'pytorch-half-pixel' && alone) return 0;
  if (coordinates === 'tensorflow-half-pixel') return (i + 0.5) / factor;
  if (coordinates === 'half-pixel-symmetric') {
    const share = size[axis] / (old * factor); // of the size that was asked for, before it was rounded down
    return (old / 2) * (1 - share) + (i + 0.5) / factor - 0.5;
  }
  return (i + 0.5) / factor - 0.5;
}

function round(rule: NonNullable<Spec['rounding']>, x: number): number {
  if (rule === 'floor') return Math.floor(x);
  if (rule === 'ceil') return Math.ceil(x);
  const isHalf = x - Math.floor(x) === 0.5;
  return isHalf ? (rule === 'round-prefer-floor' ? Math.floor(x) : Math.ceil(x)) : Math.round(x);
}

/** Sums along the axes; a mean divides by how many elements there were. */
type LinearReduce = Pick<ReduceNode, 'axes'> & { readonly kind: 'mean' | 'sum' };

export function reduceForward({ kind, axes }: LinearReduce, x: Tensor): Tensor {
  const y = zeros(reducedExtents(axes, x.extents));
  const share = kind === 'mean' ? y.data.length / x.data.length : 1;
  forEach(x, (c, h, w, value) =>
    scatter(y, axes.includes('C') ? 0 : c, axes.includes('H') ? 0 : h, axes.includes('W') ? 0 : w, value * share),
  );
  return y;
}

export function reduceBackward({ kind, axes }: LinearReduce, dY: Tensor, input: Extents): Tensor {
  const share = kind === 'mean' ? dY.data.length / (input.C * input.H * input.W) : 1;
  return gather(
    input,
    (c, h, w) => share * get(dY, axes.includes('C') ? 0 : c, axes.includes('H') ? 0 : h, axes.includes('W') ? 0 : w),
  );
}

function reducedExtents(axes: ReduceNode['axes'], { C, H, W }: Extents): Extents {
  return { C: axes.includes('C') ? 1 : C, H: axes.includes('H') ? 1 : H, W: axes.includes('W') ? 1 : W };
}
