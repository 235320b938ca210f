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
import type { Device } from './device';
import { asking } from './frames';
import { LooseKernels, encodeKernel, extentsOf } from './loose';
import { type ReadableTexture, type Reading, type Size, readableOf, viewOf } from './textures';

const UNIFORM_BYTES = 128;

/** Where a prepared picture goes: an item of a tensor, NCHW. */
interface Place {
  readonly target: GPUBuffer;
  readonly item: number;
}

/** Where a picture comes from; `upload` gives null where it cannot be brought that way. */
interface Source extends Reading {
  readonly upload: () => GPUBindingResource | null;
}

/** What a host may record the preparation of: a frame too, which the browser imports as it is recorded. */
export type Recordable = TexturePicture | VideoFrame | HTMLVideoElement;

export class Preparer {
  private picture: GPUBuffer | null = null;
  private frame: GPUTexture | null = null;
  private uniform: GPUBuffer | null = null;
  private readonly loose: LooseKernels;

  constructor(
    private readonly device: Device,
    private readonly spec: InputSpec,
  ) {
    this.loose = new LooseKernels(device);
  }

  /** Brings a picture to where it belongs. */
  async prepare(image: VideoFrame | ImageBitmap | TexturePicture | Pixels, to: Place, call: Call): Promise<void> {
    if (isTexture(image)) {
      const { resource, ...reading } = readableOf(image);
      await this.run({ ...reading, upload: resource }, to, call);
      return;
    }
    const size = isFrame(image) ? sizeOf(image) : null;
    if (size && this.holds(size)) {
      const frame = image as VideoFrame | ImageBitmap;
      const bring = (): Promise<boolean> =>
        this.run({ size, read: 'texture', linear: false, upload: () => this.uploadFrame(frame, size) }, to, call);
      if (await (isVideoFrame(frame) ? asking(this.device.environment, bring) : bring())) return;
    }
    const pixels = await abortable(toPixels(image), call.signal);
    const upload = (): GPUBindingResource => ({ buffer: this.uploadPixels(pixels) });
    await this.run({ size: pixels, read: 'buffer', linear: false, upload }, to, call);
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
    for (const buffer of [this.picture, this.uniform]) if (buffer) this.device.free(buffer);
    this.loose.dispose();
    if (this.frame) this.device.freeTexture(this.frame);
    this.picture = this.uniform = this.frame = null;
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

  /** False, and nothing done, where the picture cannot be brought that way. */
  private async run({ upload, ...reading }: Source, { target, item }: Place, { signal }: Call): Promise<boolean> {
    const { device } = this;
    const kernel = this.kernelFor(reading, item);
    const pipelines = await device.pipelines.of([kernel], { signal });
    return device.guard({ signal }, 'preparing the picture', () => {
      const picture = upload();
      if (!picture) return false;
      this.uniform ??= device.allocate(
        'picture extents',
        UNIFORM_BYTES,
        GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      );
      device.write(this.uniform, extentsOf(kernel));
      const resources = { d: { buffer: this.uniform }, picture, y: { buffer: target } };
      const pipeline = pipelines.get(kernel.code)!;
      device.submit('prepare', (encoder) => encodeKernel(device, encoder, { kernel, pipeline, resources }));
      return true;
    });
  }

  private kernelFor({ size, read, linear }: Reading, item: number): Kernel {
    const dims: PrepareDims = { ...dimsOf(size, this.spec), LINEAR: linear ? 1 : 0, ITEM: item };
    return prepare(dims, scaleOf(this.spec), read);
  }

  private uploadPixels({ data, width, height }: Pixels): GPUBuffer {
    const { device } = this;
    const bytes = width * height * 4;
    const most = device.environment.limits.maxStorageBufferBindingSize;
    if (bytes > most)
      throw new GradlensError(
        'limit',
        `a picture of ${width}×${height} takes ${bytes} bytes; the device binds at most ${most}`,
        { limit: 'maxStorageBufferBindingSize', need: bytes, have: most },
      );
    if (!this.picture || this.picture.size < bytes) {
      if (this.picture) device.free(this.picture);
      this.picture = null;
      this.picture = device.allocate('picture', bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
    }
    device.write(this.picture, data);
    return this.picture;
  }

  /** What is larger goes by {@link toPixels}, which scales it down. */
  private holds({ width, height }: Size): boolean {
    return Math.max(width, height) <= this.device.gpu.limits.maxTextureDimension2D && width * height <= MOST_PIXELS;
  }

  /**
   * Null where the browser has no such pictures on the GPU, which it says only when asked: one that draws its pages on
   * the CPU, for example.
   */
  private uploadFrame(frame: VideoFrame | ImageBitmap, { width, height }: Size): GPUTextureView | null {
    const { device } = this;
    if (this.frame && (this.frame.width !== width || this.frame.height !== height)) {
      device.freeTexture(this.frame);
      this.frame = null;
    }
    const { COPY_DST, RENDER_ATTACHMENT, TEXTURE_BINDING } = GPUTextureUsage;
    this.frame ??= device.allocateTexture('frame', width, height, COPY_DST | RENDER_ATTACHMENT | TEXTURE_BINDING);
    try {
      device.gpu.queue.copyExternalImageToTexture({ source: frame }, { texture: this.frame }, [width, height]);
    } catch {
      return null;
    }
    return viewOf(this.frame);
  }
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
