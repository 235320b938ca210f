/** Runs the preparation kernel: pictures into one model's input. */
import { type PictureIn, type PrepareDims, type PrepareScale, prepare } from '../../shaders/prepare';
import { type Kernel, bindingsOf } from '../../shaders/kernel';
import { abortable } from '../abortable';
import type { Call } from '../calls';
import { GradlensError } from '../errors';
import type { InputSpec } from '../graph';
import { MOST_PIXELS, type Pixels, isFrame, isTexture, isVideoFrame, toPixels } from '../image/pixels';
import { placementOf } from '../image/placement';
import type { Encoder } from './commands';
import type { Device } from './device';
import { asking } from './frames';
import type { Pipeline } from './pipelines';

/** What a shader reads as colours. */
const READABLE: readonly string[] = ['rgba8unorm', 'bgra8unorm', 'rgba16float'];
const UNIFORM_BYTES = 128;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where a prepared picture goes: an item of a tensor, NCHW. */
interface Place {
  readonly target: GPUBuffer;
  readonly item: number;
}

/** Where a picture comes from; `upload` gives null where it cannot be brought that way. */
interface Source {
  readonly size: Size;
  readonly read: PictureIn;
  readonly upload: () => GPUBindingResource | null;
}

export class Preparer {
  private picture: GPUBuffer | null = null;
  private frame: GPUTexture | null = null;
  private uniform: GPUBuffer | null = null;
  /** Of recordings, by what they hold: those may wait for their submit as long as the host likes. */
  private readonly uniforms = new Map<string, GPUBuffer>();

  constructor(
    private readonly device: Device,
    private readonly spec: InputSpec,
  ) {}

  /** Brings a picture to where it belongs. */
  async prepare(image: VideoFrame | ImageBitmap | GPUTexture | Pixels, to: Place, call: Call): Promise<void> {
    if (isTexture(image)) {
      assertReadable(image);
      await this.run({ size: image, read: 'texture', upload: () => viewOf(image) }, to, call);
      return;
    }
    const size = isFrame(image) ? sizeOf(image) : null;
    if (size && this.holds(size)) {
      const frame = image as VideoFrame | ImageBitmap;
      const bring = (): Promise<boolean> =>
        this.run({ size, read: 'texture', upload: () => this.uploadFrame(frame, size) }, to, call);
      if (await (isVideoFrame(frame) ? asking(this.device.environment, bring) : bring())) return;
    }
    const pixels = await abortable(toPixels(image), call.signal);
    await this.run({ size: pixels, read: 'buffer', upload: () => ({ buffer: this.uploadPixels(pixels) }) }, to, call);
  }

  /** Records the same for a texture: nothing is awaited or submitted, and no queue written to. */
  record(encoder: GPUCommandEncoder, texture: GPUTexture, target: GPUBuffer, item: number): void {
    assertReadable(texture);
    const kernel = this.kernelFor(texture, 'texture', item);
    const values = extentsOf(kernel);
    const key = values.join();
    const pipeline = this.device.pipelines.now(kernel);
    this.device.guardNow('recording the preparation of a picture', () => {
      let uniform = this.uniforms.get(key);
      if (!uniform)
        this.uniforms.set(
          key,
          (uniform = this.device.allocate('picture extents', UNIFORM_BYTES, GPUBufferUsage.UNIFORM, values)),
        );
      this.encode(encoder, kernel, pipeline, {
        d: { buffer: uniform },
        picture: viewOf(texture),
        y: { buffer: target },
      });
    });
  }

  dispose(): void {
    for (const buffer of [this.picture, this.uniform, ...this.uniforms.values()]) if (buffer) this.device.free(buffer);
    if (this.frame) this.device.freeTexture(this.frame);
    this.picture = this.uniform = this.frame = null;
    this.uniforms.clear();
  }

  /** False, and nothing done, where the picture cannot be brought that way. */
  private async run({ size, read, upload }: Source, { target, item }: Place, { signal }: Call): Promise<boolean> {
    const { device } = this;
    const kernel = this.kernelFor(size, read, item);
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
      device.submit('prepare', (encoder) => this.encode(encoder, kernel, pipelines.get(kernel.code)!, resources));
      return true;
    });
  }

  private kernelFor(size: Size, pictureIn: PictureIn, item: number): Kernel {
    return prepare(dimsOf(size, this.spec, item), scaleOf(this.spec), pictureIn);
  }

  private encode(
    encoder: Encoder,
    kernel: Kernel,
    { pipeline, layout }: Pipeline,
    resources: Readonly<Record<string, GPUBindingResource>>,
  ): void {
    const pass = encoder.beginComputePass({ label: 'gradlens/prepare' });
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      this.device.gpu.createBindGroup({
        layout,
        entries: bindingsOf(kernel).map(({ index, name }) => ({ binding: index, resource: resources[name]! })),
      }),
    );
    pass.dispatchWorkgroups(...kernel.workgroups);
    pass.end();
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

/** One level, whatever else the texture has. */
const viewOf = (texture: GPUTexture): GPUTextureView => texture.createView({ mipLevelCount: 1 });

/** @throws GradlensError `shape` or `validation`, before the device says it in its own words */
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
  if (!READABLE.includes(format)) {
    const remedy = format.endsWith('-srgb')
      ? `; make it ${format.slice(0, -5)} with viewFormats ['${format}'], and render through such a view`
      : '';
    throw new GradlensError(
      'validation',
      `the texture is ${format}; a picture is read from ${READABLE.join(', ')}${remedy}`,
      { format },
    );
  }
  if (!(usage & GPUTextureUsage.TEXTURE_BINDING))
    throw new GradlensError('validation', 'the texture lacks the usage TEXTURE_BINDING, by which it is read', {
      usage,
    });
}

const extentsOf = ({ dims }: Kernel): Uint32Array<ArrayBuffer> => Uint32Array.from(Object.values(dims));

const dimsOf = (size: Size, spec: InputSpec, item: number): PrepareDims => ({
  ...placementOf(size, spec),
  PICTURE_W: size.width,
  C: spec.channels,
  H: spec.height,
  W: spec.width,
  BGR: spec.order === 'BGR' ? 1 : 0,
  ITEM: item,
});

function scaleOf({ channels, order, scale, mean, std }: InputSpec): PrepareScale {
  const channel = (rgb: number): number => (channels === 1 ? 0 : order === 'BGR' ? 2 - rgb : rgb);
  const perColour = (value: (k: number) => number) =>
    [value(channel(0)), value(channel(1)), value(channel(2))] as const;
  return { factor: perColour((k) => scale / std[k]!), offset: perColour((k) => -mean[k]! / std[k]!) };
}
