/** Pictures in an uncompressed tar (USTAR): headers of 512 bytes, contents padded to 512. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UsageError } from './failure';

export interface TarEntry {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

const BLOCK = 512;

/** The plain files of a tar, in its order. @throws UsageError if it is none */
export function tarEntries(path: string): TarEntry[] {
  return withFile(path, (file) => {
    const entries: TarEntry[] = [];
    const header = Buffer.alloc(BLOCK);
    for (let offset = 0; readSync(file, header, 0, BLOCK, offset) === BLOCK && header[0] !== 0; ) {
      const text = (at: number, length: number): string =>
        header
          .toString('utf8', at, at + length)
          .replace(/\0.*$/s, '')
          .trim();
      const bytes = /^[0-7]+$/.test(text(124, 12)) ? parseInt(text(124, 12), 8) : NaN;
      if (!header.toString('latin1', 257, 262).startsWith('ustar') || Number.isNaN(bytes))
        throw new UsageError(`${path} is no uncompressed tar: no header at byte ${offset}`);
      const [prefix, name, type] = [text(345, 155), text(0, 100), text(156, 1)];
      if (type === '' || type === '0')
        entries.push({ name: prefix === '' ? name : `${prefix}/${name}`, offset: offset + BLOCK, bytes });
      offset += BLOCK + Math.ceil(bytes / BLOCK) * BLOCK;
    }
    return entries;
  });
}

/** @throws UsageError if the tar ends before */
export function readEntry(path: string, { name, offset, bytes }: TarEntry): Uint8Array {
  return withFile(path, (file) => {
    // before memory is taken for it: a header may claim eight gigabytes
    if (offset + bytes > fstatSync(file).size) throw new UsageError(`${path}: ${name} is cut off`);
    const contents = Buffer.alloc(bytes);
    readSync(file, contents, 0, bytes, offset);
    return contents;
  });
}

function withFile<T>(path: string, work: (file: number) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new UsageError(`${path} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`);
  }
  try {
    return work(file);
  } finally {
    closeSync(file);
  }
}
