/** Maps to pictures: clip, colour, resize, lay over. The numbers of the map stay as they are. */
import { type ColourMapName, colourTable, isDiverging } from './colourMaps';
import type { Pixels } from './pixels';
import type { Placement } from './placement';

/** What is drawn: a `Heatmap`, or anything of its form. */
export interface Drawable {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
  readonly signed: boolean;
}

export interface RenderOptions {
  /** Default: `viridis`, for a signed map `coolwarm`. */
  readonly colours?: ColourMapName;
  /** Values beyond this percentile of |value| take the last colour; default 99. */
  readonly percentile?: number;
  /** Extents of the result; default: the map's, or the overlaid picture's. */
  readonly width?: number;
  readonly height?: number;
  /** How the result's extents meet the map's; default: the whole of both. What the map does not show is transparent. */
  readonly placement?: Placement;
  /** A picture to lay the map over, as opaque as `alpha` says (default ½). */
  readonly overlay?: { readonly picture: Pixels; readonly alpha?: number };
}

/** The RGBA picture of a map. */
export function renderMap(map: Drawable, options: RenderOptions = {}): Pixels & { readonly data: Uint8ClampedArray<ArrayBuffer> } {
  const { overlay, percentile = 99, colours = map.signed ? 'coolwarm' : 'viridis' } = options;
  const { width = overlay?.picture.width ?? map.width, height = overlay?.picture.height ?? map.height } = options;
  if (overlay && (overlay.picture.width !== width || overlay.picture.height !== height)) {
    throw new RangeError(`the picture is ${overlay.picture.width}×${overlay.picture.height}, the result would be ${width}×${height}`);
  }
  const toColour = colourIndex(map, colours, clipOf(map.data, percentile));
  const table = colourTable(colours, STEPS);
  const alpha = overlay?.alpha ?? 0.5;
  const columns = tapsOf(width, map.width, options.placement && along(options.placement, 'X', 'W'));
  const rows = tapsOf(height, map.height, options.placement && along(options.placement, 'Y', 'H'));

  const data = new Uint8ClampedArray(width * height * 4);
  if (overlay) data.set(overlay.picture.data);
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
      const colour = toColour(above * (1 - row.part) + below * row.part) * 3;
      const pixel = (y * width + x) * 4;
      for (let k = 0; k < 3; k++) {
        data[pixel + k] = overlay ? data[pixel + k]! * (1 - alpha) + table[colour + k]! * alpha : table[colour + k]!;
      }
      if (!overlay) data[pixel + 3] = 255;
    }
  }
  return { data, width, height };
}

/** The `percentile` of |values|, between neighbours in proportion (as NumPy does it by default); 0 for none. */
export function clipOf(values: Float32Array, percentile = 99): number {
  if (values.length === 0) return 0;
  const sorted = Float32Array.from(values, Math.abs).sort();
  const at = (Math.min(Math.max(percentile, 0), 100) / 100) * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

const STEPS = 1024;

/** A value's place in the colour table. Zero is the first colour, or the middle one if the map is signed or the colours diverge. */
function colourIndex({ signed }: Drawable, colours: ColourMapName, clip: number): (value: number) => number {
  const centred = signed || isDiverging(colours);
  return (value) => {
    const share = clip > 0 ? value / clip : 0;
    return Math.round(Math.min(Math.max(centred ? 0.5 + share / 2 : share, 0), 1) * (STEPS - 1));
  };
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

/** For each pixel of one axis of the result its taps in the map, pixel centres on pixel centres; undefined where the map shows nothing. */
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
  return { from: placement[`FROM_${axis}`], fromLength: placement[`FROM_${extent}`], to: placement[`TO_${axis}`], toLength: placement[`TO_${extent}`] };
}
