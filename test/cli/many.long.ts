/** Ten thousand small pictures, some of them broken, in one command that is killed three times. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Line } from '../../src/cli/many/index';
import { uniform } from '../../src/random';
import { buildOnce, folder, jsonLines, writePicture, writeTiny } from './gradlens';

const COUNT = Number(process.env['GRADLENS_PICTURES'] ?? 10_000);
const BROKEN = 24;
const root = join(import.meta.dirname, '../..');

interface Ran {
  readonly code: number | null;
  /** Bytes of memory in use, over the time that it ran. */
  readonly memory: readonly number[];
}

/** Runs until it ends, or is killed after so many milliseconds. */
function run(args: readonly string[], killedAfter?: number): Promise<Ran> {
  const child = spawn(process.execPath, [join(root, 'bin/gradlens.js'), ...args], { stdio: 'ignore' });
  const memory: number[] = [];
  const watch = setInterval(() => {
    try {
      const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      memory.push(Number(kilobytes) * 1024);
    } catch {
      // it has just ended
    }
  }, 1000);
  const killer = killedAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killedAfter);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearInterval(watch);
      clearTimeout(killer);
      resolve({ code, memory });
    });
  });
}

const hashesIn = (dir: string): readonly string[] =>
  readdirSync(dir)
    .filter((name) => !name.includes('saliency.'))
    .sort()
    .map(
      (name) =>
        `${name} ${createHash('sha256')
          .update(readFileSync(join(dir, name)))
          .digest('hex')}`,
    );

const told = (dir: string): readonly object[] =>
  (jsonLines(readFileSync(join(dir, 'saliency.jsonl'), 'utf8')) as Line[]).map(
    ({ milliseconds: _, files, ...line }) => ({
      ...line,
      files: files.length,
    }),
  );

test('ten thousand pictures, killed three times, at constant memory', async () => {
  buildOnce();
  const dir = folder();
  const model = await writeTiny(dir);
  const photos = join(dir, 'photos');
  mkdirSync(photos);
  const kinds: Buffer[] = [];
  for (let k = 0; k < 20; k++)
    kinds.push(readFileSync(await writePicture(join(dir, `kind${k}.png`), 24 + k, 40 - k, k)));
  for (let k = 0; k < COUNT; k++) {
    const bytes = kinds[k % kinds.length]!;
    const isBroken = k % Math.floor(COUNT / BROKEN) === 7;
    const broken = k % 2 ? bytes.subarray(0, bytes.length / 2) : Buffer.alloc(0);
    writeFileSync(join(photos, `p${String(k).padStart(6, '0')}.png`), isBroken ? broken : bytes);
  }
  const argsTo = (out: string): string[] => [
    'saliency',
    photos,
    '--model',
    model,
    '--out',
    join(dir, out, '{stem}.png'),
  ];

  const whole = await run(argsTo('whole'));
  expect(whole.code).toBe(1);
  const lines = told(join(dir, 'whole'));
  expect(lines.length).toBe(COUNT);
  expect(lines.filter((line) => 'error' in line).length).toBeGreaterThanOrEqual(20);

  const draw = uniform(Date.now());
  const time = whole.memory.length * 1000;
  for (let kill = 0; kill < 3; kill++) await run([...argsTo('killed'), '--resume'], 2000 + draw() * (time / 4));
  expect((await run([...argsTo('killed'), '--resume'])).code).toBe(1);
  expect(told(join(dir, 'killed'))).toEqual(lines);
  expect(hashesIn(join(dir, 'killed'))).toEqual(hashesIn(join(dir, 'whole')));

  // after a fifth of the time all is in use; then names and keys of pictures are all that may grow
  const later = whole.memory.slice(Math.ceil(whole.memory.length / 5));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const middle = Math.floor(later.length / 2);
  const grown = mean(later.slice(middle)) - mean(later.slice(0, middle));
  const perPicture = grown / (0.8 * COUNT * 0.5);
  process.stderr.write(`memory: ${Math.round(mean(later) / 2 ** 20)} MiB, ${Math.round(perPicture)} bytes a picture\n`);
  expect(perPicture).toBeLessThan(4096);
});
