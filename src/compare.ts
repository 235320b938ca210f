/** How far two lists of numbers are apart. */

/**
 * ‖a − b‖₂ / ‖b‖₂, in float64: 0 where both are equal, infinite where their lengths differ, where only b is all zeros,
 * or where a number is NaN.
 */
export function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  if (difference === 0) return 0;
  const relative = Math.sqrt(difference / norm);
  return Number.isNaN(relative) ? Infinity : relative;
}
