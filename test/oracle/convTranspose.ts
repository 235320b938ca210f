import type { Extents, Pair } from '../../src/graph';
import type { ConvSpec } from './conv';
import { forEach, get, scatter, zeros, type Numbers, type Tensor } from './tensor';

export interface ConvTransposeSpec extends ConvSpec {
  readonly outputPadding?: Pair;
}

/**
 * Every element of the input puts its filter, times its value, into the result: input channel c into the O/groups
 * channels of its own group, starting at o₀(c).
 *
 *   y[o₀(c) + o, h·STRIDE + r·DILATION − PAD, …] += weight[c,o,r,s] · x[c,h,w],  beginning from bias[o]
 */
export function convTransposeForward(spec: ConvTransposeSpec, x: Tensor, weight: Numbers, bias?: Numbers): Tensor {
  const extents = extentsOf(spec, x.extents, weight);
  const y = zeros(extents);
  forEach(y, (o, p, q) => scatter(y, o, p, q, bias?.[o] ?? 0));
  eachProduct(spec, x.extents, weight, (value, from, to) => scatter(y, ...to, value * get(x, ...from)));
  return y;
}

export function convTransposeBackward(spec: ConvTransposeSpec, dY: Tensor, weight: Numbers, input: Extents): Tensor {
  const dX = zeros(input);
  eachProduct(spec, input, weight, (value, from, to) => scatter(dX, ...from, value * get(dY, ...to)));
  return dX;
}

type Place = readonly [c: number, h: number, w: number];

function eachProduct(
  spec: ConvTransposeSpec,
  x: Extents,
  weight: Numbers,
  visit: (weight: number, from: Place, to: Place) => void,
): void {
  const { kernel, groups = 1, stride = [1, 1], dilation = [1, 1], pads = [0, 0, 0, 0] } = spec;
  const [R, S] = kernel;
  const y = extentsOf(spec, x, weight);
  const perGroup = y.C / groups;
  forEach(zeros(x), (...[c, h, w]) => {
    const firstChannel = Math.floor(c / (x.C / groups)) * perGroup;
    for (let o = 0; o < perGroup; o++)
      for (let r = 0; r < R; r++)
        for (let s = 0; s < S; s++) {
          const p = h * stride[0] + r * dilation[0] - pads[0];
          const q = w * stride[1] + s * dilation[1] - pads[1];
          const isInside = p >= 0 && p < y.H && q >= 0 && q < y.W;
          if (isInside) visit(weight[((c * perGroup + o) * R + r) * S + s]!, [c, h, w], [firstChannel + o, p, q]);
        }
  });
}

function extentsOf(spec: ConvTransposeSpec, x: Extents, weight: Numbers): Extents {
  const { kernel, groups = 1, stride = [1, 1], dilation = [1, 1], pads = [0, 0, 0, 0], outputPadding = [0, 0] } = spec;
  const along = (axis: 0 | 1, extent: number) =>
    (extent - 1) * stride[axis] +
    (kernel[axis] - 1) * dilation[axis] +
    1 +
    outputPadding[axis] -
    pads[axis] -
    pads[axis + 2]!;
  return { C: (weight.length / (x.C * kernel[0] * kernel[1])) * groups, H: along(0, x.H), W: along(1, x.W) };
}
