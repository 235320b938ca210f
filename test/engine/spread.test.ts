/** Gradients over frames: how many steps a frame holds, and that all parts make the bits of the whole. */
import { describe, expect, test } from 'vitest';
import { FramePace } from '../../src/gpu/pace';
import type { Graph } from '../../src/graph';
import { nodeDrivers } from '../node';
import { Net, real } from '../ops/net';
import { engineOn, imageOf, prepared, small } from './support';

const { COPY_SRC, COPY_DST, MAP_READ, STORAGE } = GPUBufferUsage;

/** A render loop: what each frame takes where `frame` of it is the host's and a cost of 1 takes `each`. */
function loop(costs: readonly number[], budget: number, { frame, each, rate = 1 }: Record<string, number>): number[][] {
  const pace = new FramePace(costs, budget, rate);
  const maps: number[][] = [];
  for (let map = 0; map < 6; map++) {
    pace.took(0, 0, frame!);
    const frames: number[] = [];
    for (let from = 0; from < costs.length; ) {
      const to = pace.until(from);
      const milliseconds = frame! + each! * costs.slice(from, to).reduce((a, b) => a + b, 0);
      pace.took(from, to, milliseconds);
      frames.push(milliseconds);
      from = to;
    }
    maps.push(frames);
  }
  return maps;
}

describe('a frame takes at most what it takes without, the budget, and a fifth', () => {
  const costs = Array.from({ length: 40 }, (_, k) => 1 + ((k * 7) % 5) / 2);
  test.each([
    ['the device is as fast as supposed', 0.5, 1, 2],
    ['it is a hundred times slower', 0.5, 1, 200],
    ['it is a thousand times faster', 0.01, 1, 0.01],
    ['the frame is long without', 12, 1, 2],
  ])('%s', (_, frame, rate, each) => {
    const budget = 4 * each * 3;
    const maps = loop(costs, budget, { frame, each: each * 1, rate });
    const last = maps.at(-1)!;
    expect(Math.max(...last)).toBeLessThanOrEqual(1.2 * (frame + budget));
    const whole = each * costs.reduce((a, b) => a + b, 0);
    expect(last.length, 'and no more frames than it takes').toBeLessThanOrEqual(Math.ceil(whole / budget) * 1.5);
  });

  test('a step that is longer than the budget has a frame of its own', () => {
    expect(new FramePace([1, 9, 1, 1], 2, 1).until(0)).toBe(1);
    expect(new FramePace([1, 9, 1, 1], 2, 1).until(1)).toBe(2);
    expect(new FramePace([1, 9, 1, 1], 2, 1).until(2)).toBe(4);
  });
});

test.each(nodeDrivers)(
  'a gradient over frames on %s has the bits of the whole, and a free frame before each',
  async (driver) => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small);
    const image = prepared(small, imageOf(small));
    const right = await model.inputGradient(image, { class: 'top1' });
    const bytes = image.data.byteLength;
    const [input, output] = [0, 1].map(() => device.createBuffer({ size: bytes, usage: COPY_SRC | COPY_DST }));
    device.queue.writeBuffer(input!, 0, Float32Array.from(image.data));
    const read = device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST });
    for (const profile of [undefined, await model.profile(image, { class: 0 })]) {
      const spread = model.spread({ milliseconds: 1e-6, ...(profile && { profile }) });
      for (let map = 0; map < 2; map++) {
        let frames = 0;
        for (let done = false; !done; frames++) {
          const encoder = device.createCommandEncoder();
          done = spread.encodeGradient(encoder, { input: input!, output: output!, class: 'top1' });
          device.queue.submit([encoder.finish()]);
          await device.queue.onSubmittedWorkDone();
        }
        expect(frames, 'a step each').toBe(model.plan.steps + 1);
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(output!, 0, read, 0, bytes);
        device.queue.submit([encoder.finish()]);
        await read.mapAsync(GPUMapMode.READ);
        expect(new Float32Array(read.getMappedRange().slice(0))).toEqual(right.gradient);
        read.unmap();
      }
    }
    expect(() => model.spread({ milliseconds: 0 })).toThrow(/milliseconds is 0; a number above 0/);
    expect(() => model.spread({ milliseconds: 1, profile: { clock: 'gpu', steps: [] } })).toThrow(/of \d+ steps/);
  },
);

/** A host whose frames take 16 ms of the device by themselves: what a frame takes with what `record` adds. */
async function hostOn(device: GPUDevice): Promise<(record?: (encoder: GPUCommandEncoder) => void) => Promise<number>> {
  const code = `
@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  var x = f32(id.x);
  for (var i = 0u; i < 2000u; i++) { x = fract(x * 1.7 + 0.3); }
  out[id.x] = x;
}`;
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const buffer = device.createBuffer({ size: 2 ** 20, usage: STORAGE });
  const entries = [{ binding: 0, resource: { buffer } }];
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  let workgroups = 64;
  const frame = async (record?: (encoder: GPUCommandEncoder) => void): Promise<number> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(workgroups);
    pass.end();
    record?.(encoder);
    const began = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - began;
  };
  for (let k = 0; k < 3; k++) {
    const times = [await frame(), await frame(), await frame(), await frame()];
    workgroups = Math.min(4096, Math.max(1, Math.round((workgroups * 16) / quantile(times, 0.5))));
  }
  return frame;
}

/** Steps of much the same length. */
const paced: Graph = (() => {
  const net = new Net({ C: 8, H: 20, W: 20 }, 3, real);
  let x = 'image';
  for (let layer = 0; layer < 8; layer++) x = net.relu(net.conv(x, 8, { kernel: [3, 3], pads: [1, 1, 1, 1] }));
  return net.graph(net.fullyConnected(x, 3));
})();

const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))]!;

test('a render loop of 16 ms keeps its pace', async () => {
  using engine = await engineOn(nodeDrivers.at(-1)!);
  const { device } = engine;
  using model = await engine.load(paced);
  const [, C, H, W] = model.inputShape;
  const [input, output] = [0, 1].map(() => device.createBuffer({ size: C * H * W * 4, usage: COPY_SRC | COPY_DST }));
  const options = { input: input!, output: output!, class: 1 };
  const frame = await hostOn(device);
  const whole: number[] = [];
  for (let k = 0; k < 6; k++)
    whole.push((await frame((encoder) => model.encodeGradient(encoder, options))) - (await frame()));
  const budget = quantile(whole, 0.5) / 3;

  const spread = model.spread({ milliseconds: budget });
  const without: number[] = [];
  const within: number[] = [];
  const framesOf: number[] = [];
  for (let map = 0; map < 6; map++) {
    framesOf.push(0);
    for (let isNew = false; !isNew; framesOf[map]!++) {
      // one by one, so that whatever else the machine does counts for both
      const alone = await frame();
      const shared = await frame((encoder) => (isNew = spread.encodeGradient(encoder, options)));
      if (map < 2) continue; // it does not know the device yet
      without.push(alone);
      within.push(shared);
    }
  }
  const said = `whole ${quantile(whole, 0.5)}, frames ${framesOf.join()}`;
  for (const part of [0.5, 0.75])
    expect(quantile(within, part), said).toBeLessThanOrEqual(1.2 * (quantile(without, part) + budget));
});
