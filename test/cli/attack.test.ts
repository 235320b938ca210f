/** `gradlens attack`: the library's attacks, over pictures; test/methods/attack.test.ts holds those to float64. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { type AttackOptions, attack, attackBatch } from '../../src';
import { type AttackedLine, sharesOf } from '../../src/cli/attack';
import { readImage } from '../../src/node/image';
import { fileAddress } from '../../src/node';
import { engineOn } from '../methods/support';
import { EXTENTS, LABELS, buildOnce, folder, gradlens, jsonLines, writePicture, writeTiny } from './gradlens';

let dir: string;
let model: string;
const at = (...names: string[]): string => join(dir, ...names);
const names = ['a.png', 'b.png', 'c.png'];

beforeAll(async () => {
  buildOnce();
  dir = folder();
  model = await writeTiny(dir);
  mkdirSync(at('photos'));
  for (const [k, name] of names.entries()) await writePicture(at('photos', name), 20 + k, 16, k + 1);
});

const run = (...args: string[]) => gradlens(['attack', ...args, '--model', model]);

test.each<[string, AttackOptions]>([
  ['--epsilon 2/255', { epsilon: 2 / 255 }],
  ['--epsilon 0.05 --steps 1', { epsilon: 0.05, steps: 1 }],
  ['--norm l2 --epsilon 0.5 --steps 4 --step 1/8', { norm: 'l2', epsilon: 0.5, steps: 4, step: 1 / 8 }],
  ['--target bird --steps 3', { target: 2, steps: 3 }],
  ['--class 1 --random --seed 7 --steps 2', { class: 1, random: true, seed: 7, steps: 2 }],
])('attack %s is what the library makes of the same words', async (words, options) => {
  using engine = await engineOn();
  const net = await engine.load(fileAddress(model));
  const expected = await attack(net, await readImage(at('photos/a.png')), options);
  const out = join(folder(), 'changed.png');
  const { code, stdout, complaints } = await run(
    at('photos/a.png'),
    ...words.split(' '),
    ...['--save', 'picture', '--out', out, '--json'],
  );
  expect([code, complaints]).toEqual([0, []]);
  const [told] = jsonLines(stdout);
  const { before, after, length, succeeded, meta } = expected;
  const named = (one: typeof before) => ({ label: LABELS[one.class], ...one });
  expect(told).toMatchObject({ before: named(before), after: named(after), length, succeeded, truth: null });
  expect(told.parameters).toMatchObject({ epsilon: meta['epsilon'], steps: meta['steps'], norm: meta['norm'] });
  const { data, info } = await sharp(out).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([EXTENTS.W, EXTENTS.H]);
  expect([...data]).toEqual([...expected.picture().data]);
});

test('a folder with truths: figures, a line for each, the shares of the lines, and nothing twice', async () => {
  const images = names.map((file, k) => ({ file, class: k }));
  writeFileSync(at('truths.json'), JSON.stringify({ images: images.slice(0, 2) }));
  const to = join(folder(), 'figures');
  const args = [at('photos'), '--truths', at('truths.json'), '--epsilon', '20/255', '--save', 'both'];
  const { code, stdout, complaints } = await run(...args, '--out', join(to, '{stem}.png'), '--json');
  expect([code, complaints]).toEqual([0, []]);
  const [a, b, shares] = jsonLines(stdout);
  expect([a.truth, b.truth]).toEqual([0, 1]);
  const share = (holds: (one: typeof a) => boolean): number => [a, b].filter(holds).length / 2;
  expect(shares).toMatchObject({
    pictures: 2,
    accuracy: share(({ before, truth }) => before.class === truth),
    robustAccuracy: share(({ before, after, truth }) => before.class === truth && after.class === truth),
    changed: share(({ before, after }) => before.class !== after.class),
    reached: null,
  });
  const made = ['a-attacked.png', 'a.png', 'attack.jsonl', 'attack.manifest.json', 'b-attacked.png', 'b.png'];
  expect(readdirSync(to).sort()).toEqual(made);
  const { width, height } = await sharp(join(to, 'a.png')).metadata();
  expect([width, height > 500]).toEqual([1800, true]);

  using engine = await engineOn();
  const net = await engine.load(fileAddress(model), { batch: 2 });
  const pictures = await Promise.all(names.slice(0, 2).map((name) => readImage(at('photos', name))));
  const found = await attackBatch(net, pictures, { epsilon: 20 / 255, class: [0, 1] });
  for (const [k, { after, length }] of found.entries()) expect([a, b][k]).toMatchObject({ after, length });
  expect(found.some(({ before }, k) => before.class !== k)).toBe(true); // or it would not matter what is true

  const again = await run(...args, '--out', join(to, '{stem}.png'), '--resume', '--json');
  expect([again.code, jsonLines(again.stdout)]).toEqual([0, [shares]]);
  const other = await run(...args, '--out', join(to, '{stem}.png'), '--resume', '--steps', '3');
  expect([other.code, other.complaints.join()]).toEqual([2, expect.stringContaining('cannot be resumed')]);
});

test('shares by hand', () => {
  const line = (before: number, after: number, truth: number | null) =>
    ({ class: before, after: { class: after }, truth }) as AttackedLine;
  // right and robust; right and led away; wrong and led to the truth; wrong and stays wrong
  const four = [line(1, 1, 1), line(1, 2, 1), line(0, 1, 1), line(2, 2, 1)];
  const shares = { pictures: 4, accuracy: 0.5, robustAccuracy: 0.25, changed: 0.5, reached: 0.5 };
  expect(sharesOf(four, 2)).toEqual(shares);
  expect(sharesOf([line(1, 2, null)], undefined)).toMatchObject({ accuracy: null, robustAccuracy: null, changed: 1 });
});

test('no picture is written over, as a figure or beside one', async () => {
  const to = folder();
  for (const name of ['a.png', 'a-attacked.png']) copyFileSync(at('photos/a.png'), join(to, name));
  const before = readFileSync(join(to, 'a.png'));
  const both = [join(to, 'a.png'), join(to, 'a-attacked.png')];
  for (const [save, out] of [
    ['figure', '{stem}.png'],
    ['both', 'figures/../{stem}.png'],
  ] as const) {
    const { code, complaints } = await run(...both, '--save', save, '--out', join(to, out));
    expect([code, complaints.join()]).toEqual([2, expect.stringContaining('is read by this command already')]);
    for (const path of both) expect(readFileSync(path).equals(before)).toBe(true);
  }
});

test('--save none writes nothing where pictures are named one by one', async () => {
  const { code, stdout } = await run(at('photos/a.png'), at('photos/b.png'), '--save', 'none', '--steps', '1');
  expect([code, existsSync(at('out'))]).toEqual([0, false]);
  expect(stdout).toMatch(/a\.png: .* → .*\n.*b\.png: .* → .*\n2 pictures\nclass changed +\d+\.\d %\n$/);
});

test('what makes no sense is a usage error, before anything is computed', async () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['--epsilon 2/0', /--epsilon is '2\/0'; it can be a number from 0 to 1/],
    ['--epsilon 4', /--epsilon is '4'; it can be a number from 0 to 1/],
    ['--epsilon 1/2/3', /--epsilon is '1\/2\/3'/],
    ['--steps 0', /--steps is '0'; it can be a whole number from 1/],
    ['--norm l1', /--norm is 'l1'; it can be linf, l2/],
    ['--target top1', /--target is 'top1'; it can be a class/],
    ['--target fish', /unknown class 'fish'/],
    ['--class cat --truths none.json', /--class does not go with it/],
    ['--truths none.json', /none\.json cannot be read: ENOENT/],
    ['--out x.jpg', /it should end in \.png/],
  ];
  for (const { outcome, message } of await Promise.all(
    wrong.map(async ([words, message]) => ({ outcome: await run(at('photos/a.png'), ...words.split(' ')), message })),
  ))
    expect([outcome.code, outcome.complaints.join()]).toEqual([2, expect.stringMatching(message)]);
});
