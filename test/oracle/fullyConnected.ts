import type { Extents } from '../../src/graph';
import { gather, sizeOf, zeros, type Numbers, type Tensor } from './tensor';

/** `y[o] = bias[o] + Σ_i weight[o,i] · x[i]`, where i counts the input in C, H, W order. */
export function fullyConnectedForward(x: Tensor, weight: Numbers, bias?: Numbers): Tensor {
  const inputs = x.data.length;
  return gather({ C: outputs(weight, inputs), H: 1, W: 1 }, (o) =>
    x.data.reduce((sum, value, i) => sum + weight[o * inputs + i]! * value, bias?.[o] ?? 0),
  );
}

/** `dX[i] += weight[o,i] · dY[o]` */
export function fullyConnectedBackward(dY: Tensor, weight: Numbers, input: Extents): Tensor {
  const dX = zeros(input);
  const inputs = sizeOf(input);
  dY.data.forEach((dy, o) => {
    for (let i = 0; i < inputs; i++) dX.data[i]! += weight[o * inputs + i]! * dy;
  });
  return dX;
}

function outputs(weight: Numbers, inputs: number): number {
  if (weight.length % inputs !== 0)
    throw new RangeError(`${weight.length} weights are no matrix over ${inputs} inputs`);
  return weight.length / inputs;
}
