import type { Axis } from '../../src/graph';
import { forEach, gather, get, type Tensor } from './tensor';

/**
 * Along an axis:  y[i] = exp(x[i]) / Σ_k exp(x[k]), where subtracting the maximum keeps exp in range.
 */
export function softmaxForward(x: Tensor, axis: Axis = 'C'): Tensor {
  const peak = fold(x, axis, Math.max, -Infinity);
  const power = gather(x.extents, (c, h, w) => Math.exp(get(x, c, h, w) - foldedAt(peak, c, h, w)));
  const total = sum(power, axis);
  return gather(x.extents, (c, h, w) => get(power, c, h, w) / foldedAt(total, c, h, w));
}

/** `dX[i] = y[i] · (dY[i] − Σ_k dY[k] · y[k])` */
export function softmaxBackward(dY: Tensor, x: Tensor, axis: Axis = 'C'): Tensor {
  const y = softmaxForward(x, axis);
  const mean = sum(
    gather(y.extents, (c, h, w) => get(dY, c, h, w) * get(y, c, h, w)),
    axis,
  );
  return gather(y.extents, (c, h, w) => get(y, c, h, w) * (get(dY, c, h, w) - foldedAt(mean, c, h, w)));
}

/** `y[i] = x[i] − log Σ_k exp(x[k])` */
export function logSoftmaxForward(x: Tensor, axis: Axis = 'C'): Tensor {
  const peak = fold(x, axis, Math.max, -Infinity);
  const total = sum(
    gather(x.extents, (c, h, w) => Math.exp(get(x, c, h, w) - foldedAt(peak, c, h, w))),
    axis,
  );
  return gather(x.extents, (c, h, w) => get(x, c, h, w) - foldedAt(peak, c, h, w) - Math.log(foldedAt(total, c, h, w)));
}

/** `dX[i] = dY[i] − softmax[i] · Σ_k dY[k]` */
export function logSoftmaxBackward(dY: Tensor, x: Tensor, axis: Axis = 'C'): Tensor {
  const y = softmaxForward(x, axis);
  const total = sum(dY, axis);
  return gather(y.extents, (c, h, w) => get(dY, c, h, w) - get(y, c, h, w) * foldedAt(total, c, h, w));
}

/** What stands for all elements along an axis, whose extent becomes 1. */
function fold(x: Tensor, axis: Axis, join: (a: number, b: number) => number, initial: number): Tensor {
  const folded = gather({ ...x.extents, [axis]: 1 }, () => initial);
  const { H, W } = folded.extents;
  forEach(x, (c, h, w, value) => {
    const at = (Math.min(c, folded.extents.C - 1) * H + Math.min(h, H - 1)) * W + Math.min(w, W - 1);
    folded.data[at] = join(folded.data[at]!, value);
  });
  return folded;
}

const sum = (x: Tensor, axis: Axis): Tensor => fold(x, axis, (a, b) => a + b, 0);

function foldedAt(folded: Tensor, c: number, h: number, w: number): number {
  const { C, H, W } = folded.extents;
  return get(folded, Math.min(c, C - 1), Math.min(h, H - 1), Math.min(w, W - 1));
}
