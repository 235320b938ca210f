/** The commands that tell numbers, over many pictures: the same inputs, index, resume, parts and exit codes. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Line } from '../../src/cli/many/index';
import { readNpy, writeNpy } from '../../src/formats/npy';
import { graphGradient } from '../oracle/network';
import { relativeL2 } from '../oracle/compare';
import { EXTENTS, buildOnce, folder, gradlens, inputOf, jsonLines, tiny, writePicture, writeTiny } from './gradlens';

const { C, H, W } = EXTENTS;
let dir: string;
let model: string;
const at = (...names: string[]): string => join(dir, ...names);
const linesOf = (path: string): Line[] => jsonLines(readFileSync(path, 'utf8'));
/** Without what no two runs have in common. */
const told = (path: string): object[] => linesOf(path).map(({ milliseconds: _, ...line }) => line);

beforeAll(async () => {
  buildOnce();
  dir = folder();
  model = await writeTiny(dir);
  mkdirSync(at('photos/deep'), { recursive: true });
  for (const [k, name] of ['a.png', 'b.png', 'deep/c.png'].entries())
    await writePicture(at('photos', name), 20 + k, 16, k + 1);
  writeFileSync(at('photos/torn.png'), readFileSync(at('photos/a.png')).subarray(0, 300));
  writeFileSync(
    at('x.npy'),
    writeNpy([3, C, H, W], Float32Array.from([1, 2, 3].flatMap((seed) => [...inputOf(seed)]))),
  );
  const images = ['a.png', 'b.png', 'torn.png'].map((file, k) => ({ file, class: k, boxes: [[2, 2, 9, 9]] }));
  writeFileSync(at('boxes.json'), JSON.stringify({ images }));
});

describe('gradient', () => {
  const gradient = (...args: string[]) => gradlens(['gradient', ...args, '--model', model]);

  test('of prepared numbers is that of float64, each in a file of its own, whatever the batch', async () => {
    for (const batch of ['1', '2']) {
      const out = at(`g${batch}`);
      const { code } = await gradient(at('x.npy'), '--out', join(out, '{stem}.npz'), '--class', '2', '--batch', batch);
      expect(code).toBe(0);
      expect(linesOf(join(out, 'gradient.jsonl')).map((line) => line.class)).toEqual([2, 2, 2]);
      [1, 2, 3].forEach((seed, k) => {
        const arrays = unzipSync(readFileSync(join(out, `x-00000${k}.npz`)));
        const oracle = graphGradient(tiny, inputOf(seed), { class: 2 });
        const found = readNpy(arrays['gradient.npy']!);
        expect(found.shape).toEqual([C, H, W]);
        expect(relativeL2(found.data, oracle.gradient)).toBeLessThan(1e-5);
        expect(relativeL2(readNpy(arrays['scores.npy']!).data, oracle.scores)).toBeLessThan(1e-5);
        expect([...readNpy(arrays['classes.npy']!).data]).toEqual([2]);
      });
    }
  });

  test('of a folder: a file and a line for each picture, failures too; of several classes one array', async () => {
    const args = [at('photos'), '--out', at('k/{dir}/{stem}.npy'), '--class', '3,0'];
    expect((await gradient(...args)).code).toBe(1);
    const index = at('k/gradient.jsonl');
    expect(linesOf(index).map(({ error }) => error !== undefined)).toEqual([false, false, false, true]);
    expect(readNpy(readFileSync(at('k/deep/c.npy'))).shape).toEqual([2, C, H, W]);
    const before = readFileSync(index, 'utf8');
    const resumed = await gradient(...args, '--resume');
    expect([resumed.code, resumed.stdout, readFileSync(index, 'utf8')]).toEqual([1, '', before]);
    expect((await gradient(...args, '--resume', '--relu', 'guided')).complaints.join()).toContain('another method');
    await gradient(at('photos/a.png'), '--out', at('one.npy'), '--class', '3');
    const [both, one] = ['k/a.npy', 'one.npy'].map((name) => readNpy(readFileSync(at(name))).data);
    expect(relativeL2(both!.subarray(0, C * H * W), one!)).toBeLessThan(1e-6);
  });

  test('of shards: a tar of arrays', async () => {
    const { code } = await gradient(at('x.npy'), '--out', at('shards/{shard}.tar'));
    expect([code, readdirSync(at('shards')).sort()]).toEqual([
      0,
      ['gradient.jsonl', 'gradient.manifest.json', 'x.tar'],
    ]);
  });

  test('takes pictures or an array', async () => {
    const refusals = [
      [[], 'give pictures, or'],
      [[at('photos'), '--input', at('x.npy')], 'not both'],
      [[at('photos'), '--scores', at('s.npy')], '--scores goes with --input'],
    ] as const;
    for (const [args, message] of refusals) {
      const { code, complaints } = await gradient(...args, '--out', at('refused.npy'));
      expect([code, complaints.join()]).toEqual([2, expect.stringContaining(message)]);
    }
    expect(existsSync(at('refused.npy'))).toBe(false);
  });
});

describe('localise', () => {
  const localise = (...args: string[]) =>
    gradlens(['localise', ...args, '--boxes', at('boxes.json'), '--model', model]);

  test('a line for each picture that the boxes name; the measures are those of the index', async () => {
    const args = [at('photos'), '--index', at('l.jsonl'), '--json'];
    const whole = await localise(...args);
    expect(whole.code).toBe(1);
    expect(linesOf(at('l.jsonl')).map(({ picture, error }) => [picture, error !== undefined])).toEqual([
      [at('photos/a.png'), false],
      [at('photos/b.png'), false],
      [at('photos/torn.png'), true],
    ]);
    const { adapter, ...results } = jsonLines(whole.stdout).at(-1);
    expect(results.segmentation.pictures).toBe(2);

    // one picture of two was done, and its line is torn
    const text = readFileSync(at('l.jsonl'), 'utf8');
    const [first = '', second = ''] = text.split('\n');
    writeFileSync(at('l.jsonl'), `${first}\n${second.slice(0, 40)}`);
    const resumed = await localise(...args, '--resume');
    expect(resumed.code).toBe(1);
    expect(jsonLines(resumed.stdout).at(-1)).toMatchObject(results);
    expect(jsonLines(resumed.stdout)[0].image).toBe(at('photos/b.png'));
    // again there is nothing to do, and the table is told all the same
    expect(jsonLines((await localise(...args, '--resume')).stdout)).toEqual([{ adapter, ...results }]);
  });

  test('parts of it are joined, and are the whole', async () => {
    const parts = await Promise.all(
      [0, 1].map((k) => localise(at('photos'), '--index', at(`part${k}.jsonl`), '--shard', `${k}/2`)),
    );
    expect(parts.map(({ code }) => code)).toEqual([0, 1]); // the second part has the torn one
    const merged = await gradlens(['merge', at('part0.jsonl'), at('part1.jsonl'), '--out', at('merged.jsonl')]);
    expect(merged.code).toBe(0);
    expect(told(at('merged.jsonl'))).toEqual(told(at('l.jsonl')));
  });

  test('says when the boxes name none of the pictures', async () => {
    mkdirSync(at('others'));
    copyFileSync(at('photos/a.png'), at('others/z.png'));
    const { code, complaints } = await localise(at('others'), '--index', at('none.jsonl'));
    expect([code, complaints.join()]).toEqual([2, expect.stringContaining('none of the pictures is in')]);
  });
});
