/** How much work a submit holds: no watchdog may take a long gradient for a hang. */
import { describe, expect, test } from 'vitest';
import { Commands } from '../../src/gpu/commands';
import { Rate } from '../../src/gpu/pace';
import { Engine } from '../../src/engine';
import type { Model } from '../../src/model';
import { saliency } from '../../src/methods/saliency';
import { smoothGrad } from '../../src/methods/smoothGrad';
import { nodeDrivers } from '../node';
import { deviceOf, imageOf, prepared, small, witnessed } from './support';

test('a device whose speed nobody knows is taken for a slow one; then its last run counts', () => {
  const rate = new Rate();
  expect(rate.mostFlops).toBe(2.5e9);
  rate.took(62e9, 0, 20); // VGG-16's gradient on a fast GPU
  expect(rate.mostFlops).toBeGreaterThan(62e9);
  rate.took(62e9, 10, 12_020); // and on a CPU, once what was submitted before was done
  expect(62e9 / rate.mostFlops).toBeCloseTo(48);
  const { mostFlops } = rate;
  rate.took(0, 12_020, 12_025); // a copy says nothing
  expect(rate.mostFlops).toBe(mostFlops);
});

test('too much work for one submit is cut between dispatches, in order; one that is too large goes alone', () => {
  const submits: string[][] = [];
  const gpu = {
    createCommandEncoder: () => {
      const recorded: string[] = [];
      return {
        copyBufferToBuffer: (what: string) => recorded.push(what),
        finish: () => recorded,
      };
    },
    queue: { submit: ([recorded]: [string[]]) => submits.push(recorded) },
  };
  const commands = new Commands(gpu as never, 'test', 10);
  const note = (what: string): void => commands.copyBufferToBuffer(what as never, 0, null as never, 0, 0);
  note('before');
  for (const some of commands.portions([4, 6, 0, 1, 25, 3, 7, 1].map((flops) => ({ flops }))))
    note(some.map(({ flops }) => flops).join('+'));
  note('between');
  for (const some of commands.portions([{ flops: 9 }, { flops: 2 }])) note(`${some.length}`);
  note('after');
  commands.submit();
  expect(submits).toEqual([['before', '4+6+0'], ['1'], ['25'], ['3+7'], ['1', 'between', '1'], ['1', 'after']]);
  expect(commands.flops).toBe(58);
});

describe.each(nodeDrivers.slice(0, 1))('on %s', (driver) => {
  const image = prepared(small, imageOf(small));
  const calls: Readonly<Record<string, (model: Model) => Promise<ArrayLike<number>>>> = {
    'a class': async (model) => (await model.inputGradient(image, { class: 1 })).gradient,
    'three classes': async (model) => (await model.inputGradient(image, { class: [0, 2, 4] })).gradient,
    'the best class': async (model) => (await model.inputGradient(image, { class: 'top1' })).gradient,
    'a neuron': async (model) =>
      (await model.inputGradient(image, { class: { tensor: 'conv2', channel: 1 } })).gradient,
    'the layer gradient': async (model) => (await model.layerGradient(image, { tensor: 'relu2', class: 1 })).gradient,
    'a map of views': async (model) => (await saliency(model, image, { class: 1 })).data,
    SmoothGrad: async (model) => (await smoothGrad(model, image, { class: 1, samples: 3 })).data,
  };

  test.each(Object.entries(calls))('%s in many submits has the bits of one in few', async (_, run) => {
    let submits = 0;
    const device = witnessed(await deviceOf(driver), (name, call) => {
      if (name === 'submit') submits++;
      return call();
    });
    /** What it gives where a submit holds so many FLOPs, and how many submits that takes. */
    const holding = async <T>(mostFlops: number, work: () => Promise<T>): Promise<[T, number]> => {
      const measured = Object.getOwnPropertyDescriptor(Rate.prototype, 'mostFlops')!;
      Object.defineProperty(Rate.prototype, 'mostFlops', { configurable: true, get: () => mostFlops });
      try {
        submits = 0;
        return [await work(), submits];
      } finally {
        Object.defineProperty(Rate.prototype, 'mostFlops', measured);
      }
    };
    using engine = await Engine.create({ device });
    using model = await engine.load(small, { tune: false });
    const [right, few] = await holding(Infinity, () => run(model));
    const [same, many] = await holding(1, () => run(model));
    expect(same).toEqual(right);
    expect(many).toBeGreaterThan(few);
  });
});
