/**
 * Windows that slide over `H×W` to `P×Q`. Their backward passes gather: those of convolutions ask for every tap which
 * output reads a pixel by it, if one does; those of pools, whose windows may be as large as the plane, walk the windows
 * that cover a pixel.
 */
/** Extents of a window, whose tap (r, s) at output (p, q) reads pixel (p·STRIDE + r·DILATION − PAD, …). */
export interface WindowDims {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly P: number;
  readonly Q: number;
  readonly R: number;
  readonly S: number;
  readonly STRIDE_Y: number;
  readonly STRIDE_X: number;
  readonly PAD_TOP: number;
  readonly PAD_LEFT: number;
  readonly DILATION_Y: number;
  readonly DILATION_X: number;
}

/** What {@link OUTPUT_AT} says where no output reads a pixel: past the last, also with a few pixels added. */
export const NO_OUTPUT = '0x80000000u';

/**
 * WGSL: `outputAt(at, tap, stride)`, the output whose window begins `tap` before position `at` of the padded input:
 * along one axis, the one that reads `at` by that tap. It wraps below zero, and so fails `p < P`.
 */
export const OUTPUT_AT = `
fn outputAt(at: u32, tap: u32, stride: u32) -> u32 {
  let begin = i32(at) - i32(tap);
  return select(${NO_OUTPUT}, u32(begin / i32(stride)), begin % i32(stride) == 0);
}`;

/**
 * WGSL: `body` for every tap (r, s) by which an output (p, q) reads pixel (h, w), in the order of the taps. Calls
 * {@link OUTPUT_AT}.
 */
export const gather = (body: string): string => `for (var r = 0u; r < d.R; r++) {
  let p = outputAt(h + d.PAD_TOP, r * d.DILATION_Y, d.STRIDE_Y);
  if (p >= d.P) { continue; }
  for (var s = 0u; s < d.S; s++) {
    let q = outputAt(w + d.PAD_LEFT, s * d.DILATION_X, d.STRIDE_X);
    if (q >= d.Q) { continue; }
    ${body.trim()}
  }
}`;

/** WGSL: `firstOutput(at, span, stride)`, the first whose window, of `span` positions, reaches position `at`. */
export const FIRST_OUTPUT = `
fn firstOutput(at: u32, span: u32, stride: u32) -> u32 {
  return select(0u, (at - span) / stride + 1u, at >= span);
}`;

/**
 * WGSL: `body` for every window (p, q) that covers pixel (h, w), by its tap (r, s), in row-major order of the windows.
 * Calls {@link FIRST_OUTPUT}.
 */
export const covering = (body: string): string => `let y = h + d.PAD_TOP;
let x = w + d.PAD_LEFT;
let firstP = firstOutput(y, (d.R - 1u) * d.DILATION_Y + 1u, d.STRIDE_Y);
let firstQ = firstOutput(x, (d.S - 1u) * d.DILATION_X + 1u, d.STRIDE_X);
for (var p = firstP; p < d.P && p * d.STRIDE_Y <= y; p++) {
  let down = y - p * d.STRIDE_Y;
  if (down % d.DILATION_Y != 0u) { continue; }
  let r = down / d.DILATION_Y;
  for (var q = firstQ; q < d.Q && q * d.STRIDE_X <= x; q++) {
    let along = x - q * d.STRIDE_X;
    if (along % d.DILATION_X != 0u) { continue; }
    let s = along / d.DILATION_X;
    ${body.trim()}
  }
}`;
