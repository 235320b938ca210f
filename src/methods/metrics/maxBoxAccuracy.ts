/**
 * MaxBoxAccV2 (Choe et al. 2020, "Evaluating Weakly Supervised Object Localization Methods Right"): the share of
 * pictures of which a box around the map is right, at the best threshold for all, averaged over three demands on a box.
 */
import { intersectionOverUnion } from '../localisation';
import { type Box, components } from '../../segmentation/components';

/** IoU from which a box is right. */
const DEMANDS = [0.3, 0.5, 0.7] as const;

/** Whether a picture's box is right: for each demand, at each threshold. */
export type BoxHits = readonly (readonly boolean[])[];

/**
 * Of one picture. At threshold τ there is a box around every component of the pixels with values from τ on, of a map
 * brought to 0…1; the best of them counts, as in version 2.
 *
 * @param map `[H × W]` in the extents of the picture that the true boxes are in
 * @param steps thresholds from 0 to below 1; default 100
 */
export function boxHits(
  { data, width, height }: { readonly data: Float32Array; readonly width: number; readonly height: number },
  boxes: readonly Box[],
  steps = 100,
): BoxHits {
  const least = data.reduce((a, b) => Math.min(a, b), Infinity);
  const most = data.reduce((a, b) => Math.max(a, b), -Infinity);
  const range = most > least ? most - least : 1;
  const best = Array.from({ length: steps }, (_, k) => {
    const mask = Uint8Array.from(data, (value) => ((value - least) / range >= k / steps ? 1 : 0));
    const found = boxesOf(mask, width, height);
    return Math.max(0, ...found.flatMap((box) => boxes.map((other) => intersectionOverUnion(box, other))));
  });
  return DEMANDS.map((demand) => best.map((iou) => iou >= demand));
}

/** Of all pictures: mean over the demands of the best threshold's share. */
export function maxBoxAccuracy(pictures: readonly BoxHits[]): number {
  if (pictures.length === 0) return 0;
  const shares = DEMANDS.map((_, d) => {
    const steps = pictures[0]![d]!.length;
    const at = (k: number): number => pictures.filter((hits) => hits[d]![k]).length / pictures.length;
    return Math.max(...Array.from({ length: steps }, (_unused, k) => at(k)));
  });
  return shares.reduce((sum, share) => sum + share, 0) / DEMANDS.length;
}

/** Around each component of eight neighbours. */
function boxesOf(mask: Uint8Array, width: number, height: number): Box[] {
  const { labels, areas } = components(mask, width, height, 8);
  const ends = areas.map(() => ({ left: width, top: height, right: -1, bottom: -1 }));
  labels.forEach((label, pixel) => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const end = ends[label]!;
    end.left = Math.min(end.left, x);
    end.top = Math.min(end.top, y);
    end.right = Math.max(end.right, x);
    end.bottom = Math.max(end.bottom, y);
  });
  return ends.slice(1).map(({ left, top, right, bottom }) => [left, top, right - left + 1, bottom - top + 1]);
}
