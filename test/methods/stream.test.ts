import { describe, expect, test } from 'vitest';
import { type Heatmap, type ImageInput, mapBy, mapStream, saliencyStream } from '../../src';
import { relativeL2 } from '../../src/compare';
import { nodeDrivers } from '../node';
import { engineOn, graph, pixels, preparation } from './support';

const pictures = [pixels(20, 20), pixels(9, 31), pixels(40, 12), pixels(20, 19), pixels(5, 5)];

async function listOf(stream: AsyncIterable<Heatmap>): Promise<Heatmap[]> {
  const maps: Heatmap[] = [];
  for await (const map of stream) maps.push(map);
  return maps;
}

describe.each(nodeDrivers)('on %s', (driver) => {
  test('a stream has the numbers of one picture after the other; of the same batch to the bit', async () => {
    using engine = await engineOn(driver);
    const model = await engine.load(graph, { input: preparation });
    let before = 0;
    for (const options of [{}, { class: 2, relu: 'guided' } as const]) {
      const alone: Heatmap[] = [];
      for (const picture of pictures) alone.push(await mapBy('saliency', model, picture, options));
      before = engine.memory().live;
      expect(await listOf(saliencyStream(model, pictures, options))).toEqual(alone);
      const how = { ...options, batch: 3, ahead: 3 };
      const maps = await listOf(saliencyStream(model, pictures, how));
      expect(maps.map((map) => map.class)).toEqual(alone.map((map) => map.class));
      maps.forEach(({ data }, k) => expect(relativeL2(data, alone[k]!.data)).toBeLessThan(1e-6));
      // whatever else is in its run, and wherever it stands there
      for (const k of [1, 2]) expect(await listOf(saliencyStream(model, [pictures[k]!], how))).toEqual([maps[k]]);
      expect(relativeL2(maps[0]!.data, maps[1]!.data)).toBeGreaterThan(0.01); // pictures differ, and so do their maps
    }
    expect(engine.memory().live).toBe(before); // the second set of activations is given back
  });

  test('other methods, and ten views, have a run or more for each picture', async () => {
    using engine = await engineOn(driver);
    const model = await engine.load(graph, { input: preparation });
    const some = pictures.slice(0, 3);
    for (const [name, options] of [
      ['smoothgrad', { samples: 3 }],
      ['saliency', { views: 10 }],
    ] as const) {
      const other = await model.withBatch(2);
      const alone: Heatmap[] = [];
      for (const picture of some) alone.push(await mapBy(name, other, picture, options));
      expect(await listOf(mapStream(name, model, some, { ...options, batch: 2 }))).toEqual(alone);
    }
  });

  test('pictures are taken as maps are; an abort ends the stream, and the model goes on', async () => {
    using engine = await engineOn(driver);
    const model = await engine.load(graph, { input: preparation });
    let taken = 0;
    function* endless(): Generator<ImageInput> {
      for (;;) {
        taken++;
        yield pictures[0]!;
      }
    }
    const controller = new AbortController();
    const progress: number[] = [];
    const stream = saliencyStream(model, endless(), {
      batch: 2,
      ahead: 2,
      signal: controller.signal,
      onProgress: ({ done }) => progress.push(done),
    });
    for (let k = 0; k < 5; k++) await stream.next();
    expect(progress).toEqual([1, 2, 3, 4, 5]);
    expect(taken).toBeLessThanOrEqual(5 + 1 + 2 * 2 + 2); // read, the rest of its run, ahead, and what is being grouped
    controller.abort(new Error('enough'));
    const ended = async (): Promise<void> => {
      for await (const map of stream) expect(map.class).toBeGreaterThanOrEqual(0);
    };
    await expect(ended()).rejects.toThrow('enough');
    expect((await model.scores(pictures[0]!)).length).toBe(model.classes);
  });
});

test('what is wrong is said at the call; a picture that fails, in its place', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph, { input: preparation });
  expect(() => saliencyStream(model, pictures, { batch: 0 })).toThrow('batch is 0; a whole number from 1');
  expect(() => saliencyStream(model, pictures, { ahead: 1.5 })).toThrow('ahead is 1.5; a whole number from 1');
  expect(() => mapStream('grad-cam', model, pictures, { views: 10 })).toThrow('views is no option of grad-cam');
  expect(() => saliencyStream(model, {} as never)).toThrow('pictures is no list, iterator or stream');
  const stream = saliencyStream(model, [pictures[0]!, { data: new Uint8Array(3), width: 1, height: 1 }]);
  expect((await stream.next()).done).toBe(false);
  await expect(stream.next()).rejects.toThrow('RGBA bytes');
});
