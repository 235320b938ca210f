import { forEach, gather, get, scatter, zeros, type Numbers, type Tensor } from './tensor';

/** All four are `[C]`. */
export interface BatchNormParameters {
  readonly scale: Numbers;
  readonly bias: Numbers;
  readonly mean: Numbers;
  readonly variance: Numbers;
}

/** `y[c,h,w] = (x[c,h,w] − mean[c]) · slope[c] + bias[c]`,  slope = scale / √(variance + epsilon) */
export function batchNormForward(x: Tensor, parameters: BatchNormParameters, epsilon: number): Tensor {
  const { mean, bias } = parameters;
  return gather(x.extents, (c, h, w) => (get(x, c, h, w) - mean[c]!) * slope(parameters, epsilon, c) + bias[c]!);
}

/** `dX[c,h,w] = dY[c,h,w] · slope[c]`: at inference the statistics are constants. */
export function batchNormBackward(dY: Tensor, parameters: BatchNormParameters, epsilon: number): Tensor {
  const dX = zeros(dY.extents);
  forEach(dY, (c, h, w, dy) => scatter(dX, c, h, w, dy * slope(parameters, epsilon, c)));
  return dX;
}

function slope({ scale, variance }: BatchNormParameters, epsilon: number, c: number): number {
  return scale[c]! / Math.sqrt(variance[c]! + epsilon);
}
