/** Which part of a picture the network sees, and where in its input that part lies. */
import type { InputSpec } from '../options';

/** In pixels of the picture (FROM, fractions allowed) and of the input (TO). */
export interface Placement {
  readonly FROM_X: number;
  readonly FROM_Y: number;
  readonly FROM_W: number;
  readonly FROM_H: number;
  readonly TO_X: number;
  readonly TO_Y: number;
  readonly TO_W: number;
  readonly TO_H: number;
}

/** The rule `resize` of the spec, for a picture of these extents. */
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
