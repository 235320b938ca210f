/** What hosts record: the best class, neurons, scores beside gradients, and gradients in parts. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import type { Graph } from '../../src/graph';
import type { Model } from '../../src/model';
import type { GradientRecording } from '../../src/model/recordings';
import { nodeDrivers } from '../node';
import { branched, counted, deviceOf, engineOn, imageOf, prepared, small } from './support';

const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;

const bufferOf = (device: GPUDevice, data: number | Float32Array): GPUBuffer => {
  const size = typeof data === 'number' ? data : data.byteLength;
  const buffer = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  if (typeof data !== 'number') device.queue.writeBuffer(buffer, 0, Float32Array.from(data));
  return buffer;
};

async function valuesOf(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  const read = device.createBuffer({ size: buffer.size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, read, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const values = new Float32Array(read.getMappedRange().slice(0));
  read.destroy();
  return values;
}

/** score[c] = slopes[c] · x + offsets[c] of one number x. */
const linear = (slopes: readonly number[], offsets: readonly number[]): Graph => ({
  name: 'linear',
  input: { name: 'image', extents: { C: 1, H: 1, W: 1 } },
  nodes: [{ op: 'fullyConnected', name: 'fc', inputs: ['image'], weight: 'w', bias: 'b' }],
  output: 'fc',
  weights: new Map([
    ['w', { shape: [slopes.length, 1], data: Float32Array.from(slopes) }],
    ['b', { shape: [slopes.length], data: Float32Array.from(offsets) }],
  ]),
});

/** The gradient and the scores that a recording leaves. */
async function recordedOn(
  { device }: Engine,
  model: Model,
  options: Omit<GradientRecording, 'output' | 'scores'>,
  sizes: { readonly output: number; readonly scores: number },
) {
  const [output, scores] = [bufferOf(device, sizes.output), bufferOf(device, sizes.scores)];
  const encoder = device.createCommandEncoder();
  model.encodeGradient(encoder, { ...options, output, scores });
  device.queue.submit([encoder.finish()]);
  return { gradient: await valuesOf(device, output), scores: await valuesOf(device, scores) };
}

describe.each(nodeDrivers)('on %s', (driver) => {
  test('the best class of each item is found on the GPU, by every rule', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small, { batch: 6 });
    const items = [1, -4, 2, -8, 16, -16].map((scale, seed) => imageOf(small, seed).map((value) => value * scale));
    const image = { data: Float32Array.from(items.flatMap((item) => [...item])), shape: [6, 3, 13, 11] };
    const input = bufferOf(engine.device, image.data);
    const best = (await model.inputGradient(image, { class: 'top1' })).classes;
    for (const rules of [{}, { relu: 'guided' }, { score: 'probability' }] as const) {
      const { gradient, scores } = await model.inputGradient(image, { class: best, ...rules });
      const sizes = { output: gradient.byteLength, scores: scores.byteLength };
      expect(await recordedOn(engine, model, { input, class: 'top1', ...rules }, sizes)).toEqual({ gradient, scores });
    }
  });

  test('every item has its own best class', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(linear([3, -1, 2, -5], [0, 0, 0, 0]), { batch: 3 });
    const input = bufferOf(engine.device, Float32Array.of(1, -1, 0.5));
    const found = await recordedOn(engine, model, { input, class: 'top1' }, { output: 12, scores: 48 });
    expect([...found.gradient]).toEqual([3, -5, 3]);
    expect([...found.scores]).toEqual([3, -1, 2, -5, -3, 1, -2, 5, 1.5, -0.5, 1, -2.5]);
  });

  test('of equal scores the first class is the best, wherever it stands', async () => {
    using engine = await engineOn(driver);
    for (const [scores, best] of [
      [Array.from({ length: 200 }, (_, c) => (c % 70 === 69 ? 4 : -1)), 69],
      [Array.from({ length: 67 }, () => -3), 0],
      [Array.from({ length: 67 }, (_, c) => (c === 66 ? -1 : -2)), 66],
      [[-5], 0],
    ] as const) {
      const C = scores.length;
      const slopes = Array.from({ length: C }, (_, c) => c + 1);
      using model = await engine.load(linear(slopes, scores));
      const input = bufferOf(engine.device, Float32Array.of(0));
      const sizes = { output: 4, scores: C * 4 };
      const found = await recordedOn(engine, model, { input, class: 'top1' }, sizes);
      expect(found).toEqual({ gradient: Float32Array.of(best + 1), scores: Float32Array.from(scores) });
    }
  });

  test('a neuron is recorded once it is ready, with its value', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(branched);
    const image = prepared(branched, imageOf(branched));
    const input = bufferOf(engine.device, image.data);
    const tensor = model.tensors[1]!;
    const neuron = { tensor: tensor.name, channel: 1, y: 2, x: 1 };
    const record = { input, class: neuron };
    const right = await engine.load(branched).then((other) => other.inputGradient(image, { class: neuron }));
    const sizes = { output: right.gradient.byteLength, scores: 4 };
    await expect(recordedOn(engine, model, record, sizes)).rejects.toThrow(/are not ready: await model\.ready/);
    await model.ready(record);
    const { scores, gradient } = right;
    expect(await recordedOn(engine, model, record, sizes)).toEqual({ scores, gradient });
    const plane = { tensor: tensor.name, channel: 1 };
    await expect(recordedOn(engine, model, { input, class: plane }, sizes)).rejects.toThrow(/of one place: y and x/);
  });

  test('in parts it has the bits of the whole, and what comes between is told', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(branched);
    const image = prepared(branched, imageOf(branched));
    const { steps, forward } = model.plan;
    expect(steps).toBe(forward.length + model.plan.backward.length);
    const input = bufferOf(device, image.data);
    for (const chosen of [1, 'top1'] as const) {
      const { gradient, scores: right } = await model.inputGradient(image, { class: chosen });
      const [output, scores] = [bufferOf(device, gradient.byteLength), bufferOf(device, right.byteLength)];
      const record = (from: number, to: number): void => {
        const encoder = device.createCommandEncoder();
        model.encodeGradient(encoder, { input, output, scores, class: chosen, steps: { from, to } });
        device.queue.submit([encoder.finish()]);
      };
      for (const size of [1, 3, forward.length, forward.length + 1, steps]) {
        device.queue.writeBuffer(output, 0, new Float32Array(gradient.length));
        device.queue.writeBuffer(scores, 0, new Float32Array(right.length));
        for (let from = 0; from < steps; from += size) record(from, Math.min(from + size, steps));
        expect(await valuesOf(device, output), `parts of ${size}`).toEqual(gradient);
        expect(await valuesOf(device, scores)).toEqual(right);
      }
      expect(() => record(2, 3)).toThrow(/begins at step 2; something else ran .* begin at 0/);
      record(0, 2);
      expect(() => record(3, 4)).toThrow(/begins at step 3; 2 is next/);
      await model.scores(image);
      expect(() => record(2, 3)).toThrow(/something else ran/);
      expect(() => record(0, steps + 1)).toThrow(/steps\.to is/);
      expect(() => record(4, 4)).toThrow(/steps\.from is 4/);
    }
    const both = {
      input,
      output: bufferOf(device, 2 * image.data.byteLength),
      class: [0, 1],
      steps: { from: 0, to: 1 },
    };
    expect(() => model.encodeGradient(device.createCommandEncoder(), both)).toThrow(/one class at a time/);
  });
});

test('a pass forward is recorded with its scores; then nothing is compiled, allocated or submitted', async () => {
  const { device, counts } = counted(await deviceOf(nodeDrivers[0]!));
  using engine = await Engine.create({ device });
  using model = await engine.load(small);
  const image = prepared(small, imageOf(small));
  const input = bufferOf(device, image.data);
  const scores = bufferOf(device, model.classes * 4 + 8);
  const output = bufferOf(device, image.data.byteLength);
  await model.ready({ class: 'top1', input });
  const record = (): void => {
    const encoder = device.createCommandEncoder();
    counts.clear();
    model.encodeForward(encoder, { input, scores: { buffer: scores, offset: 8 } });
    expect([...counts]).toEqual([]);
    model.encodeGradient(encoder, { input, output, class: 'top1' });
    expect([...counts.keys()].filter((name) => !/ErrorScope|createBindGroup$|createBuffer/.test(name))).toEqual([]);
    device.queue.submit([encoder.finish()]);
  };
  record();
  record();
  expect(counts.get('createBuffer')).toBeUndefined();
  expect((await valuesOf(device, scores)).subarray(2)).toEqual(await model.scores(image));
  expect(() => model.encodeForward(device.createCommandEncoder(), { input, scores: output.label as never })).toThrow(
    /scores is/,
  );
});
