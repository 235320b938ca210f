/** Mirror images: of pictures, and of maps of them. */
import { type ImageInput, type Pixels, type Prepared, isPrepared, toPixels } from '../image/pixels';

/**
 * The picture with its columns in reverse order; of a prepared tensor likewise.
 *
 * @throws GradlensError `shape` for what lies on the GPU, as `toPixels`
 */
export async function mirrorImage(image: ImageInput): Promise<Pixels | Prepared> {
  if (isPrepared(image)) {
    const width = image.shape[image.shape.length - 1]!;
    return { data: mirroredRows(image.data, width), shape: image.shape };
  }
  const { data, width, height } = await toPixels(image);
  const mirrored = new Uint8ClampedArray(data.length);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const from = 4 * (pixel - (pixel % width) + width - 1 - (pixel % width));
    mirrored.set(data.subarray(from, from + 4), 4 * pixel);
  }
  return { data: mirrored, width, height };
}

/** Rows of that width, each from its end to its beginning. */
export function mirroredRows(data: Float32Array, width: number): Float32Array {
  return data.map((_, i) => data[i - (i % width) + width - 1 - (i % width)]!);
}
