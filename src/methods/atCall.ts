import type { Images } from '../image/pixels';
import { objectOf, picturesOf } from '../model/arguments';

/**
 * A picture, or several, and options as they are at the call: a method that asks the model several times asks about
 * these, whatever the caller does to the originals in between. A picture that has to be decoded is decoded once.
 *
 * @throws GradlensError `validation` for what is no picture or no object; as `toPixels` for what cannot be decoded
 */
export async function atCall<Given extends Images, Options extends object>(
  images: Given,
  options: Options,
): Promise<readonly [images: Given, options: Options]> {
  const [pictures, kept] = [picturesOf(images), optionsAtCall(options)];
  // above all is read before anything is awaited
  const read = await Promise.all(pictures.map(async (picture) => picture));
  return [(Array.isArray(images) ? read : read[0]) as Given, kept];
}

/** @throws GradlensError `validation` for what is no object */
export function optionsAtCall<Options extends object>(options: Options): Options {
  const entries = Object.entries(objectOf('options', options, 'an object'));
  return Object.fromEntries(entries.map(([name, value]) => [name, keptOf(value)])) as Options;
}

/** Lists, arrays and plain objects are copied; signals and functions stay what they are. */
function keptOf(value: unknown): unknown {
  const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isPlain || Array.isArray(value) || ArrayBuffer.isView(value) ? structuredClone(value) : value;
}
