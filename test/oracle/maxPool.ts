import type { Window } from '../../src/graph';
import { forEach, gather, get, scatter, zeros, type Tensor } from './tensor';
import { occupied, slide, type Tap } from './window';

export interface MaxPoolSpec extends Window {
  readonly ceil?: boolean;
}

/** `y[c,p,q] = max x[c,h,w]` over the taps of window (p, q) that lie inside the input: padding never wins. */
export function maxPoolForward(spec: MaxPoolSpec, x: Tensor): Tensor {
  const { P, Q, taps } = slide(spec, x.extents, spec.ceil);
  return gather({ C: x.extents.C, H: P, W: Q }, (c, p, q) => {
    const { h, w } = winner(x, c, taps(p, q));
    return get(x, c, h, w);
  });
}

/** `dX[c,h,w] += dY[c,p,q]`, where (h, w) is the winner of window (p, q): windows that overlap add. */
export function maxPoolBackward(spec: MaxPoolSpec, dY: Tensor, x: Tensor): Tensor {
  const { taps } = slide(spec, x.extents, spec.ceil);
  const dX = zeros(x.extents);
  forEach(dY, (c, p, q, dy) => {
    const { h, w } = winner(x, c, taps(p, q));
    scatter(dX, c, h, w, dy);
  });
  return dX;
}

/** The largest of every plane. */
export function globalMaxPoolForward(x: Tensor): Tensor {
  return maxPoolForward({ kernel: [x.extents.H, x.extents.W] }, x);
}

export function globalMaxPoolBackward(dY: Tensor, x: Tensor): Tensor {
  return maxPoolBackward({ kernel: [x.extents.H, x.extents.W] }, dY, x);
}

/** The first maximum in row-major order. */
export function winner(x: Tensor, c: number, taps: readonly Tap[]): Tap {
  return occupied(taps).reduce((best, tap) => (get(x, c, tap.h, tap.w) > get(x, c, best.h, best.w) ? tap : best));
}
