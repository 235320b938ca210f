/** Pictures from files and bytes, through `sharp`. */
import { GradlensError } from '../errors';
import type { Pixels } from '../image/pixels';

/** As in the browser: no picture may have more pixels than this. */
const MOST_PIXELS = 64e6;
/** Larger ones are scaled down to this side as they are read. */
const LONGEST_SIDE = 4096;

/**
 * Decodes a picture (JPEG, PNG, WebP, AVIF, GIF, TIFF) to RGBA, turned as its EXIF orientation says.
 *
 * @throws GradlensError `model-format` if it is no picture, or too large; `feature` without the package `sharp`
 */
export async function readImage(file: string | Uint8Array): Promise<Pixels> {
  const { default: sharp } = await import('sharp').catch((cause: unknown) => {
    throw new GradlensError('feature', 'reading pictures in Node needs the package sharp: npm install sharp', {}, { cause });
  });
  const name = typeof file === 'string' ? file : 'the picture';
  try {
    const { data, info } = await sharp(file, { limitInputPixels: MOST_PIXELS })
      .rotate()
      .resize(LONGEST_SIDE, LONGEST_SIDE, { fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width: info.width, height: info.height };
  } catch (cause) {
    throw new GradlensError('model-format', `${name} cannot be read as a picture: ${cause instanceof Error ? cause.message : String(cause)}`, {}, { cause });
  }
}
