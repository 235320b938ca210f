/** How much each old pixel of an axis counts in each new one. */
import type { AxisRows } from '../../shaders/separable';
import { type Pair, shapeError } from '../shape';
import type { Node } from './op';

/**
 * Each plane drawn anew on `[H, W]` pixels. Pixel i of an axis lies at x of the input's: with o and n the extents of
 * input and output, and s = `scale` (n / o if absent):
 *
 *   half-pixel (i + ½)/s − ½ · pytorch-half-pixel the same, but 0 if n = 1 · half-pixel-symmetric the same, and (o −
 *   n/s)/2 more ·
 *   tensorflow-half-pixel (i + ½)/s · asymmetric i/s · align-corners i·(o − 1)/(n − 1) · tensorflow-crop the same
 *   between the sides of `region`, which are fractions of o − 1; what lies outside of the input is `outside`, 0 if
 *   absent
 *
 * `nearest` takes one pixel, by `rounding` (a half goes down with `round-prefer-floor`, up with `round-prefer-ceil`);
 * `linear` the two round x; `cubic` the four round x, by the convolution kernel of Keys (1981) with parameter
 * `coefficient` (−0.75 if absent). Pixels outside are those at the edge, or with `excludeOutside` count nothing, the
 * others as much more. With `antialias`, `linear` and `cubic` widen their kernels where the picture becomes smaller,
 * by 1 / s, so that every pixel counts.
 */
export interface ResizeNode extends Node<'resize'> {
  readonly size: Pair;
  readonly scale?: Pair;
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly coordinates:
    | 'half-pixel'
    | 'pytorch-half-pixel'
    | 'half-pixel-symmetric'
    | 'tensorflow-half-pixel'
    | 'asymmetric'
    | 'align-corners'
    | 'tensorflow-crop';
  /** `[top, left, bottom, right]` */
  readonly region?: readonly [top: number, left: number, bottom: number, right: number];
  readonly outside?: number;
  readonly rounding?: 'floor' | 'ceil' | 'round-prefer-floor' | 'round-prefer-ceil';
  readonly coefficient?: number;
  readonly excludeOutside?: boolean;
  readonly antialias?: boolean;
}

/** The old pixels of new pixel i. @throws GradlensError `shape` where the size is none. */
export function resizeRow(node: ResizeNode, axis: 0 | 1, extent: number): (i: number) => AxisRows[number] {
  const size = node.size[axis];
  const scale = node.scale?.[axis] ?? size / extent;
  if (!Number.isInteger(size) || size < 1 || !(scale > 0))
    throw shapeError(
      node.name,
      `resizes to ${node.size.join('×')} by the factors ${node.scale?.join(' and ')}; whole numbers from 1, and ` +
        'factors above 0, would be right',
    );
  return (i) => {
    const part = node.region && ([node.region[axis], node.region[axis + 2]!] as const);
    const x = placeOf(node.coordinates, i, { extent, size, scale, part });
    if (node.coordinates === 'tensorflow-crop' && !(x >= 0 && x <= extent - 1)) return [];
    const taps = tapsOf(node, x, node.antialias ? Math.min(1, scale) : 1);
    const counted = node.excludeOutside ? taps.filter(([at]) => at >= 0 && at < extent) : taps;
    const isShared = node.excludeOutside || node.antialias;
    const sum = isShared ? counted.reduce((total, [, factor]) => total + factor, 0) : 1;
    const factors = new Map<number, number>();
    for (const [at, factor] of counted) {
      const inside = Math.min(Math.max(at, 0), extent - 1);
      factors.set(inside, (factors.get(inside) ?? 0) + factor / sum);
    }
    return [...factors].filter(([, factor]) => factor !== 0);
  };
}

/** Where new pixel i lies among the old ones. */
function placeOf(
  coordinates: ResizeNode['coordinates'],
  i: number,
  {
    extent,
    size,
    scale,
    part: [begin, end] = [0, 1],
  }: { readonly extent: number; readonly size: number; readonly scale: number; readonly part?: Pair | undefined },
): number {
  switch (coordinates) {
    case 'half-pixel':
      return (i + 0.5) / scale - 0.5;
    case 'pytorch-half-pixel':
      return size > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case 'half-pixel-symmetric':
      // as ONNX writes it: rounding decides ties
      return (extent / 2) * (1 - size / (extent * scale)) + (i + 0.5) / scale - 0.5;
    case 'tensorflow-half-pixel':
      return (i + 0.5) / scale;
    case 'asymmetric':
      return i / scale;
    case 'align-corners':
      return size > 1 ? (i * (extent - 1)) / (size - 1) : 0;
    case 'tensorflow-crop':
      return (extent - 1) * (size > 1 ? begin + (i * (end - begin)) / (size - 1) : (begin + end) / 2);
  }
}

type Tap = readonly [at: number, factor: number];

/** Old pixels round x and their parts. `narrow`: by how much the kernel is stretched, as a factor of distances. */
function tapsOf(
  { mode, rounding = 'round-prefer-floor', coefficient = -0.75 }: ResizeNode,
  x: number,
  narrow: number,
): readonly Tap[] {
  if (mode === 'nearest') {
    const rounded = {
      floor: Math.floor(x),
      ceil: Math.ceil(x),
      'round-prefer-floor': Math.ceil(x - 0.5),
      'round-prefer-ceil': Math.floor(x + 0.5),
    };
    return [[rounded[rounding], 1]];
  }
  const reach = (mode === 'linear' ? 1 : 2) / narrow;
  const first = Math.floor(x - reach) + 1;
  return Array.from({ length: Math.ceil(x + reach) - first }, (_, k) => {
    const distance = Math.abs(first + k - x) * narrow;
    return [first + k, mode === 'linear' ? 1 - distance : keys(distance, coefficient)];
  });
}

/** The cubic convolution kernel of Keys (1981), at a distance below 2. */
function keys(d: number, a: number): number {
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}
