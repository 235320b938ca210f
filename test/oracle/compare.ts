import type { Numbers } from './tensor';

/** `⟨a, b⟩ = Σ aᵢ·bᵢ` */
export function dot(a: Numbers, b: Numbers): number {
  assertSameLength(a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** `‖actual − expected‖ / ‖expected‖`: 0 if both are zero, infinite if only `expected` is. */
export function relativeL2(actual: Numbers, expected: Numbers): number {
  assertSameLength(actual, expected);
  const difference = Float64Array.from(expected, (value, i) => actual[i]! - value);
  const error = Math.sqrt(dot(difference, difference));
  return error === 0 ? 0 : error / Math.sqrt(dot(expected, expected));
}

/** `√(Σ xᵢ² / n)` */
export function rootMeanSquare(x: Numbers): number {
  return Math.sqrt(dot(x, x) / x.length);
}

function assertSameLength(a: Numbers, b: Numbers): void {
  if (a.length !== b.length) throw new RangeError(`cannot compare ${a.length} numbers with ${b.length}`);
}
