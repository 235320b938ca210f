import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { readNpy } from '../../src/formats/npy';
import { EXTENTS, buildOnce, folder, gradlens, jsonLines, writeTiny } from './gradlens';

const dir = folder();
let model: string;

beforeAll(async () => {
  buildOnce();
  model = await writeTiny(dir);
});

test('class-model writes the picture, its numbers and a rising score curve', async () => {
  const { code, stdout, complaints } = await gradlens([
    'class-model',
    '--model',
    model,
    '--class',
    'cat',
    '--iterations',
    '20',
    '--out',
    join(dir, '{class}.png'),
    '--npy',
    '--json',
  ]);
  expect(complaints).toEqual([]);
  expect(code).toBe(0);
  const [result] = jsonLines(stdout);
  expect(result).toMatchObject({
    out: join(dir, 'cat.png'),
    class: 0,
    label: 'cat',
    parameters: { iterations: 20, l2: 0.001, score: 'logit' },
  });
  expect(result.scores).toHaveLength(20);
  expect(result.scores.at(-1)).toBeGreaterThan(result.scores[0]);
  const { width, height } = await sharp(result.out).metadata();
  expect([width, height]).toEqual([EXTENTS.W, EXTENTS.H]);
  expect(readNpy(readFileSync(result.npy)).shape).toEqual([1, 3, EXTENTS.H, EXTENTS.W]);
});

test('class-model without a class, with a picture, or with half an iteration says what it needs', async () => {
  const wrong = async (...args: string[]) => gradlens(['class-model', '--model', model, ...args]);
  for (const [args, message] of [
    [[], /needs --class/],
    [['cat.png', '--class', '0'], /one argument too many/],
    [['--class', '0', '--iterations', '1.5'], /whole number/],
    [['--class', '9'], /9/],
  ] as const) {
    const { code, complaints } = await wrong(...args);
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toMatch(message);
    expect(code).toBe(2);
  }
});

test('several classes are made at once, each as if alone; a channel has no class', async () => {
  const options = ['--model', model, '--preset', 'vivid', '--jitter', '1', '--iterations', '4', '--npy', '--json'];
  const { code, stdout } = await gradlens([
    'class-model',
    ...options,
    '--class',
    '0,2',
    '--out',
    join(dir, 'all-{class}.png'),
  ]);
  expect(code).toBe(0);
  const results = jsonLines(stdout);
  expect(results.map((result) => result.class)).toEqual([0, 2]);
  expect(results[1].parameters).toMatchObject({ preset: 'vivid', jitter: 1, iterations: 4, class: 2 });
  const alone = jsonLines(
    (await gradlens(['class-model', ...options, '--class', '2', '--out', join(dir, 'alone.png')])).stdout,
  )[0];
  expect(readNpy(readFileSync(results[1].npy)).data).toEqual(readNpy(readFileSync(alone.npy)).data);

  const names = (await gradlens(['class-model', ...options, '--class', '0,2', '--out', join(dir, 'one.png')]))
    .complaints;
  expect(names).toEqual([expect.stringContaining('--out needs {class}')]);
  const wrong = (
    await gradlens(['class-model', '--model', model, '--neuron', 'nothing:1', '--out', join(dir, 'n.png')])
  ).complaints;
  expect(wrong).toEqual([expect.stringContaining("there is no tensor 'nothing'")]);
});
