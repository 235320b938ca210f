import { dot, relativeL2 } from './compare';
import type { Numbers, Tensor } from './tensor';

type ScalarFunction = (x: Float64Array) => number;

/** `(f(x + εv) − f(x − εv)) / 2ε ≈ ⟨∇f(x), v⟩` */
export function slopeAlong(v: Numbers, f: ScalarFunction, x: Float64Array, step = 1e-6): number {
  const moved = (by: number) => x.map((value, i) => value + by * v[i]!);
  return (f(moved(step)) - f(moved(-step))) / (2 * step);
}

/** The whole gradient, one coordinate after the other. */
export function centralDifferences(f: ScalarFunction, x: Float64Array): Float64Array {
  return x.map((_, i) =>
    slopeAlong(
      x.map((_, j) => Number(i === j)),
      f,
      x,
    ),
  );
}

/** How far `dX` is from `∇⟨dY, y(x)⟩`, relatively. */
export function backwardError(y: (x: Tensor) => Tensor, x: Tensor, dY: Tensor, dX: Tensor): number {
  const f = (data: Float64Array) => dot(dY.data, y({ extents: x.extents, data }).data);
  return relativeL2(dX.data, centralDifferences(f, x.data));
}
