/** What tuning found out, in a file. */
import { readFile } from 'node:fs/promises';
import type { TuningStore } from '../variants/stored';
import { writeWhole } from './writeWhole';

/** One JSON object, key → value. Written whole, so that no reader finds half of it. */
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
      await writeWhole(path, JSON.stringify({ ...(await all()), [key]: value }));
    },
  };
}
