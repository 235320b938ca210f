/** A tensor's elements in the order of other axes than C, H and W. */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { type Kernel, blocksOf, kernel, lines } from './kernel';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

/** As many axes as a permutation may have. */
export const MOST_AXES = 6;

export interface PermuteDims {
  readonly N: number;
  /** Extents of the result. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** Pixels in a plane of the source. */
  readonly PLANE: number;
}

/** One axis of the result: its extent, and how far apart its neighbours are in the source. */
export interface Stride {
  readonly extent: number;
  readonly stride: number;
}

/**
 *   y[n, i] = x[n, Σ_k digit_k(i) · stride_k]
 *
 * where `i` counts elements in C, H, W order and `digit_k` is its digit for axis k, the last one fastest. One
 * invocation owns one pixel × four channels; they are counted through all planes, since a flat result has only one
 * pixel in each. Axes that are not there have the extent 1. With an epilogue it is the way back. Bindings: x y, or x dX
 * [bits].
 */
export function permute(
  d: PermuteDims,
  axes: readonly Stride[],
  { from, to }: Slices<'from' | 'to'>,
  epilogue: BackwardEpilogue | null,
): Kernel {
  const gradient = epilogue && gradientOf(epilogue);
  const all = [...Array.from({ length: MOST_AXES - axes.length }, () => ({ extent: 1, stride: 0 })), ...axes];
  const fields = all.flatMap(({ extent, stride }, k) => [[`D${k}`, extent] as const, [`S${k}`, stride] as const]);
  return kernel({
    name: epilogue ? 'permuteBackward' : 'permuteForward',
    dims: { ...d, BLOCKS: blocksOf(d.C), ...Object.fromEntries(fields), ...gradient?.dims },
    slices: { x: from, [epilogue ? 'dX' : 'y']: to },
    tensors: [
      reads('x', 'N C/4 PLANE', ANY_PRECISION),
      ...(gradient ? gradient.tensors : [writes('y', 'N C/4 H W', ANY_PRECISION)]),
    ],
    functions: `${gradient?.functions ?? ''}
fn sourceOf(i: u32) -> u32 {
  var rest = i;
  var source = 0u;
  ${lines(MOST_AXES, (k) => {
    const axis = MOST_AXES - 1 - k;
    return `source += (rest % d.D${axis}) * d.S${axis};\nrest /= d.D${axis};`;
  })}
  return source;
}`,
    each: { x: { b: 'BLOCKS', h: 'H', w: 'W' }, z: { n: 'N' } },
    body: wgsl`
var value = vec4f();
for (var lane = 0u; lane < 4u; lane++) {
  let c = b * 4u + lane;
  if (c < d.C) {
    let source = sourceOf((c * d.H + h) * d.W + w);
    let channel = source / d.PLANE;
    value[lane] = load_x(n, channel / 4u, source % d.PLANE)[channel % 4u];
  }
}
#if ${epilogue !== null}
storeGradient(n, b, h, w, value);
#else
store_y(n, b, h, w, value);
#endif`,
  });
}
