import { describe, expect, test } from 'vitest';
import { intersectionOverUnion } from '../../src/methods/localisation';
import type { Heatmap } from '../../src/methods/heatmap';
import { SEEDS, type SegmentOptions, type Segmentation, segment } from '../../src/methods/segmentation';
import { seededRandom } from '../oracle/random';

const heatmap = (width: number, height: number, valueAt: (x: number, y: number) => number): Heatmap => ({
  data: Float32Array.from({ length: width * height }, (_, i) => valueAt(i % width, Math.floor(i / width))),
  width,
  height,
  class: 0,
  score: 1,
  signed: false,
  meta: { method: 'drawn' },
});

function painted(width: number, height: number, colourAt: (x: number, y: number) => readonly number[]) {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) data.set([...colourAt(i % width, Math.floor(i / width)), 255], i * 4);
  return { data, width, height };
}

const noise = (seed: number) => {
  const { normal } = seededRandom(seed);
  return (colour: readonly number[], spread: number): number[] => colour.map((value) => value + spread * normal());
};

const [WIDTH, HEIGHT] = [120, 90];
const disc = { x: 70, y: 40, radius: 22 };
const inDisc = (x: number, y: number): boolean => Math.hypot(x - disc.x, y - disc.y) <= disc.radius;
const truth = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => (inDisc(i % WIDTH, Math.floor(i / WIDTH)) ? 1 : 0));
/** An orange disc of two shades on a noisy ground of green and blue. */
const scene = (() => {
  const speck = noise(1);
  return painted(WIDTH, HEIGHT, (x, y) =>
    inDisc(x, y)
      ? speck(y < disc.y ? [220, 120, 40] : [190, 90, 50], 14)
      : speck(y < 50 ? [70, 110, 160] : [80, 130, 70], 18),
  );
})();
/** A blot in the disc's upper left, a quarter of the picture's size. */
const blot = heatmap(
  WIDTH / 4,
  (HEIGHT / 4 + 0.5) | 0,
  (x, y) => Math.exp(-((4 * x - 64) ** 2 + (4 * y - 34) ** 2) / 300) + 0.02 * Math.sin(x * 7 + y * 3),
);

function iou(mask: Uint8Array, other: Uint8Array): number {
  let [both, either] = [0, 0];
  mask.forEach((value, i) => {
    both += value & other[i]!;
    either += value | other[i]!;
  });
  return both / either;
}

describe('a disc on noisy ground, with a blot of a map in it', () => {
  test('is found as a whole, though the map fires only on a part', async () => {
    const { mask, box, width, height, energy, peak, fallback, meta } = await segment(scene, blot);
    expect(iou(mask, truth)).toBeGreaterThan(0.9);
    expect(intersectionOverUnion(box, [48, 18, 45, 45])).toBeGreaterThan(0.9);
    expect([width, height, fallback]).toEqual([WIDTH, HEIGHT, null]);
    expect(energy).toBeGreaterThan(0);
    expect(Math.hypot(peak[0] - 65, peak[1] - 35)).toBeLessThan(5);
    expect(meta).toEqual({
      method: 'segmentation',
      foreground: 0.95,
      background: 0.3,
      components: 5,
      lambda: 50,
      neighbours: 8,
      hardSeeds: false,
      smoothing: 0,
      seed: 1,
      map: { method: 'drawn' },
    });
  });

  test.each<SegmentOptions>([
    { neighbours: 4 },
    { lambda: 5 },
    { hardSeeds: true, foreground: 0.97 },
    { components: 2 },
    { smoothing: 1 },
    { seed: 9 },
  ])('with %o too', async (options) => {
    expect(iou((await segment(scene, blot, options)).mask, truth)).toBeGreaterThan(0.9);
  });

  test('the preset changes quantiles and smoothing, which options overrule', async () => {
    const { mask, meta } = await segment(scene, blot, { preset: 'boxes' });
    expect(meta).toMatchObject({ foreground: 0.85, background: 0.3, smoothing: (3 * 30) / 227, lambda: 50 });
    expect(iou(mask, truth)).toBeGreaterThan(0.85);
    expect(await segment(scene, blot, { preset: 'boxes', foreground: 0.95, smoothing: 0 })).toEqual(
      await segment(scene, blot),
    );
  });

  test('comes out the same twice, and with the map of the other sign', async () => {
    const first = await segment(scene, blot);
    expect(await segment(scene, blot)).toEqual(first);
    expect(await segment(scene, { ...blot, data: blot.data.map((value) => -value), signed: true })).toEqual(first);
  });

  test('the component of the object is one piece', async () => {
    const speck = noise(2);
    // a second disc of the same colours, smaller, far away
    const second = (x: number, y: number): boolean => Math.hypot(x - 18, y - 70) <= 9;
    const two = painted(WIDTH, HEIGHT, (x, y) =>
      inDisc(x, y) || second(x, y) ? speck([210, 110, 40], 14) : speck([80, 120, 120], 18),
    );
    const { mask } = await segment(two, blot);
    expect(iou(mask, truth)).toBeGreaterThan(0.9);
    expect(mask[70 * WIDTH + 18]).toBe(0);
  });

  test('hard seeds keep their label, against all colours', async () => {
    // the map fires on the ground, left of the disc: soft seeds may change sides
    const elsewhere = heatmap(WIDTH, HEIGHT, (x, y) =>
      Math.abs(x - 20) < 11 && Math.abs(y - 40) < 14 ? 1 + (x + y) / 1e3 : inDisc(x, y) ? 0.5 : (x * y) / 1e6,
    );
    const { mask } = await segment(scene, elsewhere, { hardSeeds: true });
    expect(mask[40 * WIDTH + 22]).toBe(1);
  });

  test('what a crop left out is neither object nor ground, but may be found', async () => {
    // the map shows the picture's middle 90×90
    const placement = { FROM_X: 15, FROM_Y: 0, FROM_W: 90, FROM_H: 90, TO_X: 0, TO_Y: 0, TO_W: 30, TO_H: 30 };
    const cropped = heatmap(30, 30, (x, y) => Math.exp(-((3 * x + 15 - 64) ** 2 + (3 * y - 34) ** 2) / 300));
    const { mask, peak } = await segment(scene, cropped, { placement });
    expect(iou(mask, truth)).toBeGreaterThan(0.9);
    expect(Math.hypot(peak[0] - 65, peak[1] - 35)).toBeLessThan(5);
  });
});

describe('a large picture', () => {
  const [width, height, times] = [WIDTH * 6, HEIGHT * 6, 6];
  const isDisc = (x: number, y: number): boolean => inDisc((x + 0.5) / times - 0.5, (y + 0.5) / times - 0.5);
  const large = (() => {
    const speck = noise(3);
    return painted(width, height, (x, y) => (isDisc(x, y) ? speck([210, 110, 40], 14) : speck([80, 120, 120], 18)));
  })();
  const whole = Uint8Array.from({ length: width * height }, (_, i) =>
    isDisc(i % width, Math.floor(i / width)) ? 1 : 0,
  );

  test('is cut as a small copy, and its edges are refined at full size', async () => {
    const found = await segment(large, blot, { cutPixels: WIDTH * HEIGHT });
    expect([found.width, found.height, found.mask.length, found.seeds.length]).toEqual([
      width,
      height,
      width * height,
      width * height,
    ]);
    expect(found.meta).toMatchObject({ cutAt: [WIDTH, HEIGHT] });
    // by the small copy alone each edge pixel would be a square of 6×6: 0.97 at best
    expect(iou(found.mask, whole)).toBeGreaterThan(0.985);
    expect(intersectionOverUnion(found.box, [48 * 6, 18 * 6, 45 * 6, 45 * 6])).toBeGreaterThan(0.95);
    expect(Math.hypot(found.peak[0] / 6 - 65, found.peak[1] / 6 - 35)).toBeLessThan(5);
    const count = (label: number): number => found.seeds.filter((value) => value === label).length / found.seeds.length;
    expect(count(SEEDS.OBJECT)).toBeCloseTo(0.05, 2);
    expect(count(SEEDS.GROUND)).toBeCloseTo(0.3, 2);
  });

  test('tells its progress, and a flat map of it still answers with the centre box', async () => {
    const told: number[] = [];
    await segment(large, blot, { cutPixels: 5000, onProgress: ({ done, total }) => told.push(done / total!) });
    expect(told.length).toBeGreaterThan(3);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    const { box, fallback } = await segment(
      large,
      heatmap(3, 3, () => 1),
      { cutPixels: 5000 },
    );
    expect(fallback).toBe('flat map');
    expect(intersectionOverUnion(box, [72, 54, 576, 432])).toBeGreaterThan(0.97);
  });
});

describe('sane answers', () => {
  test.each([0, 3])('a map that is %d everywhere: the centre box', async (value) => {
    const { mask, box, fallback, energy, peak } = await segment(
      scene,
      heatmap(8, 6, () => value),
    );
    expect({ box, fallback, energy, peak }).toEqual({
      box: [12, 9, 96, 72],
      fallback: 'flat map',
      energy: 0,
      peak: [0, 0],
    });
    expect(mask.reduce((sum, label) => sum + label, 0)).toBe(96 * 72);
  });

  test('a picture of one colour: the map decides', async () => {
    const grey = painted(40, 30, () => [128, 128, 128]);
    const corner = heatmap(40, 30, (x, y) => (x < 10 && y < 5 ? 5 : (x + y) / 100));
    const { box, fallback, mask } = await segment(grey, corner);
    expect([box, fallback]).toEqual([[0, 0, 10, 5], 'flat picture']);
    expect(mask.reduce((sum, label) => sum + label, 0)).toBe(50);
  });

  test('an object too small for its border: the map decides', async () => {
    const speck = noise(3);
    const ground = painted(40, 30, () => speck([90, 90, 90], 30));
    const point = heatmap(40, 30, (x, y) => (x === 21 && y === 11 ? 9 : 0));
    const { box, fallback, peak, energy } = await segment(ground, point, { lambda: 1e4 });
    expect({ box, fallback, peak }).toEqual({ box: [21, 11, 1, 1], fallback: 'empty cut', peak: [21, 11] });
    expect(energy).toBeGreaterThan(0);
  });

  test('one pixel of another colour is a component', async () => {
    const spot = painted(20, 20, (x, y) => (x === 7 && y === 12 ? [255, 0, 0] : [0, 40 + (x % 2), 90]));
    const { box, fallback } = await segment(
      spot,
      heatmap(20, 20, (x, y) => (x === 7 && y === 12 ? 1 : 0)),
      { lambda: 0.01 },
    );
    expect([box, fallback]).toEqual([[7, 12, 1, 1], null]);
  });

  const counts = ({ mask, seeds, box, fallback, peak }: Segmentation) => ({
    object: seeds.filter((label) => label === SEEDS.OBJECT).length,
    ground: seeds.filter((label) => label === SEEDS.GROUND).length,
    mask: mask.filter((label) => label === 1).length,
    box,
    fallback,
    peak,
  });

  // a map that grows to the right and downwards: the object lies at the end
  test.each([
    [1, 1, { object: 0, ground: 0, mask: 1, box: [0, 0, 1, 1], fallback: 'flat map', peak: [0, 0] }],
    [1, 9, { object: 2, ground: 3, mask: 2, box: [0, 7, 1, 2], fallback: null, peak: [0, 7] }],
    [2, 2, { object: 1, ground: 1, mask: 1, box: [1, 1, 1, 1], fallback: null, peak: [1, 1] }],
    [300, 1, { object: 50, ground: 90, mask: 52, box: [248, 0, 52, 1], fallback: null, peak: [250, 0] }],
  ])('a picture of %d×%d', async (width, height, expected) => {
    const speck = noise(4);
    const found = await segment(
      painted(width, height, () => speck([128, 128, 128], 60)),
      heatmap(3, 3, (x, y) => x + y),
    );
    expect(counts(found)).toEqual(expected);
    expect([found.mask.length, found.width, found.height]).toEqual([width * height, width, height]);
  });

  // the picture's right half has another colour than its left
  const right = { mask: 384, box: [16, 0, 16, 24], fallback: null };
  test.each([
    // four pixels of the ground's colour are not worth a border
    [
      'mostly zero',
      (x: number, y: number) => Number(x > 9 && x < 12 && y > 3 && y < 6),
      { object: 4, ground: 764, mask: 4, box: [10, 4, 2, 2], fallback: 'empty cut', peak: [10, 4] },
    ],
    // the ground's two columns have the colour of all the left half
    ['mostly at its largest', (x: number) => Number(x > 1), { ...right, object: 720, ground: 48, peak: [2, 0] }],
    ['half and half', (x: number) => Number(x > 15), { ...right, object: 384, ground: 384, peak: [16, 0] }],
  ])('a map that is %s', async (_, valueAt, expected) => {
    const speck = noise(5);
    const found = await segment(
      painted(32, 24, (x) => speck([x > 15 ? 200 : 60, 90, 90], 10)),
      heatmap(32, 24, valueAt),
    );
    expect(counts(found)).toEqual(expected);
    const [left, top, width, height] = found.box;
    const inBox = (i: number): boolean =>
      i % 32 >= left && i % 32 < left + width && i / 32 >= top && i / 32 < top + height;
    found.mask.forEach((label, i) => expect(label, `pixel ${i}`).toBe(inBox(i) ? 1 : 0));
  });
});

describe('refusals', () => {
  test('a map that is not finite, or not of its extents; a tensor in place of a picture', async () => {
    await expect(
      segment(
        scene,
        heatmap(4, 4, (x) => (x === 2 ? NaN : 1)),
      ),
    ).rejects.toMatchObject({
      code: 'validation',
      message: 'the map is NaN at 2; every value must be a finite number',
    });
    await expect(segment(scene, { ...blot, width: 3 })).rejects.toMatchObject({ code: 'shape' });
    await expect(segment({ data: new Float32Array(12), shape: [3, 2, 2] }, blot)).rejects.toMatchObject({
      code: 'shape',
    });
  });

  test.each<[SegmentOptions, string]>([
    [{ foreground: 1 }, 'foreground is 1; a number between 0 and 1 would be right'],
    [{ foreground: 0.2 }, 'background is 0.3, above the foreground, 0.2'],
    [{ components: 0 }, 'components is 0'],
    [{ lambda: -1 }, 'lambda is -1'],
    [{ neighbours: 6 as 8 }, 'neighbours is 6'],
    [{ smoothing: NaN }, 'smoothing is NaN'],
    [{ seed: 0.5 }, 'seed is 0.5'],
  ])('%o', (options, message) => expect(segment(scene, blot, options)).rejects.toThrow(message));
});

describe('progress and abort', () => {
  test('every stage is told', async () => {
    const told: unknown[] = [];
    await segment(scene, blot, { onProgress: ({ phase, done, total }) => told.push([phase, done, total]) });
    expect(told).toEqual([0, 1, 2, 3, 4].map((done) => ['run', done, 5]));
  });

  test('before the start, and at every stage, with the reason of the signal', async () => {
    const reason = new Error('enough');
    await expect(segment(scene, blot, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (let stage = 0; stage < 4; stage++) {
      const controller = new AbortController();
      const told: number[] = [];
      const run = segment(scene, blot, {
        signal: controller.signal,
        onProgress: ({ done }) => {
          told.push(done);
          if (done === stage) setTimeout(() => controller.abort(reason));
        },
      });
      await expect(run).rejects.toBe(reason);
      expect(told.at(-1)).toBe(stage);
    }
  });
});
