/**
 * Tar files: headers of 512 bytes, contents padded to 512. Read are POSIX's (ustar, pax) and GNU's long names and
 * sizes; written is POSIX's. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UsageError } from './failure';

export interface TarEntry {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

const BLOCK = 512;
const padded = (bytes: number): number => Math.ceil(bytes / BLOCK) * BLOCK;

interface Header {
  readonly name: string;
  readonly bytes: number;
  /** `0`: a file; `L`: the next entry's name; `x`: more of the next entry. */
  readonly type: string;
}

/** Null for what is no header: its checksum is wrong, or its size no number. */
function headerIn(block: Uint8Array): Header | null {
  const buffer = Buffer.from(block.buffer, block.byteOffset, BLOCK);
  const text = (at: number, length: number): string => buffer.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  const octal = (at: number, length: number): number =>
    /^ *[0-7]+ *$/.test(text(at, length)) ? parseInt(text(at, length), 8) : NaN;
  // GNU writes large sizes in base 256
  const bytes = buffer[124]! & 0x80 ? Number(buffer.readBigUInt64BE(128)) : octal(124, 12);
  const sum = buffer.reduce((all, byte, k) => all + (k >= 148 && k < 156 ? 32 : byte), 0);
  if (!Number.isSafeInteger(bytes) || sum !== octal(148, 8)) return null;
  const isPosix = text(257, 6) === 'ustar' && buffer[263] === 0x30; // GNU keeps other things where the prefix is
  const prefix = isPosix ? text(345, 155) : '';
  const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  return { name, bytes, type: text(156, 1) || '0' };
}

const isEnd = (block: Uint8Array): boolean => block.every((byte) => byte === 0);
const isFile = (type: string): boolean => type === '0' || type === '7';

/** Names and sizes that pax has for the next entry: records of `length key=value\n`, the length counting itself. */
function paxIn(contents: Uint8Array): { readonly path?: string; readonly size?: number } {
  const all = Buffer.from(contents);
  const found: { path?: string; size?: number } = {};
  for (let at = 0; at < all.length; ) {
    const length = parseInt(all.toString('latin1', at, at + 20), 10);
    if (!(length > 4)) break;
    const [, key, value = ''] = /^\d+ ([^=]+)=(.*)\n$/s.exec(all.toString('utf8', at, at + length)) ?? [];
    if (key === 'path') found.path = value;
    if (key === 'size') found.size = Number(value);
    at += length;
  }
  return found;
}

// ——— one after the other ———

/** The plain files of a tar as it comes. */
export interface StreamedEntry {
  readonly name: string;
  readonly bytes: number;
  /** The contents; asked for at once or never. */
  readonly read: () => Promise<Uint8Array>;
}

/** Longer names and pax headers than anyone has. */
const MOST_META_BYTES = 2 ** 20;

/** @throws UsageError for what is no tar, or ends too early */
export async function* tarStream(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
): AsyncGenerator<StreamedEntry, void, undefined> {
  const reader = new Reader(chunks, path);
  let next: { readonly path?: string; readonly size?: number } = {};
  for (;;) {
    const block = await reader.take(BLOCK, true);
    if (block.length === 0 || isEnd(block)) return;
    const header = headerIn(block);
    if (!header) throw new UsageError(`${path} is no tar: no header at byte ${reader.at - BLOCK}`);
    const bytes = next.size ?? header.bytes;
    if (header.type === 'L' || header.type === 'x') {
      if (bytes > MOST_META_BYTES)
        throw new UsageError(`${path}: a name of ${bytes} bytes at byte ${reader.at - BLOCK}`);
      const contents = await reader.take(padded(bytes));
      const own = contents.subarray(0, bytes);
      next = header.type === 'L' ? { ...next, path: Buffer.from(own).toString().replace(/\0.*$/s, '') } : paxIn(own);
      continue;
    }
    const end = reader.at + padded(bytes);
    if (isFile(header.type)) {
      const name = next.path ?? header.name;
      yield { name, bytes, read: async () => (await reader.take(padded(bytes))).subarray(0, bytes) };
    }
    await reader.skipTo(end);
    next = {};
  }
}

class Reader {
  /** Bytes that were taken. */
  at = 0;
  private readonly source: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array();

  constructor(
    chunks: AsyncIterable<Uint8Array>,
    private readonly path: string,
  ) {
    this.source = chunks[Symbol.asyncIterator]();
  }

  /** @param orNone nothing, if nothing is left */
  async take(bytes: number, orNone = false): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let missing = bytes;
    while (missing > 0) {
      if (this.rest.length === 0) {
        const { done, value } = await this.source.next();
        if (done && orNone && missing === bytes) return new Uint8Array();
        if (done) throw new UsageError(`${this.path} is cut off at byte ${this.at}`);
        this.rest = value;
      }
      const piece = this.rest.subarray(0, missing);
      pieces.push(piece);
      this.rest = this.rest.subarray(piece.length);
      this.at += piece.length;
      missing -= piece.length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  async skipTo(end: number): Promise<void> {
    while (this.at < end) await this.take(Math.min(end - this.at, 2 ** 16));
  }
}

// ——— written ———

/** Two empty blocks end a tar. */
export const TAR_END = new Uint8Array(2 * BLOCK);

/** What stands in a tar for a file: at no time and of nobody, so that the same files are the same bytes. */
export function tarEntry(name: string, contents: Uint8Array): Uint8Array {
  const bytes = Buffer.from(name);
  if (bytes.length <= 100) return Buffer.concat([headerOf(name, contents.length, '0'), paddedTo(contents)]);
  let length = bytes.length + ' path=\n'.length;
  while (String(length).length + bytes.length + ' path=\n'.length !== length)
    length = String(length).length + bytes.length + ' path=\n'.length;
  const pax = Buffer.from(`${length} path=${name}\n`);
  const short = bytes
    .subarray(bytes.length - 100)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, '_');
  return Buffer.concat([
    headerOf('pax', pax.length, 'x'),
    paddedTo(pax),
    headerOf(short, contents.length, '0'),
    paddedTo(contents),
  ]);
}

function headerOf(name: string, bytes: number, type: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  for (const [at, text] of [
    [0, name],
    [100, octal(0o644, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(bytes, 11)],
    [136, octal(0, 11)],
    [148, ' '.repeat(8)],
    [156, type],
    [257, 'ustar\x0000'],
  ] as const)
    block.write(text, at, 'utf8');
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function paddedTo(contents: Uint8Array): Uint8Array {
  const block = new Uint8Array(padded(contents.length));
  block.set(contents);
  return block;
}

// ——— at once ———

/** The plain files of an uncompressed tar, in its order. @throws UsageError if it is none */
export function tarEntries(path: string): TarEntry[] {
  return withFile(path, (file) => {
    const entries: TarEntry[] = [];
    const block = Buffer.alloc(BLOCK);
    for (let offset = 0; readSync(file, block, 0, BLOCK, offset) === BLOCK && !isEnd(block); ) {
      const header = headerIn(block);
      if (!header) throw new UsageError(`${path} is no uncompressed tar: no header at byte ${offset}`);
      const { name, bytes, type } = header;
      if (isFile(type)) entries.push({ name, offset: offset + BLOCK, bytes });
      offset += BLOCK + padded(bytes);
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
