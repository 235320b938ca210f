/**
 * Video frames and bitmaps in a page, for test/browser/frames.test.ts: how far they are from the same picture in bytes.
 */
import { relativeL2 } from '../../src/compare';
import { Engine } from '../../src/engine';
import { GradlensError } from '../../src/errors';
import type { InputSpec } from '../../src/graph';
import type { RecordedPicture } from '../../src/gpu/recording';
import type { ImageInput } from '../../src/image/pixels';
import { selfTestCase } from '../../src/model/selfTest';

export interface FrameReport {
  /**
   * By kind: the largest difference of a prepared value, in levels of 255, and how often pixels were brought to the
   * CPU.
   */
  readonly kinds: Readonly<Record<string, { readonly difference: number; readonly readBacks: number }>>;
  /** Whether frame and bitmap are still open after all. */
  readonly open: boolean;
  /** Bytes alive after one frame, after a hundred, and at the end. */
  readonly live: readonly [number, number, number];
  /** What is said to a frame that is closed. */
  readonly closed: string;
}

/** What came of a frame whose copy to the GPU is the last thing that its device does. */
export interface FatalReport {
  /** The code of what the first call rejected with. */
  readonly first: string;
  /** On the next device: as in {@link FrameReport}. */
  readonly difference: number;
  /** How often the browser was asked to copy a frame to a texture, on both devices. */
  readonly asked: number;
}

declare global {
  interface Window {
    /** How far a recorded gradient of each kind of picture is from that of the same pixels in bytes; or why not. */
    recordFrames(): Promise<Readonly<Record<string, number | string>>>;
    prepareFrames(): Promise<FrameReport>;
    copyFatally(): Promise<FatalReport>;
  }
}

const [WIDTH, HEIGHT] = [40, 30];
const INPUT: InputSpec = {
  width: 11,
  height: 13,
  channels: 3,
  order: 'RGB',
  resize: 'crop',
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

/** The adapter says that it computes on a GPU of its own. */
if (location.search === '?hardware')
  Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false });

const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
const context = canvas.getContext('2d')!;

/** On the canvas too. */
function picture(transparent: boolean): ImageData {
  const image = context.createImageData(WIDTH, HEIGHT);
  for (let i = 0; i < image.data.length; i++)
    image.data[i] = i % 4 === 3 ? (transparent && i % 16 === 3 ? 90 : 255) : ((i * 7919) >> 3) & 255;
  context.putImageData(image, 0, 0);
  return image;
}

const distance = (actual: Float32Array, expected: Float32Array): number =>
  actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);

window.recordFrames = async () => {
  using engine = await Engine.create();
  const { device } = engine;
  using model = await engine.load(selfTestCase().graph, { input: INPUT });
  const { gradient } = await model.inputGradient(picture(false), { class: 1 });
  const bytes = gradient.byteLength;
  const output = device.createBuffer({ size: bytes, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  const read = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const screen = new OffscreenCanvas(WIDTH, HEIGHT);
  const drawn = screen.getContext('webgpu') as unknown as GPUCanvasContext;
  const { COPY_DST, RENDER_ATTACHMENT, TEXTURE_BINDING } = GPUTextureUsage;
  drawn.configure({ device, format: 'rgba8unorm', usage: COPY_DST | RENDER_ATTACHMENT | TEXTURE_BINDING });
  const frame = new VideoFrame(canvas, { timestamp: 0 });
  const inputs: Record<string, () => RecordedPicture> = {
    'canvas of WebGPU': () => {
      const texture = drawn.getCurrentTexture();
      device.queue.writeTexture({ texture }, picture(false).data, { bytesPerRow: WIDTH * 4 }, [WIDTH, HEIGHT]);
      return texture;
    },
    frame: () => frame,
    'external texture': () => ({
      texture: device.importExternalTexture({ source: frame }),
      width: WIDTH,
      height: HEIGHT,
    }),
    'external texture that does not tell its extents': () => ({
      texture: device.importExternalTexture({ source: frame }),
    }),
  };
  const found: Record<string, number | string> = {};
  for (const [kind, input] of Object.entries(inputs)) {
    try {
      const encoder = device.createCommandEncoder();
      model.encodeGradient(encoder, { input: input(), output, class: 1 });
      encoder.copyBufferToBuffer(output, 0, read, 0, bytes);
      device.queue.submit([encoder.finish()]);
      await read.mapAsync(GPUMapMode.READ);
      found[kind] = relativeL2(new Float32Array(read.getMappedRange()), gradient);
      read.unmap();
    } catch (error) {
      found[kind] = String(error);
    }
  }
  frame.close();
  return found;
};

window.copyFatally = async () => {
  let asked = 0;
  let device: GPUDevice | undefined;
  const { copyExternalImageToTexture: copy } = GPUQueue.prototype;
  GPUQueue.prototype.copyExternalImageToTexture = function (source, ...rest) {
    if (!(source.source instanceof VideoFrame)) return copy.call(this, source, ...rest);
    asked++;
    device!.destroy();
  };
  const opaque = picture(false);
  using frame = Object.assign(new VideoFrame(canvas, { timestamp: 0 }), {
    [Symbol.dispose](this: VideoFrame) {
      this.close();
    },
  });
  const onNewDevice = async (image: ImageInput): Promise<Float32Array> => {
    using engine = await Engine.create();
    device = engine.device;
    return await (await engine.load(selfTestCase().graph, { input: INPUT })).prepared(image);
  };
  const first = await onNewDevice(frame).then(
    () => 'answered',
    (error: unknown) => (error instanceof GradlensError ? error.code : String(error)),
  );
  const difference = distance(await onNewDevice(frame), await onNewDevice(opaque));
  GPUQueue.prototype.copyExternalImageToTexture = copy;
  return { first, difference, asked };
};

window.prepareFrames = async () => {
  let reads = 0;
  const { prototype } = OffscreenCanvasRenderingContext2D;
  const { getImageData } = prototype;
  prototype.getImageData = function (...args: Parameters<typeof getImageData>) {
    reads++;
    return getImageData.apply(this, args);
  };
  const { copyTo } = VideoFrame.prototype;
  VideoFrame.prototype.copyTo = function (...args: Parameters<typeof copyTo>) {
    reads++;
    return copyTo.apply(this, args);
  };

  using engine = await Engine.create();
  const before = engine.memory().live;
  const model = await engine.load(selfTestCase().graph, { input: INPUT });

  const kinds: Record<string, { difference: number; readBacks: number }> = {};
  const compare = async (kind: string, image: ImageInput, reference: ImageInput): Promise<void> => {
    const expected = await model.prepared(reference);
    reads = 0;
    const prepared = await model.prepared(image);
    kinds[kind] = { readBacks: reads, difference: distance(prepared, expected) };
  };

  const seeThrough = picture(true);
  await compare('see-through frame', new VideoFrame(canvas, { timestamp: 0 }), seeThrough);
  await compare('see-through bitmap', await createImageBitmap(seeThrough, { premultiplyAlpha: 'none' }), seeThrough);
  const opaque = picture(false);
  const frame = new VideoFrame(canvas, { timestamp: 0 });
  const bitmap = await createImageBitmap(canvas);
  await compare('frame', frame, opaque);
  await compare('bitmap', bitmap, opaque);
  const raw = new VideoFrame(opaque.data, { format: 'RGBX', codedWidth: WIDTH, codedHeight: HEIGHT, timestamp: 0 });
  await compare('frame of bytes', raw, opaque);
  await compare(
    'part of a frame',
    new VideoFrame(raw, { visibleRect: { x: 4, y: 2, width: 20, height: 16 } }),
    context.getImageData(4, 2, 20, 16),
  );

  await model.scores(frame);
  const once = engine.memory().live;
  for (let k = 0; k < 100; k++) await model.scores(frame);
  const often = engine.memory().live;
  const open = frame.displayWidth === WIDTH && bitmap.width === WIDTH;
  frame.close();
  const closed = await model.scores(frame).then(
    () => 'answered',
    (error: unknown) => String(error),
  );
  model.dispose();
  prototype.getImageData = getImageData;
  VideoFrame.prototype.copyTo = copyTo;
  return { kinds, open, closed, live: [once, often, engine.memory().live - before] };
};
