/** Runs a command over pictures: all of them, whatever becomes of one. */
import { readFileSync, statSync } from 'node:fs';
import type { ArgsDef } from 'citty';
import type { Pixels } from '../image/pixels';
import { readImage } from '../node/index';
import { EXIT, UsageError, isFatal } from './failure';
import type { Session } from './session';

export const imagesArgument = {
  image: {
    type: 'positional',
    required: true,
    description: 'pictures, one or more; - reads a list of paths from stdin',
  },
} as const satisfies ArgsDef;

/**
 * Looks for all pictures first, and calls `open` only if there is one: a wrong path is answered at once.
 *
 * @returns the exit code: 2 if any failed, which was then said in a line each
 */
export async function eachPicture(
  paths: readonly string[],
  session: Session,
  open: () => Promise<(path: string, picture: Pixels) => Promise<void>>,
): Promise<number> {
  let failures = 0;
  const attempt = async (work: () => unknown): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      if (session.signal.aborted || isFatal(error)) throw error;
      session.complain(error);
      failures++;
      return false;
    }
  };
  const there: string[] = [];
  for (const path of listed(paths)) if (await attempt(() => assertFile(path))) there.push(path);
  if (there.length > 0) {
    const run = await open();
    for (const [i, path] of there.entries()) {
      if (there.length > 1) session.onProgress({ phase: 'run', done: i + 1, total: there.length });
      await attempt(async () => run(path, await readImage(path)));
    }
  }
  return failures > 0 ? EXIT.usage : EXIT.ok;
}

function listed(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) =>
    path === '-'
      ? readFileSync(0, 'utf8')
          .split(/\r?\n/)
          .filter((line) => line !== '')
      : [path],
  );
}

function assertFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`${path}: there is no such file`);
  if (!found.isFile()) throw new UsageError(`${path} is no file`);
}
