/** Whoever changes an argument after the call changes nothing. */
import { describe, expect, test } from 'vitest';
import {
  type Heatmap,
  METHODS,
  type SaliencyOptions,
  attackBatch,
  classModel,
  mapBy,
  mapStream,
  saliencies,
} from '../../src';
import { nodeDrivers } from '../node';
import { engineOn, imageOf, prepared, small, smallInput } from './support';

const picture = (seed: number) => ({
  data: Uint8Array.from({ length: 16 * 14 * 4 }, (_, i) => (i * seed * 7) % 256),
  width: 16,
  height: 14,
});

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

  test.each(METHODS.map(({ name }) => name))('what the method %s takes', async (name) => {
    using engine = await engineOn(driver);
    using model = await engine.load(small, { input: smallInput });
    const right = await mapBy(name, model, picture(1), { class: 1 });
    const [image, options] = [picture(1), { class: 1 as number | 'top1' }];
    const call = mapBy(name, model, image, options);
    image.data.set(picture(2).data);
    options.class = 2;
    expect(await call).toEqual(right);
  });

  test('how channels become one, a list of classes, and the limits of an attack', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small, { input: smallInput });
    using pair = await model.withBatch(2);
    const settings = (): Omit<SaliencyOptions, 'class'> & { class: number[] } => ({
      class: [1, 3],
      channels: 'sum',
      relu: 'guided',
    });
    const limits = () => ({ epsilon: 0.1, steps: 2, class: [1, 2] });
    const attacked = async (call: ReturnType<typeof attackBatch>) =>
      (await call).map(({ change, meta, before }) => ({ change, meta, before }));
    const right = [
      await saliencies(model, picture(1), settings()),
      await attacked(attackBatch(pair, [picture(1), picture(2)], limits())),
    ];
    const [image, images] = [picture(1), [picture(1), picture(2)]];
    const [map, attack] = [settings(), limits()];
    const calls = [saliencies(model, image, map), attacked(attackBatch(pair, images, attack))];
    Object.assign(map, { channels: 'max-abs', relu: 'gradient' });
    Object.assign(attack, { epsilon: 0.9, steps: 1 });
    for (const classes of [map.class, attack.class]) classes.splice(0, 2, 0, 0);
    for (const { data } of [image, ...images]) data.fill(0);
    images.length = 0;
    expect(await Promise.all(calls)).toEqual(right);
  });

  test.each([
    ['saliency', 1],
    ['saliency', 3],
    ['grad-cam', 2],
  ] as const)('pictures of a stream that come in one array: %s, %i at once', async (name, batch) => {
    using engine = await engineOn(driver);
    using model = await engine.load(small, { input: smallInput, batch });
    const seeds = [1, 2, 3, 4, 5];
    const mapsOf = async (pictures: Iterable<ReturnType<typeof picture>>): Promise<Heatmap[]> => {
      const maps: Heatmap[] = [];
      for await (const map of mapStream(name, model, pictures, { class: 1 })) maps.push(map);
      return maps;
    };
    const reused = picture(0);
    const frames = function* () {
      for (const seed of seeds) {
        reused.data.set(picture(seed).data);
        yield reused;
      }
      reused.data.fill(0);
    };
    expect(await mapsOf(frames())).toEqual(await mapsOf(seeds.map(picture)));
  });

  test('the options of a class model that begins later', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small);
    const last = async (run: ReturnType<typeof classModel>): Promise<Float32Array> => {
      for (;;) {
        const step = await run.next();
        if (step.done) return step.value.data;
      }
    };
    const right = await last(classModel(model, { class: { tensor: 'conv1', channel: 1 }, iterations: 3 }));
    const options = { class: { tensor: 'conv1', channel: 1 }, iterations: 3 };
    const run = classModel(model, options);
    options.class.channel = 0;
    options.iterations = 1;
    expect(await last(run)).toEqual(right);
  });
});
