/** Activations as pictures. Pure: numbers in, pixels out. */
import type { Pixels } from '../../image/pixels';
import { renderMap } from '../../image/render';
import type { Activations } from '../worker/inside';

/**
 * Where a stage answers: the root mean square of its channels at each place; without places, a square of its channels.
 */
export function stagePicture({ C, H, W, data }: Activations): Pixels {
  const plane = H * W;
  if (plane === 1) return squareOf(data);
  const strength = new Float32Array(plane);
  for (let c = 0; c < C; c++) for (let i = 0; i < plane; i++) strength[i]! += data[c * plane + i]! ** 2;
  return pictureOf(
    strength.map((sum) => Math.sqrt(sum / C)),
    W,
    H,
  );
}

/** One channel; without places, its value among those of all channels. */
export function channelPicture({ H, W, data }: Activations, channel: number): Pixels {
  const plane = H * W;
  if (plane > 1) return pictureOf(data.slice(channel * plane, (channel + 1) * plane), W, H);
  const most = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return renderMap(
    { data: Float32Array.of(data[channel]!, most), width: 2, height: 1, signed: data.some((value) => value < 0) },
    { percentile: 100, width: 1, height: 1, placement: FIRST },
  );
}

/** Of two pixels the left one. */
const FIRST = { FROM_X: 0, FROM_Y: 0, FROM_W: 1, FROM_H: 1, TO_X: 0, TO_Y: 0, TO_W: 1, TO_H: 1 };

/** Channels by the mean of their absolute values, the largest first; equal ones in their order. */
export function channelsBySize({ C, data }: Activations): readonly number[] {
  const plane = data.length / C;
  const sizes = Array.from({ length: C }, (_, c) =>
    data.subarray(c * plane, (c + 1) * plane).reduce((sum, value) => sum + Math.abs(value), 0),
  );
  return [...sizes.keys()].sort((a, b) => sizes[b]! - sizes[a]! || a - b);
}

/** Channels in reading order; what is left of the square is 0. */
function squareOf(data: Float32Array): Pixels {
  const side = Math.ceil(Math.sqrt(data.length));
  const square = new Float32Array(side * Math.ceil(data.length / side));
  square.set(data);
  return pictureOf(square, side, square.length / side);
}

const pictureOf = (data: Float32Array, width: number, height: number): Pixels =>
  renderMap({ data, width, height, signed: data.some((value) => value < 0) }, { percentile: 100 });
