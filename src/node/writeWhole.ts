/** Files that appear whole or not at all, whatever ends the process, and keep their old contents until then. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const unfinished = new Set<string>();

/** Called as the process ends: an interrupted write leaves nothing behind. After `kill -9` a `.tmp` may stay. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

/** A file under way: what is written shows under its name once it is whole. */
export interface Unfinished {
  readonly file: FileHandle;
  /** Puts it in place, after its bytes are on the disk. */
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

/**
 * Begins a file beside its place, under another name. Folders are made as needed.
 * @throws what the file system throws
 */
export async function beginWhole(path: string): Promise<Unfinished> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path).slice(0, 200)}.${randomBytes(4).toString('hex')}.tmp`);
  await mkdir(folder, { recursive: true });
  unfinished.add(temporary);
  const discard = async (): Promise<void> => {
    await rm(temporary, { force: true }).catch(() => {});
    unfinished.delete(temporary);
  };
  try {
    const file = await open(temporary, 'wx');
    return {
      file,
      async finish() {
        await file.sync();
        await file.close();
        await rename(temporary, path);
        unfinished.delete(temporary);
      },
      async discard() {
        await file.close().catch(() => {});
        await discard();
      },
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** What a killed process left of a file in this folder: the file's name, or null for another file. */
export const leftOf = (name: string): string | null => /^\.(.+)\.[0-9a-f]{8}\.tmp$/.exec(name)?.[1] ?? null;

/**
 * Writes beside the file under another name, waits until the bytes are on the disk, and renames: so there is always
 * either the old file or the new one. Folders are made as needed. A link at `path` is replaced, not followed.
 * @throws what the file system throws
 */
export async function writeWhole(path: string, bytes: string | Uint8Array): Promise<void> {
  const begun = await beginWhole(path);
  try {
    await begun.file.writeFile(bytes);
    await begun.finish();
  } catch (error) {
    await begun.discard();
    throw error;
  }
}
