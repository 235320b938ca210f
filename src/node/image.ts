/** Pictures from files and bytes, through `sharp`. */
import { readFile } from 'node:fs/promises';
import { GradlensError } from '../errors';
import { MOST_DECODED, assertDecodable } from '../image/header';
import type { Pixels } from '../image/pixels';

/** Larger ones are scaled down to this side as they are read. */
const LONGEST_SIDE = 4096;

/**
 * Decodes a picture (JPEG, PNG, WebP, AVIF, GIF, TIFF; no BMP, which only browsers read) as the engine does in a
 * browser: to opaque RGBA, turned as its EXIF orientation says, laid on white where it is transparent, its numbers as
 * they stand (colour profiles are not applied, CMYK becomes RGB by plain multiplication).
 *
 * @throws GradlensError `model-format` if it is no picture, or too large; `feature` without the package `sharp`
 * @example
 * ```ts
 * import { readImage } from 'gradlens/node';
 *
 * const { data, width, height } = await readImage('samples/ladybug.jpg');
 * ```
 */
export async function readImage(file: string | Uint8Array): Promise<Pixels> {
  const { default: sharp } = await import('sharp').catch((cause: unknown) => {
    throw new GradlensError(
      'feature',
      'reading pictures in Node needs the package sharp: npm install sharp',
      {},
      { cause },
    );
  });
  const name = typeof file === 'string' ? file : 'the picture';
  try {
    const bytes = typeof file === 'string' ? await readFile(file) : file;
    assertDecodable(bytes, name);
    if (bytes[0] === 0x42 && bytes[1] === 0x4d)
      throw new GradlensError('model-format', `${name} is a BMP, which is not read in Node; save it as PNG`);
    const picture = sharp(bytes, { limitInputPixels: MOST_DECODED, ignoreIcc: true });
    const { space, format } = await picture.metadata();
    const cmyk = space === 'cmyk';
    const turned = format === 'webp' ? picture : picture.rotate(); // Chromium reads no EXIF in WebP
    const resized = turned.resize(LONGEST_SIDE, LONGEST_SIDE, { fit: 'inside', withoutEnlargement: true });
    const coloured = cmyk
      ? resized.pipelineColourspace('cmyk').toColourspace('cmyk')
      : resized.flatten({ background: '#fff' }).toColourspace('srgb').ensureAlpha();
    const {
      data,
      info: { width, height },
    } = await coloured.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { data: cmyk ? rgbaOf(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width, height };
  } catch (cause) {
    if (cause instanceof GradlensError) throw cause;
    // not libvips' words: it keeps one text of errors for all threads, so they may be another picture's
    throw new GradlensError(
      'model-format',
      `${name} cannot be read as a picture: it is broken, cut off, or of no known format`,
      {},
      { cause },
    );
  }
}

/** Of cyan, magenta, yellow and black in bytes. */
function rgbaOf(cmyk: Uint8Array): Uint8Array {
  return cmyk.map((value, i) => (i % 4 === 3 ? 255 : Math.round(((255 - value) * (255 - cmyk[i | 3]!)) / 255)));
}
