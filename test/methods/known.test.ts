/** The pictures of samples/known.mjs: that what is said to matter does, and nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { QUESTIONS, render, templates, worstOf } from '../../samples/known.mjs';
import type { Engine, Model } from '../../src/index';
import { integratedGradients, saliency } from '../../src/index';
import { createNodeEngine, fileAddress, readImage } from '../../src/node/index';
import { uniform } from '../../src/random';
import { folder } from '../cli/gradlens';

interface Image {
  readonly file: string;
  readonly class: number;
  readonly boxes: readonly (readonly [x0: number, y0: number, x1: number, y1: number])[];
}

const SIDE = 64;
let engine: Engine;
let model: Model;
let images: readonly Image[];
let dir: string;

beforeAll(async () => {
  dir = folder();
  await render(dir, 2);
  ({ images } = JSON.parse(readFileSync(join(dir, 'boxes.json'), 'utf8')) as { images: readonly Image[] });
  engine = await createNodeEngine();
  model = await engine.load(fileAddress(join(dir, 'model.json')));
});
afterAll(() => engine?.dispose());

const isIn = ({ boxes }: Image, x: number, y: number): boolean =>
  boxes.some(([x0, y0, x1, y1]) => x >= x0 && x <= x1 && y >= y0 && y <= y1);

/** The picture with other pixels, in its glyphs or everywhere else, from −1 to 1 as the net takes them. */
async function changed(image: Image, where: 'inside' | 'outside'): Promise<Float32Array> {
  const picture = await readImage(join(dir, 'photos', image.file));
  const prepared = await model.prepared(picture);
  const draw = uniform(9);
  return prepared.map((value, i) => {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE) % SIDE];
    // the loudest noise that the pictures have
    return isIn(image, x, y) === (where === 'inside') ? (49 / 255) * (draw() < 0.5 ? -1 : 1) : value;
  });
}

test('no noise and no edge of a glyph reaches the threshold', () => {
  expect(worstOf(templates())).toBeLessThan(0.45);
});

describe.each(Object.keys(QUESTIONS).map((name, index) => [name, index] as const))('%s', (name, index) => {
  test('goes by the pixels of its glyphs, and by no other, to the bit', async () => {
    const own = images.filter((image) => image.class === index);
    expect(own.length).toBe(2);
    for (const image of own) {
      const score = async (data: Float32Array): Promise<number> =>
        (await model.scores({ data, shape: [1, 3, SIDE, SIDE] }))[index]!;
      const whole = await score(await model.prepared(await readImage(join(dir, 'photos', image.file))));
      expect(whole).toBeCloseTo(name === 'more' ? 0.5 : 1, 5);
      expect(await score(await changed(image, 'outside'))).toBe(whole);
      expect(await score(await changed(image, 'inside'))).toBeCloseTo(0, 5);
    }
  });

  test(`its gradient is 0 ${name === 'either' ? 'everywhere; the integrated one is not' : 'elsewhere'}`, async () => {
    const [image] = images.filter((one) => one.class === index);
    const picture = await readImage(join(dir, 'photos', image!.file));
    const maps = [await saliency(model, picture, { class: index })];
    if (name === 'either') {
      expect(maps[0]!.data.every((value) => value === 0)).toBe(true);
      maps[0] = await integratedGradients(model, picture, { class: index });
    }
    maps[0]!.data.forEach((value, i) =>
      expect(value !== 0, String(i)).toBe(isIn(image!, i % SIDE, Math.floor(i / SIDE))),
    );
  });
});
