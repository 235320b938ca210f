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
 *   tensorflow-half-pixel (i + ½)/s · asymmetric i/s · align-corners i·(o − 1)/(n − 1)
 *
 * `nearest` takes one pixel, by `rounding` (a half goes down with `round-prefer-floor`, up with `round-prefer-ceil`);
 * `linear` the two round x; `cubic` the four round x, by the convolution kernel of Keys (1981) with parameter
 * `coefficient` (−0.75 if absent). Pixels outside are those at the edge.
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
    | 'align-corners';
  readonly rounding?: 'floor' | 'ceil' | 'round-prefer-floor' | 'round-prefer-ceil';
  readonly coefficient?: number;
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
  const inside = (at: number): number => Math.min(Math.max(at, 0), extent - 1);
  return (i) => {
    const x = placeOf(node.coordinates, i, { extent, size, scale });
    const factors = new Map<number, number>();
    for (const [at, factor] of tapsOf(node, x)) factors.set(inside(at), (factors.get(inside(at)) ?? 0) + factor);
    return [...factors].filter(([, factor]) => factor !== 0);
  };
}

/** Where new pixel i lies among the old ones. */
function placeOf(
  coordinates: ResizeNode['coordinates'],
  i: number,
  { extent, size, scale }: { readonly extent: number; readonly size: number; readonly scale: number },
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
  }
}

type Tap = readonly [at: number, factor: number];

function tapsOf({ mode, rounding = 'round-prefer-floor', coefficient = -0.75 }: ResizeNode, x: number): readonly Tap[] {
  const floor = Math.floor(x);
  const t = x - floor;
  if (mode === 'nearest') {
    const rounded = {
      floor,
      ceil: Math.ceil(x),
      'round-prefer-floor': Math.ceil(x - 0.5),
      'round-prefer-ceil': Math.floor(x + 0.5),
    };
    return [[rounded[rounding], 1]];
  }
  if (mode === 'linear')
    return [
      [floor, 1 - t],
      [floor + 1, t],
    ];
  return [-1, 0, 1, 2].map((k) => [floor + k, keys(Math.abs(t - k), coefficient)]);
}

/** The cubic convolution kernel of Keys (1981), at a distance below 2. */
function keys(d: number, a: number): number {
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}
