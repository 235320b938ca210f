/** Runs a command on every picture; a failure does not stop the others. */
import { readFileSync, statSync } from 'node:fs';
import type { ArgsDef } from 'citty';
import type { Pixels } from '../image/pixels';
import { readImage } from '../node/index';
import { EXIT, UsageError, isFatal } from './failure';
import type { Outputs } from './files';
import type { Session } from './session';

export const imagesArgument = {
  image: {
    type: 'positional',
    required: true,
    description: 'pictures, one or more; - reads a list of paths from stdin',
  },
} as const satisfies ArgsDef;

type Run = (path: string, picture: Pixels, outputs: Outputs) => Promise<void>;

/**
 * Looks for all pictures first, and calls `open` only if there is one: a wrong path, and an output that would replace a
 * picture or another output, are answered at once.
 *
 * @param outputsOf the files that a picture becomes, as far as they are known before it is computed with
 * @returns the exit code: 2 if any failed, which was then said in a line each
 */
export async function eachPicture(
  paths: readonly string[],
  session: Session,
  open: () => Promise<Run>,
  outputsOf: (path: string) => readonly string[] = () => [],
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
  const found: string[] = [];
  for (const path of listed(paths)) if (await attempt(() => assertFile(path))) found.push(path);
  for (const path of found) session.files.reads(path);
  const there: { readonly path: string; readonly outputs: Outputs }[] = [];
  for (const path of found) {
    const outputs = session.files.outputs(path);
    const claim = (): void => outputsOf(path).forEach((output) => outputs.claim(output));
    if (await attempt(claim)) there.push({ path, outputs });
  }
  if (there.length > 0) {
    const run = await open();
    for (const [i, { path, outputs }] of there.entries()) {
      if (there.length > 1) session.onProgress({ phase: 'run', done: i + 1, total: there.length });
      await attempt(async () => run(path, await readImage(path), outputs));
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
