import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { needs } from '../needs';
import { killGroup, supervise } from '../../bench/supervise.mjs';

/** A process that leads a group, as the commands start them. */
function job(code: string, tell: (contender: string) => void = () => {}) {
  const child = spawn(process.execPath, ['-e', code], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const done = new Promise<string>((resolve, reject) => {
    child.stdout
      .setEncoding('utf8')
      .on('data', (text: string) => (text.startsWith('at work: ') ? tell(text.slice(9).trim()) : resolve(text.trim())));
    child.on('exit', (exit) => reject(new Error(`ended with ${exit}`)));
  });
  done.catch(() => {});
  return { child, pid: child.pid!, done, kill: () => killGroup(child.pid!) };
}

const gone = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
};
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const LIMITS = { seconds: 60, bytes: 1e12 };

describe('a job', needs(process.platform !== 'win32', 'Windows has no process groups'), () => {
  test('that ends well gives its result', async () => {
    expect(await supervise(async () => job('console.log("report"); setInterval(() => {}, 1000)'), LIMITS)).toEqual({
      result: 'report',
    });
  });

  test('that dies has failed, and whoever was at work is named', async () => {
    const outcome = await supervise(
      async (tell: (contender: string) => void) =>
        job('console.log("at work: rival"); setTimeout(() => process.exit(7), 300)', tell),
      LIMITS,
    );
    expect(outcome).toEqual({ contender: 'rival', reason: 'ended with 7' });
  });

  test('that falls silent is killed, with what it started', async () => {
    let silent!: ReturnType<typeof job>;
    const grandchild = new Promise<number>((resolve) => {
      void supervise(
        async () => {
          silent = job(
            'const { pid } = require("child_process").spawn("sleep", ["600"]); console.log("at work: " + pid); ' +
              'setInterval(() => {}, 1000)',
            (pid) => resolve(Number(pid)),
          );
          return silent;
        },
        { ...LIMITS, seconds: 2 },
      ).then((outcome: unknown) => expect(outcome).toEqual({ contender: null, reason: 'no sign of life for 2 s' }));
    });
    const pid = await grandchild;
    await gone(silent.child);
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  });

  test('that takes too much memory is killed', needs(process.platform === 'linux', 'reads /proc'), async () => {
    const greedy = 'const kept = Buffer.alloc(3e8, 1); setInterval(() => kept.fill(2), 500)';
    expect(await supervise(async () => job(greedy), { ...LIMITS, bytes: 2e8 })).toEqual({
      contender: null,
      reason: 'it took more than 0.2 GB of memory',
    });
  });

  test('ends with the process that supervises it, when that is interrupted', async () => {
    const module = JSON.stringify(new URL('../../bench/supervise.mjs', import.meta.url).href);
    const code = `
      import { spawn } from 'node:child_process';
      import { killGroup, supervise } from ${module};
      await supervise(async () => {
        const { pid } = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
        console.log(pid);
        return { pid, done: new Promise(() => {}), kill: () => killGroup(pid) };
      }, { seconds: 600, bytes: 1e12 });`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString());
    expect(isAlive(pid)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    parent.kill('SIGINT');
    await gone(parent);
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  });
});
