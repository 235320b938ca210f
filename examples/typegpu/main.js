// TypeGPU's device, and its buffers as the gradient's input and output.
import { Engine, renderMap } from 'gradlens';
import net from 'gradlens/weights/imagenette-128-robust';
import tgpu from 'typegpu';
import { arrayOf, f32 } from 'typegpu/data';
import church from './church.jpg';

const root = await tgpu.init();
const picture = await (await fetch(church)).blob();

const engine = await Engine.create({ device: root.device });
const model = await engine.load(net);
const [, C, H, W] = model.inputShape;
const input = root.createBuffer(arrayOf(f32, C * H * W), Array.from(await model.prepared(picture))).$usage('storage');
const gradient = root.createBuffer(arrayOf(f32, C * H * W)).$usage('storage');
const [best] = await model.classify(picture, 1);

const encoder = root.device.createCommandEncoder();
model.encodeGradient(encoder, { input: root.unwrap(input), output: root.unwrap(gradient), class: best.index });
root.device.queue.submit([encoder.finish()]);

// the gradient is a buffer like any other of TypeGPU's; here it is read, and its green shown
const data = Float32Array.from(await gradient.read()).slice(H * W, 2 * H * W);
const map = renderMap({ data, width: W, height: H, signed: true }, { width: 480, height: 360 });
document
  .querySelector('canvas')
  .getContext('2d')
  .putImageData(new ImageData(map.data, 480, 360), 0, 0);
document.querySelector('output').value = best.label;
engine.dispose();
root.destroy();
