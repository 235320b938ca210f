import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Files } from '../../src/cli/files';
import { shown, shownJson } from '../../src/cli/shown';
import { writeNpy } from '../../src/formats/npy';
import { seededRandom } from '../oracle/random';
import { EXTENTS, buildOnce, folder, gradlens, jsonLines, writePicture, writeTiny } from './gradlens';

let dir: string;
let model: string;
const at = (name: string): string => join(dir, name);
const bytesOf = (path: string): string => readFileSync(path, 'base64');

beforeAll(async () => {
  buildOnce();
  dir = folder();
  model = await writeTiny(dir);
  await writePicture(at('a.png'), 20, 20, 1);
  await writePicture(at('b.png'), 20, 20, 2);
  mkdirSync(at('other'));
  copyFileSync(at('b.png'), at('other/a.png'));
  symlinkSync(dir, at('link'));
  mkdirSync(at('hard'));
  linkSync(at('a.png'), at('hard/a.png'));
  symlinkSync(at('a.png'), at('soft.png'));
  const data = new Float32Array(EXTENTS.C * EXTENTS.H * EXTENTS.W);
  writeFileSync(at('x.npy'), writeNpy([EXTENTS.C, EXTENTS.H, EXTENTS.W], data));
  writeFileSync(at('labels.txt'), 'a\nb\nc\nd\n');
});

describe('no command writes over what it reads', () => {
  const route = (...names: string[]): readonly string[] => names.map((name) => name.replace('$', dir));
  test.each<[title: string, args: readonly string[], stdin: string, victim: string]>([
    ['a list on stdin', ['saliency', '-', '--out', '$/{stem}.png'], '$/a.png', 'a.png'],
    ['a list on stdin, masks', ['segment', '-', '--out', '$/{stem}.png'], '$/a.png', 'a.png'],
    ['a link to the folder', ['saliency', '$/a.png', '--out', '$/link/{stem}.png'], '', 'a.png'],
    ['a link to the folder, masks', ['segment', '$/a.png', '--out', '$/link/{stem}.png'], '', 'a.png'],
    ['a picture read by a link', ['saliency', '$/soft.png', '--out', '$/a.png'], '', 'a.png'],
    ['a link to the picture', ['saliency', '$/a.png', '--out', '$/soft.png'], '', 'a.png'],
    ['a hard link', ['saliency', '$/a.png', '--out', '$/hard/a.png'], '', 'a.png'],
    ['another spelling of the path', ['saliency', '$/a.png', '--out', '$/other/../a.png'], '', 'a.png'],
    ['another picture of the list', ['saliency', '$/a.png', '$/b.png', '--out', '$/{stem}.png'], '', 'b.png'],
    ['capitals', ['saliency', '$/a.png', '--out', '$/A.PNG'], '', 'a.png'],
    ['its own input', ['gradient', '--input', '$/x.npy', '--out', '$/link/x.npy'], '', 'x.npy'],
    [
      'its own input, scores',
      ['gradient', '--input', '$/x.npy', '--out', '$/g.npy', '--scores', '$/x.npy'],
      '',
      'x.npy',
    ],
    [
      'the weights',
      ['gradient', '--input', '$/x.npy', '--out', '$/squash/tiny.safetensors'],
      '',
      'squash/tiny.safetensors',
    ],
    [
      'the labels',
      ['gradient', '--input', '$/x.npy', '--labels', '$/labels.txt', '--out', '$/labels.txt'],
      '',
      'labels.txt',
    ],
  ])('%s', async (_title, args, stdin, victim) => {
    const before = bytesOf(at(victim));
    const { code, stdout, complaints } = await gradlens([...route(...args), '--model', model], {
      stdin: stdin.replace('$', dir),
    });
    expect(complaints.join('\n')).toMatch(/is read by this command already; name another file to write/);
    expect(code).toBe(stdin === '' ? 2 : 1); // of a list some pictures failed
    expect(bytesOf(at(victim))).toBe(before);
    expect(stdout).toBe('');
    expect(existsSync(at('g.npy'))).toBe(false);
  });

  test('convert does not write into the folder that it reads', async () => {
    const own = dirname(model);
    const before = readdirSync(own).map((name) => [name, bytesOf(join(own, name))]);
    for (const to of [own, join(at('link'), basename(own))]) {
      const { code, complaints } = await gradlens(['convert', model, to, '--f16']);
      expect(complaints.join('\n')).toMatch(/model\.json is read by this command already/);
      expect(code).toBe(2);
      expect(readdirSync(own).map((name) => [name, bytesOf(join(own, name))])).toEqual(before);
    }
  });

  test('class-model does not write over its model', async () => {
    const path = join(dirname(model), 'copy.png');
    copyFileSync(model, path);
    const before = bytesOf(path);
    const { code } = await gradlens([
      'class-model',
      '--model',
      path,
      '--class',
      '0',
      '--iterations',
      '1',
      '--out',
      path,
    ]);
    expect([code, bytesOf(path)]).toEqual([2, before]);
  });
});

describe('outputs that meet', () => {
  test('are told before anything is computed; the first one is made', async () => {
    const pictures = [at('a.png'), at('other/a.png')];
    const { code, stdout, complaints } = await gradlens([
      'saliency',
      ...pictures,
      '--model',
      model,
      '--out',
      at('maps/{stem}.png'),
      '--json',
    ]);
    expect(complaints).toEqual([
      expect.stringMatching(
        /other.a\.png: .*maps.a\.png is written by this command already; name another file to write/,
      ),
    ]);
    const done = jsonLines(stdout).filter(({ error }) => error === undefined);
    expect([code, done.map(({ image }) => image)]).toEqual([1, [pictures[0]]]);
  });

  test('gradient and scores in one file are refused, whatever their paths', async () => {
    const args = ['gradient', '--model', model, '--input', at('x.npy'), '--out', at('one.npy')];
    const { code, complaints } = await gradlens([...args, '--scores', at('other/../one.npy')]);
    expect(complaints.join('\n')).toMatch(/one\.npy is written by this command already/);
    expect([code, existsSync(at('one.npy'))]).toEqual([2, false]);
  });

  test('classes of one name become files of two names', async () => {
    writeFileSync(at('cranes.txt'), 'crane\nbird\ncrane\nfish\n');
    const { code, stdout } = await gradlens([
      ...['class-model', '--model', model, '--labels', at('cranes.txt'), '--class', '0,1,2', '--iterations', '1'],
      ...['--out', at('made/{class}.png'), '--json'],
    ]);
    expect(code).toBe(0);
    const names = ['crane-0.png', 'bird.png', 'crane-2.png'];
    expect(jsonLines(stdout).map(({ out }) => basename(out))).toEqual(names);
    expect(readdirSync(at('made')).sort()).toEqual([...names].sort());
  });

  test('a scope may claim its own file again, another scope may not', () => {
    const files = new Files();
    const outputs = files.outputs('a');
    outputs.claim(at('new.png'));
    outputs.claim(at('new.png'));
    expect(() => files.outputs('b').claim(at('new.png'))).toThrow(/^b: .*new\.png is written by this command already/);
    expect(() => files.outputs().claim(at('New.png'))).toThrow('is written by this command already');
    expect(() => files.reads(at('link/new.png'))).toThrow('is read and written by this command');
  });
});

test('a process that is killed in the middle of writing leaves the old file as it was', async () => {
  const { writeWhole } = await import('../../src/node/writeWhole');
  const target = at('killed/whole.bin');
  await writeWhole(target, 'the old file');
  const script = `
    import { writeWhole } from ${JSON.stringify(new URL(`file://${at('writeWhole.mjs')}`).href)};
    await writeWhole(${JSON.stringify(target)}, new Uint8Array(96e6).fill(1));`; // long enough to be seen half written
  await transpile('src/node/writeWhole.ts', at('writeWhole.mjs'));
  for (let attempt = 0; attempt < 3; attempt++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    const isBegun = (): boolean => readdirSync(dirname(target)).some((name) => name.endsWith('.tmp'));
    const before = readdirSync(dirname(target)).length;
    while (child.exitCode === null && readdirSync(dirname(target)).length === before)
      await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(child.signalCode).toBe('SIGKILL');
    expect(isBegun()).toBe(true);
    expect(readFileSync(target, 'utf8')).toBe('the old file');
  }
});

/** Types stripped, as the build does. */
async function transpile(from: string, to: string): Promise<void> {
  const { transformWithOxc } = await import('vite');
  const { code } = await transformWithOxc(readFileSync(from, 'utf8'), from);
  writeFileSync(to, code);
}

describe('what is printed', () => {
  test('control characters are shown, and nothing else is touched', () => {
    expect(shown('a\u001b]0;title\u0007b\nc\u009b2Jd\u202ee')).toBe(
      'a\\u001b]0;title\\u0007b\\u000ac\\u009b2Jd\\u202ee',
    );
    expect(shown('naïve “café” 猫 🐈 é')).toBe('naïve “café” 猫 🐈 é');
    const odd = { label: '\u009b2J\u001b[1m\u2028"', list: ['\u202e'] };
    expect(JSON.parse(shownJson(odd))).toEqual(odd);
    expect(shownJson(odd)).toBe('{"label":"\\u009b2J\\u001b[1m\\u2028\\"","list":["\\u202e"]}');
  });

  test('any text becomes one line without controls, and JSON of the same meaning', () => {
    const random = seededRandom(7);
    for (let run = 0; run < 2000; run++) {
      const text = String.fromCharCode(...Array.from({ length: 12 }, () => random.integer(0, run % 2 ? 0x2fff : 0xff)));
      for (const line of [shown(text), shownJson(text)])
        expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
      expect(JSON.parse(shownJson(text))).toBe(text);
    }
  });

  test.each(['classify', 'saliency', 'segment', 'sanity', 'gradient', 'class-model'])(
    '%s: a label is no command to the terminal, and no line of its own',
    async (command) => {
      const labels = at('evil.json');
      writeFileSync(labels, JSON.stringify(new Array(4).fill('\u001b]0;owned\u0007\nforged: cat, score 1\u009b2J')));
      const files: Record<string, readonly string[]> = {
        gradient: ['--input', at('x.npy'), '--out', at('evil/g.npy')],
        'class-model': ['--class', '1', '--iterations', '1', '--out', at('evil/c.png')],
        saliency: [at('a.png'), '--out', at('evil/s.png')],
        segment: [at('a.png'), '--out', at('evil/m.png')],
      };
      const args = [command, ...(files[command] ?? [at('a.png')]), '--model', model, '--labels', labels];
      for (const more of [[], ['--json']]) {
        const { code, stdout, stderr } = await gradlens([...args, ...more]);
        expect(code).toBe(0);
        expect(stdout).toContain('\\u001b]0;owned\\u0007');
        expect(stdout).not.toMatch(/^forged/m);
        for (const text of [stdout, stderr]) expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
      }
    },
  );

  test('neither is the name of a file', async () => {
    const { stderr } = await gradlens(['classify', at('\u001b[2Jgone.png'), '--model', model]);
    expect(stderr).toContain('\\u001b[2Jgone.png: there is no such file');
    expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});

test('all of the command reads and writes through src/cli/files.ts', () => {
  const writes = /\b(writeFile|writeFileSync|appendFile|createWriteStream|copyFile|rename|truncate|writeWhole)\(/;
  const own = ['files.ts', 'many/index.ts', 'many/tarWriter.ts']; // the last two write what was claimed before
  const sources = (readdirSync('src/cli', { recursive: true }) as string[])
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !own.includes(name));
  const found = sources.filter((name) => writes.test(readFileSync(join('src/cli', name), 'utf8')));
  expect(found).toEqual([]);
  const prints = /\b(console\.|std(out|err)\.write)/;
  expect(sources.filter((name) => prints.test(readFileSync(join('src/cli', name), 'utf8')))).toEqual([
    'main.ts', // help and version
    'session.ts',
  ]);
});
