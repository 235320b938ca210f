/** Calls by programs without types: refused by name, value and what would be right, before anything is done. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import type { Model } from '../../src/model';
import { nodeDrivers } from '../node';
import { engineOn, imageOf, prepared, small } from './support';

const driver = nodeDrivers[0]!;
const image = prepared(small, imageOf(small));
const refused = (...parts: readonly string[]) =>
  expect.objectContaining({
    name: 'GradlensError',
    message: expect.stringMatching(new RegExp(parts.map((part) => part.replace(/[[\](){}.]/g, '\\$&')).join('.*'))),
  });

/** What a caller without types gives, and what the refusal must name. */
const calls = (
  [
    ['a class as text', (m) => m.inputGradient(image, { class: '3' }), "class is '3'", 'a class by its number'],
    ['no class', (m) => m.inputGradient(image, {}), 'class is undefined', "'top1'"],
    ['no options', (m) => m.inputGradient(image), 'options is undefined', '{ class }'],
    ['options that are null', (m) => m.inputGradient(image, null), 'options is null'],
    ['a neuron without a channel', (m) => m.inputGradient(image, { class: { tensor: 'conv1' } }), 'class is an object'],
    ['classes as text', (m) => m.inputGradient(image, { class: ['1'] }), 'class is a list of 1'],
    ['an unknown word for a class', (m) => m.inputGradient(image, { class: 'top5' }), "class is 'top5'"],
    ['a class that is null', (m) => m.inputGradient(image, { class: null }), 'class is null'],
    ['an unknown score', (m) => m.inputGradient(image, { class: 0, score: 'nope' }), "score is 'nope'", "'logit'"],
    ['an unknown rule', (m) => m.inputGradient(image, { class: 0, relu: 'nope' }), "relu is 'nope'", "'guided'"],
    ['no picture', (m) => m.inputGradient(undefined, { class: 0 }), 'image is undefined', 'a picture'],
    ['a picture that is null', (m) => m.scores(null), 'image is null'],
    ['a picture that is text', (m) => m.scores('a.png'), "image is 'a.png'"],
    ['a list with a hole', (m) => m.scores([image, null]), 'image 1 is null'],
    ['a tensor in a list', (m) => m.scores({ data: [1, 2], shape: [1, 2] }), 'Float32Array'],
    ['a tensor without a list of extents', (m) => m.scores({ data: image.data, shape: 3 }), 'shape', '3'],
    ['a signal that is none', (m) => m.scores(image, { signal: true }), 'signal is true', 'an AbortSignal'],
    ['progress that is no function', (m) => m.scores(image, { onProgress: 1 }), 'onProgress is 1', 'a function'],
    ['half a class', (m) => m.classify(image, 0.5), 'top is 0.5', 'a whole number from 1'],
    ['no tensor', (m) => m.layerGradient(image, { class: 0 }), 'tensor is undefined'],
    ['sampling without a class', (m) => m.sampleGradient(image, { samples: 1 }), 'class is undefined'],
    ['views without a class', (m) => m.averageViews([image], [], { channels: 'sum' }), 'class is undefined'],
    ['a profile without a class', (m) => m.profile(image), 'options is undefined'],
    ['an ascent without a class', (m) => m.ascend({}), 'class is undefined'],
    ['an ascent on the best class', (m) => m.ascend({ class: 'top1' }), "class is 'top1'"],
  ] satisfies readonly (readonly [call: string, run: (model: any) => unknown, ...named: string[]])[]
).map(([call, run, ...named]) => ({ call, run: run as (model: any) => unknown, named: named as string[] }));

describe(`on ${driver}`, () => {
  test.each(calls)('$call', async ({ run, named }) => {
    using engine = await engineOn(driver);
    using model = await engine.load(small);
    const { live } = engine.memory();
    const answer = run(model);
    expect(answer).toBeInstanceOf(Promise); // it rejects, and never throws
    await expect(answer).rejects.toThrow(refused(...named));
    expect(engine.memory().live).toBe(live);
    expect((await model.inputGradient(image, { class: 0 })).gradient.some((value) => value !== 0)).toBe(true);
  });

  test('encodeGradient, before anything is recorded', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small);
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const size = image.data.byteLength;
    const input = device.createBuffer({ size, usage: COPY_SRC });
    const output = device.createBuffer({ size, usage: COPY_DST });
    const useless = device.createBuffer({ size, usage: STORAGE });
    const encoder = device.createCommandEncoder();
    const right = { input, output, class: 0 };
    const record =
      (options: unknown, to: unknown = encoder) =>
      () =>
        (model as any).encodeGradient(to, options);
    expect(record(right, null)).toThrow(refused('encoder is null', 'a GPUCommandEncoder'));
    expect(record(undefined)).toThrow(refused('options is undefined'));
    expect(record({ output, class: 0 })).toThrow(refused('input is undefined', 'a GPUBuffer'));
    expect(record({ ...right, input: { texture: 3 } })).toThrow(refused('input is an object', 'a GPUTexture'));
    expect(record({ input, class: 0 })).toThrow(refused('output is undefined', 'a GPUBuffer'));
    expect(record({ ...right, class: 'top5' })).toThrow(refused("class is 'top5'", 'a class by its number'));
    expect(record({ ...right, class: { top: 5 } })).toThrow(refused('class is an object'));
    expect(record({ ...right, class: { tensor: 'conv1', channel: 0 } })).toThrow(refused('are not ready'));
    expect(record({ ...right, relu: 'nope' })).toThrow(refused("relu is 'nope'"));
    expect(record({ ...right, score: 'nope' })).toThrow(refused("score is 'nope'"));
    expect(record({ ...right, input: useless })).toThrow(refused('the input buffer lacks the usage COPY_SRC'));
    expect(record({ ...right, output: useless })).toThrow(refused('the output buffer lacks the usage COPY_DST'));
    device.pushErrorScope('validation');
    device.queue.submit([encoder.finish()]);
    expect(await device.popErrorScope(), 'nothing was recorded').toBeNull();
  });

  test('what an encoder throws while one records is typed', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small);
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const [input, output] = [0, 1].map(() => device.createBuffer({ size: image.data.byteLength, usage }));
    for (const broken of ['copyBufferToBuffer', 'beginComputePass']) {
      const encoder = device.createCommandEncoder();
      Object.defineProperty(encoder, broken, {
        value: () => {
          throw new TypeError('broken');
        },
      });
      expect(() => model.encodeGradient(encoder, { input: input!, output: output!, class: 0 })).toThrow(
        refused('encodeGradient: TypeError: broken'),
      );
    }
  });

  test.each([null, undefined, 3, true])('load(%s)', async (source) => {
    using engine = await engineOn(driver);
    await expect(engine.load(source as never)).rejects.toThrow(refused(`source is ${source}`, 'an address'));
  });

  test('load with options that are none, and engines of nothing', async () => {
    using engine = await engineOn(driver);
    await expect(engine.load(small, null as never)).rejects.toThrow(refused('options is null'));
    await expect(engine.load(small, { batch: '2' as never })).rejects.toThrow(refused("batch is '2'"));
    await expect(engine.load(small, { signal: {} as never })).rejects.toThrow(refused('signal is an object'));
    await expect(Engine.create(null as never)).rejects.toThrow(refused('source is null'));
    await expect(Engine.create({ device: null as never })).rejects.toThrow(refused('device is null', 'a GPUDevice'));
  });

  test('what is of another kind, but has the right shape, is refused as well', async () => {
    using engine = await engineOn(driver);
    using model: Model = await engine.load(small);
    const data = [...image.data];
    await expect(model.scores({ data, shape: image.shape } as never)).rejects.toThrow(refused('no Float32Array'));
    await expect(model.scores({} as never)).rejects.toThrow(refused('a picture'));
  });
});
