import type { Extents, Window } from '../../src/graph';
import { forEach, gather, get, scatter, zeros, type Tensor } from './tensor';
import { occupied, slide, type Sliding } from './window';

export interface AveragePoolSpec extends Window {
  readonly ceil?: boolean;
  readonly countPadding?: boolean;
}

/**
 *   y[c,p,q] = Σ x[c,h,w] / count(p,q)
 *
 * The sum is over the taps inside the input; `count` is their number or, with `countPadding`, the number of taps inside
 * the padded input, which a last window of a pool that rounds up may overhang.
 */
export function averagePoolForward(spec: AveragePoolSpec, x: Tensor): Tensor {
  const windows = slide(spec, x.extents, spec.ceil);
  return gather({ C: x.extents.C, H: windows.P, W: windows.Q }, (c, p, q) => {
    const sum = windows.taps(p, q).reduce((sum, { h, w }) => sum + get(x, c, h, w), 0);
    return sum / count(spec, windows, p, q);
  });
}

/** `dX[c,h,w] += dY[c,p,q] / count(p,q)` */
export function averagePoolBackward(spec: AveragePoolSpec, dY: Tensor, input: Extents): Tensor {
  const windows = slide(spec, input, spec.ceil);
  const dX = zeros(input);
  forEach(dY, (c, p, q, dy) => {
    for (const { h, w } of windows.taps(p, q)) scatter(dX, c, h, w, dy / count(spec, windows, p, q));
  });
  return dX;
}

function count({ countPadding }: AveragePoolSpec, windows: Sliding, p: number, q: number): number {
  return countPadding ? windows.paddedCount(p, q) : occupied(windows.taps(p, q)).length;
}

/** `y[c] = Σ_{h,w} x[c,h,w] / (H·W)` */
export function globalAveragePoolForward(x: Tensor): Tensor {
  return averagePoolForward(wholePlane(x.extents), x);
}

/** `dX[c,h,w] = dY[c] / (H·W)` */
export function globalAveragePoolBackward(dY: Tensor, input: Extents): Tensor {
  return averagePoolBackward(wholePlane(input), dY, input);
}

function wholePlane({ H, W }: Extents): AveragePoolSpec {
  return { kernel: [H, W] };
}
