/** Pictures, from whatever the host has, to RGBA bytes. */
import { GradlensError } from '../errors';
import { HEAD_BYTES, assertDecodable } from './header';

/** RGBA, four bytes a pixel, not premultiplied. `ImageData` is one. */
export interface Pixels {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A tensor that is prepared already: float32, NCHW or CHW. */
export interface Prepared {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/**
 * What a model takes as a picture. Files are decoded with their EXIF orientation, to 8 bits a channel, and without
 * colour conversion: colour profiles are not applied, and CMYK becomes RGB by plain multiplication. Of an animation the
 * first frame counts. Transparent pixels lie on white, as on paper and on most pages.
 *
 * - A `VideoFrame` or an `ImageBitmap` goes from the decoder or the camera to the network without a copy through the
 * CPU, where the
 *   browser can. It stays the caller's, who closes it after the call.
 * - A `GPUTexture` of the engine's device is read where it is: 2d, one layer, `rgba8unorm`, `bgra8unorm` or
 * `rgba16float`, with the usage
 *   `TEXTURE_BINDING`; its numbers, 0 to 1, are taken as sRGB's, alpha not premultiplied. A `…-srgb` texture would give
 *   linear light
 *   and is refused: make it without `-srgb`, and render through a view that has it (`viewFormats`).
 */
export type ImageInput = ImageBitmapSource | VideoFrame | GPUTexture | Pixels | Prepared;

/** One picture, or as many as the batch. */
export type Images = ImageInput | readonly ImageInput[];

/** A picture as a call keeps it: nothing that its caller does afterwards changes it. */
export type Captured = Prepared | Pixels | VideoFrame | ImageBitmap | GPUTexture | Promise<Pixels>;

/**
 * Captures a picture: arrays are copied, and what the browser has to read is read as it is now. Frames and textures
 * stay the caller's: they are to stay open, and unchanged, until the call is done.
 */
export function captured(image: ImageInput): Captured {
  if (isPrepared(image)) return { data: image.data.slice(), shape: [...image.shape] };
  if (isTexture(image) || isFrame(image)) return image;
  if (isPixels(image)) return { data: image.data.slice(), width: image.width, height: image.height };
  const pixels = toPixels(image);
  pixels.catch(() => {}); // awaited when the call's turn comes
  return pixels;
}

/** Larger pictures are scaled down before they are uploaded; no network input comes near this. */
export const MOST_PIXELS = 4096 * 4096;

export const isPrepared = (image: ImageInput | Captured): image is Prepared =>
  'data' in image && image.data instanceof Float32Array;

const isPixels = (image: ImageInput): image is Pixels =>
  'data' in image && (image.data instanceof Uint8ClampedArray || image.data instanceof Uint8Array);

/** Told by what it can do: in Node there need not be a global of that name. */
export const isTexture = (image: ImageInput): image is GPUTexture => 'createView' in image;

export const isVideoFrame = (image: ImageInput): image is VideoFrame =>
  typeof VideoFrame !== 'undefined' && image instanceof VideoFrame;

/** What is decoded already, and may lie on the GPU. */
export const isFrame = (image: ImageInput): image is VideoFrame | ImageBitmap =>
  isVideoFrame(image) || (typeof ImageBitmap !== 'undefined' && image instanceof ImageBitmap);

/**
 * What is decoded here is opaque: it lies on white.
 *
 * @throws GradlensError `shape` if the bytes do not match the extents, or for a texture; `model-format` if the picture
 *   cannot be decoded,
 *   or has more than 64 million pixels
 */
export async function toPixels(image: Exclude<ImageInput, Prepared>): Promise<Pixels> {
  if (isTexture(image))
    throw new GradlensError(
      'shape',
      'the pixels of a GPUTexture are wanted here on the CPU (for views of it, or its colours): give { data, ' +
        'width, height } in RGBA bytes, or another source',
    );
  if (isPixels(image)) {
    const { data, width, height } = image;
    if (data.length !== width * height * 4 || width < 1 || height < 1) {
      throw new GradlensError(
        'shape',
        `a picture of ${width}×${height} pixels has ${width * height * 4} RGBA bytes, these are ${data.length}`,
      );
    }
    return image;
  }
  if (typeof createImageBitmap === 'undefined') {
    throw new GradlensError(
      'shape',
      'this host has no createImageBitmap; give { data, width, height } in RGBA bytes (in Node: readImage from ' +
        'gradlens/node)',
    );
  }
  const bytes = isVideoFrame(image) ? await bytesOf(image) : null;
  if (bytes) return bytes;
  if (image instanceof Blob)
    assertDecodable(
      new Uint8Array(await image.slice(0, HEAD_BYTES).arrayBuffer()),
      'name' in image ? String(image.name) : undefined,
    );
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image, {
      imageOrientation: 'from-image',
      premultiplyAlpha: 'none',
      colorSpaceConversion: 'none',
    });
  } catch (cause) {
    throw new GradlensError(
      'model-format',
      `the picture cannot be decoded: ${cause instanceof Error ? cause.message : String(cause)}`,
      {},
      { cause },
    );
  }
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const [width, height] = [
    Math.max(1, Math.round(bitmap.width * scale)),
    Math.max(1, Math.round(bitmap.height * scale)),
  ];
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

/**
 * WebCodecs' newer half, which TypeScript's own types lack: a conversion on the way out, and how the frame is shown.
 */
interface CopiedFrame {
  readonly rotation?: number;
  readonly flip?: boolean;
  copyTo(target: Uint8ClampedArray, options: VideoFrameCopyToOptions & { readonly format: 'RGBA' }): Promise<unknown>;
}

/**
 * A frame's own bytes. Chromium keeps about a megabyte for every frame that it draws or makes a bitmap of, and no
 * garbage collection returns it; what is copied out costs nothing that stays.
 *
 * @returns null where the browser cannot convert while it copies, shows the frame turned or stretched, or shows what is
 *   behind it, which Chromium copies multiplied by its alpha
 */
async function bytesOf(frame: VideoFrame): Promise<Pixels | null> {
  const { rotation = 0, flip = false } = frame as unknown as CopiedFrame;
  const { width = 0, height = 0 } = frame.visibleRect ?? {};
  const isShownAsItIs = width === frame.displayWidth && height === frame.displayHeight && rotation === 0 && !flip;
  if (!frame.format || frame.format.includes('A') || !isShownAsItIs || width * height > MOST_PIXELS) return null;
  const data = new Uint8ClampedArray(width * height * 4);
  try {
    await (frame as unknown as CopiedFrame).copyTo(data, { format: 'RGBA' });
  } catch {
    return null;
  }
  return { data, width, height };
}
