/** Moving elements: concatenation that cannot be a view, and reshaping that nothing absorbs. */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { type Kernel, blocksOf, eachPixel, kernel } from './kernel';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface ChannelDims {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  /** Channels of the part, of the whole, and where in the whole the part begins. */
  readonly PART: number;
  readonly WHOLE: number;
  readonly OFFSET: number;
}

/**
 * y[n, OFFSET + c, h, w] = x[n, c, h, w]. An invocation owns the part's lanes of one block of the whole, and the empty
 * lanes at its end.
 */
export function concatForward(d: ChannelDims, slices: Slices<'x' | 'y'>): Kernel {
  const first = Math.floor(d.OFFSET / 4);
  return kernel({
    name: 'concatForward',
    dims: { ...d, FIRST: first, BLOCKS: blocksOf(d.OFFSET + d.PART) - first },
    slices,
    tensors: [reads('x', 'N PART/4 H W', ANY_PRECISION), writes('y', 'N WHOLE/4 H W', ANY_PRECISION)],
    each: { x: { h: 'H', w: 'W' }, y: { k: 'BLOCKS' }, z: { n: 'N' } },
    body: wgsl`
let b = d.FIRST + k;
var value = load_y(n, b, h, w);
for (var lane = 0u; lane < 4u; lane++) {
  let c = b * 4u + lane - d.OFFSET;
  if (c < d.PART) {
    value[lane] = load_x(n, c / 4u, h, w)[c % 4u];
  } else if (c + d.OFFSET >= d.WHOLE) {
    value[lane] = 0.0;
  }
}
store_y(n, b, h, w, value);`,
  });
}

/** dX[n, c, h, w] = dY[n, OFFSET + c, h, w]; lanes past the part are zero. */
export function concatBackward(d: ChannelDims, slices: Slices<'dX' | 'dY'>, epilogue: BackwardEpilogue): Kernel {
  const gradient = gradientOf(epilogue);
  return kernel({
    name: 'concatBackward',
    dims: { ...d, BLOCKS: blocksOf(d.PART), ...gradient.dims },
    slices,
    tensors: [reads('dY', 'N WHOLE/4 H W'), ...gradient.tensors],
    functions: gradient.functions,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
var value = vec4f();
for (var lane = 0u; lane < 4u; lane++) {
  let c = b * 4u + lane;
  let whole = c + d.OFFSET;
  if (c < d.PART) { value[lane] = load_dY(n, whole / 4u, h, w)[whole % 4u]; }
}
storeGradient(n, b, h, w, value);`,
  });
}

/**
 * A tensor's elements in another order or under other extents: element (c, h, w) of the result is number `c·SC + h·SH +
 * w·SW` of the source, in C, H, W order.
 */
export interface RearrangeDims {
  readonly N: number;
  /** Extents of the result. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly SC: number;
  readonly SH: number;
  readonly SW: number;
  /** Pixels in a plane of the source. */
  readonly PLANE: number;
}

/**
 *   y[n, c, h, w] = x[n, c·SC + h·SH + w·SW]
 *
 * One invocation owns one pixel × four channels; they are counted through all planes, since a flat result has only one
 * pixel in each. The way back is the inverse order, and differs in storing by the epilogue. Bindings: x y, or x dX
 * [bits].
 */
export function rearrange(
  d: RearrangeDims,
  { from, to }: Slices<'from' | 'to'>,
  epilogue: BackwardEpilogue | null,
): Kernel {
  const gradient = epilogue && gradientOf(epilogue);
  return kernel({
    name: epilogue ? 'rearrangeBackward' : 'rearrangeForward',
    dims: { ...d, BLOCKS: blocksOf(d.C), ...gradient?.dims },
    slices: { x: from, [epilogue ? 'dX' : 'y']: to },
    tensors: [
      reads('x', 'N C/4 PLANE', ANY_PRECISION),
      ...(gradient ? gradient.tensors : [writes('y', 'N C/4 H W', ANY_PRECISION)]),
    ],
    functions: gradient?.functions ?? '',
    each: { x: { b: 'BLOCKS', h: 'H', w: 'W' }, z: { n: 'N' } },
    body: wgsl`
var value = vec4f();
for (var lane = 0u; lane < 4u; lane++) {
  let c = b * 4u + lane;
  let source = c * d.SC + h * d.SH + w * d.SW;
  let channel = source / d.PLANE;
  if (c < d.C) { value[lane] = load_x(n, channel / 4u, source % d.PLANE)[channel % 4u]; }
}
#if ${epilogue !== null}
storeGradient(n, b, h, w, value);
#else
store_y(n, b, h, w, value);
#endif`,
  });
}
