/** Shapes, their arithmetic, and the error that names the place where two of them disagree. */
import { GradlensError } from './errors';

/** Extents of one item of a tensor: channels, height, width. A vector of F elements is `F×1×1`. */
export interface Extents {
  /** Channels. */
  readonly C: number;
  /** Height. */
  readonly H: number;
  /** Width. */
  readonly W: number;
}

export type Axis = keyof Extents;
/** In the order in which elements are counted. */
export const AXES = ['C', 'H', 'W'] as const satisfies readonly Axis[];

/** One number per axis, `[C, H, W]`. */
export type Triple = readonly [c: number, h: number, w: number];
/** One value per axis, from the axis' number. */
export const triple = <T>(value: (axis: 0 | 1 | 2) => T): readonly [T, T, T] => [value(0), value(1), value(2)];

/** `[y, x]` */
export type Pair = readonly [y: number, x: number];
/** `[top, left, bottom, right]`, ONNX's order. */
export type Pads = readonly [top: number, left: number, bottom: number, right: number];

/** A sliding window. Absent fields mean stride 1, no padding, dilation 1. */
export interface Window {
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly pads?: Pads;
  readonly dilation?: Pair;
}

/** A parameter, row-major. */
export interface Weight {
  /** Its extents. */
  readonly shape: readonly number[];
  /** Its numbers, row-major. */
  readonly data: Float32Array;
}

/** Of one tensor of one item; counts beyond it are a file's mistake, or an attack. */
export const MOST_ELEMENTS = 2 ** 31;

export const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1);

export const elements = ({ C, H, W }: Extents): number => C * H * W;

export const printExtents = ({ C, H, W }: Extents): string => (H === 1 && W === 1 ? `[${C}]` : `[${C}, ${H}, ${W}]`);

export const sameExtents = (a: Extents, b: Extents): boolean => a.C === b.C && a.H === b.H && a.W === b.W;

export function shapeError(
  node: string,
  message: string,
  detail: Readonly<Record<string, unknown>> = {},
): GradlensError {
  return new GradlensError('shape', `${node}: ${message}`, { node, ...detail });
}

/** A window with every field present. */
export interface FullWindow {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly pads: Pads;
  readonly dilation: Pair;
}

export const fullWindow = ({
  kernel,
  stride = [1, 1],
  pads = [0, 0, 0, 0],
  dilation = [1, 1],
}: Window): FullWindow => ({ kernel, stride, pads, dilation });

/** More than any picture has; a file that asks for them is broken, and what walks over windows would take for ever. */
export const MOST_POSITIONS = 2 ** 20;

/**
 * Extent of the output of a window that slides over `[H, W]`. With `ceil`, a last partial window counts provided that
 * it starts inside the input or its leading padding.
 *
 * @throws GradlensError `shape` if a field is not a sensible integer, the window is larger than the padded input, or
 *   the output immense.
 */
export function slide(
  node: string,
  window: Window,
  input: Extents,
  ceil = false,
): { readonly P: number; readonly Q: number } {
  const { kernel, stride, pads, dilation } = fullWindow(window);
  const positive = [...kernel, ...stride, ...dilation];
  if (positive.some((n) => !Number.isInteger(n) || n < 1) || pads.some((n) => !Number.isInteger(n) || n < 0)) {
    throw shapeError(
      node,
      `kernel [${kernel}], stride [${stride}] and dilation [${dilation}] must be whole numbers from 1, pads ` +
        `[${pads}] from 0`,
    );
  }
  const along = (axis: 0 | 1): number => {
    const extent = axis === 0 ? input.H : input.W;
    const [before, after] = [pads[axis], pads[axis + 2]!];
    const span = (kernel[axis] - 1) * dilation[axis] + 1;
    const room = extent + before + after - span;
    if (room < 0) {
      throw shapeError(
        node,
        `a window of ${span} does not fit into ${extent} + ${before} + ${after} ${axis === 0 ? 'rows' : 'columns'}`,
        { span, extent },
      );
    }
    const steps = room / stride[axis];
    const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    if (count > MOST_POSITIONS)
      throw shapeError(
        node,
        `the window would stand in ${count} places along one axis; at most ${MOST_POSITIONS} are possible, pads ` +
          `are [${pads}]`,
        { count },
      );
    return ceil && (count - 1) * stride[axis] >= extent + before ? count - 1 : count;
  };
  return { P: along(0), Q: along(1) };
}
