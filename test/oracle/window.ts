import type { Extents, Window } from '../../src/graph';

/** One place of a filter, and the element of the input that lies under it. */
export interface Tap {
  readonly r: number;
  readonly s: number;
  readonly h: number;
  readonly w: number;
}

/** All positions of a window on an input. */
export interface Sliding {
  readonly P: number;
  readonly Q: number;
  /** The taps of window (p, q) that lie inside the input, in row-major order. */
  taps(p: number, q: number): readonly Tap[];
  /** How many taps of window (p, q) lie inside the input or its padding. */
  paddedCount(p: number, q: number): number;
}

/** A tap of a one-dimensional window: `inside = position · stride + tap · dilation − padBefore`. */
interface AxisTap {
  readonly tap: number;
  readonly inside: number;
}

interface Axis {
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBefore: number;
  readonly padAfter: number;
}

/** Slides a window over `H×W`: vertically and horizontally it is the same thing, and the two do not meet. */
export function slide(window: Window, { H, W }: Extents, ceil = false): Sliding {
  const [top, left, bottom, right] = window.pads ?? [0, 0, 0, 0];
  const [strideY, strideX] = window.stride ?? [1, 1];
  const [dilationY, dilationX] = window.dilation ?? [1, 1];
  const [R, S] = window.kernel;
  const vertical = { length: H, kernel: R, stride: strideY, dilation: dilationY, padBefore: top, padAfter: bottom };
  const horizontal = { length: W, kernel: S, stride: strideX, dilation: dilationX, padBefore: left, padAfter: right };

  const rows = positions(vertical, ceil);
  const columns = positions(horizontal, ceil);
  const isInside = (axis: Axis) => (t: AxisTap) => t.inside >= 0 && t.inside < axis.length;
  const insideRows = rows.map((taps) => taps.filter(isInside(vertical)));
  const insideColumns = columns.map((taps) => taps.filter(isInside(horizontal)));
  const windows = insideRows.map((ys) =>
    insideColumns.map((xs) =>
      ys.flatMap(({ tap: r, inside: h }) => xs.map(({ tap: s, inside: w }): Tap => ({ r, s, h, w }))),
    ),
  );
  return {
    P: rows.length,
    Q: columns.length,
    taps: (p, q) => windows[p]![q]!,
    paddedCount: (p, q) => rows[p]!.length * columns[q]!.length,
  };
}

/**
 * The windows along one axis, each the list of its taps that lie in the padded input.
 *
 *   count = ⌊(padded − span) / stride⌋ + 1,  span = (kernel − 1) · dilation + 1
 *
 * With `ceil` the quotient is rounded up, unless the last window would then start beyond the input, in the padding
 * after it.
 */
function positions(axis: Axis, ceil: boolean): readonly (readonly AxisTap[])[] {
  const { length, kernel, stride, dilation, padBefore, padAfter } = axis;
  const padded = padBefore + length + padAfter;
  const slack = padded - ((kernel - 1) * dilation + 1);
  if (slack < 0) throw new RangeError(`a window of ${kernel} taps, ${dilation} apart, does not fit into ${padded}`);

  const roundedUp = Math.ceil(slack / stride);
  const last = ceil && roundedUp * stride < padBefore + length ? roundedUp : Math.floor(slack / stride);
  return Array.from({ length: last + 1 }, (_, position) =>
    Array.from({ length: kernel }, (_, tap) => ({
      tap,
      inside: position * stride + tap * dilation - padBefore,
    })).filter(({ inside }) => inside < length + padAfter),
  );
}

/** A pool has no answer for a window that lies in the padding alone. */
export function occupied(taps: readonly Tap[]): readonly [Tap, ...Tap[]] {
  const [first, ...others] = taps;
  if (first === undefined) throw new RangeError('a pooling window has no tap inside the input');
  return [first, ...others];
}
