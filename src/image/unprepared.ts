/** From what a network takes back to a picture. */
import type { InputSpec } from '../options';
import type { Pixels } from './pixels';

/**
 * The picture that a prepared tensor is, such as one that a loss was optimised by: `(value · std + mean) / scale`, in
 * 0…255. What lies beyond is clamped, and what the network does not see is not there.
 *
 * @param data `[N, C, H, W]`, such as {@link Model.prepared} gives.
 * @param input how it was prepared: {@link Model.input}.
 * @param item which of N, from 0.
 * @example
 * ```ts
 * import { unprepared } from 'gradlens';
 *
 * const data = await model.prepared(picture);
 * const { width, height } = unprepared(data, model.input!); // as many pixels as the network sees
 * ```
 */
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
