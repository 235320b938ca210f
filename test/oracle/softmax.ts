import { gather, get, type Tensor } from './tensor';

/**
 * Over channels, at every (h, w):  y[c] = exp(x[c]) / Σ_k exp(x[k]), where subtracting the maximum keeps exp in range.
 */
export function softmaxForward(x: Tensor): Tensor {
  const { C, H, W } = x.extents;
  const column = (h: number, w: number) => Array.from({ length: C }, (_, c) => get(x, c, h, w));
  const peak = gather({ C: 1, H, W }, (_, h, w) => Math.max(...column(h, w)));
  const power = gather(x.extents, (c, h, w) => Math.exp(get(x, c, h, w) - get(peak, 0, h, w)));
  const total = sumOverChannels(power);
  return gather(x.extents, (c, h, w) => get(power, c, h, w) / get(total, 0, h, w));
}

/** `dX[c] = y[c] · (dY[c] − Σ_k dY[k] · y[k])` */
export function softmaxBackward(dY: Tensor, x: Tensor): Tensor {
  const y = softmaxForward(x);
  const mean = sumOverChannels(gather(y.extents, (c, h, w) => get(dY, c, h, w) * get(y, c, h, w)));
  return gather(y.extents, (c, h, w) => get(y, c, h, w) * (get(dY, c, h, w) - get(mean, 0, h, w)));
}

/** `y[c] = x[c] − log Σ_k exp(x[k])` */
export function logSoftmaxForward(x: Tensor): Tensor {
  const { C, H, W } = x.extents;
  const peak = gather({ C: 1, H, W }, (_, h, w) => Math.max(...Array.from({ length: C }, (_, c) => get(x, c, h, w))));
  const total = sumOverChannels(gather(x.extents, (c, h, w) => Math.exp(get(x, c, h, w) - get(peak, 0, h, w))));
  return gather(x.extents, (c, h, w) => get(x, c, h, w) - get(peak, 0, h, w) - Math.log(get(total, 0, h, w)));
}

/** `dX[c] = dY[c] − softmax[c] · Σ_k dY[k]` */
export function logSoftmaxBackward(dY: Tensor, x: Tensor): Tensor {
  const y = softmaxForward(x);
  const total = sumOverChannels(dY);
  return gather(y.extents, (c, h, w) => get(dY, c, h, w) - get(y, c, h, w) * get(total, 0, h, w));
}

function sumOverChannels(x: Tensor): Tensor {
  const { C, H, W } = x.extents;
  return gather({ C: 1, H, W }, (_, h, w) => {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += get(x, c, h, w);
    return sum;
  });
}
