import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { TAR_END, tarEntry } from '../../src/cli/tar';
import { beforeAll, describe, expect, test } from 'vitest';
import { readImage } from '../../src/node/index';
import { buildOnce, folder, gradlens, jsonLines, writePicture, writeTiny } from './gradlens';

const dir = folder();
const at = (name: string): string => join(dir, name);
let model: string;
let picture: string;

beforeAll(async () => {
  buildOnce();
  model = await writeTiny(dir);
  picture = await writePicture(at('noise.png'), 30, 20);
});

describe('segment', () => {
  test('a mask in the size of the picture, its box, and how it was made', async () => {
    const { code, stdout, complaints } = await gradlens([
      'segment',
      picture,
      '--model',
      model,
      '--class',
      'cat',
      '--out',
      at('masks/{stem}-{class}_mask.png'),
      '--lambda',
      '2',
      '--json',
    ]);
    expect([code, complaints]).toEqual([0, []]);
    expect(readdirSync(at('masks'))).toEqual(['noise-cat_mask.png']);
    const [result] = jsonLines(stdout);
    expect(result).toMatchObject({
      image: picture,
      out: at('masks/noise-cat_mask.png'),
      width: 30,
      height: 20,
      class: 0,
      label: 'cat',
      score: expect.any(Number),
      energy: expect.any(Number),
      area: expect.any(Number),
      parameters: {
        foreground: 0.95,
        background: 0.3,
        components: 5,
        lambda: 2,
        neighbours: 8,
        hardSeeds: false,
        smoothing: 0,
        seed: 1,
        overlay: null,
        map: { method: 'saliency', model: 'tiny' },
      },
    });

    const mask = await readImage(at('masks/noise-cat_mask.png'));
    const values = Array.from({ length: 600 }, (_, i) => mask.data[4 * i]!);
    expect([...new Set(values)].sort((a, b) => a - b)).toEqual([0, 255]);
    const white = [...values.keys()].filter((i) => values[i] === 255);
    const [xs, ys] = [white.map((i) => i % 30), white.map((i) => Math.floor(i / 30))];
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    expect(result.box).toEqual([left, top, Math.max(...xs) - left + 1, Math.max(...ys) - top + 1]);
    expect(result.area).toBeCloseTo(white.length / 600, 12);

    const [, text] = /iTXtgradlens\0\0\0\0\0(\{.*\}\})/s.exec(
      readFileSync(at('masks/noise-cat_mask.png')).toString('latin1'),
    )!;
    expect(JSON.parse(text!)).toMatchObject({
      image: 'noise.png',
      class: 0,
      box: result.box,
      parameters: result.parameters,
    });
  });

  test('any method makes the map, and says so; options of another method are refused', async () => {
    for (const [method, ...options] of [['smoothgrad', '--samples', '3'], ['grad-cam']] as const) {
      const { code, stdout } = await gradlens([
        'saliency',
        picture,
        '--model',
        model,
        '--class',
        'cat',
        '--method',
        method,
        ...options,
        '--out',
        at('{stem}-{method}.png'),
        '--json',
      ]);
      expect(code).toBe(0);
      expect(jsonLines(stdout)[0]).toMatchObject({ out: at(`noise-${method}.png`), class: 0, parameters: { method } });
    }
    const [views] = jsonLines(
      (await gradlens(['segment', picture, '--model', model, '--views', '10', '--out', at('views.png'), '--json']))
        .stdout,
    );
    expect(views.parameters.map).toMatchObject({ method: 'saliency', views: 10 });
    const refusal = async (...args: string[]) =>
      (await gradlens(['saliency', picture, '--model', model, ...args])).complaints;
    expect(await refusal('--method', 'occlusion', '--views', '10')).toEqual([
      expect.stringContaining('--views goes with --method saliency, not occlusion'),
    ]);
    expect(await refusal('--method', 'grad-cam', '--samples', '3')).toEqual([
      expect.stringContaining('--samples goes with --method integrated-gradients or smoothgrad, not grad-cam'),
    ]);
    expect(await refusal('--method', 'smoothgrad', '--samples', '0')).toEqual([
      expect.stringContaining("--samples is '0'; it can be a whole number from 1"),
    ]);
  });

  test('the box in a line for people; an overlay is the picture with the box drawn in', async () => {
    const { code, stdout } = await gradlens([
      'segment',
      picture,
      '--model',
      model,
      '--overlay',
      '1',
      '--out',
      at('{stem}-over.png'),
      '--hard-seeds',
      '--neighbours',
      '4',
    ]);
    expect(code).toBe(0);
    const [, box, share] = /noise-over\.png: .*, box (\d+ \d+ \d+ \d+), (\d+\.\d) % of the picture/.exec(stdout)!;
    const [left, top] = box!.split(' ').map(Number);
    expect(Number(share)).toBeGreaterThan(0);
    const drawn = await readImage(at('noise-over.png'));
    expect([...drawn.data.slice((top! * 30 + left!) * 4, (top! * 30 + left!) * 4 + 4)]).toEqual([255, 220, 0, 255]);
  });

  test('options out of their range are refused before anything runs', async () => {
    const refusal = async (...args: string[]) =>
      (await gradlens(['segment', picture, '--model', model, ...args])).complaints;
    expect(await refusal('--foreground', '1.5')).toEqual([expect.stringContaining("--foreground is '1.5'")]);
    expect(await refusal('--background', '0.97')).toEqual([expect.stringContaining('above --foreground')]);
    expect(await refusal('--neighbours', '6')).toEqual([expect.stringContaining("--neighbours is '6'")]);
    expect(await refusal('--out', 'mask.jpg')).toEqual([expect.stringContaining('.png')]);
  });
});

/** An uncompressed tar of these files. */
const tarOf = (files: Readonly<Record<string, Uint8Array>>): Uint8Array =>
  Buffer.concat([...Object.entries(files).map(([name, bytes]) => tarEntry(name, bytes)), TAR_END]);

describe('sanity', () => {
  test('deletion and insertion end at the picture and at grey; shuffled weights are another network', async () => {
    const { code, stdout, complaints } = await gradlens([
      'sanity',
      picture,
      '--model',
      model,
      '--class',
      'cat',
      '--steps',
      '4',
      '--shuffle',
      '1,2,all',
      '--json',
    ]);
    expect([code, complaints]).toEqual([0, []]);
    const [result] = jsonLines(stdout);
    expect(result).toMatchObject({
      image: picture,
      class: 0,
      label: 'cat',
      parameters: { method: 'saliency', model: 'tiny', steps: 4 },
      shuffled: [{ layers: 1 }, { layers: 2 }, { layers: 'all' }],
    });
    const { deletion, insertion } = result.curves;
    expect([deletion.length, insertion.length]).toEqual([5, 5]);
    expect(deletion[0]).toBeCloseTo(result.score, 4);
    expect(insertion[4]).toBeCloseTo(result.score, 4);
    expect(insertion[0]).toBeCloseTo(deletion[4], 4);
    for (const { correlation } of result.shuffled) expect(Math.abs(correlation)).toBeLessThan(1);
    expect(result.deletion).not.toBe(result.insertion);
  });

  test('a line for people; what cannot be shuffled is said', async () => {
    const { code, stdout } = await gradlens([
      'sanity',
      picture,
      '--model',
      model,
      '--class',
      'cat',
      '--steps',
      '2',
      '--shuffle',
      'all',
    ]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /: cat \(0\), deletion -?\d+\.\d{3}, insertion -?\d+\.\d{3}; of its ranks are left -?\d\.\d{3} with all/,
      ),
    ]);
    expect((await gradlens(['sanity', picture, '--model', model, '--shuffle', 'some'])).complaints.join()).toContain(
      '--shuffle',
    );
  });
});

describe('localise', () => {
  const measured = {
    pictures: 2,
    top1Error: expect.any(Number),
    top5Error: expect.any(Number),
    top1ClassError: expect.any(Number),
    top5ClassError: 0,
    knownAccuracy: expect.any(Number),
    meanIou: expect.any(Number),
    pointing: expect.any(Number),
  };

  beforeAll(async () => {
    const second = await sharp({ create: { width: 16, height: 12, channels: 3, background: '#888' } })
      .png()
      .toBuffer();
    writeFileSync(
      at('pictures.tar'),
      tarOf({
        'photos/noise.png': readFileSync(picture),
        'photos/grey.png': second,
        'photos/unknown.txt': Buffer.from('no picture'),
      }),
    );
    writeFileSync(
      at('boxes.json'),
      JSON.stringify({
        images: [
          // measured in a picture twice as large: the whole of it
          { file: 'photos/noise.png', label: 'cat', original_size: [60, 40], boxes_original: [[0, 0, 59, 39]] },
          {
            file: 'grey.png',
            class: 2,
            label: 'bird',
            boxes: [
              [0, 0, 3, 3],
              [2, 1, 13, 10],
            ],
          },
        ],
      }),
    );
  });

  test('the measures beside the controls, from a tar; a line per picture', async () => {
    const { code, stdout, complaints } = await gradlens([
      'localise',
      at('pictures.tar'),
      '--boxes',
      at('boxes.json'),
      '--model',
      model,
      '--json',
    ]);
    expect([code, complaints]).toEqual([0, []]);
    const [noise, grey, results, ...more] = jsonLines(stdout);
    expect(more).toEqual([]);
    expect(noise).toMatchObject({
      image: 'photos/noise.png',
      width: 30,
      height: 20,
      class: 0,
      label: 'cat',
      boxes: [[0, 0, 30, 20]],
      iou: expect.any(Number),
    });
    expect(grey).toMatchObject({
      image: 'photos/grey.png',
      class: 2,
      boxes: [
        [0, 0, 4, 4],
        [2, 1, 12, 10],
      ],
      fallback: 'flat picture',
    });
    expect(noise.guesses).toHaveLength(4); // the model has no more classes
    const [, , width, height] = noise.known;
    expect(noise.iou).toBeCloseTo((width * height) / 600, 12);
    expect(results).toMatchObject({
      boxes: 'boxes.json',
      segmentation: measured,
      parameters: { model: 'tiny', relu: 'gradient', lambda: 50, part: null },
    });
    expect(results.segmentation.meanIou).toBeCloseTo((noise.iou + grey.iou) / 2, 12);
    expect(results.wholeImage).toMatchObject({ knownAccuracy: 1, meanIou: (1 + 120 / 192) / 2, pointing: 1 });
    // 24×16 in 30×20, and 13×10 at (1, 1) in 16×12, which holds the box at (2, 1)
    expect(results.centreBox.meanIou).toBeCloseTo((0.64 + 120 / 130) / 2, 12);
  });

  test('a table for people, of a part, of pictures by their names', async () => {
    const { code, stdout } = await gradlens([
      'localise',
      picture,
      '--boxes',
      at('boxes.json'),
      '--part',
      '0/2',
      '--model',
      model,
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\ntiny, 1 picture; classification error \d+\.0 % top-1, 0\.0 % top-5\n +segmentation +centre box 80% +whole /,
    );
    expect(stdout).toMatch(
      /\ntrue class: IoU > 0\.5 +\d+\.0 % +100\.0 % +100\.0 %\ntrue class: mean IoU +\d\.\d{3} +0\.640 +1\.000\n/,
    );
    const both = await gradlens([
      'localise',
      at('pictures.tar'),
      '--boxes',
      at('boxes.json'),
      '--part',
      '0/2,1/2',
      '--model',
      model,
    ]);
    expect(both.stdout).toMatch(/\ntiny, 2 pictures;/);
  });

  test('the presets layers and features have their map and their box; either can be had alone', async () => {
    const { code, stdout } = await gradlens([
      'localise',
      at('pictures.tar'),
      '--boxes',
      at('boxes.json'),
      '--model',
      model,
      '--preset',
      'layers',
      '--json',
    ]);
    expect(code).toBe(0);
    const [noise, , results] = jsonLines(stdout);
    expect(results.parameters).toEqual({
      model: 'tiny',
      method: 'layers',
      box: 'map',
      part: null,
      allBut: null,
      precision: 'f32',
    });
    const found = async (...args: string[]) =>
      jsonLines(
        (
          await gradlens([
            'segment',
            picture,
            '--class',
            'cat',
            '--model',
            model,
            '--out',
            at('layers.png'),
            '--json',
            ...args,
          ])
        ).stdout,
      )[0];
    expect(await found('--preset', 'layers')).toMatchObject({
      box: noise.known,
      parameters: { box: 'map', foreground: 0.95, map: { method: 'layers' } },
    });
    const narrow = await found('--preset', 'layers', '--share', '0.9');
    expect(narrow.parameters).toMatchObject({ box: 'map', share: 0.9 });
    expect(narrow.box[2] * narrow.box[3]).toBeLessThan(noise.known[2] * noise.known[3]);
    expect(
      (
        await gradlens([
          'segment',
          picture,
          '--class',
          'cat',
          '--model',
          model,
          '--out',
          at('layers.png'),
          '--share',
          '1',
        ])
      ).complaints.join(),
    ).toContain('--share');
    expect(await found('--method', 'layers', '--box', 'map', '--tensors', 'relu1')).toMatchObject({
      parameters: { map: { tensors: ['relu1'] } },
    });
    expect(await found('--preset', 'features', '--strength', '1')).toMatchObject({
      parameters: { box: 'map', foreground: 0.95, map: { method: 'features', strength: 1 } },
    });
    expect(await found('--preset', 'layers', '--method', 'saliency', '--box', 'cut')).toMatchObject({
      parameters: { box: 'cut', map: { method: 'saliency' } },
    });
  });

  test('what is wrong with the boxes or the tar is said by its name', async () => {
    const refusal = async (...args: string[]) => (await gradlens(['localise', '--model', model, ...args])).complaints;
    const boxes = (name: string, images: unknown): string => {
      writeFileSync(at(name), JSON.stringify(images));
      return at(name);
    };
    expect(await refusal(picture)).toEqual([expect.stringContaining('--boxes is missing')]);
    expect(await refusal(picture, '--boxes', boxes('list.json', []))).toEqual([
      expect.stringContaining('has no "images"'),
    ]);
    expect(
      await refusal(picture, '--boxes', boxes('empty.json', { images: [{ file: 'noise.png', class: 1, boxes: [] }] })),
    ).toEqual([expect.stringContaining('images[0].boxes')]);
    expect(
      await refusal(
        picture,
        '--boxes',
        boxes('fish.json', { images: [{ file: 'noise.png', label: 'fish', boxes: [[0, 0, 1, 1]] }] }),
      ),
    ).toEqual([expect.stringContaining("unknown class 'fish'")]);
    expect(await refusal(picture, '--boxes', at('boxes.json'), '--part', '1/2')).toEqual([
      expect.stringContaining('none of the pictures is in'),
    ]);
    expect(await refusal(picture, '--boxes', at('boxes.json'), '--part', '2/2')).toEqual([
      expect.stringContaining("--part is '2'"),
    ]);
    writeFileSync(at('no.tar'), 'x'.repeat(600));
    expect(await refusal(at('no.tar'), '--boxes', at('boxes.json'))).toEqual([
      expect.stringContaining('no.tar is no tar'),
    ]);
  });
});
