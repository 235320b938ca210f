import type { Extents, Window } from '../../src/graph';
import { forEach, gather, get, scatter, zeros, type Numbers, type Tensor } from './tensor';
import { slide } from './window';

export interface ConvSpec extends Window {
  readonly groups?: number;
}

/**
 * Cross-correlation: output channel o reads the C/groups input channels of its own group, starting at c₀(o).
 *
 *   y[o,p,q] = bias[o] + Σ_{c,r,s} weight[o,c,r,s] · x[c₀(o) + c, h, w]
 *   h = p·STRIDE + r·DILATION − PAD, w likewise; outside the input x is 0
 */
export function convForward(spec: ConvSpec, x: Tensor, weight: Numbers, bias?: Numbers): Tensor {
  const { P, Q, taps } = slide(spec, x.extents);
  const { O, channels, firstChannel, at } = filters(spec, x.extents, weight);
  return gather({ C: O, H: P, W: Q }, (o, p, q) => {
    let sum = bias?.[o] ?? 0;
    for (let c = 0; c < channels; c++) {
      for (const { r, s, h, w } of taps(p, q)) sum += at(o, c, r, s) * get(x, firstChannel(o) + c, h, w);
    }
    return sum;
  });
}

/** Every product of the forward pass, the other way:  dX[c₀(o) + c, h, w] += weight[o,c,r,s] · dY[o,p,q] */
export function convBackward(spec: ConvSpec, dY: Tensor, weight: Numbers, input: Extents): Tensor {
  const { taps } = slide(spec, input);
  const { channels, firstChannel, at } = filters(spec, input, weight);
  const dX = zeros(input);
  forEach(dY, (o, p, q, dy) => {
    for (let c = 0; c < channels; c++) {
      for (const { r, s, h, w } of taps(p, q)) scatter(dX, firstChannel(o) + c, h, w, at(o, c, r, s) * dy);
    }
  });
  return dX;
}

/** `weight` read as `[O, channels, R, S]`, with channels = C/groups. */
function filters({ kernel: [R, S], groups = 1 }: ConvSpec, { C }: Extents, weight: Numbers) {
  const channels = C / groups;
  const O = weight.length / (channels * R * S);
  const filtersPerGroup = O / groups;
  if (![channels, O, filtersPerGroup].every(Number.isInteger)) {
    throw new RangeError(
      `${weight.length} weights do not make ${R}×${S} filters for ${C} channels in ${groups} groups`,
    );
  }
  return {
    O,
    channels,
    firstChannel: (o: number) => Math.floor(o / filtersPerGroup) * channels,
    at: (o: number, c: number, r: number, s: number) => weight[((o * channels + c) * R + r) * S + s]!,
  };
}
