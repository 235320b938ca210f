import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tableOf } from '../../src/cli/evaluation/table';
import type { Line } from '../../src/cli/many/index';
import { buildOnce, folder, gradlens, jsonLines, writePicture, writeTiny } from './gradlens';

test('evaluate prints the table of methods and controls, and makes it of the index', async () => {
  buildOnce();
  const dir = folder();
  const model = await writeTiny(dir);
  const pictures: string[] = [];
  for (const k of [1, 2]) pictures.push(await writePicture(join(dir, `p${k}.png`), 30, 20, k));
  const images = [1, 2].map((k) => ({ file: `p${k}.png`, class: k, boxes: [[4, 4, 12, 12]] }));
  writeFileSync(
    join(dir, 'gt.json'),
    JSON.stringify({ images: images.map((image) => ({ ...image, label: undefined })) }),
  );
  const index = join(dir, 'index.jsonl');
  const args = [
    ...['evaluate', join(dir, 'p*.png'), '--model', model, '--methods', 'saliency,grad-cam', '--index', index],
    ...['--boxes', join(dir, 'gt.json'), '--steps', '3', '--samples', '4', '--near', '1'],
  ];
  const { code, stdout, complaints } = await gradlens(args);
  expect([code, complaints]).toEqual([0, []]);
  const table = stdout.split('\n').filter((line) => line.startsWith('|'));
  const [head, , ...rows] = table.map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
  expect(rows.map(([name]) => name)).toEqual(['saliency', 'grad-cam', 'random map', 'centre map']);
  const measures = [
    ...['deletion', 'insertion', 'ROAD', 'infidelity', 'sparseness', 'average drop', 'increase'],
    ...['max-sensitivity', 'pointing game', 'mass in box', 'rank in box', 'MaxBoxAccV2'],
  ];
  expect(head!.slice(1).sort()).toEqual(measures.sort());
  for (const [name, ...cells] of rows)
    cells.forEach((cell, k) => {
      const isOfMethods = head![k + 1] === 'max-sensitivity' && /random|centre/.test(name!);
      expect(cell).toMatch(
        isOfMethods ? /^$/ : head![k + 1] === 'MaxBoxAccV2' ? /^\d\.\d{3}$/ : /^-?\d+\.\d{3} ± \d+\.\d{3}$/,
      );
    });
  const lines = jsonLines(readFileSync(index, 'utf8')) as Line[];
  expect(lines.map((line) => line.class)).toEqual([1, 2]);

  const resumed = await gradlens([...args, '--resume']);
  expect([resumed.code, resumed.stdout.split('\n').filter((line) => line.startsWith('|'))]).toEqual([0, table]);
});

test('evaluate takes some of the measures', async () => {
  const dir = folder();
  const model = await writeTiny(dir);
  const picture = await writePicture(join(dir, 'p.png'), 30, 20, 1);
  const args = ['evaluate', picture, '--model', model, '--methods', 'saliency'];
  const { code, stdout } = await gradlens([...args, '--measures', 'sparseness,increase']);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^\| +\| increase +\| sparseness +\|$/m)]);
  const refused = await gradlens([...args, '--measures', 'beauty']);
  expect([refused.code, refused.complaints.join()]).toEqual([2, expect.stringContaining("--measures has 'beauty'")]);
});

describe('the table', () => {
  const line = (numbers: Readonly<Record<string, number>>): Line =>
    ({ at: [0, 0], picture: 'a', shard: null, files: [], milliseconds: 0, measures: { m: { numbers } } }) as Line;
  const cell = (measure: string, values: readonly number[]) =>
    tableOf(values.map((value) => line({ [measure]: value })))['m']![measure];

  test('has means and standard errors, by hand', () => {
    // of 1, 2, 6: mean 3, variance 7, standard error √(7/3)
    expect(cell('ROAD', [1, 2, 6, Infinity])).toEqual({ mean: 3, standardError: Math.sqrt(7 / 3), pictures: 3 });
  });
  test('has medians of shares, whose whole may be next to nothing', () => {
    expect(cell('deletion', [5])).toEqual({ median: 5, standardError: null, pictures: 1 });
    // in order −10⁹ 1 2 3 4 5 7 9 10⁹: √9/2 is rounded to 2, and two ranks beside the middle are 2 and 7
    const nine = { median: 4, standardError: 2.5, pictures: 9 };
    expect(cell('insertion', [1e9, 1, 3, 5, 4, 7, 2, 9, -Infinity, -1e9])).toEqual(nine);
    expect(cell('deletion', [4, 1, 3, 2])).toEqual({ median: 2.5, standardError: 1.5, pictures: 4 });
  });
});
