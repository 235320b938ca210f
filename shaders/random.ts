/** Numbers that look drawn and are the same on every device: integer arithmetic only. */

/** A permutation of the 32-bit words that leaves no trace of their order: the finaliser of MurmurHash3. */
export const mix32 = `
fn mix32(word: u32) -> u32 {
  var x = word;
  x ^= x >> 16u;
  x *= 0x85ebca6bu;
  x ^= x >> 13u;
  x *= 0xc2b2ae35u;
  return x ^ (x >> 16u);
}`;

/**
 * A normal variate: twelve bytes, added. Their sum has mean 1530 and, over 256, variance 1 − 2⁻¹⁶; it ends at ±6.
 * Unlike what takes logarithms and cosines, it is exact in float32 and so the same on every device. Takes {@link
 * mix32}.
 */
export const normal = `
fn normal(seed: u32, sample: u32, element: u32) -> f32 {
  var sum = 0u;
  for (var k = 0u; k < 3u; k++) {
    let word = vec4u(mix32(mix32(mix32(mix32(seed) ^ (k + 1u)) ^ sample) ^ element));
    let bytes = (word >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
    sum += bytes.x + bytes.y + bytes.z + bytes.w;
  }
  return (f32(sum) - 1530.0) / 256.0;
}`;
