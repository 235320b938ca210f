// A picture in a texture of TypeGPU's, and the map over it, drawn to the canvas of its root.
import { Engine } from 'gradlens';
import net from 'gradlens/weights/imagenette-128-robust';
import tgpu from 'typegpu';
import church from './church.jpg';

const root = await tgpu.init();
const picture = root.createTexture({ size: [480, 360], format: 'rgba8unorm' }).$usage('sampled', 'render');
picture.write(await createImageBitmap(await (await fetch(church)).blob()));
const canvas = document.querySelector('canvas');
const context = root.configureContext({ canvas, format: 'rgba8unorm', usage: GPUTextureUsage.STORAGE_BINDING });

const model = await (await Engine.create({ device: root.device })).load(net);
const input = root.unwrap(picture);
const encoder = root.device.createCommandEncoder();
model.encodeMap(encoder, { input, class: 'top1', overlay: true, output: context.getCurrentTexture() });
root.device.queue.submit([encoder.finish()]);
document.querySelector('output').value = (await model.classify(input, 1))[0].label;
