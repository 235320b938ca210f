/** Which part of a picture the network sees, and where in its input that part lies. */
import type { Placement } from '../../shaders/placement';
import type { InputSpec } from '../options';

export type { Placement };

/** The same of a picture whose width and height are multiplied by these. */
export const scaledPlacement = (
  { FROM_X, FROM_Y, FROM_W, FROM_H, ...to }: Placement,
  x: number,
  y: number,
): Placement => ({
  ...to,
  FROM_X: FROM_X * x,
  FROM_Y: FROM_Y * y,
  FROM_W: FROM_W * x,
  FROM_H: FROM_H * y,
});

/**
 * The rule `resize` of the spec, for a picture of these extents.
 *
 * @param picture its extents, in pixels.
 * @param spec how the network takes pictures: `Model.input`.
 * @example
 * ```ts
 * import { placementOf, renderMap, saliency } from 'gradlens';
 *
 * const map = await saliency(model, picture);
 * const placement = placementOf(picture, model.input!); // what of the picture the network saw
 * renderMap(map, { overlay: { picture }, placement });
 * ```
 */
export function placementOf(
  { width, height }: { readonly width: number; readonly height: number },
  spec: InputSpec,
): Placement {
  const across = spec.width / width;
  const down = spec.height / height;
  const from =
    spec.resize === 'crop'
      ? { w: spec.width / Math.max(across, down), h: spec.height / Math.max(across, down) }
      : { w: width, h: height };
  const fit = Math.min(across, down);
  const to =
    spec.resize === 'pad'
      ? { w: Math.max(1, Math.round(width * fit)), h: Math.max(1, Math.round(height * fit)) }
      : { w: spec.width, h: spec.height };
  return {
    FROM_X: (width - from.w) / 2,
    FROM_Y: (height - from.h) / 2,
    FROM_W: from.w,
    FROM_H: from.h,
    TO_X: Math.floor((spec.width - to.w) / 2),
    TO_Y: Math.floor((spec.height - to.h) / 2),
    TO_W: to.w,
    TO_H: to.h,
  };
}
