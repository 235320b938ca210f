/** Textures that hosts hand in: what is read from them, and whether it can be. */
import type { PictureIn } from '../../shaders/prepare';
import { check, oneOf, whole } from '../check';
import { GradlensError } from '../errors';
import { type TexturePicture, isExternal, isView } from '../image/pixels';

/** What a shader reads as colours. */
const READABLE: readonly string[] = [
  'rgba8unorm',
  'rgba8unorm-srgb',
  'bgra8unorm',
  'bgra8unorm-srgb',
  'rgb10a2unorm',
  'rgba16unorm',
  'rgba16float',
  'rgba32float',
  'rg11b10ufloat',
  'rgb9e5ufloat',
];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How a picture is read. */
export interface Reading {
  readonly size: Size;
  readonly read: PictureIn;
  /** Whether what is read is linear light. */
  readonly linear: boolean;
}

/** A texture that a kernel can bind. */
export interface ReadableTexture extends Reading {
  readonly resource: () => GPUBindingResource;
}

/**
 * What is to be read of a texture.
 *
 * @throws GradlensError `shape` or `validation`, before the device says it in its own words
 */
export function readableOf(picture: TexturePicture): ReadableTexture {
  const { texture, colorSpace = 'srgb', format } = picture;
  check('colorSpace', colorSpace, oneOf('srgb', 'linear'));
  const linear = colorSpace === 'linear';
  if (isExternal(texture)) return { size: toldSize(picture), read: 'external', linear, resource: () => texture };
  if (isView(texture)) {
    if (format === undefined) throw untold('a view', 'its format and extents', "format: 'rgba8unorm', ");
    assertFormat(format, 'the view');
    return { size: toldSize(picture), read: 'texture', linear: linear || isSrgb(format), resource: () => texture };
  }
  assertReadable(texture);
  const { width, height } = texture;
  return {
    size: { width, height },
    read: 'texture',
    linear: linear || isSrgb(texture.format),
    resource: () => viewOf(texture),
  };
}

/** One level, whatever else the texture has. */
export const viewOf = (texture: GPUTexture): GPUTextureView => texture.createView({ mipLevelCount: 1 });

/** Textures of such a format give linear light. */
const isSrgb = (format: string): boolean => format.endsWith('-srgb');

const untold = (kind: string, what: string, format = ''): GradlensError =>
  new GradlensError(
    'validation',
    `${kind} does not tell ${what}; { texture, ${format}width: 640, height: 480 } would be right`,
  );

/** The extents that the caller says. */
function toldSize({ texture, width, height }: TexturePicture): Size {
  if (width === undefined || height === undefined)
    throw untold(isExternal(texture) ? 'an external texture' : 'a view', 'its extents');
  check('width', width, whole(1));
  check('height', height, whole(1));
  return { width, height };
}

function assertFormat(format: string, what: string): void {
  if (!READABLE.includes(format))
    throw new GradlensError('validation', `${what} is ${format}; a picture is read from ${READABLE.join(', ')}`, {
      format,
    });
}

function assertReadable({
  dimension,
  width,
  height,
  depthOrArrayLayers,
  sampleCount,
  format,
  usage,
}: GPUTexture): void {
  if (dimension !== '2d' || depthOrArrayLayers !== 1 || sampleCount !== 1) {
    throw new GradlensError(
      'shape',
      `the texture is ${dimension}, ${width}×${height}×${depthOrArrayLayers}, of ${sampleCount} sample(s); 2d, ` +
        'of one layer and one sample, would be right',
    );
  }
  assertFormat(format, 'the texture');
  if (!(usage & GPUTextureUsage.TEXTURE_BINDING))
    throw new GradlensError('validation', 'the texture lacks the usage TEXTURE_BINDING, by which it is read', {
      usage,
    });
}
