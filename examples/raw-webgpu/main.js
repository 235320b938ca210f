// A render loop on a device of its own: a video, drawn to a texture and from there to the canvas. What gradlens takes
// are the lines that end in ◂: it reads that texture, and the same pipeline lays its map over the picture.
import { Engine } from 'gradlens'; // ◂
import net from 'gradlens/weights/everyday-64-robust'; // ◂
import ladybug from './ladybug.webm';

const [width, height] = [480, 360];
const device = await (await navigator.gpu.requestAdapter()).requestDevice();
const context = document.querySelector('canvas').getContext('webgpu');
const format = navigator.gpu.getPreferredCanvasFormat();
context.configure({ device, format });
const video = Object.assign(document.createElement('video'), { src: ladybug, loop: true, muted: true });
await video.play();

const module = device.createShaderModule({
  code: `
@group(0) @binding(0) var linear: sampler;
@group(0) @binding(1) var video: texture_external;
@group(0) @binding(2) var picture: texture_2d<f32>;
@vertex fn everywhere(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i & 2u) * 2.0 - 1.0, 0.0, 1.0);
}
@fragment fn ofVideo(@builtin(position) at: vec4f) -> @location(0) vec4f {
  return textureSampleBaseClampToEdge(video, linear, at.xy / vec2f(${width}, ${height}));
}
@fragment fn ofPicture(@builtin(position) at: vec4f) -> @location(0) vec4f {
  return textureSampleLevel(picture, linear, at.xy / vec2f(${width}, ${height}), 0.0);
}`,
});
const blend = {
  color: { srcFactor: 'src-alpha', dstFactor: 'one-minus-src-alpha' },
  alpha: {},
};
const pipelineOf = (entryPoint, target) =>
  device.createRenderPipeline({
    layout: 'auto',
    vertex: { module },
    fragment: { module, entryPoint, targets: [target] },
  });
const videoPipeline = pipelineOf('ofVideo', { format: 'rgba8unorm' });
const picturePipeline = pipelineOf('ofPicture', { format, blend });
const sampler = device.createSampler({ magFilter: 'linear', minFilter: 'linear' });
const { TEXTURE_BINDING, RENDER_ATTACHMENT, STORAGE_BINDING } = GPUTextureUsage;
const textureFor = (usage) => device.createTexture({ size: [width, height], format: 'rgba8unorm', usage });
const frame = textureFor(TEXTURE_BINDING | RENDER_ATTACHMENT);

const engine = await Engine.create({ device }); // ◂
const model = await engine.load(net); // ◂
const spread = model.spread({ milliseconds: 8 }); // ◂ of the GPU's time per frame
const map = textureFor(TEXTURE_BINDING | STORAGE_BINDING); // ◂
const recording = { input: frame, class: model.labels.indexOf('ladybug'), fading: true, output: map }; // ◂
await model.ready(recording); // ◂

function draw(encoder, view, pipeline, ...pictures) {
  const pass = encoder.beginRenderPass({ colorAttachments: [{ view, loadOp: 'clear', storeOp: 'store' }] });
  pass.setPipeline(pipeline);
  for (const [binding, resource] of pictures) {
    const entries = [
      { binding: 0, resource: sampler },
      { binding, resource },
    ];
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.draw(3);
  }
  pass.end();
}

const count = { frames: 0, maps: 0 };
requestAnimationFrame(function everyFrame() {
  const encoder = device.createCommandEncoder();
  draw(encoder, frame.createView(), videoPipeline, [1, device.importExternalTexture({ source: video })]);
  if (spread.encodeMap(encoder, recording)) count.maps++; // ◂
  const pictures = [frame, map].map((texture) => [2, texture.createView()]); // ◂ the map, too
  draw(encoder, context.getCurrentTexture().createView(), picturePipeline, ...pictures);
  device.queue.submit([encoder.finish()]);
  count.frames++;
  document.querySelector('output').value = `ladybug: ${count.maps} maps in ${count.frames} frames`;
  requestAnimationFrame(everyFrame);
});
