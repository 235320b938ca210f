import { check } from '../check';
import type { ImageInput } from '../image/pixels';
import { objectOf, pictureOf, picturesOf } from '../model/arguments';

/**
 * A picture and options as they are at the call: a method that asks the model several times asks about these, whatever
 * the caller does to the originals in between. A picture that has to be decoded is decoded once.
 *
 * @throws GradlensError `validation` for what is no picture or no object; as `toPixels` for what cannot be decoded
 */
export async function atCall<Options extends object>(
  image: ImageInput,
  options: Options,
): Promise<readonly [image: ImageInput, options: Options]> {
  // a list, which types would not let pass: the model says what is wrong with it
  if (Array.isArray(image)) return (await allAtCall(image, options)) as never;
  const [picture, kept] = [pictureOf(image), optionsAtCall(options)];
  return [await picture, kept]; // above all is read before anything is awaited
}

/** {@link atCall}, of several pictures. */
export async function allAtCall<Options extends object>(
  images: readonly ImageInput[],
  options: Options,
): Promise<readonly [images: readonly ImageInput[], options: Options]> {
  check('images', images, { says: 'a list of pictures', holds: Array.isArray });
  const [pictures, kept] = [picturesOf(images), optionsAtCall(options)];
  return [await Promise.all(pictures.map(async (picture) => picture)), kept];
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
