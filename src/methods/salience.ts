/** A map, brought to the picture that it is about. */
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import { blurred } from '../image/blur';
import type { Pixels } from '../image/pixels';
import type { Placement } from '../image/placement';
import { resizeMap } from '../image/resize';
import type { Heatmap } from './heatmap';

/** |map| in the picture's extents; NaN where it does not show the picture. */
export function salienceOf(
  map: Heatmap,
  { width, height }: Pick<Pixels, 'width' | 'height'>,
  smoothing: number,
  placement: Placement | undefined,
): Float32Array {
  if (map.data.length !== map.width * map.height || map.data.length === 0)
    throw new GradlensError(
      'shape',
      `a map of ${map.width}×${map.height} has ${map.width * map.height} values, this one has ${map.data.length}`,
    );
  const bad = notFinite(map.data);
  if (bad >= 0)
    throw new GradlensError(
      'validation',
      `the map is ${map.data[bad]} at ${bad}; every value must be a finite number`,
      { index: bad },
    );
  return resizeMap(blurred({ ...map, data: map.data.map(Math.abs) }, smoothing), width, height, placement);
}

/** The pixel with the largest salience; of several, the first. */
export function peakOf(salience: Float32Array): number {
  let peak = -1;
  for (let i = 0; i < salience.length; i++)
    if (peak < 0 ? !Number.isNaN(salience[i]) : salience[i]! > salience[peak]!) peak = i;
  return Math.max(peak, 0);
}
