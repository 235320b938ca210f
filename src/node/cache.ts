/** Downloaded files, in a folder of the user's: two files each, the bytes and what is known of them. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { DownloadCache, Version } from '../download';
import { writeWhole } from './writeWhole';

/**
 * `$GRADLENS_CACHE`, or `gradlens` where the system wants caches. May be deleted at any time.
 *
 * @example
 * ```ts
 * import { cacheFolder } from 'gradlens/node';
 *
 * console.log(cacheFolder());
 * ```
 */
export function cacheFolder(): string {
  const { GRADLENS_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (GRADLENS_CACHE) return GRADLENS_CACHE;
  if (process.platform === 'win32') return join(LOCALAPPDATA || join(homedir(), 'AppData/Local'), 'gradlens/Cache');
  if (process.platform === 'darwin') return join(homedir(), 'Library/Caches/gradlens');
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'gradlens');
}

interface Note extends Version {
  readonly address: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly whole: boolean;
}

export function folderCache(folder = cacheFolder()): DownloadCache {
  const pathOf = (address: URL): string => join(folder, digest(address.href).slice(0, 32));
  return {
    async get(address) {
      try {
        const path = pathOf(address);
        const note = JSON.parse(await readFile(`${path}.json`, 'utf8')) as Note;
        const bytes = new Uint8Array(await readFile(path));
        // another process may write just now, and a disk may fail
        if (note.address !== address.href || note.bytes !== bytes.length || note.sha256 !== digest(bytes))
          return undefined;
        return { bytes, whole: note.whole === true, version: { etag: note.etag, lastModified: note.lastModified } };
      } catch {
        return undefined;
      }
    },
    async put(address, { bytes, whole, version }) {
      const path = pathOf(address);
      const note: Note = { address: address.href, bytes: bytes.length, sha256: digest(bytes), whole, ...version };
      try {
        await writeWhole(path, bytes);
        await writeWhole(`${path}.json`, `${JSON.stringify(note, null, 1)}\n`);
      } catch {
        // a cache that cannot be written does without
      }
    },
  };
}

const digest = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
