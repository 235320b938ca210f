import type { Extents } from '../../src/graph';

/** One item of a batch in float64; element (c, h, w) lies at (c·H + h)·W + w. */
export interface Tensor {
  readonly extents: Extents;
  readonly data: Float64Array;
}

/** A parameter, in whichever precision it is stored. */
export type Numbers = ArrayLike<number>;

export function sizeOf({ C, H, W }: Extents): number {
  return C * H * W;
}

export function tensor(extents: Extents, values: Numbers): Tensor {
  if (values.length !== sizeOf(extents)) {
    throw new RangeError(
      `${extents.C}×${extents.H}×${extents.W} takes ${sizeOf(extents)} values, not ${values.length}`,
    );
  }
  return { extents, data: Float64Array.from(values) };
}

export function zeros(extents: Extents): Tensor {
  return { extents, data: new Float64Array(sizeOf(extents)) };
}

export function get({ extents: { H, W }, data }: Tensor, c: number, h: number, w: number): number {
  return data[(c * H + h) * W + w]!;
}

/** `x[c,h,w] += value`: what every backward pass here is made of. */
export function scatter({ extents: { H, W }, data }: Tensor, c: number, h: number, w: number, value: number): void {
  data[(c * H + h) * W + w]! += value;
}

/** A tensor from its elements, each computed by itself: what every forward pass here is made of. */
export function gather(extents: Extents, element: (c: number, h: number, w: number) => number): Tensor {
  const y = zeros(extents);
  forEach(y, (c, h, w) => scatter(y, c, h, w, element(c, h, w)));
  return y;
}

/** Visits the elements in row-major order. */
export function forEach(x: Tensor, visit: (c: number, h: number, w: number, value: number) => void): void {
  const { C, H, W } = x.extents;
  for (let c = 0; c < C; c++) {
    for (let h = 0; h < H; h++) {
      for (let w = 0; w < W; w++) visit(c, h, w, get(x, c, h, w));
    }
  }
}
