/** One convolution as every family of kernels walks it. */
import { STRIP } from '../kernel';
import type { WindowDims } from '../windows';

export interface ConvDims extends WindowDims {
  /** Input and output blocks of one group, and the number of groups. */
  readonly IN: number;
  readonly OUT: number;
  readonly GROUPS: number;
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
export const SQUARE: Unit = { rows: 2, columns: 4 };

/** Rows and columns of units that cover an item's P×Q pixels. */
export const unitsOf = (
  d: ConvDims,
  { rows, columns }: Unit,
): { readonly UNIT_ROWS: number; readonly UNIT_COLUMNS: number } => ({
  UNIT_ROWS: Math.ceil(d.P / rows),
  UNIT_COLUMNS: Math.ceil(d.Q / columns),
});
