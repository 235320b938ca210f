/** Index of the first element that is not a finite number, or −1. */
export function notFinite(values: Float32Array): number {
  // 0 · v is 0 for finite numbers only. Sums of that, four that do not wait for one another, take a tenth of the time
  // of a look at each.
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    a += 0 * values[i]!;
    b += 0 * values[i + 1]!;
    c += 0 * values[i + 2]!;
    d += 0 * values[i + 3]!;
  }
  for (let i = whole; i < values.length; i++) a += 0 * values[i]!;
  return a + b + c + d === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

/** Whether numbers in half precision, read as if they were floats, are finite. */
export const halvesFinite = ({ buffer, byteOffset, byteLength }: Float32Array): boolean =>
  new Uint16Array(buffer, byteOffset, byteLength / 2).every((half) => (half & 0x7c00) !== 0x7c00);
