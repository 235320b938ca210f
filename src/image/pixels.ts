/** Pictures, from whatever the host has, to RGBA bytes. */
import { GradlensError } from '../errors';
import { HEAD_BYTES, assertDecodable } from './header';

/** RGBA, four bytes a pixel, not premultiplied. `ImageData` is one. */
export interface Pixels {
  /** Four bytes a pixel, row by row. */
  readonly data: Uint8ClampedArray | Uint8Array;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
}

/** A tensor that is prepared already: float32, NCHW or CHW. */
export interface Prepared {
  /** Its numbers. */
  readonly data: Float32Array;
  /** Its extents. */
  readonly shape: readonly number[];
}

/**
 * A texture of the host's, and what it does not say of itself.
 *
 * @example
 * ```ts
 * await model.scores({ texture: renderTarget, colorSpace: 'linear' });
 * const scores = await model.scores({ texture: frame.createView(), format: 'rgba8unorm', width: 480, height: 360 });
 * ```
 */
export interface TexturePicture {
  /** Or a view of one, or a frame that WebGPU imported. */
  readonly texture: GPUTexture | GPUTextureView | GPUExternalTexture;
  /**
   * What its numbers are: sRGB's (default), or linear light, which render targets mostly hold. What is read through an
   * `…-srgb` format is linear light, whatever is said here.
   */
  readonly colorSpace?: 'srgb' | 'linear';
  /** Of a view, which does not tell it. */
  readonly format?: GPUTextureFormat;
  /** In pixels, of a view and of an external texture, which do not tell it. */
  readonly width?: number;
  /** Likewise. */
  readonly height?: number;
}

/** A buffer, or a place in one: `offset` in bytes, a multiple of 4; default 0. */
export type BufferPlace =
  | GPUBuffer
  | {
      /** The buffer. */
      readonly buffer: GPUBuffer;
      /** In bytes. */
      readonly offset?: number;
    };

/**
 * What a model takes as a picture. Files are decoded with their EXIF orientation, to 8 bits a channel, and without
 * colour conversion: colour profiles are not applied, and CMYK becomes RGB by plain multiplication. Of an animation the
 * first frame counts. Transparent pixels lie on white, as on paper and on most pages.
 *
 * - A `VideoFrame` or an `ImageBitmap` goes from the decoder or the camera to the network without a copy through the
 *   CPU, where the browser can. It stays the caller's, who closes it after the call.
 * - A texture of the engine's device is read where it is. It is 2d, of one layer, of a format that gives colours
 *   (`rgba8unorm`, `bgra8unorm`, both also `-srgb`, `rgb10a2unorm`, `rgba16unorm`, `rgba16float`, `rgba32float`,
 *   `rg11b10ufloat`, `rgb9e5ufloat`), and has the usage `TEXTURE_BINDING`. Its numbers, 0 to 1, are sRGB's, unless
 *   {@link TexturePicture} says that they are linear light, or the format does; alpha is not premultiplied. A view
 *   comes with its format and extents, a `GPUExternalTexture` with its extents.
 * - A `GPUBuffer` of the engine's device, or a place in one, holds what is prepared already: float32 `[N, C, H, W]` of
 *   the whole batch, or `[C, H, W]` where it is one of several pictures. It has the usage `COPY_SRC`.
 */
export type ImageInput = ImageBitmapSource | VideoFrame | GPUTexture | TexturePicture | BufferPlace | Pixels | Prepared;

/** One picture, or as many as the batch. */
export type Images = ImageInput | readonly ImageInput[];

/** Where in a buffer. */
export type BufferAt = Extract<BufferPlace, { readonly buffer: unknown }>;

/** A picture as a call keeps it: nothing that its caller does afterwards changes it. */
export type Captured = Prepared | Pixels | VideoFrame | ImageBitmap | TexturePicture | BufferAt | Promise<Pixels>;

/**
 * Captures a picture: arrays are copied, and what the browser has to read is read as it is now. Frames, textures and
 * buffers stay the caller's: they are to stay open, and unchanged, until the call is done.
 */
export function captured(image: ImageInput): Captured {
  if (isPrepared(image)) return { data: image.data.slice(), shape: [...image.shape] };
  if (isPlace(image)) return placed(image);
  if (isTexture(image)) return texturePicture(image);
  if (isFrame(image)) return image;
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

// ── what lies on the GPU: told by what it can do, since in Node there need not be a global of that name ──

const can = (value: unknown, method: string): boolean => typeof value === 'object' && value !== null && method in value;

export const isPlace = (value: unknown): value is BufferPlace =>
  can(value, 'mapAsync') || (can(value, 'buffer') && can((value as { buffer: unknown }).buffer, 'mapAsync'));

export const placed = (place: BufferPlace): BufferAt => ('mapAsync' in place ? { buffer: place } : { ...place });

/** Views and external textures can nothing; they have a name. */
const nameOf = (value: unknown): string =>
  typeof value === 'object' && value !== null ? (value.constructor?.name ?? '') : '';

export const isExternal = (texture: TexturePicture['texture']): texture is GPUExternalTexture =>
  nameOf(texture) === 'GPUExternalTexture';

export const isView = (texture: TexturePicture['texture']): texture is GPUTextureView =>
  !isExternal(texture) && !('createView' in texture);

const isBareTexture = (value: unknown): value is TexturePicture['texture'] =>
  can(value, 'createView') || ['GPUTextureView', 'GPUExternalTexture'].includes(nameOf(value));

/** A texture in any form. */
export const isTexture = (value: unknown): value is GPUTexture | TexturePicture =>
  isBareTexture(value) || (can(value, 'texture') && isBareTexture((value as TexturePicture).texture));

/** Its own form: with what is said of it. */
export const texturePicture = (image: GPUTexture | TexturePicture): TexturePicture =>
  isBareTexture(image) ? { texture: image } : { ...image };

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
  if (isTexture(image) || isPlace(image))
    throw new GradlensError(
      'shape',
      `the pixels of a ${isPlace(image) ? 'GPUBuffer' : 'GPUTexture'} are wanted here on the CPU ` +
        '(for views of it, or its colours): give { data, width, height } in RGBA bytes, or another source',
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
