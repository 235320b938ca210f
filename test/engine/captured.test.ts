/** Whoever changes an argument after the call changes nothing. */
import { describe, expect, test } from 'vitest';
import { classModel } from '../../src/methods/classModel';
import { nodeDrivers } from '../node';
import { engineOn, imageOf, prepared, small, smallInput } from './support';

describe.each(nodeDrivers.slice(0, 1))('arguments are captured at the call, on %s', (driver) => {
  test('four calls from one array that is overwritten between them', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small);
    const images = [1, 2, 3, 4].map((seed) => prepared(small, imageOf(small, seed)));
    const right = [];
    for (const image of images) right.push(await model.inputGradient(image, { class: 1 }));
    const reused = { data: new Float32Array(images[0]!.data.length), shape: [1, 3, 13, 11] };
    const calls = images.map(({ data }) => {
      reused.data.set(data);
      return model.inputGradient(reused, { class: 1 });
    });
    reused.data.fill(NaN);
    reused.shape.length = 0;
    expect(await Promise.all(calls)).toEqual(right);
  });

  test('pictures, of one batch and of all calls that take some', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small, { input: smallInput });
    const picture = (seed: number) => ({
      data: Uint8Array.from({ length: 16 * 14 * 4 }, (_, i) => (i * seed * 7) % 256),
      width: 16,
      height: 14,
    });
    const run = (image: ReturnType<typeof picture>) => [
      model.scores(image),
      model.prepared(image),
      model.inputGradient(image, { class: 'top1' }),
      model.layerGradient(image, { tensor: 'relu2', class: 1 }),
      model.sampleGradient(image, {
        variation: { kind: 'noise', sigma: 0.1, seed: 3 },
        sum: 'signed',
        samples: 3,
        class: 1,
      }),
    ];
    const right = await Promise.all(run(picture(1)));
    const image = picture(1);
    const calls = run(image);
    image.data.set(picture(2).data);
    image.width = 1;
    expect(await Promise.all(calls)).toEqual(right);
  });

  test('class lists, neurons and the other options', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small);
    const image = prepared(small, imageOf(small));
    const right = [
      await model.inputGradient(image, { class: [1, 2] }),
      await model.inputGradient(image, { class: { tensor: 'conv1', channel: 1 }, relu: 'guided' }),
      await model.inputGradient(image, { class: { top: 1, also: [3] } }),
    ];
    const [classes, neuron, also] = [[1, 2], { tensor: 'conv1', channel: 1 }, [3]];
    const options = { class: neuron, relu: 'guided' as 'guided' | 'gradient' };
    const top = { top: 1, also };
    const calls = [
      model.inputGradient(image, { class: classes }),
      model.inputGradient(image, options),
      model.inputGradient(image, { class: top }),
    ];
    classes.splice(0, 2, 4, 4, 4);
    neuron.channel = 99;
    options.relu = 'gradient';
    also[0] = 99;
    top.top = 99;
    expect(await Promise.all(calls)).toEqual(right);
  });

  test('where a class model begins', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small);
    const scoresFrom = async (start: Float32Array, spoil: boolean): Promise<unknown> => {
      const run = classModel(model, { class: 1, iterations: 3, start });
      const next = run.next();
      if (spoil) start.fill(NaN);
      const scores = [await next];
      for (;;) {
        const step = await run.next();
        scores.push(step);
        if (step.done) return step.value.scores;
      }
    };
    const start = prepared(small, imageOf(small)).data;
    expect(await scoresFrom(start.slice(), true)).toEqual(await scoresFrom(start.slice(), false));
  });
});
