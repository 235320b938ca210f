/** What blocks of code take as given. The test puts `open` beside this: for Node, or for a page. */
import { DEFAULT_MODEL } from 'gradlens';
import { open } from './open.js';

export const { engine, picture, newDevice } = await (
  open as () => Promise<{
    engine: import('gradlens').Engine;
    picture: import('gradlens').Pixels & { readonly data: Uint8ClampedArray<ArrayBuffer> };
    newDevice: GPUDevice;
  }>
)();
export const { device } = engine;
export const model = await engine.load(DEFAULT_MODEL);
const { COPY_SRC, COPY_DST, STORAGE } = GPUBufferUsage;
const floats = (count: number, label: string): GPUBuffer =>
  device.createBuffer({ label, size: count * 4, usage: COPY_SRC | COPY_DST | STORAGE });
const prepared = Float32Array.from(await model.prepared(picture));
/** The prepared picture, and room for two gradients. */
export const input = floats(prepared.length, 'input');
device.queue.writeBuffer(input, 0, prepared);
export const output = floats(2 * prepared.length, 'output');
export const buffer = floats(prepared.length, 'buffer');
export const scores = floats(model.classes, 'scores');
/** The tensor `relu4_2`, and the gradient of a loss with respect to it. */
const { C, H, W } = model.tensors.find(({ name }) => name === 'relu4_2')!;
export const features = floats(C * H * W, 'features');
export const gradient = floats(C * H * W, 'gradient');
/** A picture of the host's, and where a map may be drawn. */
const { TEXTURE_BINDING, STORAGE_BINDING, RENDER_ATTACHMENT } = GPUTextureUsage;
const textureFor = (usage: number): GPUTexture =>
  device.createTexture({ size: [picture.width, picture.height], format: 'rgba8unorm', usage });
export const frame = textureFor(TEXTURE_BINDING | RENDER_ATTACHMENT | GPUTextureUsage.COPY_DST);
device.queue.writeTexture({ texture: frame }, new Uint8Array(picture.data), { bytesPerRow: picture.width * 4 }, [
  picture.width,
  picture.height,
]);
export const [texture, renderTarget] = [frame, frame];
export const mapTexture = textureFor(TEXTURE_BINDING | STORAGE_BINDING);
/** In a page: a canvas of WebGPU, and the picture as a video. */
export const context = typeof document === 'undefined' ? (undefined as never) : drawnTo();
function drawnTo(): GPUCanvasContext {
  const made = document.createElement('canvas').getContext('webgpu')!;
  made.configure({ device, format: 'rgba8unorm', usage: STORAGE_BINDING | RENDER_ATTACHMENT });
  return made;
}
export const video = typeof document === 'undefined' ? (undefined as never) : await playing();
async function playing(): Promise<HTMLVideoElement> {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 480 });
  const draw = (): void => canvas.getContext('2d')!.putImageData(picture as ImageData, 0, 0);
  draw();
  const element = document.createElement('video');
  Object.assign(element, { srcObject: canvas.captureStream(), muted: true });
  setInterval(draw, 100);
  await element.play();
  return element;
}
