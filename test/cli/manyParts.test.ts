/** The parts of runs over many pictures that need neither a model nor files. */
import type { ArgsDef, CommandDef } from 'citty';
import { describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands';
import { helpOf, helpOfAll } from '../../src/cli/help';
import { linesIn } from '../../src/cli/many/index';
import type { Manifest } from '../../src/cli/many/manifest';
import { expanded, shareOf, shared, stemOf } from '../../src/cli/many/units';
import { type Part, problemsOf } from '../../src/cli/merge';
import { beside, fillPattern, folderOf } from '../../src/cli/output';
import { paceOf } from '../../src/cli/session';

test('ranges in braces have the digits of their first number', () => {
  expect(expanded('s-{008..011}.tar')).toEqual(['s-008.tar', 's-009.tar', 's-010.tar', 's-011.tar']);
  expect(expanded('{2..1}/{0..1}')).toEqual(['2/0', '2/1', '1/0', '1/1']);
  expect(expanded('{a,b}.tar')).toEqual(['{a,b}.tar']);
  expect(() => expanded('{0..99999999}')).toThrow('more than 10000000 files');
});

describe('the part of a process', () => {
  test.each<[string | undefined, Record<string, string>, object | null]>([
    ['2/8', {}, { index: 2, count: 8 }],
    ['2/8', { SLURM_ARRAY_TASK_ID: '5', SLURM_ARRAY_TASK_COUNT: '6' }, { index: 2, count: 8 }],
    [undefined, { SLURM_ARRAY_TASK_ID: '5', SLURM_ARRAY_TASK_COUNT: '6' }, { index: 5, count: 6 }],
    [
      undefined,
      {
        SLURM_ARRAY_TASK_ID: '7',
        SLURM_ARRAY_TASK_MIN: '1',
        SLURM_ARRAY_TASK_STEP: '2',
        SLURM_ARRAY_TASK_COUNT: '4',
      },
      { index: 3, count: 4 },
    ],
    [undefined, { JOB_COMPLETION_INDEX: '0', JOB_COMPLETIONS: '3' }, { index: 0, count: 3 }],
    ['none', { JOB_COMPLETION_INDEX: '0', JOB_COMPLETIONS: '3' }, null],
    [undefined, {}, null],
  ])('%o in %o', (option, env, share) => {
    expect(shareOf(option, env)).toEqual(share);
  });

  test.each<[string | undefined, Record<string, string>, string]>([
    ['8/8', {}, '--shard is part 8 of 8'],
    ['1', {}, "--shard is '1'; I/N"],
    [undefined, { SLURM_ARRAY_TASK_ID: '5' }, 'SLURM_ARRAY_TASK_ID is part 5 of NaN'],
    [undefined, { JOB_COMPLETION_INDEX: '1' }, 'set JOB_COMPLETIONS'],
  ])('%o in %o is refused', (option, env, message) => {
    expect(() => shareOf(option, env)).toThrow(message);
  });

  test('all parts together are the whole, each item once', () => {
    const items = Array.from({ length: 11 }, (_, k) => k);
    const parts = [0, 1, 2].flatMap((index) => shared(items, { index, count: 3 }));
    expect(parts.sort((a, b) => a - b)).toEqual(items);
  });
});

test('names of files follow their pattern', () => {
  const holes = { dir: '', stem: 'a', shard: 's', class: 'dog, hound', method: 'saliency' };
  expect(fillPattern('out/{dir}/{stem}-{class}.png', holes)).toBe('out/a-dog-hound.png');
  expect(fillPattern('out/{dir}/{stem}.png', { ...holes, dir: 'x/y' })).toBe('out/x/y/a.png');
  expect(fillPattern('{shard}/{stem}.png', { ...holes, stem: '$&{dir}' })).toBe('s/$&{dir}.png');
  expect(['out/{dir}/{stem}.png', '{stem}.png', 'a/b-{class}/c.png', 'a/b.png'].map(folderOf)).toEqual([
    'out',
    '.',
    'a',
    'a',
  ]);
  expect(beside('a.b/c.PNG', 'npy')).toBe('a.b/c.npy');
  expect(['x/y.tar.gz', 'x/y.tgz', 'y.tar', 'y.b.jpg', 'y'].map(stemOf)).toEqual(['y', 'y', 'y', 'y.b', 'y']);
});

const line = (picture: string, entry = 0) => ({
  at: [0, entry] as const,
  picture,
  shard: null,
  files: [],
  milliseconds: 1,
});

test('lines of an index are read but for a torn last one; others are told', () => {
  const text = `${JSON.stringify(line('a'))}\n${JSON.stringify(line('b'))}\n`;
  expect(linesIn(text, 'x').length).toBe(2);
  expect(linesIn(`${text}{"at":[0,1],"pict`, 'x').length).toBe(2);
  expect(() => linesIn(`{"at":\n${text}`, 'x')).toThrow('x: line 1 is no line of an index');
  expect(() => linesIn('{"image":"a"}\n', 'x')).toThrow('line 1');
  for (const begun of ['', '{', '{"at":['])
    expect(linesIn(text + begun, 'x').length, `torn at the very beginning: ${begun}`).toBe(2);
  // a line that is torn is cut off, which nobody else's may be
  for (const foreign of ['notes of mine', '{"image":"a"'])
    expect(() => linesIn(foreign, 'x')).toThrow('x: its last line is no line of an index');
});

describe('merging', () => {
  const manifest: Manifest = {
    gradlens: '1',
    command: 'saliency',
    model: { name: 'tiny', sha256: '0' },
    parameters: {},
    batch: 1,
    units: { count: 2, sha256: '1' },
    shard: { index: 0, count: 2 },
    adapter: null,
    pictures: 1,
  };
  const part = (index: number, changed: Partial<Manifest> = {}, lines = [line(`p${index}`)]): Part => ({
    path: `${index}.jsonl`,
    manifest: { ...manifest, shard: { index, count: 2 }, ...changed },
    lines,
  });

  test.each<[string, readonly Part[], readonly string[]]>([
    ['a whole', [part(1), part(0)], []],
    ['a missing part', [part(0)], ['shard 1/2 is missing']],
    ['a part twice', [part(0), part(1), part(1, {}, [line('x')])], ['shard 1/2 is there 2 times: 1.jsonl, 1.jsonl']],
    ['another model', [part(0), part(1, { model: { name: 'n', sha256: '2' } })], ['1.jsonl is of another model']],
    ['another version', [part(0), part(1, { gradlens: '2' })], ['another version of gradlens (2, not 1)']],
    ['another method', [part(0), part(1, { parameters: { method: 'x' } })], ['another method']],
    ['other pictures', [part(0), part(1, { units: { count: 3, sha256: '1' } })], ['another list of pictures']],
    ['one unfinished', [part(0), part(1, { pictures: null })], ['1.jsonl is not finished: resume its run']],
    ['lost lines', [part(0), part(1, { pictures: 2 })], ['1.jsonl has 1 lines; its run wrote 2']],
    ['a double', [part(0), part(1, {}, [line('p0')])], ['p0 is in 0.jsonl and in 1.jsonl']],
    ['other wholes', [part(0), part(0, { shard: null }, [line('q')])], ['is a part of all, 0.jsonl one of 2']],
  ])('%s', (_title, parts, problems) => {
    expect(problemsOf(parts)).toEqual(problems.map((problem) => expect.stringContaining(problem)));
  });
});

test('the pace is that of the run; before a second has passed there is none', () => {
  let time = 0;
  const pace = paceOf(() => time);
  expect(pace(10, 100)).toBe('');
  time = 500;
  expect(pace(20, 100)).toBe('');
  time = 2000;
  expect(pace(50, 100)).toBe(', 20/s, 3 s left');
  time = 4000;
  expect(pace(18, 1e6)).toBe(', 2.0/s, 138.9 h left');
  expect(pace(18)).toBe(', 2.0/s');
});

test('every help fits 80 columns, and begins with examples', () => {
  const all = Object.entries(commands as Readonly<Record<string, CommandDef<ArgsDef>>>);
  const helps = [helpOfAll('what it is', Object.fromEntries(all)), ...all.map(([name, one]) => helpOf(name, one))];
  for (const help of helps) {
    for (const text of help.split('\n')) expect(text.length, text).toBeLessThanOrEqual(80);
    expect(help).toMatch(/\n\nExamples\n {2}gradlens [\s\S]*\n\n[\s\S]*(Options|Commands)\n/);
  }
  for (const [name, { args }] of all)
    for (const flag of Object.keys(args ?? {})) {
      const help = helpOf(name, commands[name]!);
      expect(help.includes(`--${flag}`) || help.includes(`${flag.toUpperCase()}…`), `${name} ${flag}`).toBe(true);
    }
});
