/** From the prepared tensor back to a picture: pixel = (value · std + mean) / scale, in 0…255. */
import type { InputSpec } from '../options';
import type { Pixels } from './pixels';

/** @param data `[N, C, H, W]`, of which item `item` is taken. Values beyond what a pixel can be are clamped. */
export function unprepared(data: Float32Array, input: InputSpec, item = 0): Pixels {
  const { channels: C, width, height, order, mean, std, scale } = input;
  const plane = width * height;
  const pixels = new Uint8ClampedArray(plane * 4).fill(255);
  for (let rgb = 0; rgb < 3; rgb++) {
    const c = C === 1 ? 0 : order === 'BGR' ? 2 - rgb : rgb;
    for (let i = 0; i < plane; i++)
      pixels[i * 4 + rgb] = (data[(item * C + c) * plane + i]! * std[c]! + mean[c]!) / scale;
  }
  return { data: pixels, width, height };
}
