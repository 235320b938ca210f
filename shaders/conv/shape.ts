/** One convolution as every family of kernels walks it. */
import { STRIP } from '../kernel';
import type { WindowDims } from '../windows';

export interface ConvDims extends WindowDims {
  /** Input and output blocks of one group, and the number of groups. */
  readonly IN: number;
  readonly OUT: number;
  readonly GROUPS: number;
}

/**
 * Of the pixels of a plane those that share their place between the strides: `h = STEP_Y · p + FROM_Y`. The input
 * gradient of a convolution with stride is a convolution without for each phase, by the taps that meet it.
 */
export interface Phase {
  readonly STEP_Y: number;
  readonly STEP_X: number;
  readonly FROM_Y: number;
  readonly FROM_X: number;
  /** Of the plane. */
  readonly FULL_H: number;
  readonly FULL_W: number;
}

/** The convolution that leads back from the output of that with stride, `d`, to each phase of its input. */
export function phasesOf(d: ConvDims): readonly { readonly phase: Phase; readonly dims: ConvDims }[] {
  const rows = along(d.H, d.R, d.STRIDE_Y, d.PAD_TOP);
  const columns = along(d.W, d.S, d.STRIDE_X, d.PAD_LEFT);
  return rows.flatMap((y) =>
    columns.map((x) => ({
      phase: {
        STEP_Y: d.STRIDE_Y,
        STEP_X: d.STRIDE_X,
        FROM_Y: y.from,
        FROM_X: x.from,
        FULL_H: d.H,
        FULL_W: d.W,
      },
      dims: {
        ...d,
        H: d.P,
        W: d.Q,
        P: y.extent,
        Q: x.extent,
        R: y.taps,
        S: x.taps,
        STRIDE_Y: 1,
        STRIDE_X: 1,
        PAD_TOP: y.pad,
        PAD_LEFT: x.pad,
        IN: d.OUT,
        OUT: d.IN,
      },
    })),
  );
}

/** The phases along one axis: of `taps` those that meet the phase begin with tap `(from + pad) mod stride`. */
function along(extent: number, taps: number, stride: number, pad: number) {
  return Array.from({ length: Math.min(stride, extent) }, (_, from) => {
    const first = (from + pad) % stride;
    const count = Math.max(0, Math.ceil((taps - first) / stride));
    return {
      from,
      extent: Math.ceil((extent - from) / stride),
      taps: count,
      pad: count - 1 - (from + pad - first) / stride,
    };
  });
}

/** As the kernels compute it: whole blocks, every tap. */
export const flopsOf = (d: ConvDims): number => 2 * d.N * d.P * d.Q * d.R * d.S * d.GROUPS * d.IN * d.OUT * 16;

/**
 * The eight neighbouring pixels whose sums one invocation holds, row by row: a strip of one row, or (where a 2×2 pool
 * follows) four pixels of two rows.
 */
export interface Unit {
  readonly rows: 1 | 2;
  readonly columns: 8 | 4;
}
export const ROW: Unit = { rows: 1, columns: STRIP };
const HALF_ROW: Unit = { rows: 1, columns: 4 };
export const SQUARE: Unit = { rows: 2, columns: 4 };

/** Half of a strip, where the other half would lie beside the plane. */
export const narrowed = (unit: Unit, { Q }: ConvDims): Unit =>
  unit.rows === 1 && Q <= HALF_ROW.columns ? HALF_ROW : unit;

/** Rows and columns of units that cover an item's P×Q pixels. */
export const unitsOf = (
  d: ConvDims,
  { rows, columns }: Unit,
): { readonly UNIT_ROWS: number; readonly UNIT_COLUMNS: number } => ({
  UNIT_ROWS: Math.ceil(d.P / rows),
  UNIT_COLUMNS: Math.ceil(d.Q / columns),
});
