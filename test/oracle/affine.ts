import type { Numbers, Tensor } from './tensor';

/** `y = x · scale + bias`: each with a number per channel or one per element, which its length tells. */
export function affineForward(x: Tensor, scale: Numbers | undefined, bias: Numbers | undefined): Tensor {
  return { extents: x.extents, data: x.data.map((value, i) => value * at(x, scale, i, 1) + at(x, bias, i, 0)) };
}

/** `dX = dY · scale` */
export function affineBackward(dY: Tensor, scale: Numbers | undefined): Tensor {
  return { extents: dY.extents, data: dY.data.map((dy, i) => dy * at(dY, scale, i, 1)) };
}

function at({ extents: { C, H, W } }: Tensor, numbers: Numbers | undefined, i: number, otherwise: number): number {
  if (numbers === undefined) return otherwise;
  if (numbers.length !== C && numbers.length !== C * H * W)
    throw new RangeError(`${numbers.length} numbers fit neither ${C} channels nor ${C * H * W} elements`);
  return numbers[numbers.length === C ? Math.floor(i / (H * W)) : i]!;
}
