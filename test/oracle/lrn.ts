import { forEach, gather, get, scatter, zeros, type Tensor } from './tensor';

export interface LrnSpec {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;
}

/** `y[c] = x[c] · s(c)^−beta`,  s(c) = k + alpha/size · Σ x[c′]² over the window of c. */
export function lrnForward(spec: LrnSpec, x: Tensor): Tensor {
  return gather(x.extents, (c, h, w) => get(x, c, h, w) * scale(spec, x, c, h, w) ** -spec.beta);
}

/**
 * Each `y[c]` depends on x[c] outside the power and on all of its window within:
 *
 *   dX[c] += dY[c] · s^−beta      dX[c′] −= dY[c] · x[c] · beta · s^(−beta − 1) · 2 · alpha/size · x[c′]
 */
export function lrnBackward(spec: LrnSpec, dY: Tensor, x: Tensor): Tensor {
  const dX = zeros(x.extents);
  forEach(dY, (c, h, w, dy) => {
    const s = scale(spec, x, c, h, w);
    scatter(dX, c, h, w, dy * s ** -spec.beta);
    for (const other of windowOf(spec, c, x.extents.C)) {
      const inner = 2 * (spec.alpha / spec.size) * get(x, other, h, w);
      scatter(dX, other, h, w, -dy * get(x, c, h, w) * spec.beta * s ** (-spec.beta - 1) * inner);
    }
  });
  return dX;
}

function scale(spec: LrnSpec, x: Tensor, c: number, h: number, w: number): number {
  const squares = windowOf(spec, c, x.extents.C).map((other) => get(x, other, h, w) ** 2);
  return spec.k + (spec.alpha / spec.size) * squares.reduce((sum, square) => sum + square, 0);
}

/** ONNX: an even window has one channel more behind than before. */
function windowOf({ size }: LrnSpec, c: number, C: number): number[] {
  const first = c - Math.floor((size - 1) / 2);
  return Array.from({ length: size }, (_, i) => first + i).filter((other) => other >= 0 && other < C);
}
