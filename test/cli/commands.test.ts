import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { readNpy, writeNpy } from '../../src/formats/npy';
import { readImage } from '../../src/node/index';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';
import {
  EXTENTS,
  LABELS,
  buildOnce,
  folder,
  gradlens,
  inputOf,
  jsonLines,
  tiny,
  writePicture,
  writeTiny,
} from './gradlens';

const dir = folder();
const { C, H, W } = EXTENTS;
const at = (name: string): string => join(dir, name);
let model: string;
let picture: string;

beforeAll(async () => {
  buildOnce();
  model = await writeTiny(dir);
  picture = await writePicture(at('noise.png'), 30, 20);
});

const adapterShape = {
  vendor: expect.any(String),
  architecture: expect.any(String),
  device: expect.any(String),
  description: expect.any(String),
  isFallbackAdapter: expect.any(Boolean),
};

describe('check and info', () => {
  test('check passes on this device and says how exactly', async () => {
    const { code, stdout, complaints } = await gradlens(['check', '--json']);
    expect(complaints).toEqual([]);
    expect(jsonLines(stdout)).toEqual([
      {
        ok: true,
        identical: true,
        relativeL2: expect.any(Number),
        message: expect.stringContaining('passed'),
        adapter: adapterShape,
      },
    ]);
    expect(code).toBe(0);
  });

  test('info names adapter, limits, features and versions', async () => {
    const { code, stdout } = await gradlens(['info', '--json']);
    expect(code).toBe(0);
    const [info] = jsonLines(stdout);
    expect(info).toMatchObject({
      adapter: adapterShape,
      versions: { node: process.versions.node, webgpu: expect.any(String), sharp: expect.any(String) },
    });
    expect(info.limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(256);
    expect((await gradlens(['info'])).stdout).toMatch(/^adapter .*\nvendor /);
  });

  test('help and version need no device', async () => {
    const help = await gradlens(['--help']);
    expect([help.code, help.stderr]).toEqual([0, '']);
    for (const name of ['saliency', 'classify', 'gradient', 'check', 'info']) expect(help.stdout).toContain(name);
    expect((await gradlens(['saliency', '--help'])).stdout).toContain('--percentile');
    expect((await gradlens(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+/);
    expect(await gradlens([])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('gradient', () => {
  const expected = (seed: number, options: Parameters<typeof graphGradient>[2]) =>
    graphGradient(tiny, inputOf(seed), options);

  test('an array goes in and its gradient comes out, as float64 has it', async () => {
    writeFileSync(at('x.npy'), writeNpy([C, H, W], Float32Array.from(inputOf(1))));
    const { code, stdout, complaints } = await gradlens([
      'gradient',
      '--model',
      model,
      '--input',
      at('x.npy'),
      '--class',
      '2',
      '--out',
      at('new/folder/g.npy'),
      '--scores',
      at('s.npy'),
      '--json',
    ]);
    expect([code, complaints]).toEqual([0, []]);
    const oracle = expected(1, { class: 2 });
    const g = readNpy(readFileSync(at('new/folder/g.npy')));
    expect(g.shape).toEqual([C, H, W]);
    expect(relativeL2(g.data, oracle.gradient)).toBeLessThan(1e-5);
    const s = readNpy(readFileSync(at('s.npy')));
    expect(s.shape).toEqual([1, 4]);
    expect(relativeL2(s.data, oracle.scores)).toBeLessThan(1e-5);
    expect(jsonLines(stdout)).toEqual([
      {
        input: at('x.npy'),
        out: at('new/folder/g.npy'),
        scores: at('s.npy'),
        shape: [C, H, W],
        results: [{ class: 2, label: 'bird', score: s.data[2] }],
        parameters: { model: 'tiny', relu: 'gradient', score: 'logit', precision: 'f32' },
        adapter: adapterShape,
      },
    ]);
    expect(readdirSync(at('new/folder'))).toEqual(['g.npy']);
  });

  test.each([
    ['deconvnet', 'logit'],
    ['guided', 'logit'],
    ['gradient', 'probability'],
  ] as const)('by the rule %s, of the %s', async (relu, score) => {
    const { code } = await gradlens([
      'gradient',
      '--model',
      model,
      '--input',
      at('x.npy'),
      '--class',
      'hound',
      '--relu',
      relu,
      '--score',
      score,
      '--out',
      at('g.npy'),
    ]);
    expect(code).toBe(0);
    expect(
      relativeL2(readNpy(readFileSync(at('g.npy'))).data, expected(1, { class: 1, relu, score }).gradient),
    ).toBeLessThan(1e-5);
  });

  test('several classes of one input', async () => {
    await gradlens(['gradient', '--model', model, '--input', at('x.npy'), '--class', '3,0', '--out', at('g.npy')]);
    const { shape, data } = readNpy(readFileSync(at('g.npy')));
    expect(shape).toEqual([2, C, H, W]);
    [3, 0].forEach((index, k) =>
      expect(
        relativeL2(data.subarray(k * C * H * W, (k + 1) * C * H * W), expected(1, { class: index }).gradient),
      ).toBeLessThan(1e-5),
    );
  });

  test('more inputs than fit a batch, each with its best class', async () => {
    const N = 10;
    writeFileSync(
      at('many.npy'),
      writeNpy([N, C, H, W], Float32Array.from(Array.from({ length: N }, (_, n) => [...inputOf(n)]).flat())),
    );
    const { stdout, code } = await gradlens([
      'gradient',
      '--model',
      model,
      '--input',
      at('many.npy'),
      '--out',
      at('g.npy'),
      '--json',
    ]);
    expect(code).toBe(0);
    const { shape, data } = readNpy(readFileSync(at('g.npy')));
    expect(shape).toEqual([N, C, H, W]);
    jsonLines(stdout)[0].results.forEach(({ class: index, score }: { class: number; score: number }, n: number) => {
      const oracle = expected(n, { class: index });
      expect(index).toBe(oracle.scores.indexOf(Math.max(...oracle.scores)));
      expect(score).toBeCloseTo(oracle.scores[index]!, 4);
      expect(relativeL2(data.subarray(n * C * H * W, (n + 1) * C * H * W), oracle.gradient)).toBeLessThan(1e-5);
    });
  });
});

describe('classify', () => {
  test('the best classes, best first, one object per picture', async () => {
    const { code, stdout, complaints } = await gradlens([
      'classify',
      picture,
      picture,
      '--model',
      model,
      '--top',
      '3',
      '--json',
    ]);
    expect([code, complaints]).toEqual([0, []]);
    const [first, second, ...more] = jsonLines(stdout);
    expect([first, more]).toEqual([second, []]);
    expect(first).toMatchObject({ image: picture, model: 'tiny', adapter: adapterShape });
    expect(first.classes).toHaveLength(3);
    for (const { index, label, probability } of first.classes) {
      expect(label).toBe(LABELS[index]);
      expect(probability).toBeLessThan(1);
    }
    expect(first.classes[0].score).toBeGreaterThan(first.classes[2].score);
  });

  test('a list of pictures on stdin; lines for people', async () => {
    const { code, stdout } = await gradlens(['classify', '-', '--model', model, '--top', '1'], {
      stdin: `${picture}\n`,
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/noise\.png\n +\d+\.\d %  .* score /);
  });
});

describe('saliency', () => {
  test('a picture of the map in the size of the picture, its numbers, and how it was made', async () => {
    const { code, stdout, complaints } = await gradlens([
      'saliency',
      picture,
      '--model',
      model,
      '--class',
      'cat',
      '--out',
      at('maps/{stem}-{class}-{method}.png'),
      '--npy',
      '--json',
    ]);
    expect([code, complaints]).toEqual([0, []]);
    expect(readdirSync(at('maps')).sort()).toEqual(['noise-cat-saliency.npy', 'noise-cat-saliency.png']);
    const { shape, data } = readNpy(readFileSync(at('maps/noise-cat-saliency.npy')));
    expect(shape).toEqual([H, W]);
    const png = readFileSync(at('maps/noise-cat-saliency.png'));
    expect(await sharp(png).metadata()).toMatchObject({ width: 30, height: 20, hasAlpha: true });

    const [result] = jsonLines(stdout);
    expect(result).toMatchObject({
      image: picture,
      out: at('maps/noise-cat-saliency.png'),
      npy: at('maps/noise-cat-saliency.npy'),
      class: 0,
      label: 'cat',
      map: { width: W, height: H, signed: false },
      adapter: adapterShape,
      parameters: {
        method: 'saliency',
        relu: 'gradient',
        score: 'logit',
        channels: 'max-abs',
        model: 'tiny',
        precision: 'f32',
        colours: 'viridis',
        percentile: 99,
        overlay: null,
      },
    });
    expect(result.map.percentiles['100']).toBe(Math.max(...data));
    const [, text] = /iTXtgradlens\0\0\0\0\0(\{.*?\}\})/s.exec(png.toString('latin1'))!;
    expect(JSON.parse(text!)).toEqual({
      image: 'noise.png',
      class: 0,
      label: 'cat',
      score: result.score,
      parameters: result.parameters,
      adapter: result.adapter,
    });
  });

  test('the numbers are the largest |gradient| over channels', async () => {
    // a picture of the input's own size is not resized
    const small = await writePicture(at('small.png'), W, H, 5);
    await gradlens(['saliency', small, '--model', model, '--class', '3', '--out', at('{stem}-map.png'), '--npy']);
    const { data: pixels } = await readImage(small);
    const input = Float64Array.from(
      { length: C * H * W },
      (_, i) => (pixels[(i % (H * W)) * 4 + Math.floor(i / (H * W))]! / 255 - 0.5) / 0.25,
    );
    const { gradient } = graphGradient(tiny, input, { class: 3 });
    const expected = Float64Array.from({ length: H * W }, (_, i) =>
      Math.max(...[0, 1, 2].map((c) => Math.abs(gradient[c * H * W + i]!))),
    );
    expect(relativeL2(readNpy(readFileSync(at('small-map.npy'))).data, expected)).toBeLessThan(1e-5);
  });

  test('laid over a picture that was cropped: outside of the crop the picture stays', async () => {
    const { code } = await gradlens([
      'saliency',
      picture,
      '--model',
      await writeTiny(dir, 'crop'),
      '--overlay',
      '1',
      '--channels',
      'sum',
      '--out',
      at('over.png'),
    ]);
    expect(code).toBe(0);
    const [before, after] = [await readImage(picture), await readImage(at('over.png'))];
    const pixel = ({ data, width }: typeof before, x: number, y: number): number[] => [
      ...data.slice((y * width + x) * 4, (y * width + x) * 4 + 3),
    ];
    // 30×20 at 12:9 is cropped to 26.7×20, so that a column and a half on each side are not seen
    expect(pixel(after, 0, 10)).toEqual(pixel(before, 0, 10));
    expect(pixel(after, 29, 10)).toEqual(pixel(before, 29, 10));
    expect(pixel(after, 15, 10)).not.toEqual(pixel(before, 15, 10));
  });

  test('an overlay without a number has the usual opacity, and does not swallow the picture', async () => {
    const { code, stdout } = await gradlens([
      'saliency',
      '--overlay',
      picture,
      '--model',
      model,
      '--cmap',
      'gray',
      '--percentile',
      '90',
      '--out',
      at('half.png'),
      '--json',
    ]);
    expect(code).toBe(0);
    expect(jsonLines(stdout)[0].parameters).toMatchObject({ overlay: 0.8, colours: 'gray', percentile: 90 });
  });
});

test('Ctrl-C ends a long run at once and leaves no half file', async () => {
  const pictures = Array.from({ length: 300 }, (_, i) => at(`copy${i}.png`));
  for (const path of pictures) writeFileSync(path, readFileSync(picture));
  const { code, complaints } = await gradlens(
    ['saliency', ...pictures, '--model', model, '--out', at('interrupted/{stem}.png')],
    { onResult: (kill) => kill('SIGINT') },
  );
  expect([code, complaints]).toEqual([130, ['gradlens: interrupted']]);
  const written = readdirSync(at('interrupted'));
  expect(written.filter((name) => !/^copy\d+\.png$/.test(name))).toEqual([]);
  expect(written.length).toBeLessThan(300);
});
