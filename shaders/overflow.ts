/** The largest float32. As a parameter it means no limit; WGSL has no infinity. */
export const LARGEST = 3.4028234663852886e38;

/** The nearest number that float32 holds, of one that may be infinite. */
export const inFloat32 = (value: number): number => Math.max(-LARGEST, Math.min(value, LARGEST));

/**
 * WGSL: `overflowed(v)`, per lane: whether it is infinite or no number. By its bits, since compilers take numbers to be
 * finite. What left float32 has to stay to be seen in the scores, so functions, ReLUs and pools hand it on, also where
 * a number that large would be squashed to a small one: sums that overflow half way say nothing about their value.
 */
export const OVERFLOWED = `
fn overflowed(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}`;

/** WGSL: `magnitude(v)`, bits that are ordered as |v| is, and what overflowed after all others, from `INFINITE` on. */
export const MAGNITUDE = `
const INFINITE = 0x7f800000u;
fn magnitude(v: vec4f) -> vec4u {
  return bitcast<vec4u>(v) & vec4u(0x7fffffffu);
}`;
