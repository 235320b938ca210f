/**
 * Windows that slide over `H×W` to `P×Q`. Their backward passes gather: for every tap they ask which output reads a
 * pixel by it, if one does.
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
 * WGSL: `body` for every tap (r, s) by which an output (p, q) reads pixel (h, w), in the order of the taps; or of the
 * windows, which is the reverse. Calls {@link OUTPUT_AT}.
 */
export function gather(body: string, order: 'taps' | 'windows' = 'taps'): string {
  const loop = (index: string, extent: string): string =>
    order === 'taps'
      ? `for (var ${index} = 0u; ${index} < ${extent}; ${index}++) {`
      : `for (var ${index} = ${extent} - 1u; ${index} < ${extent}; ${index}--) { // wraps below zero`;
  return `${loop('r', 'd.R')}
  let p = outputAt(h + d.PAD_TOP, r * d.DILATION_Y, d.STRIDE_Y);
  if (p >= d.P) { continue; }
  ${loop('s', 'd.S')}
    let q = outputAt(w + d.PAD_LEFT, s * d.DILATION_X, d.STRIDE_X);
    if (q >= d.Q) { continue; }
    ${body.trim()}
  }
}`;
}
