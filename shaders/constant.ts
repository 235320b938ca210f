/** A tensor that does not depend on the image: every item has the same. */
import { type Kernel, eachPixel, kernel } from './kernel';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface ConstantDims {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly BLOCKS: number;
}

/** y[n, c, h, w] = value[c, h, w]. One invocation owns one pixel × four channels. Bindings: value y. */
export function constantForward(d: ConstantDims, slices: Slices<'y'>): Kernel {
  return kernel({
    name: 'constantForward',
    dims: { ...d },
    slices,
    tensors: [reads('value', 'C/4 H W', ANY_PRECISION), writes('y', 'N C/4 H W', ANY_PRECISION)],
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`store_y(n, b, h, w, load_value(b, h, w));`,
  });
}
