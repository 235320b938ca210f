import { between, check } from '../check';
import type { Pixels } from '../image/pixels';
import type { Placement } from '../image/placement';
import { type Box, spreadBox } from '../segmentation/components';
import type { Heatmap } from './heatmap';
import { centreBox } from './localisation';
import { peakOf, salienceOf } from './salience';
import type { Fallback } from './segmentation';

/** Of SqueezeNet's layer maps (docs/REPRODUCTION.md). */
const SHARE = 0.18;

/** Options of {@link mapBox}. */
export interface MapBoxOptions {
  /**
   * The object lies where the map is above this share of its largest value; default: the map's `border`, where its
   * method found one, else 0.18.
   */
  readonly share?: number;
  /**
   * What of the picture the map shows, where the network's input is a crop or has margins; default: the whole of it.
   */
  readonly placement?: Placement;
}

/** What {@link mapBox} finds. */
export interface MapBox {
  /** `[x, y, width, height]` in pixels of the picture. */
  readonly box: Box;
  /** Where the map is largest, in pixels of the picture. */
  readonly peak: readonly [x: number, y: number];
  /** `flat map`: all its values are equal, and the box is the centre box, 80 % of each side. */
  readonly fallback: Fallback | null;
}

/**
 * The box of a map alone, without the picture's colours (beyond the paper): the box with the same mean and variance as
 * the pixels where the map is above its border, or a share of its largest value. It suits maps that cover the object,
 * as `layerMap`'s and `featureMap`'s do. It gives no mask.
 *
 * @throws GradlensError as `segment`; `validation` for a share that is not between 0 and 1
 * @example
 * ```ts
 * import { layerMap, mapBox } from 'gradlens';
 *
 * const { box, peak } = mapBox(await layerMap(model, picture), picture);
 * ```
 */
export function mapBox(map: Heatmap, picture: Pick<Pixels, 'width' | 'height'>, options: MapBoxOptions = {}): MapBox {
  const { share } = options;
  if (share !== undefined) check('share', share, between(0, 1));
  const { width, height } = picture;
  const salience = salienceOf(map, picture, 0, options.placement);
  const at = peakOf(salience);
  const peak = [at % width, Math.floor(at / width)] as const;
  const most = salience[at]!;
  if (salience.every((value) => value === most || Number.isNaN(value)))
    return { box: centreBox(width, height), peak, fallback: 'flat map' };
  const border = share === undefined ? (map.border ?? SHARE * most) : share * most;
  const box = spreadBox(
    Uint8Array.from(salience, (value) => (value > Math.min(border, most - Number.EPSILON * most) ? 1 : 0)),
    width,
    height,
  )!;
  return { box, peak, fallback: null };
}
