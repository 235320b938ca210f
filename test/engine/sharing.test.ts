/** Weights of one net are on the GPU once, however often it is loaded and with whatever batch. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import type { LoadOptions } from '../../src/options';
import { nodeDrivers } from '../node';
import { counted, deviceOf, engineOn, imageOf, prepared, small } from './support';

const bytes = readFileSync('test/fixtures/excited.onnx');
const fileOf = (contents: Uint8Array<ArrayBuffer> = Uint8Array.from(bytes)): File => new File([contents], 'net.onnx');
const options: LoadOptions = { tune: false };

describe.each(nodeDrivers)('on %s', (driver) => {
  test('three loads of a file take the bytes of one, and leave none', async () => {
    using engine = await engineOn(driver);
    const [first, second] = await Promise.all([engine.load(fileOf(), options), engine.load(fileOf(), options)]);
    const { weights } = first.memory;
    expect(weights).toBeGreaterThan(1000);
    expect(engine.memory().weights).toBe(weights);
    const third = await engine.load(fileOf(), { ...options, batch: 8 });
    const fourth = await third.withBatch(2);
    expect([third.inputShape[0], fourth.inputShape[0]]).toEqual([8, 2]);
    expect(engine.memory().weights).toBe(weights);
    const [, C, H, W] = first.inputShape;
    const image = { data: Float32Array.from({ length: C * H * W }, (_, i) => Math.sin(i)), shape: [C, H, W] };
    const right = await first.inputGradient(image, { class: 0 });
    first.dispose();
    third.dispose();
    expect(await second.inputGradient(image, { class: 0 })).toEqual(right);
    const [scores] = [await fourth.scores([image, image])];
    expect(scores.subarray(0, right.scores.length)).toEqual(right.scores);
    second.dispose();
    expect(engine.memory().weights).toBe(weights);
    fourth.dispose();
    expect(engine.memory()).toMatchObject({ weights: 0, live: 0 });
  });

  test('one that gives up while two are loaded leaves the other whole', async () => {
    using engine = await engineOn(driver);
    for (let at = 1; at <= 4; at++) {
      const gaveUp = new AbortController();
      let told = 0;
      const onProgress: LoadOptions['onProgress'] = ({ phase }) => {
        if (phase === 'upload' && ++told === at * 3) gaveUp.abort(new Error('enough'));
      };
      const aborted = engine
        .load(fileOf(), { ...options, signal: gaveUp.signal, onProgress })
        .catch((error: unknown) => error);
      const other = await engine.load(fileOf(), options);
      expect(await aborted).toEqual(new Error('enough'));
      const [, C, H, W] = other.inputShape;
      const image = { data: new Float32Array(C * H * W).fill(0.5), shape: [C, H, W] };
      expect((await other.scores(image)).some((score) => score !== 0)).toBe(true);
      expect(engine.memory().weights).toBe(other.memory.weights);
      other.dispose();
      expect(engine.memory()).toMatchObject({ weights: 0, live: 0 });
    }
  });

  test('another precision has its own, and what a program builds and may change is shared with no other', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(fileOf(), options);
    using half = await engine.load(fileOf(), { ...options, precision: 'f16' });
    expect(engine.memory().weights).toBeGreaterThan(model.memory.weights);
    expect(half.memory.weights).toBeLessThan(model.memory.weights);
    const weights = new Map([...small.weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
    const graph = { ...small, weights };
    const image = prepared(small, imageOf(small));
    using before = await engine.load(graph, options);
    const right = await before.scores(image);
    weights.get('b3')!.data[0]! += 100;
    using after = await engine.load(graph, options);
    expect((await after.scores(image))[0]).toBeCloseTo(right[0]! + 100, 3);
    expect(await before.scores(image)).toEqual(right);
  });

  test('they move to another device together', async () => {
    const engine = await Engine.create({ device: await deviceOf(driver) });
    const models = [await engine.load(fileOf(), options), await engine.load(fileOf(), { ...options, batch: 2 })];
    await engine.attach(await deviceOf(driver));
    expect(engine.memory().weights).toBe(models[0]!.memory.weights);
    engine.dispose();
    expect(engine.memory()).toMatchObject({ weights: 0, live: 0 });
  });
});

test('files with one other bit are other nets', async () => {
  const { isSameGraph } = await import('../../src/graph');
  const changed = (change: (data: Float32Array) => void) => ({
    ...small,
    weights: new Map(
      [...small.weights].map(([name, { shape, data }]) => {
        const copy = data.slice();
        if (name === 'w2') change(copy);
        return [name, { shape, data: copy }];
      }),
    ),
  });
  expect(
    isSameGraph(
      small,
      changed(() => {}),
    ),
  ).toBe(true);
  expect(
    isSameGraph(
      small,
      changed((data) => (data[data.length - 1]! += 1)),
    ),
  ).toBe(false);
  expect(isSameGraph(small, { ...small, output: 'conv2' })).toBe(false);
  expect(isSameGraph(small, { ...small, nodes: small.nodes.slice(0, -1) })).toBe(false);
});

test('each kernel is compiled once, whoever asks', async () => {
  const { device, counts } = counted(await deviceOf(nodeDrivers[0]!));
  using engine = await Engine.create({ device });
  await engine.load(small);
  const compiled = counts.get('createComputePipelineAsync');
  expect(compiled).toBeGreaterThan(0);
  await engine.load(small);
  expect(counts.get('createComputePipelineAsync')).toBe(compiled);
});
