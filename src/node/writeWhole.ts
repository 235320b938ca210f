/** Files that appear whole or not at all, whatever ends the process, and keep their old contents until then. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const unfinished = new Set<string>();

/** Called as the process ends: an interrupted write leaves nothing behind. After `kill -9` a `.tmp` may stay. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

/**
 * Writes beside the file under another name, waits until the bytes are on the disk, and renames: so there is always
 * either the old file or the new one. Folders are made as needed. A link at `path` is replaced, not followed.
 * @throws what the file system throws
 */
export async function writeWhole(path: string, bytes: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path).slice(0, 200)}.${randomBytes(4).toString('hex')}.tmp`);
  await mkdir(folder, { recursive: true });
  unfinished.add(temporary);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  } finally {
    unfinished.delete(temporary);
  }
}
