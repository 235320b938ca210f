/** Maps to pictures: clip, colour, resize, lay over. The numbers of the map stay as they are. */
import { checkAll, from, oneOf, whole, within } from '../check';
import { GradlensError } from '../errors';
import { type ColourMapName, colourMapNames, colourTable, isDiverging } from './colourMaps';
import type { Pixels } from './pixels';
import type { Placement } from './placement';
import { type Plane, resizeMap } from './resize';
import { type Doubts, undecidedIn } from './undecided';

/** What is drawn: a `Heatmap`, or anything of its form. */
export interface Drawable extends Plane {
  /** Whether negative values mean something. */
  readonly signed: boolean;
  /** Where it may be wrong is drawn grey. */
  readonly certainty?: Doubts;
}

/** Options of {@link renderMap}. */
export interface RenderOptions {
  /** Default: `viridis`, for a signed map `coolwarm`. */
  readonly colours?: ColourMapName;
  /** Values beyond this percentile of |value| take the last colour; default 99. */
  readonly percentile?: number;
  /** This value and those beyond it take the last colour, whatever the percentile. */
  readonly clip?: number;
  /** Extents of the result; default: the map's, or the overlaid picture's. */
  readonly width?: number;
  /** Likewise. */
  readonly height?: number;
  /** How the result's extents meet the map's; default: the whole of both. What the map does not show is transparent. */
  readonly placement?: Placement;
  /**
   * A picture to lay the map over. A pixel is covered in proportion to its |value|, so that the picture stays as it is
   * where the map is small; the last colour is as opaque as `alpha` says (default 0.8).
   */
  readonly overlay?: {
    /** Of the result's extents. */
    readonly picture: Pixels;
    /** 0 to 1. */
    readonly alpha?: number;
  };
  /** Instead: opacities in proportion to |value|, up to `alpha` of 255, to be laid over anything. */
  readonly fading?: {
    /** 0 to 1. */
    readonly alpha?: number;
  };
}

/** How opaque the largest values of a map are over a picture, if nothing else is said. */
export const OVERLAY_ALPHA = 0.8;

const rules = () => ({
  colours: oneOf(...colourMapNames),
  percentile: within(0, 100),
  clip: from(0),
  width: whole(1),
  height: whole(1),
  alpha: within(0, 1),
});

/** What {@link renderMap} makes. */
export interface Rendered extends Pixels {
  /** As `new ImageData(data, width, height)` takes it; in these words for compilers before 5.7, too. */
  readonly data: ReturnType<Uint8ClampedArray['slice']>;
}

/**
 * The RGBA picture of a map.
 *
 * @throws GradlensError `validation` for options out of range; `shape` for a picture of other extents than the result
 * @example
 * ```ts
 * import { renderMap, saliency } from 'gradlens';
 *
 * const map = await saliency(model, picture);
 * const { data, width, height } = renderMap(map, { colours: 'viridis', overlay: { picture, alpha: 0.6 } });
 * ```
 */
export function renderMap(map: Drawable, options: RenderOptions = {}): Rendered {
  const { overlay, fading, percentile = 99, colours = map.signed ? 'coolwarm' : 'viridis' } = options;
  const { width = overlay?.picture.width ?? map.width, height = overlay?.picture.height ?? map.height } = options;
  const alpha = (overlay ?? fading)?.alpha ?? OVERLAY_ALPHA;
  checkAll({ colours, percentile, width, height, alpha, clip: options.clip ?? 0 }, rules());
  if (overlay && (overlay.picture.width !== width || overlay.picture.height !== height)) {
    throw new GradlensError(
      'shape',
      `the picture is ${overlay.picture.width}×${overlay.picture.height}, the result would be ${width}×${height}`,
    );
  }
  const { clip = clipOf(map.data, percentile) } = options;
  const values = resizeMap(map, width, height, options.placement);
  const undecided = undecidedIn(map, clip);
  const grey = undecided && resizeMap({ ...map, data: undecided }, width, height, options.placement);
  const plain = colourTable(colours, STEPS);
  const table = grey ? [...plain, GREY, GREY, GREY] : plain;
  const data = new Uint8ClampedArray(width * height * 4);
  const isCentred = map.signed || isDiverging(colours);
  if (overlay) data.set(overlay.picture.data);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) continue;
    const size = clip > 0 ? value / clip : 0;
    const pixel = i * 4;
    const isGrey = grey !== null && grey[i]! >= 0.5;
    const colour = (isGrey ? STEPS : colourAt(isCentred ? 0.5 + size / 2 : size)) * 3;
    const opacity = alpha * (isGrey ? 1 : Math.min(1, Math.abs(size)));
    if (overlay) {
      const rest = 1 - opacity;
      for (let k = 0; k < 3; k++) data[pixel + k] = data[pixel + k]! * rest + table[colour + k]! * opacity;
    } else {
      data[pixel] = table[colour]!;
      data[pixel + 1] = table[colour + 1]!;
      data[pixel + 2] = table[colour + 2]!;
      data[pixel + 3] = fading ? 255 * opacity : 255;
    }
  }
  return { data, width, height };
}

/** The `percentile` of |values|, between neighbours in proportion (as NumPy does it by default); 0 for none. */
export const clipOf = (values: Float32Array, percentile = 99): number => percentilesOf(values, [percentile])[0]!;

/** Several of them. */
export function percentilesOf(values: Float32Array, percentiles: readonly number[]): number[] {
  if (values.length === 0) return percentiles.map(() => 0);
  const sizes = new Float32Array(values.length);
  for (let i = 0; i < sizes.length; i++) sizes[i] = Math.abs(values[i]!);
  const places = percentiles.map((percentile) => (Math.min(Math.max(percentile, 0), 100) / 100) * (sizes.length - 1));
  // bits of positive floats are in the floats' order, NaN last
  const bits = new Uint32Array(sizes.buffer);
  const wanted = new Set(places.flatMap((at) => [Math.floor(at), Math.ceil(at)]));
  let begin = 0;
  for (const place of [...wanted].sort((a, b) => a - b)) {
    select(bits, place, begin);
    begin = place + 1;
  }
  return places.map((at) => {
    const low = sizes[Math.floor(at)]!;
    return low + (sizes[Math.ceil(at)]! - low) * (at - Math.floor(at));
  });
}

/** Moves to `place` what a sort from `begin` on would put there, and before it what is not larger (Hoare 1961). */
function select(values: Uint32Array, place: number, begin: number): void {
  let [low, high] = [begin, values.length - 1];
  while (low < high) {
    const middle = values[(low + high) >> 1]!;
    let [up, down] = [low, high];
    while (up <= down) {
      while (values[up]! < middle) up++;
      while (values[down]! > middle) down--;
      if (up > down) break;
      [values[up], values[down]] = [values[down]!, values[up]!];
      up++;
      down--;
    }
    if (place <= down) high = down;
    else if (place >= up) low = up;
    else return;
  }
}

const STEPS = 1024;
/** Of what is undecided, behind the colours of the table. */
const GREY = 128;

/**
 * The place in the colour table of a share of the colours, 0 to 1. Zero is the first colour, or the middle one if the
 * map is signed or the colours diverge.
 */
const colourAt = (share: number): number =>
  share <= 0 ? 0 : share >= 1 ? STEPS - 1 : Math.floor(share * (STEPS - 1) + 0.5);
