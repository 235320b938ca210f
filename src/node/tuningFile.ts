/** What tuning found out, in a file. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TuningStore } from '../variants/stored';

/** One JSON object, key → value. Written whole and then renamed, so that no reader finds half of it. */
export function fileStore(path: string): TuningStore {
  const all = async (): Promise<Record<string, string>> => {
    try {
      return JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
    } catch {
      return {};
    }
  };
  return {
    read: async (key) => (await all())[key] ?? null,
    async write(key, value) {
      await mkdir(dirname(path), { recursive: true });
      const fresh = `${path}.${process.pid}`;
      await writeFile(fresh, JSON.stringify({ ...(await all()), [key]: value }));
      await rename(fresh, path);
    },
  };
}
