/**
 * Relevance mass and relevance rank accuracy (Arras et al. 2022, "CLEVR-XAI", §3.4): how much of a map is where it
 * should be. The first is also the energy-based pointing game (Wang et al. 2020, "Score-CAM").
 */
import type { Box } from '../../segmentation/components';

export interface RelevanceAccuracy {
  /** Σ|map| in the boxes, as a share of Σ|map|; 0 for a map of zeros. */
  readonly mass: number;
  /** Of as many pixels as the boxes have, those with the largest |map|: the share in the boxes. */
  readonly rank: number;
}

/** @param map `[height × width]` in the extents of the picture that the boxes are in */
export function relevanceAccuracy(
  { data, width, height }: { readonly data: Float32Array; readonly width: number; readonly height: number },
  boxes: readonly Box[],
): RelevanceAccuracy {
  const isInside = (pixel: number): boolean => {
    const [x, y] = [(pixel % width) + 0.5, Math.floor(pixel / width) + 0.5];
    return boxes.some(([left, top, w, h]) => x >= left && x < left + w && y >= top && y < top + h);
  };
  const pixels = Array.from({ length: width * height }, (_, pixel) => pixel);
  const inside = pixels.filter(isInside);
  const massOf = (some: readonly number[]): number => some.reduce((sum, pixel) => sum + Math.abs(data[pixel]!), 0);
  const total = massOf(pixels);
  const order = pixels.sort((a, b) => Math.abs(data[b]!) - Math.abs(data[a]!) || a - b);
  return {
    mass: total > 0 ? massOf(inside) / total : 0,
    rank: inside.length > 0 ? order.slice(0, inside.length).filter(isInside).length / inside.length : 0,
  };
}
