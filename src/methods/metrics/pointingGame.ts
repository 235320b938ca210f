/**
 * Pointing game (Zhang et al. 2018, "Top-Down Neural Attention by Excitation Backprop"): whether a map is largest
 * on the object, to within 15 pixels. Its mean over pictures is the accuracy.
 */
import type { Box } from '../../segmentation/components';

/** @param peak in pixels from 0, of the picture that the boxes are in */
export function pointingGame(peak: readonly [x: number, y: number], boxes: readonly Box[], tolerance = 15): 0 | 1 {
  const beyond = (at: number, from: number, length: number): number => Math.max(from - at, at - (from + length), 0);
  const isNear = ([left, top, width, height]: Box): boolean =>
    Math.hypot(beyond(peak[0] + 0.5, left, width), beyond(peak[1] + 0.5, top, height)) <= tolerance;
  return boxes.some(isNear) ? 1 : 0;
}
