/** Any loss of any tensors: what is read, and the gradient of what is seeded, against the oracle. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import type { FullyConnectedNode } from '../../src/ops/fullyConnected';
import { nodeDrivers } from '../node';
import { batchOf } from '../ops/net';
import { relativeL2 } from '../oracle/compare';
import { inputAwayFromKinks } from '../oracle/kinks';
import { RULES, expectProbed, expectRandomProbed, expectedOf, someTensors } from './probing';
import { branched, counted, deviceOf, engineOn } from './support';

const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;

describe.each(nodeDrivers)('a probe on %s', (driver) => {
  const seeds = Array.from({ length: driver === 'lavapipe' ? 9 : 3 }, (_, seed) => seed);

  test.each(seeds)('of random net %i: tensors and the gradient of several seeds at once', async (seed) => {
    using engine = await engineOn(driver);
    await expectRandomProbed(engine, seed, {
      batch: 1 + (seed % 3),
      count: 1 + (seed % 5),
      rules: [RULES[(seed + Math.floor(seed / 3)) % 3]!],
    });
  });

  test.each([
    ['gentle', 1 / 64],
    ['near 1', 1],
  ])('of the soft-max at the end, %s, alone and beside a tensor that it is made of', async (_, scale) => {
    const { nodes, weights, output } = branched;
    const last = nodes.find(({ op }) => op === 'fullyConnected') as FullyConnectedNode;
    const { data, ...rest } = weights.get(last.weight)!;
    const scaled = { ...rest, data: data.map((value) => value * scale) };
    const graph = { ...branched, weights: new Map([...weights, [last.weight, scaled]]) };
    using engine = await engineOn(driver);
    using model = await engine.load(graph, { batch: 2 });
    const items = [1, 2].map((seed) => inputAwayFromKinks(graph, 1e-4, seed));
    for (const names of [[output], [output, 'again']]) await expectProbed(model, items, { names, rules: ['gradient'] });
  });

  test('records forward, the pass of a host and backward in its encoder; nothing submitted or allocated', async () => {
    const { device, counts } = counted(await deviceOf(driver));
    using engine = await Engine.create({ device });
    using model = await engine.load(branched);
    const item = inputAwayFromKinks(branched, 1e-4, 1);
    const names = someTensors(branched, 2, 2);
    const right = expectedOf(branched, [item], { names, rules: ['gradient'] });
    const probe = await model.probe(names);
    const bytesOf = (name: string): number => right.tensors.get(name)!.byteLength;
    const buffer = (size: number): GPUBuffer => device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
    const input = buffer(item.length * 4 + 8);
    device.queue.writeBuffer(input, 8, Float32Array.from(item));
    const tensors = Object.fromEntries(names.map((name) => [name, { buffer: buffer(bytesOf(name) + 4), offset: 4 }]));
    const seeds = Object.fromEntries(names.map((name) => [name, buffer(bytesOf(name))]));
    for (const name of names) device.queue.writeBuffer(seeds[name]!, 0, right.seeds.get(name)!);
    const scores = buffer(model.classes * 4);
    const output = buffer(item.length * 4 + 16);
    const read = device.createBuffer({ size: item.length * 4, usage: MAP_READ | COPY_DST });
    const encoder = device.createCommandEncoder();
    counts.clear();
    probe.encodeForward(encoder, { input: { buffer: input, offset: 8 }, tensors, scores });
    probe.encodeBackward(encoder, { seeds, output: { buffer: output, offset: 16 } });
    expect([...counts]).toEqual([]);
    encoder.copyBufferToBuffer(output, 16, read, 0, item.length * 4);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    expect(relativeL2(new Float32Array(read.getMappedRange().slice(0)), right.gradients.get('gradient')!)).toBeLessThan(
      1e-5,
    );
    read.destroy();
  });
});

test('what is no tensor, no seed or no place is refused', async () => {
  using engine = await engineOn(nodeDrivers[0]!);
  using model = await engine.load(branched);
  const image = batchOf(branched, [inputAwayFromKinks(branched, 1e-4, 1)]);
  await expect(model.probe(['nowhere'])).rejects.toThrow(/there is no tensor 'nowhere'; there are /);
  await expect(model.probe([])).rejects.toThrow(/a list of different names of tensors/);
  const [{ name } = { name: '' }] = model.tensors;
  const probe = await model.probe([name]);
  await expect(probe.vjp(image, () => ({ other: new Float32Array(1) }))).rejects.toThrow(
    /has no tensor 'other'; it has/,
  );
  await expect(probe.vjp(image, () => ({ [name]: new Float32Array(1) }))).rejects.toThrow(/has 1 elements; it takes/);
  await expect(probe.vjp(image, () => ({ [name]: [1] as never }))).rejects.toThrow(/Float32Array/);
  const { device } = engine;
  const small = device.createBuffer({ size: 4, usage: COPY_SRC | COPY_DST });
  const encoder = device.createCommandEncoder();
  expect(() => probe.encodeForward(encoder, { input: small })).toThrow(/input buffer has 4 bytes/);
  expect(() => probe.encodeBackward(encoder, { seeds: { [name]: small }, output: small })).toThrow(/has 4 bytes/);
  model.dispose();
  expect(() => probe.encodeBackward(encoder, { seeds: {}, output: small })).toThrow(/disposed/);
});
