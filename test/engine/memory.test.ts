import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import type { Graph } from '../../src/graph';
import { nodeDevice, nodeDrivers } from '../node';
import { relativeL2 } from '../oracle/compare';
import { branched, counted, deviceOf, engineOn, expected, imageOf, prepared, small, witnessed } from './support';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const nets: [string, Graph][] = [
  ['small', small],
  ['branched', branched],
];

describe.each(nodeDrivers)('on %s', (driver) => {
  test.each(nets)(
    'the %s net writes only where it should: what lies behind each of its buffers stays',
    async (_, graph) => {
      const TAIL = 4096;
      const real = await deviceOf(driver);
      const pattern = Uint32Array.from({ length: TAIL / 4 }, (_, i) => 0xc0ffee00 + (i % 251));
      const guarded: { buffer: GPUBuffer; size: number; label: string }[] = [];
      const device = witnessed(real, (name, call, [descriptor]) => {
        if (name === 'createBuffer' && (descriptor.usage & (GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM)) !== 0) {
          const size = descriptor.size as number;
          const buffer = real.createBuffer({
            ...descriptor,
            size: size + TAIL,
            usage: descriptor.usage | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
          });
          real.queue.writeBuffer(buffer, size, pattern);
          guarded.push({ buffer, size, label: descriptor.label });
          return buffer;
        }
        return call();
      });
      const engine = await Engine.create({ device });
      const model = await engine.load(graph, { batch: 3, tune: false }); // the tuner's own buffers are gone by now
      const images = [1, 2, 3].map((seed) => imageOf(graph, seed));
      const { gradient } = await model.inputGradient(prepared(graph, ...images), { class: [0, 3, 4] });
      await model.inputGradient(prepared(graph, ...images), {
        class: { tensor: graph.nodes[1]!.name, channel: 1 },
        relu: 'guided',
      });
      expect(
        relativeL2(gradient.subarray(0, gradient.length / 3), expected(graph, images[0]!, { class: 0 })),
      ).toBeLessThan(1e-5);
      expect(guarded.length).toBeGreaterThan(10);
      const read = real.createBuffer({
        size: TAIL * guarded.length,
        usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
      });
      const encoder = real.createCommandEncoder();
      guarded.forEach(({ buffer, size }, k) => encoder.copyBufferToBuffer(buffer, size, read, k * TAIL, TAIL));
      real.queue.submit([encoder.finish()]);
      await read.mapAsync(GPUMapMode.READ);
      const tails = new Uint32Array(read.getMappedRange());
      guarded.forEach(({ label }, k) =>
        expect(tails.slice((k * TAIL) / 4, ((k + 1) * TAIL) / 4), label).toEqual(pattern),
      );
      engine.dispose();
    },
  );

  test.each(nets)(
    'the %s net takes the bytes that it says, no more after 20 runs, and none after dispose',
    async (_, graph) => {
      using engine = await engineOn(driver);
      const model = await engine.load(graph, { batch: 2 });
      const pair = prepared(graph, imageOf(graph), imageOf(graph, 2));
      await model.inputGradient(pair, { class: 0 });
      const { live, peak } = engine.memory();
      for (let run = 0; run < 20; run++)
        await model.inputGradient(pair, {
          class: run % 2 === 0 ? [1, 2] : 'top1',
          relu: run % 3 === 0 ? 'guided' : 'gradient',
        });
      expect(engine.memory()).toMatchObject({ live, peak });
      const { weights, activations, saved, scratch } = model.memory;
      expect(weights + activations + saved + scratch, 'predicted').toBe(live);
      expect(engine.memory()).toMatchObject({ weights, activations: activations + saved, scratch });
      model.dispose();
      model.dispose();
      expect(engine.memory()).toEqual({ weights: 0, activations: 0, scratch: 0, live: 0, peak });
    },
  );
});

// What does not depend on the driver is looked at on one.
describe.each(nodeDrivers.slice(0, 1))('on %s', (driver) => {
  test("the counts of live bytes, and of the most there ever were, are those of the device's buffers", async () => {
    const real = await deviceOf(driver);
    const alive = new Map<GPUBuffer, number>();
    const bytes = (): number => [...alive.values()].reduce((a, b) => a + b, 0);
    let most = 0;
    const device = witnessed(real, (name, call) => {
      const result = call();
      if (name === 'createBuffer') {
        const buffer = result as GPUBuffer;
        const destroy = buffer.destroy.bind(buffer);
        alive.set(buffer, buffer.size);
        most = Math.max(most, bytes());
        Object.defineProperty(buffer, 'destroy', {
          value: () => {
            alive.delete(buffer);
            destroy();
          },
        });
      }
      return result;
    });
    const engine = await Engine.create({ device });
    const model = await engine.load(branched);
    expect(engine.memory()).toMatchObject({ live: bytes(), peak: most });
    await model.inputGradient(prepared(branched, imageOf(branched)), { class: [0, 1, 2] });
    await model.inputGradient(prepared(branched, imageOf(branched)), { class: { tensor: 'whole', channel: 0 } });
    expect(engine.memory()).toMatchObject({ live: bytes(), peak: most });
    model.dispose();
    const left = bytes();
    expect(left, 'the peak is not what is alive').toBeLessThan(most);
    using smaller = await engine.load(small);
    expect(smaller.memory.weights).toBeGreaterThan(0);
    expect(engine.memory(), 'a smaller model leaves the peak').toMatchObject({ live: bytes(), peak: most });
    engine.dispose();
    expect(bytes()).toBe(0);
    expect(engine.memory()).toMatchObject({ live: 0, peak: most });
  });

  test('an engine with a device of its own holds nothing after dispose either, and the device is gone', async () => {
    const { adapter } = await nodeDevice(driver).then(async ({ device, adapter: used }) => {
      device.destroy();
      return {
        adapter: (await import('../../src/node/dawn')).requestNodeAdapter(
          used.info.isFallbackAdapter ? { icd: driver } : {},
        ),
      };
    });
    const engine = await Engine.onAdapter(await adapter);
    expect(engine.ownsDevice).toBe(true);
    const model = await engine.load(small);
    await model.inputGradient(prepared(small, imageOf(small)), { class: 0 });
    expect(engine.memory().live).toBeGreaterThan(0);
    engine.dispose();
    expect(engine.memory().live).toBe(0);
    expect((await engine.lost).reason).toBe('destroyed');
  });

  test('a run makes nothing: no buffer, bind group or pipeline, one submit, one mapAsync', async () => {
    const { device, counts } = counted(await deviceOf(driver));
    using engine = await Engine.create({ device });
    using model = await engine.load(branched);
    const image = prepared(branched, imageOf(branched));
    const neuron = { tensor: 'whole', channel: 1 };
    const runs = {
      gradient: [() => model.inputGradient(image, { class: 1 }), 1],
      'several classes': [() => model.inputGradient(image, { class: [1, 2, 3] }), 1],
      guided: [() => model.inputGradient(image, { class: 1, relu: 'guided' }), 1],
      neuron: [() => model.inputGradient(image, { class: neuron }), 1],
      scores: [() => model.scores(image), 1],
      top1: [() => model.inputGradient(image, { class: 'top1' }), 1],
      'best of two': [() => model.inputGradient(image, { class: { top: 2 } }), 2],
    } as const;
    for (const [run] of Object.values(runs)) await run();
    for (const [name, [run, submits]] of Object.entries(runs)) {
      counts.clear();
      await run();
      const made = [...counts].filter(
        ([call]) => /^create|^import|^destroy/.test(call) && call !== 'createCommandEncoder',
      );
      expect(made, name).toEqual([]);
      expect([counts.get('submit'), counts.get('mapAsync'), counts.get('writeBuffer')], name).toEqual([
        submits,
        submits,
        1,
      ]);
    }
  });

  test('a second model on a device compiles nothing that the first did', async () => {
    const { device, counts } = counted(await deviceOf(driver));
    using engine = await Engine.create({ device });
    using first = await engine.load(branched);
    expect(counts.get('createComputePipelineAsync')).toBeGreaterThan(5);
    expect(counts.has('createComputePipeline'), 'which would block').toBe(false);
    counts.clear();
    using second = await engine.load(branched);
    expect(counts.has('createComputePipelineAsync')).toBe(false);
    expect(first.memory).toEqual(second.memory);
  });

  test('a model keeps nothing of the results that it gave', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small);
    const image = prepared(small, imageOf(small));
    const probe = await model.probe(['relu2']);
    const calls = {
      scores: () => model.scores(image),
      gradient: () => model.inputGradient(image, { class: 1 }),
      'gradient of the best class': () => model.inputGradient(image, { class: 'top1' }),
      'layer gradient': () => model.layerGradient(image, { tensor: 'relu2', class: 1 }),
      prepared: () => model.prepared(image),
      pullback: () => probe.vjp(image, ({ relu2 }) => ({ relu2: relu2! })),
    };
    const given: Record<string, WeakRef<object>> = {};
    for (const [name, call] of Object.entries(calls)) given[name] = new WeakRef(await call());
    await model.scores(image); // the last result may wait for the next call
    const kept = () => Object.keys(given).filter((name) => given[name]!.deref());
    for (let turn = 0; turn < 20 && kept().length > 0; turn++) {
      await new Promise((done) => setTimeout(done, 0));
      collect();
    }
    expect(kept()).toEqual([]);
  });
});
