import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import { GradlensError } from '../../src/errors';
import type { InputGradient } from '../../src/options';
import { type NodeDriver, nodeDevice, nodeDrivers } from '../node';
import { branched, deviceOf, engineOn, imageOf, prepared, small, witnessed } from './support';

const image = prepared(small, imageOf(small));
const [one] = nodeDrivers as readonly [NodeDriver];
const coded = (code: string) => expect.objectContaining({ name: 'GradlensError', code });
const settled = <T>(promises: readonly Promise<T>[]) => Promise.allSettled(promises);
const turns = async (count: number): Promise<void> => {
  for (let k = 0; k < count; k++) await Promise.resolve();
};

describe('abort', () => {
  const reason = new Error('the visitor went elsewhere');

  test("before anything: load and run reject with the signal's reason", async () => {
    using engine = await engineOn(one);
    const signal = AbortSignal.abort(reason);
    await expect(engine.load(small, { signal })).rejects.toBe(reason);
    expect(engine.memory().live).toBe(0);
    using model = await engine.load(small);
    const { live } = engine.memory();
    await expect(model.inputGradient(image, { class: 0, signal })).rejects.toBe(reason);
    await expect(model.scores(image, { signal })).rejects.toBe(reason);
    expect(engine.memory().live).toBe(live);
  });

  test('at any moment of a load: the reason, and no bytes', async () => {
    using engine = await engineOn(one);
    let events = 0;
    (await engine.load(small, { onProgress: () => events++ })).dispose();
    expect(events).toBeGreaterThan(10);
    for (let at = 1; at <= events; at++) {
      const controller = new AbortController();
      let seen = 0;
      const loading = engine.load(small, {
        signal: controller.signal,
        onProgress: () => {
          if (++seen === at) controller.abort(reason);
        },
      });
      await expect(loading, `aborted at event ${at} of ${events}`).rejects.toBe(reason);
      expect(engine.memory().live).toBe(0);
    }
  });

  test('at any moment of a run: the reason, at once; the runs after it are right', async () => {
    using engine = await engineOn(one);
    using model = await engine.load(small);
    const right = await model.inputGradient(image, { class: 1 });
    for (const wait of [0, 1, 2, 3, 5, 8, 13, 21, 34]) {
      const controller = new AbortController();
      const run = model.inputGradient(image, { class: 'top1', signal: controller.signal });
      const waiting = model.inputGradient(image, { class: 2, signal: controller.signal });
      const next = model.inputGradient(image, { class: 1 });
      await turns(wait);
      controller.abort(reason);
      await expect(run).rejects.toBe(reason);
      await expect(waiting).rejects.toBe(reason);
      expect(await next).toEqual(right);
    }
    expect(engine.memory().live).toBe(
      model.memory.weights + model.memory.activations + model.memory.saved + model.memory.scratch,
    );
  });
});

describe('dispose', () => {
  test('use after it is refused, for models and engines', async () => {
    using engine = await engineOn(one);
    const model = await engine.load(small);
    model.dispose();
    await expect(model.scores(image)).rejects.toThrow(coded('disposed'));
    await expect(model.classify(image)).rejects.toThrow(coded('disposed'));
    await expect(model.inputGradient(image, { class: 0 })).rejects.toThrow(coded('disposed'));
    const other = await engine.load(small);
    engine.dispose();
    await expect(other.inputGradient(image, { class: 0 })).rejects.toThrow(coded('disposed'));
    await expect(engine.load(small)).rejects.toThrow(coded('disposed'));
    expect(() => engine.check()).toThrow(coded('disposed'));
  });

  test.each([['model'], ['engine']])(
    'of the %s at any moment of its work: disposed, no number, no bytes',
    async (which) => {
      using shared = await engineOn(one);
      for (const wait of [0, 1, 2, 4, 8, 16, 32, 64]) {
        const engine = await Engine.create({ device: shared.device });
        const model = await engine.load(small);
        const calls: Promise<unknown>[] = [
          model.inputGradient(image, { class: { tensor: 'conv1', channel: 0 } }),
          model.inputGradient(image, { class: 'top1' }),
          model.scores(image),
        ];
        if (which === 'engine') calls.push(engine.load(branched));
        const outcomes = settled(calls);
        await turns(wait);
        (which === 'engine' ? engine : model).dispose();
        for (const outcome of await outcomes)
          expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'GradlensError', code: 'disposed' } });
        await new Promise((done) => setTimeout(done, 5));
        expect(engine.memory().live).toBe(0);
        engine.dispose();
      }
    },
  );
});

describe.each(nodeDrivers)('a device that is lost on %s', (driver) => {
  test('every pending call and every later one says so; never a number', async () => {
    for (const wait of driver === 'swiftshader' ? [0, 20] : [0, 1, 3, 10, 30, 100]) {
      const { device } = await nodeDevice(driver);
      const engine = await Engine.create({ device });
      const model = await engine.load(small);
      const outcomes = settled<unknown>([
        model.inputGradient(image, { class: 0 }),
        model.inputGradient(image, { class: 'top1' }),
        model.scores(image),
        engine.load(branched),
        engine.check(),
        model.inputGradient(image, { class: { tensor: 'relu2', channel: 0 } }),
      ]);
      await turns(wait);
      device.destroy();
      for (const outcome of await outcomes)
        expect(outcome, `after ${wait} turns`).toMatchObject({
          status: 'rejected',
          reason: { name: 'GradlensError', code: 'device-lost' },
        });
      expect((await engine.lost).reason).toBe('destroyed');
      await expect(model.inputGradient(image, { class: 0 })).rejects.toThrow(coded('device-lost'));
      await expect(engine.load(small)).rejects.toThrow(coded('device-lost'));
      engine.dispose();
      expect(engine.memory().live).toBe(0);
    }
  });
});

/** A tuner tries candidates, and one that fails is no failure of the model. */
const untuned = { tune: false };

describe('a device that fails at the k-th call', () => {
  let real: GPUDevice;
  let right: InputGradient;
  beforeAll(async () => {
    real = await deviceOf(one);
    using engine = await Engine.create({ device: real });
    using model = await engine.load(small, untuned);
    right = await model.inputGradient(image, { class: 1 });
  });
  afterAll(() => real.destroy());

  /** Load, gradient, top1, neuron, gradient again, dispose: how it ended, and how often `name` was called. */
  async function work(name: string, fail: (k: number, call: () => unknown, args: readonly any[]) => unknown) {
    let calls = 0;
    const engine = await Engine.create({
      device: witnessed(real, (called, call, args) => (called === name ? fail(++calls, call, args) : call())),
    });
    const errors: unknown[] = [];
    const note = (error: unknown): undefined => void errors.push(error);
    const model = await engine.load(small, untuned).catch(note);
    const first = await model?.inputGradient(image, { class: 1 }).catch(note);
    await model?.inputGradient(image, { class: 'top1' }).catch(note);
    await model?.inputGradient(image, { class: { tensor: 'conv2', channel: 1 } }).catch(note);
    const last = await model?.inputGradient(image, { class: 1 }).catch(note);
    for (const answer of [first, last]) if (answer) expect(answer).toEqual(right);
    for (const error of errors) expect(error, `${name}: ${String(error)}`).toBeInstanceOf(GradlensError);
    engine.dispose();
    expect(engine.memory().live, name).toBe(0);
    return { calls, errors: errors as GradlensError[], loaded: model !== undefined, last };
  }

  /** An error as a device reports it: nothing throws, but a scope (or nobody) hears of it. */
  const reported: Record<string, (call: () => unknown, args: readonly any[]) => unknown> = {
    createBuffer: (_, [descriptor]) =>
      real.createBuffer({ ...descriptor, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE }),
    submit: () => real.queue.submit([real.createCommandEncoder().finish(), ...brokenCommands()]),
    createBindGroup: (_, [descriptor]) => real.createBindGroup({ ...descriptor, entries: [] }),
    mapAsync: () => Promise.reject(new DOMException('injected', 'OperationError')),
    createComputePipelineAsync: () => Promise.reject(new Error('injected')),
    writeBuffer: (_, [buffer]) => real.queue.writeBuffer(buffer, buffer.size, new Uint32Array(4)),
  };
  function brokenCommands(): GPUCommandBuffer[] {
    const encoder = real.createCommandEncoder();
    encoder.copyBufferToBuffer(
      real.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ }),
      0,
      real.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST }),
      0,
      16,
    );
    return [encoder.finish()];
  }

  test.each(Object.keys(reported))(
    '%s, by throwing or by reporting: a typed error, no wrong number, no bytes; and the next run is right',
    async (name) => {
      const { calls, errors } = await work(name, (_, call) => call());
      expect(errors).toEqual([]);
      if (name === 'createComputePipelineAsync') return; // all are cached on this device; see below
      expect(calls).toBeGreaterThan(2);
      real.pushErrorScope('validation'); // what is reported outside of the engine's scopes is not this test's
      for (let bad = 1; bad <= calls; bad++) {
        const ways = [
          (_call: () => unknown, _args: readonly any[]): unknown => {
            throw new TypeError('injected');
          },
          reported[name]!,
        ];
        for (const [way, failing] of ways.entries()) {
          const outcome = await work(name, (k, call, args) => (k === bad ? failing(call, args) : call()));
          expect(outcome.errors.length, `${name} ${bad} of ${calls}, way ${way}`).toBe(1);
          if (outcome.loaded && bad < calls - 2)
            expect(outcome.last, `${name} ${bad} of ${calls}, way ${way}: the model works on`).toEqual(right);
        }
      }
      await real.popErrorScope();
    },
  );

  test('out of memory, as the driver reports it, is told as such', async () => {
    // to the scope of the first createBuffer that asks for this kind of error: the outermost of three
    let pops = Infinity;
    const engine = await Engine.create({
      device: witnessed(real, (name, call) => {
        if (name === 'createBuffer') pops = Math.min(pops, 3);
        const result = call();
        return name === 'popErrorScope' && --pops === 0 ? Promise.resolve(new GPUOutOfMemoryError('injected')) : result;
      }),
    });
    await expect(engine.load(small, untuned)).rejects.toThrow(coded('out-of-memory'));
    engine.dispose();
    expect(engine.memory().live).toBe(0);
  });

  test('createComputePipelineAsync: a shader error names the kernel, and the next load compiles again', async () => {
    const { device: fresh } = await nodeDevice(one);
    for (const bad of [1, 4]) {
      let calls = 0;
      const failing = witnessed(fresh, (name, call) =>
        name === 'createComputePipelineAsync' && ++calls === bad ? Promise.reject(new Error('injected')) : call(),
      );
      const engine = await Engine.create({ device: failing });
      await expect(engine.load(small, untuned)).rejects.toThrow(coded('shader'));
      expect(engine.memory().live).toBe(0);
      using model = await engine.load(small, untuned);
      expect(await model.inputGradient(image, { class: 1 })).toEqual(right);
      engine.dispose();
    }
    fresh.destroy();
  });
});
