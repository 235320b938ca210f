/** Any rearrangement: elements of the result are elements of the input, by a list. The way back is the same kernel. */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { type Kernel, blocksOf, eachPixel, kernel } from './kernel';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface TakeDims {
  readonly N: number;
  /** Extents of what is written. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** Extents of what is read. */
  readonly FROM_H: number;
  readonly FROM_W: number;
}

/**
 * For each of `count` places the numbers k with `of[k]` = that place, in ascending order: where its list begins, then
 * the lists.
 */
export function packLists(of: Int32Array, count: number): Uint32Array<ArrayBuffer> {
  const used = of.reduce((sum, place) => sum + (place < 0 ? 0 : 1), 0);
  const packed = new Uint32Array(count + 1 + used);
  for (const place of of) if (place >= 0) packed[place + 1]!++;
  packed[0] = count + 1;
  for (let i = 1; i <= count; i++) packed[i]! += packed[i - 1]!;
  const next = packed.slice(0, count);
  of.forEach((place, k) => {
    if (place >= 0) packed[next[place]!++] = k;
  });
  return packed;
}

/** The same of lists of one number or none, below 0. */
export function packSingles(numbers: Int32Array): Uint32Array<ArrayBuffer> {
  const count = numbers.length;
  const used = numbers.filter((number) => number >= 0);
  const packed = new Uint32Array(count + 1 + used.length);
  packed.set(used, count + 1);
  let at = count + 1;
  numbers.forEach((number, i) => {
    packed[i] = at;
    if (number >= 0) at++;
  });
  packed[count] = at;
  return packed;
}

/**
 *   y[i] = Σ_j x[j],  j in the list of i
 *
 * with elements counted in C, H, W order. One invocation owns one pixel × four channels. With an epilogue it is a
 * backward kernel, which stores a gradient. Bindings: x lists y, or x lists dX [bits].
 */
export function take(d: TakeDims, { from, to }: Slices<'from' | 'to'>, epilogue: BackwardEpilogue | null): Kernel {
  const gradient = epilogue && gradientOf(epilogue);
  return kernel({
    name: epilogue ? 'takeBackward' : 'takeForward',
    dims: { ...d, BLOCKS: blocksOf(d.C), ...gradient?.dims },
    slices: { x: from, [epilogue ? 'dX' : 'y']: to },
    tensors: [
      reads('x', 'N C/4 FROM_H FROM_W', ANY_PRECISION),
      reads('lists', 'WORDS', { element: 'u32' }),
      ...(gradient ? gradient.tensors : [writes('y', 'N C/4 H W', ANY_PRECISION)]),
    ],
    functions: gradient?.functions ?? '',
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
let plane = d.FROM_H * d.FROM_W;
var value = vec4f();
for (var lane = 0u; lane < 4u; lane++) {
  let c = b * 4u + lane;
  if (c >= d.C) { break; }
  let i = (c * d.H + h) * d.W + w;
  for (var e = lists[i]; e < lists[i + 1u]; e++) {
    let source = lists[e];
    let k = source / plane;
    value[lane] += load_x(n, k / 4u, source % plane / d.FROM_W, source % d.FROM_W)[k % 4u];
  }
}
${epilogue ? 'storeGradient' : 'store_y'}(n, b, h, w, value);`,
  });
}
