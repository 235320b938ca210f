/**
 * Video frames and bitmaps in a page, for test/browser/frames.test.ts: how far they are from the same picture in bytes.
 */
import { Engine } from '../../src/engine';
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

declare global {
  interface Window {
    prepareFrames(): Promise<FrameReport>;
  }
}

const [WIDTH, HEIGHT] = [40, 30];

window.prepareFrames = async () => {
  let reads = 0;
  const { prototype } = OffscreenCanvasRenderingContext2D;
  const { getImageData } = prototype;
  prototype.getImageData = function (...args: Parameters<typeof getImageData>) {
    reads++;
    return getImageData.apply(this, args);
  };

  using engine = await Engine.create();
  const before = engine.memory().live;
  const model = await engine.load(selfTestCase().graph, {
    input: {
      width: 11,
      height: 13,
      channels: 3,
      order: 'RGB',
      resize: 'crop',
      scale: 1,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
  });
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const context = canvas.getContext('2d')!;
  const picture = (transparent: boolean): ImageData => {
    const image = context.createImageData(WIDTH, HEIGHT);
    for (let i = 0; i < image.data.length; i++)
      image.data[i] = i % 4 === 3 ? (transparent && i % 16 === 3 ? 90 : 255) : ((i * 7919) >> 3) & 255;
    context.putImageData(image, 0, 0);
    return image;
  };

  const kinds: Record<string, { difference: number; readBacks: number }> = {};
  const compare = async (kind: string, image: ImageInput, reference: ImageInput): Promise<void> => {
    const expected = await model.prepared(reference);
    reads = 0;
    const prepared = await model.prepared(image);
    kinds[kind] = {
      readBacks: reads,
      difference: prepared.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0),
    };
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
  return { kinds, open, closed, live: [once, often, engine.memory().live - before] };
};
