/** Many pictures: what goes in and comes out, stops and goes on, and is shared among processes. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { unzipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Line } from '../../src/cli/many/index';
import { readNpy, writeNpy } from '../../src/formats/npy';
import { EXTENTS, buildOnce, folder, gradlens, inputOf, jsonLines, writePicture, writeTiny } from './gradlens';

let dir: string;
let model: string;
const at = (...names: string[]): string => join(dir, ...names);
const linesOf = (path: string): Line[] => jsonLines(readFileSync(path, 'utf8'));
/** Without what no two runs have in common. */
const told = (path: string): object[] => linesOf(path).map(({ milliseconds: _, ...line }) => line);

/** Every file below a folder with its bytes, but for indexes. */
function filesIn(root: string): Record<string, string> {
  const names = (readdirSync(root, { recursive: true }) as string[]).filter((name) =>
    statSync(join(root, name)).isFile(),
  );
  return Object.fromEntries(
    names
      .filter((name) => !/\.jsonl$|manifest\.json$/.test(name))
      .sort()
      .map((name) => [name, readFileSync(join(root, name), 'base64')]),
  );
}

const COUNT = 150;

beforeAll(async () => {
  buildOnce();
  dir = folder();
  model = await writeTiny(dir);
  mkdirSync(at('photos/deep/er'), { recursive: true });
  for (let k = 0; k < COUNT; k++)
    await writePicture(at(k % 3 ? 'photos' : 'photos/deep/er', `p${k}.png`), 9 + k, 8 + ((k * 7) % 13), k);
  const whole = readFileSync(at('photos/p1.png'));
  for (const [name, bytes] of [
    ['empty.png', new Uint8Array()],
    ['torn.png', whole.subarray(0, whole.length / 2)],
    ['deep/words.jpg', Buffer.from('no picture')],
  ] as const)
    writeFileSync(at('photos', name), bytes);
  writeFileSync(at('photos/notes.txt'), 'not looked at');
});

const saliency = (args: readonly string[], options: Parameters<typeof gradlens>[1] = {}) =>
  gradlens(['saliency', ...args, '--model', model], options);

describe('a folder', () => {
  test('becomes a line for every picture, in order, those that fail too', async () => {
    const args = [at('photos'), '--out', at('one/{dir}/{stem}.png'), '--npy', '--json'];
    const { code, stdout, complaints } = await saliency(args);
    expect(code).toBe(1);
    expect(complaints.length).toBe(3);
    const lines = linesOf(at('one/saliency.jsonl'));
    const names = lines.map(({ picture }) => relative(at('photos'), picture));
    expect(names).toEqual([...names].sort());
    expect(names.length).toBe(COUNT + 3);
    expect(new Set(names).size).toBe(COUNT + 3);
    expect(lines.map(({ at: [unit, entry] }) => [unit, entry])).toEqual(lines.map((_, k) => [k, 0]));
    for (const line of lines) {
      expect(line.milliseconds).toBeGreaterThanOrEqual(0);
      if (/empty|torn|words/.test(line.picture)) expect(line).toMatchObject({ files: [], error: expect.any(String) });
      else {
        expect(line).toMatchObject({ shard: null, class: expect.any(Number), label: expect.any(String) });
        expect(line.files.map((file) => existsSync(file))).toEqual([true, true]);
      }
    }
    expect(lines.find(({ picture }) => picture.endsWith('p3.png'))!.files[0]).toBe(at('one/deep/er/p3.png'));
    expect(jsonLines(stdout).map(({ image, error }) => [image, error])).toEqual(
      lines.map(({ picture, error }) => [picture, error]),
    );
    expect(JSON.parse(readFileSync(at('one/saliency.manifest.json'), 'utf8'))).toMatchObject({
      command: 'saliency',
      pictures: COUNT + 3,
      units: { count: COUNT + 3 },
      shard: null,
    });

    const again = await saliency(args);
    expect([again.code, again.complaints.join()]).toEqual([2, expect.stringContaining('add --resume')]);
    const other = await saliency([...args, '--resume', '--relu', 'guided']);
    expect([other.code, other.complaints.join()]).toEqual([2, expect.stringContaining('another method')]);
    const before = readFileSync(at('one/saliency.jsonl'), 'utf8');
    const list = at('all.txt');
    writeFileSync(list, `${at('photos')}\n`);
    const resumed = await saliency(['--list', list, ...args.slice(1), '--resume']); // the same pictures
    expect([resumed.code, resumed.stdout]).toEqual([1, '']);
    expect(readFileSync(at('one/saliency.jsonl'), 'utf8')).toBe(before);
  });

  test('killed three times and resumed, is complete and the same to the bit', async () => {
    const out = at('killed/{dir}/{stem}.png');
    const index = at('killed/saliency.jsonl');
    const args = [at('photos'), '--out', out, '--npy'];
    let kills = 0;
    for (let attempt = 0; attempt < 3; attempt++) {
      const { code } = await saliency([...args, '--resume'], { onResult: (kill) => kill('SIGKILL') });
      if (code === null) kills++;
      if (existsSync(index)) {
        const text = readFileSync(index, 'utf8');
        const [last = ''] = text.trimEnd().split('\n').slice(-1);
        if (attempt === 1) writeFileSync(index, text.slice(0, text.length - Math.ceil(last.length / 2))); // torn
      }
    }
    expect(kills).toBeGreaterThanOrEqual(2);
    writeFileSync(at('killed/.p1.png.0123abcd.tmp'), 'left behind');
    const { code } = await saliency([...args, '--resume']);
    expect(code).toBe(1);
    expect(filesIn(at('killed'))).toEqual(filesIn(at('one')));
    const without = (lines: object[]): object[] =>
      lines.map((line) => JSON.parse(JSON.stringify(line).replaceAll(at('killed'), at('one'))) as object);
    expect(without(told(index))).toEqual(told(at('one/saliency.jsonl')));
  });
});

/** Files as a tar, as the system's own command makes it. */
function tarOf(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const root = folder();
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), bytes);
  }
  return execFileSync('tar', ['-cf', '-', '-C', root, ...Object.keys(files)]);
}

function entriesOf(path: string): Record<string, Buffer> {
  const root = folder();
  execFileSync('tar', ['-xf', path, '-C', root]);
  const names = execFileSync('tar', ['-tf', path], { encoding: 'utf8' }).trim().split('\n');
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(root, name))]));
}

test('shards become shards, with the numbers of their pictures; arrays are taken too', async () => {
  const bytes = (name: string): Buffer => readFileSync(at('photos', name));
  const long = `${'folder/'.repeat(25)}p5.png`; // beyond what the first tars could name
  writeFileSync(
    at('s-08.tar'),
    tarOf({ 'a.seg.png': bytes('p1.png'), 'a.cls': Buffer.from('3'), [long]: bytes('p5.png') }),
  );
  writeFileSync(
    at('s-09.tar.gz'),
    gzipSync(tarOf({ 'b.png': bytes('p2.png'), 'b.jpg': bytes('p4.png'), 'bad.png': bytes('torn.png') })),
  );
  const missing = await saliency([at('s-{08..10}.tar'), '--out', at('tars/{shard}.tar')]);
  expect(missing.complaints.join()).toContain('s-10.tar: there is no such file');
  const args = [at('s-08.tar'), at('s-09.tar.gz'), '--out', at('shards/{shard}.tar'), '--npy'];
  const { code } = await saliency(args);
  expect(code).toBe(1);
  const lines = linesOf(at('shards/saliency.jsonl'));
  expect(lines.map(({ picture, error }) => [picture.split('/').at(-1), error !== undefined])).toEqual([
    ['a.seg.png', false],
    ['p5.png', false],
    ['b.png', false],
    ['b.jpg', true], // its key is b, too
    ['bad.png', true],
  ]);
  const first = entriesOf(at('shards/s-08.tar'));
  expect(Object.keys(first)).toEqual(['a.png', 'a.npy', long, long.replace('.png', '.npy')]);
  expect(Object.keys(entriesOf(at('shards/s-09.tar')))).toEqual(['b.png', 'b.npy']);
  await saliency([at('photos/p1.png'), '--out', at('alone/{stem}.npz')]);
  const alone = unzipSync(readFileSync(at('alone/p1.npz')));
  expect(readNpy(first['a.npy']!)).toEqual(readNpy(alone['map.npy']!));

  const { C, H, W } = EXTENTS;
  writeFileSync(at('x.npy'), writeNpy([2, C, H, W], Float32Array.from([...inputOf(1), ...inputOf(2)])));
  const arrays = await saliency([at('x.npy'), '--out', at('arrays/{stem}.npy')]);
  expect(arrays.code).toBe(0);
  expect(Object.keys(filesIn(at('arrays')))).toEqual(['x-000000.npy', 'x-000001.npy']);
  expect(readNpy(readFileSync(at('arrays/x-000001.npy'))).shape).toEqual([H, W]);
});

describe('parts of a whole', () => {
  test('by Slurm and by Kubernetes are joined by merge, which notices what is wrong', async () => {
    const run = (env: Record<string, string>) =>
      gradlens(['classify', at('photos'), '--model', model, '--index', at(`parts/${Object.keys(env)[0]}.jsonl`)], {
        env,
      });
    const codes = await Promise.all([
      run({ SLURM_ARRAY_TASK_ID: '3', SLURM_ARRAY_TASK_MIN: '3', SLURM_ARRAY_TASK_COUNT: '2' }),
      run({ JOB_COMPLETION_INDEX: '1', JOB_COMPLETIONS: '2' }),
    ]);
    expect(codes.map(({ code }) => code)).toEqual([1, 1]);
    const [a, b] = [at('parts/SLURM_ARRAY_TASK_ID.jsonl'), at('parts/JOB_COMPLETION_INDEX.jsonl')];
    const merge = (...indexes: string[]) => gradlens(['merge', ...indexes, '--out', at('parts/all.jsonl')]);

    for (const [indexes, problem] of [
      [[a], 'shard 1/2 is missing'],
      [[a, b, b], 'is there 2 times'],
    ] as const) {
      const { code, complaints } = await merge(...indexes);
      expect([code, complaints.join()]).toEqual([1, expect.stringContaining(problem)]);
      expect(existsSync(at('parts/all.jsonl'))).toBe(false);
    }
    const foreign = at('parts/foreign.jsonl');
    copyFileSync(b, foreign);
    const manifest = readFileSync(b.replace('.jsonl', '.manifest.json'), 'utf8');
    writeFileSync(
      foreign.replace('.jsonl', '.manifest.json'),
      manifest.replace(/"sha256": "\w{8}/, '"sha256": "00000000'),
    );
    expect((await merge(a, foreign)).complaints.join()).toContain('another model');

    const { code, stdout } = await merge(b, a);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${COUNT + 3} pictures of 2 shards, 3 of them failed`)]);
    const pictures = linesOf(at('parts/all.jsonl')).map(({ picture }) => picture);
    expect(pictures).toEqual(linesOf(at('one/saliency.jsonl')).map(({ picture }) => picture));
  });
});

describe('nothing that is read is written over', () => {
  const refusals: readonly (readonly [string, readonly string[], string])[] = [
    ['a shard', ['$/s-08.tar', '--out', '$/{shard}.tar'], 's-08.tar'],
    ['the index over a list', ['$/photos/p1.png', '--list', '$/list.jsonl', '--index', '$/list.jsonl'], 'list.jsonl'],
    ['the index over a picture', ['$/photos/odd.jsonl', '--index', '$/photos/odd.jsonl'], 'photos/odd.jsonl'],
    [
      'the manifest over the model',
      ['$/photos/p1.png', '--index', '$/squash/model.jsonl'],
      'squash/model.manifest.json',
    ],
  ];
  test.each(refusals)('%s', async (_title, args, victim) => {
    for (const name of ['list.jsonl', 'photos/odd.jsonl']) copyFileSync(at('photos/p2.png'), at(name));
    writeFileSync(at('list.jsonl'), `${at('photos/p2.png')}\n`);
    const copy = at('squash/model.manifest.json');
    copyFileSync(model, copy);
    const before = readFileSync(at(victim), 'base64');
    const { code } = await gradlens([
      ...['saliency', ...args.map((word) => word.replace('$', dir))],
      ...['--model', copy, '--map-size', '0', ...(args.includes('--out') ? [] : ['--out', at('refused/{stem}.png')])],
    ]);
    expect([1, 2]).toContain(code);
    expect(readFileSync(at(victim), 'base64')).toBe(before);
    expect(existsSync(dirname(at('refused/x')))).toBe(false);
  });
});
