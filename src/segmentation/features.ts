/** What a layer says of a picture, pixel by pixel. */
import { GradlensError } from '../errors';

/** Activations of one layer. */
export interface Features {
  /** `[C, H, W]` */
  readonly data: Float32Array;
  /** C */
  readonly channels: number;
  readonly width: number;
  readonly height: number;
}

/**
 * `[H × W, C]`: the activations of each pixel, brought to length 1, so that what counts is which units are active, not
 * how much; 0 where none is.
 *
 * @throws GradlensError `shape`
 */
export function directionsOf({ data, channels: C, width, height }: Features): Float64Array {
  const pixels = width * height;
  if (data.length !== C * pixels)
    throw new GradlensError(
      'shape',
      `${C} channels of ${width}×${height} pixels have ${C * pixels} values, these have ${data.length}`,
    );
  const squares = new Float64Array(pixels);
  for (let i = 0; i < data.length; i++) squares[i % pixels]! += data[i]! ** 2;
  const lengths = squares.map((square) => Math.sqrt(square) || 1);
  const directions = new Float64Array(C * pixels);
  for (let i = 0; i < data.length; i++)
    directions[(i % pixels) * C + Math.floor(i / pixels)] = data[i]! / lengths[i % pixels]!;
  return directions;
}
