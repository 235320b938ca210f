/** Colours in the formats of textures, and what they stand for, in float64. */
import { decodeHalves, encodeHalves } from '../../src/formats/floats';
import { seededRandom } from '../oracle/random';

export type StoredFormat = (typeof storedFormats)[number];
export const storedFormats = [
  'rgba8unorm',
  'bgra8unorm',
  'rgba8unorm-srgb',
  'bgra8unorm-srgb',
  'rgb10a2unorm',
  'rgba16float',
  'rgba32float',
  'rg11b10ufloat',
  'rgb9e5ufloat',
] as const;

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** RGBA, as a shader reads them; of `-srgb` formats as they would be without. */
  readonly values: Float64Array;
}

const bytesOf = (array: Uint32Array | Uint16Array | Float32Array): Uint8Array<ArrayBuffer> =>
  new Uint8Array(array.slice().buffer);

/** Random colours, some see-through; in float formats also darker than black and brighter than white. */
export function storedAs(format: StoredFormat, pixels: number): Stored {
  const { integer, uniform } = seededRandom(5);
  const rows = (colour: () => number, alpha: () => number): number[][] =>
    Array.from({ length: pixels }, () => [colour(), colour(), colour(), alpha()]);
  const flat = (values: readonly (readonly number[])[], per = 1): Float64Array =>
    Float64Array.from(values.flat(), (value) => value / per);
  const words = (values: readonly (readonly number[])[], word: (rgba: readonly number[]) => number): Stored['bytes'] =>
    bytesOf(Uint32Array.from(values, word));
  switch (format) {
    case 'rgb10a2unorm': {
      const values = rows(
        () => integer(0, 1023),
        () => integer(0, 3),
      ); // prettier-ignore
      const bytes = words(values, ([r, g, b, a]) => r! + g! * 2 ** 10 + b! * 2 ** 20 + a! * 2 ** 30);
      return { bytes, values: flat(values.map(([r, g, b, a]) => [r! / 1023, g! / 1023, b! / 1023, a! / 3])) };
    }
    case 'rgba16float': {
      const halves = encodeHalves(Float32Array.from(rows(() => 1.5 * uniform() - 0.2, uniform).flat()));
      return { bytes: bytesOf(halves), values: Float64Array.from(decodeHalves(halves)) };
    }
    case 'rgba32float': {
      const values = Float32Array.from(rows(() => 1.5 * uniform() - 0.2, uniform).flat());
      return { bytes: bytesOf(values), values: Float64Array.from(values) };
    }
    case 'rg11b10ufloat': {
      // such a number is a half without its sign and its last bits
      const values = rows(
        () => integer(0, 10) / 8,
        () => 1,
      ); // prettier-ignore
      const half = (value: number): number => encodeHalves(Float32Array.of(value))[0]!;
      const word = ([r, g, b]: readonly number[]): number =>
        (half(r!) >> 4) + (half(g!) >> 4) * 2 ** 11 + (half(b!) >> 5) * 2 ** 22;
      return { bytes: words(values, word), values: flat(values) };
    }
    case 'rgb9e5ufloat': {
      const values = rows(
        () => integer(0, 300),
        () => 256,
      ); // prettier-ignore
      const word = ([r, g, b]: readonly number[]): number => r! + g! * 2 ** 9 + b! * 2 ** 18 + 16 * 2 ** 27;
      return { bytes: words(values, word), values: flat(values, 256) }; // by the exponent 16 − 24
    }
    default: {
      const values = rows(
        () => integer(0, 255),
        () => (integer(0, 3) ? 255 : integer(0, 255)),
      ); // prettier-ignore
      const stored = values.map(([r, g, b, a]) => (format.startsWith('bgra') ? [b!, g!, r!, a!] : [r!, g!, b!, a!]));
      return { bytes: Uint8Array.from(stored.flat()), values: flat(values, 255) };
    }
  }
}

/** sRGB's curve (IEC 61966-2-1). What is beyond white is white, and beyond black black. */
function encoded(light: number): number {
  const held = Math.min(Math.max(light, 0), 1);
  return held <= 0.0031308 ? 12.92 * held : 1.055 * held ** (1 / 2.4) - 0.055;
}

/** RGBA, 0 to 255, of numbers that are sRGB's or linear light. What `-srgb` formats hold is sRGB's, if not read so. */
export const shownBy = (values: Float64Array, linear: boolean): Float64Array =>
  values.map((value, i) => 255 * (linear && i % 4 !== 3 ? encoded(value) : value));

/** The linear light of RGBA bytes. */
export const linearOf = (bytes: Uint8Array): Float32Array<ArrayBuffer> =>
  Float32Array.from(bytes, (byte, i) => {
    const value = byte / 255;
    if (i % 4 === 3) return value;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
