import { describe, expect, test, vi } from 'vitest';
import { Engine } from '../../src/engine';
import { Rate } from '../../src/gpu/pace';
import { saliency } from '../../src/methods/saliency';
import type { Model } from '../../src/model';
import { nodeDrivers } from '../node';
import { counted, deviceOf, imageOf, prepared, small, smallInput } from './support';

const picture = (seed: number) => ({
  width: 16 + seed,
  height: 15,
  data: Uint8ClampedArray.from({ length: (16 + seed) * 15 * 4 }, (_, i) => (i * 37 + seed * 101) % 256),
});
const eight = Array.from({ length: 8 }, (_, k) => picture(k));

describe.each(nodeDrivers.slice(0, 1))('on %s a call asks of WebGPU', (driver) => {
  const cases: Readonly<
    Record<string, { batch: number; run: (model: Model) => Promise<unknown>; submits: number; reads: number }>
  > = {
    'for the gradient of a picture: one submit and one read-back': {
      batch: 1,
      run: (model) => model.inputGradient(picture(1), { class: 1 }),
      submits: 1,
      reads: 1,
    },
    'for a saliency map of the best class: one submit and one read-back': {
      batch: 1,
      run: (model) => saliency(model, picture(1)),
      submits: 1,
      reads: 1,
    },
    'for the gradients of eight pictures: one submit': {
      batch: 8,
      run: (model) => model.inputGradient(eight, { class: 'top1' }),
      submits: 1,
      reads: 1,
    },
    'for a map of ten views: two submits for the scores, two for the maps': {
      batch: 8,
      run: (model) => saliency(model, picture(1), { views: 10 }),
      submits: 4,
      reads: 3,
    },
  };

  test.each(Object.entries(cases))('%s', async (_, { batch, run, submits, reads }) => {
    const { device, counts } = counted(await deviceOf(driver));
    using engine = await Engine.create({ device });
    using model = await engine.load({ graph: small, input: smallInput, labels: [], provenance: {} }, { batch });
    // a busy machine would look like a slow GPU, for which work is split
    vi.spyOn(Rate.prototype, 'mostFlops', 'get').mockReturnValue(Infinity);
    await run(model);
    counts.clear();
    await run(model);
    expect([counts.get('submit'), counts.get('mapAsync')]).toEqual([submits, reads]);
    if (submits === 1) expect(counts.get('popErrorScope'), 'one guard').toBe(3);
  });

  test('pictures of one submit have the bits that each has alone', async () => {
    using engine = await Engine.create({ device: await deviceOf(driver) });
    const file = { graph: small, input: smallInput, labels: [], provenance: {} };
    using one = await engine.load(file);
    using all = await engine.load(file, { batch: 8 });
    const mixed = [prepared(small, imageOf(small)), ...eight.slice(1)];
    const together = await all.inputGradient(mixed, { class: 'top1' });
    const size = together.gradient.length / 8;
    for (const [n, image] of mixed.entries()) {
      const alone = await one.inputGradient(image, { class: 'top1' });
      expect(together.gradient.subarray(n * size, (n + 1) * size)).toEqual(alone.gradient);
      expect(together.classes[n]).toBe(alone.classes[0]);
      expect(alone.gradient.some((value) => value !== 0)).toBe(true);
    }
  });
});
