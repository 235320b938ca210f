/** Runs the preparation kernel: pictures into one model's input. */
import { type PrepareDims, type PrepareScale, prepare } from '../../shaders/prepare';
import type { Kernel } from '../../shaders/kernel';
import { abortable } from '../abortable';
import type { Call } from '../calls';
import { GradlensError } from '../errors';
import type { InputSpec } from '../graph';
import {
  MOST_PIXELS,
  type Pixels,
  type TexturePicture,
  isFrame,
  isTexture,
  isVideoFrame,
  texturePicture,
  toPixels,
} from '../image/pixels';
import { type Placement, placementOf } from '../image/placement';
import type { Encoder } from './commands';
import type { Device } from './device';
import { asking } from './frames';
import { LooseKernels, encodeKernel, extentsOf } from './loose';
import type { Pipeline } from './pipelines';
import { type ReadableTexture, type Reading, type Size, readableOf, viewOf } from './textures';

/** Where in a buffer something may be bound, on every device. */
const ALIGNMENT = 256;
/** Bytes of pictures that one submit brings; what is more comes in further submits, through the same memory. */
const MOST_STAGED = 64 * 2 ** 20;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Where a prepared picture goes: an item of a tensor, NCHW. */
interface Place {
  readonly target: GPUBuffer;
  readonly item: number;
}

/** A picture that can be brought without waiting for anything. */
export interface ReadyPicture extends Reading {
  readonly item: number;
  readonly pipeline: Pipeline;
  /** What it takes of the GPU until its submit is done; of pixels the staging. */
  readonly bytes: number;
  /** Brings it there; `staged`: where its pixels go, `texture`: which one a frame goes to. */
  readonly bring: (at: { readonly staged: number; readonly texture: number }) => GPUBindingResource;
}

/** What a host may record the preparation of: a frame too, which the browser imports as it is recorded. */
export type Recordable = TexturePicture | VideoFrame | HTMLVideoElement;

export class Preparer {
  private staging: GPUBuffer | null = null;
  private uniforms: GPUBuffer | null = null;
  private readonly textures = new Map<number, GPUTexture>();
  /** Kinds of frames that the device was seen to take. */
  private readonly taken = new Set<string>();
  private readonly loose: LooseKernels;

  constructor(
    private readonly device: Device,
    private readonly spec: InputSpec,
  ) {
    this.loose = new LooseKernels(device);
  }

  /** Waits for all that must be waited for: pixels, the kernel, and the news whether frames can be brought as such. */
  async ready(
    image: VideoFrame | ImageBitmap | TexturePicture | Pixels,
    item: number,
    { signal }: Call,
  ): Promise<ReadyPicture> {
    const { device } = this;
    const source = await this.sourceOf(image, signal);
    const kernel = this.kernelFor(source, item);
    const pipelines = await device.pipelines.of([kernel], { signal });
    return { ...source, item, pipeline: pipelines.get(kernel.code)! };
  }

  /**
   * Records the preparation of pictures, each into its item. Writes to the queue, so it is called as it is submitted.
   */
  encode(encoder: Encoder, pictures: readonly ReadyPicture[], target: GPUBuffer): void {
    for (const [k, some] of groupsOf(pictures).entries()) {
      if (k > 0) encoder.flush?.();
      this.reserve(some);
      const { uniforms } = this;
      const extents = some.map((picture) => extentsOf(this.kernelFor(picture, picture.item)));
      const packed = new Uint32Array((some.length * ALIGNMENT) / 4);
      extents.forEach((values, texture) => packed.set(values, (texture * ALIGNMENT) / 4));
      this.device.write(uniforms!, packed);
      let staged = 0;
      some.forEach((picture, texture) => {
        const d = { buffer: uniforms!, offset: texture * ALIGNMENT, size: extents[texture]!.byteLength };
        const resources = { d, picture: picture.bring({ staged, texture }), y: { buffer: target } };
        const { pipeline } = picture;
        encodeKernel(this.device, encoder, { kernel: this.kernelFor(picture, picture.item), pipeline, resources });
        if (picture.read === 'buffer') staged += aligned(picture.bytes);
      });
    }
  }

  /** Records the same for what is on the GPU: nothing is awaited or submitted, and no queue written to. */
  record(encoder: GPUCommandEncoder, image: Recordable, { target, item }: Place): void {
    const { resource, ...reading } = this.readable(image);
    this.loose.record(encoder, this.kernelFor(reading, item), () => ({ picture: resource(), y: { buffer: target } }));
  }

  /** How it is read, and how it lies in the network's input. */
  placed(image: Recordable): { readonly picture: ReadableTexture; readonly placement: Placement } {
    const picture = this.readable(image);
    return { picture, placement: placementOf(picture.size, this.spec) };
  }

  /** What {@link record} runs for such a picture. */
  kernelOf(image: Recordable): Kernel {
    if (isTexture(image)) return this.kernelFor(readableOf(image), 0);
    return this.kernelFor({ size: { width: 1, height: 1 }, read: 'external', linear: false }, 0);
  }

  dispose(): void {
    for (const buffer of [this.staging, this.uniforms]) if (buffer) this.device.free(buffer);
    for (const texture of this.textures.values()) this.device.freeTexture(texture);
    this.textures.clear();
    this.loose.dispose();
    this.staging = this.uniforms = null;
  }

  private readable(image: Recordable): ReadableTexture {
    return readableOf(isTexture(image) ? texturePicture(image) : this.imported(image));
  }

  private imported(source: VideoFrame | HTMLVideoElement): TexturePicture {
    const [width, height] =
      'videoWidth' in source ? [source.videoWidth, source.videoHeight] : [source.displayWidth, source.displayHeight];
    const { gpu } = this.device;
    const texture = this.device.guardNow('importing a video frame', () => gpu.importExternalTexture({ source }));
    return { texture, width, height };
  }

  private async sourceOf(
    image: VideoFrame | ImageBitmap | TexturePicture | Pixels,
    signal: AbortSignal,
  ): Promise<Omit<ReadyPicture, 'item' | 'pipeline'>> {
    if (isTexture(image)) {
      const { resource, ...reading } = readableOf(image);
      return { ...reading, bytes: 0, bring: resource };
    }
    const size = isFrame(image) ? sizeOf(image) : null;
    if (size && this.holds(size) && (await this.takes(image as VideoFrame | ImageBitmap, size, signal))) {
      const bring: ReadyPicture['bring'] = ({ texture }) => {
        return viewOf(this.copyFrame(image as VideoFrame | ImageBitmap, size, texture));
      };
      return { size, read: 'texture', linear: false, bytes: size.width * size.height * 4, bring };
    }
    const pixels = await abortable(toPixels(image), signal);
    const bytes = this.bytesOf(pixels);
    const bring: ReadyPicture['bring'] = ({ staged }) => {
      this.device.write(this.staging!, pixels.data, staged);
      return { buffer: this.staging!, offset: staged, size: bytes };
    };
    return { size: pixels, read: 'buffer', linear: false, bytes, bring };
  }

  /**
   * Whether frames of this kind can be brought as they are, which only trying tells, once: a browser that draws its
   * pages on the CPU, for example, has none on the GPU.
   */
  private async takes(frame: VideoFrame | ImageBitmap, size: Size, signal: AbortSignal): Promise<boolean> {
    const kind = isVideoFrame(frame) ? 'video' : 'bitmap';
    if (this.taken.has(kind)) return true;
    const copy = (): Promise<boolean> =>
      this.device.guard({ signal }, 'preparing the picture', () => {
        try {
          this.copyFrame(frame, size, 0);
          return true;
        } catch (error) {
          if (error instanceof GradlensError) throw error;
          return false;
        }
      });
    const taken = await (kind === 'video' ? asking(this.device.environment, copy) : copy());
    if (taken) this.taken.add(kind);
    return taken;
  }

  private kernelFor({ size, read, linear }: Reading, item: number): Kernel {
    const dims: PrepareDims = { ...dimsOf(size, this.spec), LINEAR: linear ? 1 : 0, ITEM: item };
    return prepare(dims, scaleOf(this.spec), read);
  }

  /** @throws GradlensError `limit` for more pixels than the device binds */
  private bytesOf({ width, height }: Size): number {
    const bytes = width * height * 4;
    const most = this.device.environment.limits.maxStorageBufferBindingSize;
    if (bytes > most)
      throw new GradlensError(
        'limit',
        `a picture of ${width}×${height} takes ${bytes} bytes; the device binds at most ${most}`,
        { limit: 'maxStorageBufferBindingSize', need: bytes, have: most },
      );
    return bytes;
  }

  /** Room for the pictures of one submit. */
  private reserve(pictures: readonly ReadyPicture[]): void {
    const { STORAGE, UNIFORM, COPY_DST } = GPUBufferUsage;
    const pixels = pictures.filter(({ read }) => read === 'buffer');
    const bytes = pixels.reduce((sum, picture) => sum + aligned(picture.bytes), 0);
    const roomIn = (buffer: GPUBuffer | null, label: string, need: number, usage: number): GPUBuffer | null => {
      if (need <= (buffer?.size ?? 0)) return buffer;
      if (buffer) this.device.free(buffer);
      return this.device.allocate(label, need, usage | COPY_DST);
    };
    this.staging = roomIn(this.staging, 'picture', bytes, STORAGE);
    this.uniforms = roomIn(this.uniforms, 'picture extents', pictures.length * ALIGNMENT, UNIFORM);
  }

  /** What is larger goes by {@link toPixels}, which scales it down. */
  private holds({ width, height }: Size): boolean {
    return Math.max(width, height) <= this.device.gpu.limits.maxTextureDimension2D && width * height <= MOST_PIXELS;
  }

  private copyFrame(frame: VideoFrame | ImageBitmap, { width, height }: Size, index: number): GPUTexture {
    const { device, textures } = this;
    let texture = textures.get(index);
    if (texture && (texture.width !== width || texture.height !== height)) {
      textures.delete(index);
      device.freeTexture(texture);
      texture = undefined;
    }
    const { COPY_DST, RENDER_ATTACHMENT, TEXTURE_BINDING } = GPUTextureUsage;
    texture ??= device.allocateTexture('frame', width, height, COPY_DST | RENDER_ATTACHMENT | TEXTURE_BINDING);
    textures.set(index, texture);
    device.gpu.queue.copyExternalImageToTexture({ source: frame }, { texture }, [width, height]);
    return texture;
  }
}

/** Pictures that one submit brings. */
function groupsOf(pictures: readonly ReadyPicture[]): readonly (readonly ReadyPicture[])[] {
  const groups: ReadyPicture[][] = [];
  let bytes = Infinity;
  for (const picture of pictures) {
    bytes += aligned(picture.bytes);
    if (bytes > MOST_STAGED) {
      groups.push([]);
      bytes = aligned(picture.bytes);
    }
    groups.at(-1)!.push(picture);
  }
  return groups;
}

function sizeOf(frame: VideoFrame | ImageBitmap): Size {
  const size =
    'displayWidth' in frame
      ? { width: frame.displayWidth, height: frame.displayHeight }
      : { width: frame.width, height: frame.height };
  if (size.width < 1)
    throw new GradlensError('shape', `the ${frame.constructor.name} was closed: keep it open until the call is done`);
  return size;
}

const dimsOf = (size: Size, spec: InputSpec): Omit<PrepareDims, 'LINEAR' | 'ITEM'> => ({
  ...placementOf(size, spec),
  PICTURE_W: size.width,
  C: spec.channels,
  H: spec.height,
  W: spec.width,
  BGR: spec.order === 'BGR' ? 1 : 0,
});

function scaleOf({ channels, order, scale, mean, std }: InputSpec): PrepareScale {
  const channel = (rgb: number): number => (channels === 1 ? 0 : order === 'BGR' ? 2 - rgb : rgb);
  const perColour = (value: (k: number) => number) =>
    [value(channel(0)), value(channel(1)), value(channel(2))] as const;
  return { factor: perColour((k) => scale / std[k]!), offset: perColour((k) => -mean[k]! / std[k]!) };
}
