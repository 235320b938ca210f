/** What this repository builds, made once for all files of tests that run at once. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Builds dist/lib unless it is newer than everything it is made of. */
export function buildOnce(): void {
  inTurn(() => {
    if (!isBuilt())
      run(process.execPath, 'node_modules/vite/bin/vite.js', 'build', '--mode', 'lib', '--logLevel', 'warn');
  });
}

/** Runs a program in the repository's folder. @throws Error with what it printed, where it fails */
export function run(program: string, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32' && program === 'npm',
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`);
}

/** Does `work` while no other process builds anything. */
export function inTurn(work: () => void): void {
  const turn = join(root, 'dist/turn');
  mkdirSync(join(root, 'dist'), { recursive: true });
  while (!taken(turn)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  try {
    work();
  } finally {
    rmdirSync(turn);
  }
}

/** Whether the folder could be made; one that is older than any build was left by a process that ended. */
function taken(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch {
    const made = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    return Date.now() - made > 300_000;
  }
}

function isBuilt(): boolean {
  const newest = Math.max(
    ...['src', 'shaders', 'bench'].flatMap((folder) =>
      (readdirSync(join(root, folder), { recursive: true }) as string[]).map(
        (name) => statSync(join(root, folder, name)).mtimeMs,
      ),
    ),
  );
  return (statSync(join(root, 'dist/lib/cli.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0) > newest;
}
