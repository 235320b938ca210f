/** Promises of the browser's that never settle, and what is left after a call that ended early: nothing. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import type { Model } from '../../src/model';
import { smoothGrad } from '../../src/methods/smoothGrad';
import { nodeDevice, nodeDrivers } from '../node';
import { deviceOf, imageOf, prepared, small, witnessed } from './support';

const driver = nodeDrivers[0]!;
const image = prepared(small, imageOf(small));
const untuned = { tune: false };
const SOON = 100;

/** A device on which calls of one name hang, once it is told so. */
async function hanging(name: string) {
  const { device: real } = await nodeDevice(driver);
  const state = { hangs: false, hung: 0 };
  const device = witnessed(real, (called, call) => {
    if (called !== name || !state.hangs) return call();
    state.hung++;
    if (called === 'popErrorScope') (call() as Promise<unknown>).catch(() => {});
    return new Promise(() => {});
  });
  return { real, device, state };
}

/** How a call ended, if it has within so many milliseconds. */
const outcomeOf = (call: Promise<unknown>, milliseconds = SOON): Promise<unknown> =>
  Promise.race([
    call.then(
      () => 'an answer',
      (error: unknown) => error,
    ),
    new Promise((done) => setTimeout(() => done('still waiting'), milliseconds)),
  ]);

const reason = new Error('nobody waits any longer');
const coded = (code: string) => expect.objectContaining({ name: 'GradlensError', code });
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((done) => setTimeout(done, 2));
};
const later = () => new Promise((done) => setTimeout(done, 30));

describe(`on ${driver}`, () => {
  describe.each(['createComputePipelineAsync', 'popErrorScope'])('a load whose %s never settles', (name) => {
    test.each(['abort', 'dispose', 'loss'] as const)('ends by %s: at once, without a byte', async (way) => {
      const { real, device, state } = await hanging(name);
      const engine = await Engine.create({ device });
      const controller = new AbortController();
      state.hangs = true;
      const loading = engine.load(small, { ...untuned, signal: controller.signal });
      const caught = loading.catch((error: unknown) => error);
      await until(() => state.hung > 0);
      if (way === 'abort') controller.abort(reason);
      if (way === 'dispose') engine.dispose();
      if (way === 'loss') real.destroy();
      const right = { abort: reason, dispose: coded('disposed'), loss: coded('device-lost') }[way];
      expect(await outcomeOf(caught.then((error) => Promise.reject(error)))).toEqual(right);
      expect(engine.memory().live).toBe(0);
      state.hangs = false;
      if (way === 'abort') {
        const model = await engine.load(small, untuned);
        expect((await model.inputGradient(image, { class: 0 })).gradient.some((value) => value !== 0)).toBe(true);
      }
      engine.dispose();
      real.destroy();
    });
  });

  const runs: readonly (readonly [
    hangs: string,
    what: string,
    run: (m: Model, signal: AbortSignal) => Promise<unknown>,
  ])[] = [
    ['mapAsync', 'gradient', (m, signal) => m.inputGradient(image, { class: 1, signal })],
    ['popErrorScope', 'gradient', (m, signal) => m.inputGradient(image, { class: 1, signal })],
    [
      'createComputePipelineAsync',
      'neuron',
      (m, signal) => m.inputGradient(image, { class: { tensor: 'conv1', channel: 0 }, signal }),
    ],
    ['onSubmittedWorkDone', 'SmoothGrad', (m, signal) => smoothGrad(m, image, { class: 1, samples: 200, signal })],
    ['mapAsync', 'profile', (m, signal) => m.profile(image, { class: 1, signal })],
  ];

  describe.each(runs)('with a %s that never settles a %s', (name, _, run) => {
    test.each(['abort', 'dispose', 'loss'] as const)('ends by %s, and leaves nothing', async (way) => {
      const { real, device, state } = await hanging(name);
      const engine = await Engine.create({ device });
      const model = await engine.load(small, untuned);
      const right = await model.inputGradient(image, { class: 0 });
      const { live } = engine.memory();
      const controller = new AbortController();
      state.hangs = true;
      const caught = run(model, controller.signal).catch((error: unknown) => error);
      await until(() => state.hung > 0);
      const waiting = way === 'abort' ? null : model.scores(image).catch((error: unknown) => error);
      if (way === 'abort') controller.abort(reason);
      if (way === 'dispose') model.dispose();
      if (way === 'loss') real.destroy();
      const ended = { abort: reason, dispose: coded('disposed'), loss: coded('device-lost') }[way];
      expect(await outcomeOf(caught.then((error) => Promise.reject(error)))).toEqual(ended);
      state.hangs = false;
      if (waiting) {
        expect(await outcomeOf(waiting.then((error) => Promise.reject(error)))).toEqual(ended);
      } else {
        expect(await model.inputGradient(image, { class: 0 })).toEqual(right);
        expect(engine.memory().live).toBeLessThanOrEqual(live);
      }
      engine.dispose();
      await later();
      expect(engine.memory().live).toBe(0);
      real.destroy();
    });
  });

  test('after a loss the models go on on another device, with their bits and their bytes', async () => {
    const { device: first } = await nodeDevice(driver);
    const engine = await Engine.create({ device: first });
    const model = await engine.load(small, untuned);
    const gone = await engine.load(small, untuned);
    const right = await model.inputGradient(image, { class: 2 });
    first.destroy();
    await expect(model.scores(image)).rejects.toThrow(coded('device-lost'));
    await expect(engine.load(small)).rejects.toThrow(coded('device-lost'));
    gone.dispose();
    const second = await deviceOf(driver);
    const { tuningStore } = engine['gpuDevice'];
    await engine.attach(second);
    expect(engine.device).toBe(second);
    expect(engine['gpuDevice'].tuningStore).toBe(tuningStore); // of `caches: false` in memory, too
    expect(engine.ownsDevice).toBe(false);
    expect(await model.inputGradient(image, { class: 2 })).toEqual(right);
    expect((await model.inputGradient(image, { class: 'top1' })).gradient.length).toBe(right.gradient.length);
    const { weights, activations, saved, scratch } = model.memory;
    expect(engine.memory().live).toBe(weights + activations + saved + scratch);
    await expect(gone.scores(image)).rejects.toThrow(coded('disposed'));
    // calls under way when it moves again are told so
    const pending = model.inputGradient(image, { class: 2 }).catch((error: unknown) => error);
    await engine.attach(await deviceOf(driver));
    const outcome = await pending;
    if (outcome instanceof Error) expect(outcome).toEqual(coded('device-lost'));
    else expect(outcome).toEqual(right);
    expect(await model.inputGradient(image, { class: 2 })).toEqual(right);
    engine.dispose();
    expect(engine.memory().live).toBe(0);
    await expect(engine.attach(second)).rejects.toThrow(coded('disposed'));
  });

  test('disposing in the middle of a profile, of views or of a class model tells the host nothing', async () => {
    const device = await deviceOf(driver);
    const uncaught: string[] = [];
    device.addEventListener('uncapturederror', (event) => uncaught.push(event.error.message));
    const engine = await Engine.create({ device });
    for (let wait = 0; wait < 12; wait++) {
      const model = await engine.load(small, untuned);
      const calls = [
        model.profile(image, { class: 1 }),
        smoothGrad(model, image, { class: 1, samples: 30 }),
        model.inputGradient(image, { class: 'top1' }),
      ].map((call) => call.catch((error: unknown) => error));
      await new Promise((done) => setTimeout(done, wait));
      model.dispose();
      for (const error of await Promise.all(calls)) expect(error).toEqual(coded('disposed'));
      await later();
      expect(engine.memory().live).toBe(0);
    }
    await device.queue.onSubmittedWorkDone();
    expect(uncaught).toEqual([]);
  });

  test('a load that never runs gives back the staging of its uploads, which drivers keep until a submit', async () => {
    const real = await deviceOf(driver);
    const calls: string[] = [];
    const device = witnessed(real, (name, call) => {
      if (name === 'writeBuffer' || name === 'submit') calls.push(name);
      return call();
    });
    const engine = await Engine.create({ device });
    (await engine.load(small, untuned)).dispose();
    expect(calls.at(-1)).toBe('submit');
    const controller = new AbortController();
    const aborted = engine.load(small, {
      ...untuned,
      signal: controller.signal,
      onProgress: ({ phase, done }) => phase === 'upload' && done > 0 && controller.abort(reason),
    });
    await expect(aborted).rejects.toBe(reason);
    expect(calls.at(-1)).toBe('submit');
    const model = await engine.load(small, untuned);
    await model.scores(image);
    calls.length = 0;
    model.dispose();
    expect(calls, 'a model that ran has nothing to give back').toEqual([]);
    engine.dispose();
  });
});
