import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import { nodeDrivers } from '../node';
import { branched, counted, deviceOf, engineOn, imageOf, prepared, small } from './support';

const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
const BYTES = 3 * 13 * 11 * 4;

function buffersOf(device: GPUDevice, images: readonly Float64Array[], gradients: number) {
  const inputs = images.map((image) => {
    const input = device.createBuffer({ size: BYTES, usage: STORAGE | COPY_SRC | COPY_DST });
    device.queue.writeBuffer(input, 0, Float32Array.from(image));
    return input;
  });
  const output = device.createBuffer({ size: gradients * BYTES, usage: STORAGE | COPY_SRC | COPY_DST });
  const read = device.createBuffer({ size: gradients * BYTES, usage: MAP_READ | COPY_DST });
  return { inputs, output, read };
}

async function valuesOf(read: GPUBuffer): Promise<Float32Array> {
  await read.mapAsync(GPUMapMode.READ);
  return new Float32Array(read.getMappedRange().slice(0));
}

describe.each(nodeDrivers)('encodeGradient on %s', (driver) => {
  test(
    'several gradients in one encoder, of other pictures, classes, rules and scores, each equal to its own ' + 'run',
    async () => {
      using engine = await engineOn(driver);
      const { device } = engine;
      using model = await engine.load(small);
      const images = [imageOf(small, 1), imageOf(small, 2)];
      const { inputs, output, read } = buffersOf(device, images, 1);
      const recordings = [
        { image: 0, class: 0 },
        { image: 1, class: 4, relu: 'guided' },
        { image: 0, class: 4, relu: 'deconvnet' },
        { image: 0, class: 1, score: 'probability' },
        { image: 1, class: 0 },
      ] as const;
      const reads = recordings.map(() => device.createBuffer({ size: BYTES, usage: MAP_READ | COPY_DST }));
      const encoder = device.createCommandEncoder();
      recordings.forEach(({ image, ...options }, k) => {
        model.encodeGradient(encoder, { input: inputs[image]!, output, ...options });
        encoder.copyBufferToBuffer(output, 0, reads[k]!, 0, BYTES);
      });
      device.queue.submit([encoder.finish()]);
      for (const [k, { image, ...options }] of recordings.entries()) {
        const { gradient } = await model.inputGradient(prepared(small, images[image]!), options);
        expect(await valuesOf(reads[k]!), JSON.stringify(options)).toEqual(gradient);
      }
      read.destroy();
    },
  );

  test('a recording that is submitted while a call is pending disturbs neither', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small);
    const [mine, theirs] = [imageOf(small, 1), imageOf(small, 2)];
    const { inputs, output, read } = buffersOf(device, [theirs], 1);
    const expected = {
      1: await model.inputGradient(prepared(small, mine), { class: 1 }),
      top1: await model.inputGradient(prepared(small, mine), { class: 'top1' }),
    };
    const host = await model.inputGradient(prepared(small, theirs), { class: 0 });
    for (const chosen of [1, 'top1'] as const) {
      for (let turns = 0; turns < 12; turns++) {
        const pending = model.inputGradient(prepared(small, mine), { class: chosen });
        for (let turn = 0; turn < turns; turn++)
          await (turn % 3 === 2 ? new Promise((resolve) => setTimeout(resolve, 1)) : Promise.resolve());
        const encoder = device.createCommandEncoder();
        model.encodeGradient(encoder, { input: inputs[0]!, output, class: 0 });
        device.queue.submit([encoder.finish()]);
        const { scores, gradient } = await pending;
        expect(gradient, `${chosen} after ${turns} turns`).toEqual(expected[chosen].gradient);
        expect(scores).toEqual(expected[chosen].scores);
      }
    }
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(output, 0, read, 0, BYTES);
    device.queue.submit([encoder.finish()]);
    expect(await valuesOf(read)).toEqual(host.gradient);
  });

  test('several classes of one picture lie behind one another', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small);
    const image = imageOf(small);
    const { inputs, output, read } = buffersOf(device, [image], 3);
    const encoder = device.createCommandEncoder();
    model.encodeGradient(encoder, { input: inputs[0]!, output, class: [3, 1, 3] });
    encoder.copyBufferToBuffer(output, 0, read, 0, 3 * BYTES);
    device.queue.submit([encoder.finish()]);
    expect(await valuesOf(read)).toEqual(
      (await model.inputGradient(prepared(small, image), { class: [3, 1, 3] })).gradient,
    );
  });

  test('takes its input from a larger buffer and writes into one, each from an offset on', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small);
    const images = [imageOf(small, 1), imageOf(small, 2)];
    const { output, read } = buffersOf(device, [], 3);
    const input = device.createBuffer({ size: 3 * BYTES, usage: COPY_SRC | COPY_DST });
    images.forEach((image, k) => device.queue.writeBuffer(input, 12 + k * BYTES, Float32Array.from(image)));
    const encoder = device.createCommandEncoder();
    for (const k of [0, 1]) {
      const at = {
        input: { buffer: input, offset: 12 + k * BYTES },
        output: { buffer: output, offset: 4 + k * BYTES },
      };
      model.encodeGradient(encoder, { ...at, class: 2 });
    }
    encoder.copyBufferToBuffer(output, 0, read, 0, 3 * BYTES);
    device.queue.submit([encoder.finish()]);
    const values = await valuesOf(read);
    for (const [k, image] of images.entries()) {
      const { gradient } = await model.inputGradient(prepared(small, image), { class: 2 });
      expect(values.subarray(1 + (k * BYTES) / 4, 1 + ((k + 1) * BYTES) / 4)).toEqual(gradient);
    }
    expect([values[0], values[1 + (2 * BYTES) / 4]], 'nothing beside them').toEqual([0, 0]);
    const refused = (message: string) => expect.objectContaining({ message: expect.stringContaining(message) });
    expect(() =>
      model.encodeGradient(encoder, { input, output: { buffer: output, offset: 2 * BYTES + 4 }, class: 0 }),
    ).toThrow(refused('the output buffer has 5148 bytes, 1712 of them from 3436 on, 1 gradient(s) take 1716'));
    for (const offset of [-4, 2, NaN, '8' as never])
      expect(() => model.encodeGradient(encoder, { input: { buffer: input, offset }, output, class: 0 })).toThrow(
        refused('a multiple of 4 from 0 would be right'),
      );
  });

  test('records only: nothing is allocated, submitted, written or awaited', async () => {
    const { device, counts } = counted(await deviceOf(driver));
    using engine = await Engine.create({ device });
    using model = await engine.load(small);
    const { inputs, output } = buffersOf(device, [imageOf(small)], 1);
    const encoder = device.createCommandEncoder();
    counts.clear();
    expect(model.encodeGradient(encoder, { input: inputs[0]!, output, class: 2 })).toBeUndefined();
    expect([...counts]).toEqual([]);
    encoder.finish();
  });

  test('refuses small buffers, wrong classes and a disposed model', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small);
    const {
      inputs: [input],
      output,
    } = buffersOf(device, [imageOf(small)], 1);
    const encoder = device.createCommandEncoder();
    const tiny = device.createBuffer({ size: 16, usage: STORAGE | COPY_SRC | COPY_DST });
    const shape = (message: string) =>
      expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) });
    expect(() => model.encodeGradient(encoder, { input: tiny, output, class: 0 })).toThrow(
      shape('the input buffer has 16 bytes, [1, 3, 13, 11] float32 takes 1716'),
    );
    expect(() => model.encodeGradient(encoder, { input: input!, output: tiny, class: 0 })).toThrow(
      shape('the output buffer has 16 bytes, 1 gradient(s) take 1716'),
    );
    expect(() => model.encodeGradient(encoder, { input: input!, output, class: [0, 1] })).toThrow(
      shape('2 gradient(s) take 3432'),
    );
    expect(() => model.encodeGradient(encoder, { input: input!, output, class: 5 })).toThrow(shape('class 5'));
    model.dispose();
    expect(() => model.encodeGradient(encoder, { input: input!, output, class: 0 })).toThrow(
      expect.objectContaining({ code: 'disposed' }),
    );
  });
});

describe.each(nodeDrivers.slice(0, 1))('a borrowed device on %s', (driver) => {
  test("has WebGPU's default limits, and outlives the engine with its handler and its buffers", async () => {
    const device = await deviceOf(driver);
    expect(device.limits.maxStorageBufferBindingSize).toBe(2 ** 27);
    const handler = (): void => {};
    device.onuncapturederror = handler;
    const own = device.createBuffer({ size: 16, usage: COPY_SRC });
    const engine = await Engine.create({ device });
    expect(engine.ownsDevice).toBe(false);
    const model = await engine.load(branched);
    await model.inputGradient(prepared(branched, imageOf(branched)), { class: 0 });
    engine.dispose();
    engine.dispose();
    expect(device.onuncapturederror).toBe(handler);
    expect(await Promise.race([device.lost, Promise.resolve('alive')])).toBe('alive');
    const read = device.createBuffer({ size: 16, usage: COPY_DST | MAP_READ });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(own, 0, read, 0, 16);
    device.queue.submit([encoder.finish()]);
    expect([...(await valuesOf(read))]).toEqual([0, 0, 0, 0]);
    device.onuncapturederror = null;
  });

  test("keeps its host's errors to its host: scopes around, and errors during, whatever the engine does", async () => {
    const device = await deviceOf(driver);
    const uncaptured: string[] = [];
    device.addEventListener('uncapturederror', (event) => uncaptured.push(event.error.message));
    const misuse = (): void =>
      void device.createBuffer({
        label: 'of the host',
        size: 16,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE,
      });
    device.pushErrorScope('validation');
    const engine = await Engine.create({ device });
    let working = true;
    const work = (async () => {
      const model = await engine.load(small);
      await model.inputGradient(prepared(small, imageOf(small)), { class: 0 });
      await model.inputGradient(prepared(small, imageOf(small)), { class: 'top1' });
      engine.dispose();
    })().finally(() => {
      working = false;
    });
    let mine = 0;
    let caught = 0;
    while (working) {
      device.pushErrorScope('validation');
      misuse();
      if ((await device.popErrorScope()) !== null) caught++;
      mine++;
      await new Promise((done) => setTimeout(done, 1));
    }
    await work; // no error of the host's has failed it
    expect(caught).toBe(mine);
    expect(await device.popErrorScope()).toBeNull();
    misuse();
    await device.queue.onSubmittedWorkDone();
    await new Promise((done) => setTimeout(done, 50));
    expect(uncaptured).toHaveLength(1);
  });
});
