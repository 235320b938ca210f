/** Which part of a picture a tensor shows, and where in it. */

/** In pixels of the picture (FROM, fractions allowed) and of the input (TO). */
export interface Placement {
  /** Left edge in the picture. */
  readonly FROM_X: number;
  /** Upper edge in the picture. */
  readonly FROM_Y: number;
  /** Width in the picture. */
  readonly FROM_W: number;
  /** Height in the picture. */
  readonly FROM_H: number;
  /** Left edge in the input. */
  readonly TO_X: number;
  /** Upper edge in the input. */
  readonly TO_Y: number;
  /** Width in the input. */
  readonly TO_W: number;
  /** Height in the input. */
  readonly TO_H: number;
}
