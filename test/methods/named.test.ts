/** Every method by its record: what it says of itself, and that it runs. A new method is tested here as it is. */
import { describe, expect, test } from 'vitest';
import {
  METHODS,
  type Method,
  type MethodOption,
  type MethodValues,
  type Progress,
  SHIPPED_MODELS,
  batchFor,
  mapBy,
  mapsBy,
  methodNamed,
  valuesOf,
} from '../../src';
import { relativeL2 } from '../../src/compare';
import { ruleOf } from '../../src/methods/method';
import { fileAddress } from '../../src/node';
import { C, H, W, engineOn, graph, picture, pixels, preparation } from './support';

/** As few samples as make a map. */
const quick = ({ options }: Method): MethodValues => (Object.hasOwn(options, 'samples') ? { samples: 2 } : {});

describe('records', () => {
  test('are the methods, in the order in which they were published', () => {
    expect(METHODS.map(({ name }) => name).slice(0, 2)).toEqual(['saliency', 'occlusion']);
    for (const key of ['name', 'title', 'meaning'] as const)
      expect(new Set(METHODS.map((method) => method[key])).size).toBe(METHODS.length);
    const years = METHODS.map(({ year }) => year);
    expect(years).toEqual(years.toSorted((a, b) => a - b));
  });

  test('options of one name are one flag and one field: they differ in their words only', () => {
    const known = new Map<string, object>();
    for (const { options } of METHODS)
      for (const [name, { label, help, ...meaning }] of Object.entries(options)) {
        expect(label.length * help.length).toBeGreaterThan(0);
        expect(known.get(name) ?? meaning, name).toEqual(meaning);
        known.set(name, meaning);
      }
    expect(known.size).toBeGreaterThan(4);
  });

  test('defaults and variants are values that the options take', () => {
    for (const method of METHODS) {
      for (const [name, option] of Object.entries<MethodOption>(method.options))
        if ('default' in option) expect(ruleOf(option).holds(option.default), `${method.name} ${name}`).toBe(true);
      for (const values of Object.values(method.variants ?? {})) expect(valuesOf(method, values)).toMatchObject(values);
    }
  });

  test('what a method does not have is refused by name', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph);
    expect(() => methodNamed('saliencey')).toThrow(/method is 'saliencey'; 'saliency', .* would be right/);
    expect(() => methodNamed('constructor')).toThrow("method is 'constructor'");
    await expect(mapBy('grad-cam', model, picture, { views: 10 })).rejects.toThrow(
      'views is no option of grad-cam, which has tensor',
    );
    await expect(mapBy('occlusion', model, picture, { toString: 1 } as object)).rejects.toThrow('which has none');
    await expect(mapBy('saliency', model, picture, { views: 5 as 10 })).rejects.toThrow('views is 5; 1 or 10');
    await expect(mapBy('smoothgrad', model, picture, { samples: 0 })).rejects.toMatchObject({ code: 'validation' });
    await expect(mapBy('layers', model, picture, { tensors: 'relu1' as never })).rejects.toThrow('a list of names');
  });
});

describe.each(METHODS.map((method) => [method.name, method] as const))('%s', (name, method) => {
  test('makes its map, the same by name as by its function, with its values in meta', async () => {
    using engine = await engineOn();
    const values = quick(method);
    const model = await engine.load(graph, { batch: batchFor(name, values) });
    const map = await mapBy(name, model, picture, { ...values, class: 3 });
    expect(map).toMatchObject({ width: W, height: H, class: 3, signed: method.signed(valuesOf(method, values)) });
    expect(map.meta['method']).toBe(name);
    expect(map.data.every(Number.isFinite)).toBe(true);
    expect(map.data.some((value) => value !== 0)).toBe(true);
    if (!map.signed) expect(Math.min(...map.data)).toBeGreaterThanOrEqual(0);
    expect(await method.make(model, picture, { ...valuesOf(method, values), class: 3 })).toEqual(map);
  });

  test('asks about the picture and the options as they were at the call', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph, { input: preparation });
    const values = { ...quick(method), class: 2 };
    const right = await mapBy(name, model, pixels(40, 24), values);
    const reused = pixels(40, 24);
    const options: { class: number } = { ...values };
    const made = method.make(model, reused, { ...valuesOf(method, quick(method)), class: 2 });
    const byName = mapBy(name, model, reused, options);
    reused.data.fill(9);
    options.class = 0;
    expect(await made).toEqual(right);
    expect(await byName).toEqual(right);
  });

  test('of the best classes each map is as if alone, best first, each once', async () => {
    using engine = await engineOn();
    const values = quick(method);
    const model = await engine.load(graph);
    const scores = await model.scores(picture);
    const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!);
    const maps = await mapsBy(name, model, picture, { ...values, class: { top: 2, also: [order[4]!, order[0]!] } });
    expect(maps.map((map) => map.class)).toEqual([order[0], order[1], order[4]]);
    for (const map of maps) expect(await mapBy(name, model, picture, { ...values, class: map.class })).toEqual(map);
  });

  test('tells its progress where it takes more than one run, and is aborted between them', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph, { input: preparation });
    const variants: readonly MethodValues[] = [quick(method), ...Object.values(method.variants ?? {})];
    for (const values of variants) {
      const told: number[] = [];
      const onProgress = ({ phase, done, total }: Progress): void => void (phase === 'run' && told.push(done / total!));
      const made = await mapBy(name, model, pixels(40, 24), { ...values, class: 2, onProgress });
      expect(told, JSON.stringify(made.meta)).toEqual(told.toSorted((a, b) => a - b));
      expect(told.every((share) => share >= 0 && share <= 1)).toBe(true);
      const runs = Number(made.meta['samples'] ?? made.meta['steps'] ?? made.meta['views'] ?? 1);
      if (runs > 1) expect(told.length, JSON.stringify(made.meta)).toBeGreaterThan(1);
      if (told.length < 2) continue;
      const abort = new AbortController();
      const stopped = mapBy(name, model, pixels(40, 24), {
        ...values,
        class: 2,
        signal: abort.signal,
        onProgress: ({ phase }) => phase === 'run' && abort.abort(new Error('enough')),
      });
      await expect(stopped).rejects.toThrow('enough');
    }
  });

  test('each of its variants makes another map, of a picture', async () => {
    using engine = await engineOn();
    const plain = await mapBy(name, await engine.load(graph, { input: preparation }), pixels(40, 24), {
      ...quick(method),
      class: 2,
    });
    for (const [title, values] of Object.entries(method.variants ?? {})) {
      const model = await engine.load(graph, { input: preparation, batch: batchFor(name, values) });
      const map = await mapBy(name, model, pixels(40, 24), { ...quick(method), ...values, class: 2 });
      expect(map.meta, title).toMatchObject(values);
      expect(relativeL2(map.data, plain.data), title).toBeGreaterThan(0.01);
    }
    expect([plain.width, plain.height, C]).toEqual([W, H, 3]);
  });
});

test.each(Object.keys(SHIPPED_MODELS))(
  'every method runs on %s, and no two make the same map',
  async (net) => {
    using engine = await engineOn();
    using model = await engine.load(fileAddress(`weights/${net}/model.json`));
    const [, , H, W] = model.inputShape;
    const wide = { size: W / 2, stride: W / 4 }; // the record's own squares would be 225 runs
    const maps = new Map<string, Float32Array>();
    for (const method of METHODS) {
      const values = { ...valuesOf(method, quick(method)), ...(method.name === 'occlusion' && wide) };
      const map = await method.make(model, pixels(150, 110), { ...values, class: 4 });
      expect([map.width, map.height, map.data.every(Number.isFinite)], method.name).toEqual([W, H, true]);
      for (const [other, data] of maps) {
        const distance = relativeL2(map.data, data);
        // where only a mean and a linear layer follow, each place has the same gradient: then these two are one
        if (method.name === 'hires-cam' && other === 'grad-cam') expect(distance).toBeLessThan(1e-5);
        else expect(distance, `${method.name}, ${other}`).toBeGreaterThan(0.1);
      }
      maps.set(method.name, map.data);
    }
  },
  240_000,
);
