/** The pictures of a unit, one after the other: never more than one is in memory. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { createGunzip } from 'node:zlib';
import { unzipSync } from 'fflate';
import { bytesPerElement, decodeFloats } from '../../formats/floats';
import { MOST_NPY_HEADER_BYTES, npyHeader } from '../../formats/npy';
import type { Pixels, Prepared } from '../../image/pixels';
import { UsageError } from '../failure';
import { tarStream } from '../tar';
import { type Unit, stemOf } from './units';

/** A picture before it is decoded: a path, the bytes of a file, or numbers of an array. */
export type Source = string | Uint8Array | Pixels | Prepared;

export interface Item {
  /** Its place in the whole run: the unit's number, and the picture's in it. */
  readonly at: readonly [unit: number, entry: number];
  /** A path, an entry's name, or an array's name and number. */
  readonly picture: string;
  /** The tar or array that it is in. */
  readonly shard: string | null;
  readonly names: Names;
  readonly source: Source;
}

/** What patterns of outputs may say of a picture. */
export interface Names {
  readonly dir: string;
  readonly stem: string;
  /** The tar's or array's name, without its ending; empty for pictures that are files. */
  readonly shard: string;
}

/** What tells a picture from all others. */
export const keyOf = ({ shard, picture }: Pick<Item, 'shard' | 'picture'>): string => `${shard ?? ''}\0${picture}`;

const PICTURE_IN_TAR = /\.(jpe?g|png|webp|avif|gif|tiff?)$/i;
/** A picture in a tar is held in memory as it is stored. */
const MOST_ENTRY_BYTES = 2 ** 29;

/**
 * @param number the unit's in the whole run
 * @throws UsageError for a shard that cannot be read, after the pictures that could be
 */
export async function* itemsOf(unit: Unit, number: number): AsyncGenerator<Item, void, undefined> {
  const { kind, path, dir } = unit;
  if (kind === 'picture') {
    yield { at: [number, 0], picture: path, shard: null, names: { dir, stem: stemOf(path), shard: '' }, source: path };
    return;
  }
  let entry = 0;
  for await (const { name, source } of kind === 'tar' ? tarPictures(path) : arrayPictures(path)) {
    const inside = posix.dirname(name);
    yield {
      at: [number, entry++],
      picture: name,
      shard: path,
      names: {
        dir: posix.join(dir, inside === '.' ? '' : inside).replace(/^\.$/, ''),
        stem: kind === 'tar' ? keyInTar(name) : `${stemOf(path)}-${posix.basename(name).padStart(6, '0')}`,
        shard: stemOf(path),
      },
      source,
    };
  }
}

/** As WebDataset has it: a sample's files have its key in common, which ends at the first point. */
const keyInTar = (name: string): string => posix.basename(name).replace(/(?<=.)\..*$/s, '');

interface Entry {
  readonly name: string;
  readonly source: Source;
}

/** The pictures of a tar, compressed or not, in its order. */
async function* tarPictures(path: string): AsyncGenerator<Entry, void, undefined> {
  const file = createReadStream(path, { highWaterMark: 2 ** 20 });
  const opened = /gz$/i.test(path) ? file.pipe(createGunzip()) : file;
  file.on('error', (error) => opened.destroy(error));
  try {
    for await (const { name, bytes, read } of tarStream(opened, path)) {
      // macOS adds entries that begin with ._ to its tars
      if (!PICTURE_IN_TAR.test(name) || posix.basename(name).startsWith('.')) continue;
      if (bytes > MOST_ENTRY_BYTES)
        throw new UsageError(`${path}: ${name} has ${bytes} bytes; at most ${MOST_ENTRY_BYTES} are read`);
      // no name leads out of the folder that results are written to
      yield { name: posix.normalize(`/${name}`).slice(1), source: Uint8Array.from(await read()) };
    }
  } catch (cause) {
    throw cause instanceof UsageError ? cause : new UsageError(`${path} cannot be read: ${oneLineOf(cause)}`);
  } finally {
    file.destroy();
  }
}

const oneLineOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** The items of an array, or of each array of an `.npz`. */
async function* arrayPictures(path: string): AsyncGenerator<Entry, void, undefined> {
  if (/z$/i.test(path)) {
    for (const [name, bytes] of Object.entries(unzipSync(await readFile(path)))) {
      const prefix = name.replace(/\.npy$/, '');
      for await (const { name: number, source } of inNpy(prefix, (begin, length) =>
        bytes.subarray(begin, begin + length),
      ))
        yield { name: `${prefix}/${number}`, source };
    }
    return;
  }
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read: ${cause.code}`);
  });
  try {
    yield* inNpy(path, (begin, length) => piece(file, begin, length));
  } finally {
    await file.close();
  }
}

async function piece(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

type Read = (begin: number, length: number) => Uint8Array | Promise<Uint8Array>;

/**
 * `[N, C, H, W]` of floats are prepared inputs, `[N, H, W, 3 or 4]` of bytes are pictures; without N there is one.
 *
 * @throws UsageError for what is neither
 */
async function* inNpy(path: string, read: Read): AsyncGenerator<Entry, void, undefined> {
  const { shape, type, start } = npyHeader(await read(0, MOST_NPY_HEADER_BYTES));
  const [N, ...item] = shape.length === 4 ? shape : [1, ...shape];
  const isPicture = type === 'U8' && (item[2] === 3 || item[2] === 4);
  if (item.length !== 3 || (type === 'U8' && !isPicture))
    throw new UsageError(
      `${path} holds [${shape.join(', ')}]; prepared inputs are floats of [N, C, H, W], pictures bytes of [N, H, W, 3]`,
    );
  const bytes = item.reduce((product, extent) => product * extent, bytesPerElement[type]);
  for (let n = 0; n < N!; n++) {
    const stored = await read(start + n * bytes, bytes);
    if (stored.length !== bytes) throw new UsageError(`${path} ends within its picture ${n} of ${N}`);
    const source = isPicture
      ? rgbaOf(stored, { height: item[0]!, width: item[1]!, channels: item[2]! })
      : { data: decodeFloats(type, stored), shape: [1, ...item] };
    yield { name: String(n), source };
  }
}

function rgbaOf(
  stored: Uint8Array,
  { width, height, channels }: { readonly width: number; readonly height: number; readonly channels: number },
): Pixels {
  if (channels === 4) return { data: Uint8Array.from(stored), width, height };
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) data.set(stored.subarray(i * 3, i * 3 + 3), i * 4);
  return { data, width, height };
}
