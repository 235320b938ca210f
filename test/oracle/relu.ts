import type { Tensor } from './tensor';

/**
 * How a ReLU treats the gradient that reaches it: the derivative, Zeiler and Fergus (2014), Springenberg et al. (2015).
 */
export type ReluRule = 'gradient' | 'deconvnet' | 'guided';

/** `y = max(x, 0)` */
export function reluForward(x: Tensor): Tensor {
  return { extents: x.extents, data: x.data.map((value) => (value > 0 ? value : 0)) };
}

/**
 *   gradient    dX = dY · [x > 0], so that ReLU′(0) = 0
 *   deconvnet   dX = dY · [dY > 0]
 *   guided      dX = dY · [x > 0] · [dY > 0]
 */
export function reluBackward(dY: Tensor, x: Tensor, rule: ReluRule = 'gradient'): Tensor {
  const passes = {
    gradient: (_: number, value: number) => value > 0,
    deconvnet: (dy: number) => dy > 0,
    guided: (dy: number, value: number) => value > 0 && dy > 0,
  }[rule];
  return { extents: x.extents, data: dY.data.map((dy, i) => (passes(dy, x.data[i]!) ? dy : 0)) };
}
