/**
 * The index of a run: one line of JSON for every picture, those that failed too. A picture's line is written after its
 * files are in place, so whatever has a line is done.
 */
import { type FileHandle, mkdir, open, readFile, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { shownJson } from '../shown';
import { cannot } from '../files';
import { UsageError } from '../failure';
import { type Item, keyOf } from './items';

export interface Line extends Pick<Item, 'at' | 'picture' | 'shard'> {
  readonly class?: number;
  readonly label?: string;
  /** Before soft-max. */
  readonly score?: number;
  /** What was written for it; in a tar: the tar, and the names in it. */
  readonly files: readonly string[];
  /** From its decoding to its line, with what it waited for others. */
  readonly milliseconds: number;
  /** Why there is no result. */
  readonly error?: string;
}

/** What every line begins with, so that a torn one is told from a file of somebody else's. */
const BEGIN = '{"at":[';

/** The lines of an index. @throws UsageError for a line that is none, but for a last one that was torn */
export function linesIn(text: string, path: string): readonly Line[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const torn = text.slice(whole.length, whole.length + BEGIN.length);
  if (!BEGIN.startsWith(torn)) throw new UsageError(`${path}: its last line is no line of an index`);
  return whole.split('\n').flatMap((line, k) => {
    if (line === '') return [];
    try {
      const read = JSON.parse(line) as Line;
      if (typeof read.picture === 'string' && Array.isArray(read.at) && read.at.length === 2) return [read];
    } catch {
      // told below
    }
    throw new UsageError(`${path}: line ${k + 1} is no line of an index`);
  });
}

export class Index {
  failed = 0;
  count = 0;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    /** Keys of the pictures that have a line. */
    private readonly done: Set<string>,
  ) {}

  /**
   * @param resume go on with one that is there; a last line that a killed process tore is taken away
   * @throws UsageError if it is there and nobody wants to go on with it, or cannot be written
   */
  static async open(path: string, resume: boolean): Promise<Index> {
    try {
      await mkdir(dirname(path), { recursive: true });
      const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT') return undefined;
        throw cause;
      });
      if (text !== undefined && !resume)
        throw new UsageError(
          `${path} is there already: add --resume to do what it lacks, or give another --index, or remove it`,
        );
      const lines = linesIn(text ?? '', path);
      if (text !== undefined && !text.endsWith('\n') && text !== '')
        await truncate(path, Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1)));
      const index = new Index(path, await open(path, 'a'), new Set(lines.map(keyOf)));
      index.count = lines.length;
      index.failed = lines.filter(({ error }) => error !== undefined).length;
      return index;
    } catch (cause) {
      throw cause instanceof UsageError ? cause : cannot('written', path, cause);
    }
  }

  has(item: Pick<Item, 'shard' | 'picture'>): boolean {
    return this.done.has(keyOf(item));
  }

  /** Whether a picture of the shard has a line. */
  hasAnyOf(shard: string): boolean {
    for (const key of this.done) if (key.startsWith(`${shard}\0`)) return true;
    return false;
  }

  /** Adds lines, but for pictures that have one. */
  async append(lines: readonly Line[]): Promise<void> {
    const added = lines.filter((line) => !this.has(line));
    for (const line of added) this.done.add(keyOf(line));
    this.count += added.length;
    this.failed += added.filter(({ error }) => error !== undefined).length;
    if (added.length > 0) await this.file.appendFile(added.map((line) => `${shownJson(line)}\n`).join(''));
  }

  async lines(): Promise<readonly Line[]> {
    return linesIn(await readFile(this.path, 'utf8'), this.path);
  }

  /** With all that was written on the disk. */
  async close(): Promise<void> {
    await this.file.sync().catch(() => {}); // a pipe, or a file system without it
    await this.file.close();
  }
}
