/** A picture that is turned, drawn nearer and moved by a little, differently at every iteration, and the way back. */
import { floatBits } from './kernel';
import { mix32 } from './random';

/** Up to how far. */
export interface WarpLimits {
  /** Whole pixels, each way. */
  readonly jitter: number;
  /** Degrees, each way; below 45. */
  readonly rotate: number;
  /** A part of the size: 0.1 for 10 % smaller or larger; below 0.5. */
  readonly zoom: number;
}

/** Fields of `d`: the angle by the tangent of its half, of which sine and cosine are quotients. */
export const warpDims = ({ jitter, rotate, zoom }: WarpLimits) => ({
  JITTER: jitter,
  HALF_ANGLE: floatBits(Math.tan((rotate * Math.PI) / 360)),
  ZOOM: floatBits(zoom),
});

/** WGSL: words and shifts that are drawn from `d.SEED` and the iteration `clock[0]`, alike for the whole batch. */
export const DRAWN = `
${mix32}
fn word(salt: u32) -> u32 { return mix32(mix32(mix32(d.SEED) ^ salt) ^ clock[0]); }
fn drawn(salt: u32) -> u32 { return word(salt) % (2u * d.JITTER + 1u); }`;

/**
 * WGSL: `seen(t, at)`, which place of the image is shown at a place, and `showing(t, at)`, its inverse; as `(x, y)`,
 * with t = `turn()` and
 *
 *   seen(p) = middle + R · (p − middle) / zoom + shift
 *
 * drawn by {@link DRAWN}.
 */
export const WARP = `
${DRAWN}
fn part(salt: u32) -> f32 { return f32(word(salt) >> 8u) / 8388608.0 - 1.0; } // from −1 to below 1
fn middle() -> vec2f { return 0.5 * vec2f(f32(d.W) - 1.0, f32(d.H) - 1.0); }
fn shift() -> vec2f { return vec2f(f32(drawn(1u)), f32(drawn(2u))) - f32(d.JITTER); }
// cosine and sine, both over the zoom
fn turn() -> vec2f {
  let half = part(3u) * bitcast<f32>(d.HALF_ANGLE);
  let zoom = 1.0 + part(4u) * bitcast<f32>(d.ZOOM);
  return vec2f(1.0 - half * half, 2.0 * half) / ((1.0 + half * half) * zoom);
}
fn seen(t: vec2f, at: vec2f) -> vec2f {
  let far = at - middle();
  return middle() + vec2f(t.x * far.x - t.y * far.y, t.y * far.x + t.x * far.y) + shift();
}
fn showing(t: vec2f, at: vec2f) -> vec2f {
  let far = at - middle() - shift();
  return middle() + vec2f(t.x * far.x + t.y * far.y, t.x * far.y - t.y * far.x) / dot(t, t);
}
// how far from a place the pixels lie that show it: √2 zooms, and half a pixel of rounding
const REACH = 2;
fn inside(x: i32, y: i32) -> bool { return x >= 0 && y >= 0 && x < i32(d.W) && y < i32(d.H); }`;
