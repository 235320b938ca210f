/**
 * WGSL: `isNan(v)`, per lane. By its bits, since compilers take `v != v` to be false. What overflowed has to stay to be
 * seen in the scores: functions and pools hand a NaN on.
 */
export const IS_NAN = `
fn isNan(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}`;
