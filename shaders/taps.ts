/** Tensors inside of a network, as a host reads them and seeds their gradients: NCHW float32 outside, blocks inside. */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { type Kernel, blocksOf, eachPixel, kernel } from './kernel';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface TapDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
}

/** tap[n, c, h, w] = x[n, c, h, w]. One invocation owns one element. Bindings: x tap. */
export function tapForward(d: TapDims, slices: Slices<'x'>): Kernel {
  return kernel({
    name: 'tapForward',
    dims: { ...d },
    slices,
    tensors: [reads('x', 'N C/4 H W', ANY_PRECISION), writes('tap', 'N C H W', { element: 'f32' })],
    each: { x: { h: 'H', w: 'W' }, y: { c: 'C' }, z: { n: 'N' } },
    body: wgsl`store_tap(n, c, h, w, load_x(n, c / 4u, h, w)[c % 4u]);`,
  });
}

/** dX[n, c, h, w] = seed[n, c, h, w]; lanes past the last channel are zero. Bindings: seed dX [bits]. */
export function tapBackward(d: TapDims, slices: Slices<'dX'>, epilogue: BackwardEpilogue): Kernel {
  const gradient = gradientOf(epilogue);
  return kernel({
    name: 'tapBackward',
    dims: { ...d, BLOCKS: blocksOf(d.C), ...gradient.dims },
    slices,
    tensors: [reads('seed', 'N C H W', { element: 'f32' }), ...gradient.tensors],
    functions: gradient.functions,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
var value = vec4f();
for (var lane = 0u; lane < 4u; lane++) {
  let c = b * 4u + lane;
  if (c < d.C) { value[lane] = load_seed(n, c, h, w); }
}
storeGradient(n, b, h, w, value);`,
  });
}
