/**
 * Maps in other extents: bilinear, pixel centres on pixel centres, with regard to what part of a picture the map shows.
 */
import type { Placement } from './placement';

/** A plane of numbers. */
export interface Plane {
  /** Row by row. */
  readonly data: Float32Array;
  /** Of its rows. */
  readonly width: number;
  /** How many rows. */
  readonly height: number;
}

/**
 * `[height × width]`: the values of a map in a picture of these extents, NaN where the map does not show the picture.
 */
export function resizeMap(map: Plane, width: number, height: number, placement?: Placement): Float32Array {
  const columns = tapsOf(width, map.width, placement && along(placement, 'X', 'W'));
  const rows = tapsOf(height, map.height, placement && along(placement, 'Y', 'H'));
  const data = new Float32Array(width * height).fill(NaN);
  for (let y = 0; y < height; y++) {
    const row = rows[y];
    if (!row) continue;
    const [top, bottom] = [row.low * map.width, row.high * map.width];
    for (let x = 0; x < width; x++) {
      const column = columns[x];
      if (!column) continue;
      const { low, high, part } = column;
      const above = map.data[top + low]! * (1 - part) + map.data[top + high]! * part;
      const below = map.data[bottom + low]! * (1 - part) + map.data[bottom + high]! * part;
      data[y * width + x] = above * (1 - row.part) + below * row.part;
    }
  }
  return data;
}

/** Two neighbours in the map, and how much the second counts. */
interface Tap {
  readonly low: number;
  readonly high: number;
  readonly part: number;
}

interface Stretch {
  readonly from: number;
  readonly fromLength: number;
  readonly to: number;
  readonly toLength: number;
}

/** For each pixel of one axis of the result its taps in the map; undefined where the map shows nothing. */
function tapsOf(length: number, mapLength: number, placed?: Stretch): (Tap | undefined)[] {
  const { from, fromLength, to, toLength } = placed ?? { from: 0, fromLength: length, to: 0, toLength: mapLength };
  return Array.from({ length }, (_, pixel) => {
    const inside = (pixel + 0.5 - from) / fromLength;
    if (inside < 0 || inside > 1) return undefined;
    const at = Math.min(Math.max(to + inside * toLength - 0.5, to), to + toLength - 1);
    const low = Math.floor(at);
    return { low, high: Math.min(low + 1, to + toLength - 1), part: at - low };
  });
}

function along(placement: Placement, axis: 'X' | 'Y', extent: 'W' | 'H'): Stretch {
  return {
    from: placement[`FROM_${axis}`],
    fromLength: placement[`FROM_${extent}`],
    to: placement[`TO_${axis}`],
    toLength: placement[`TO_${extent}`],
  };
}
