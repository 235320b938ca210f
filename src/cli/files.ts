/**
 * The files of one run of the command. All reads and writes of the user's files go through here, so that no file is
 * both read and written, and none is written twice, by whatever path it is reached.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseStrictJson } from '../formats/strictJson';
import type { FetchBytes } from '../load';
import { fetchInNode } from '../node/files';
import { writeWhole } from '../node/writeWhole';
import { UsageError } from './failure';

/** The files that one result becomes. */
export interface Outputs {
  /**
   * Says that a file will be written, before anything is computed for it; again for the same one it does nothing.
   * @throws UsageError if this command reads it, or writes it already
   */
  claim(path: string): void;
  /**
   * Claims it, and writes it whole or not at all.
   * @throws UsageError as `claim`, or if it cannot be written
   */
  write(path: string, bytes: Uint8Array): Promise<void>;
}

/** Larger lists of labels, preparations and box files than anyone has. */
const MOST_TEXT_BYTES = 2 ** 26;
const MOST_JSON = { bytes: MOST_TEXT_BYTES, depth: 16, values: 2 ** 22 };

export class Files {
  /** By what identifies a file, whether it is read or written. */
  private readonly uses = new Map<string, 'read' | 'written'>();

  /** @throws UsageError if this command is to write it */
  reads(path: string): void {
    const keys = identitiesOf(path);
    if (keys.some((key) => this.uses.get(key) === 'written'))
      throw new UsageError(`${path} is read and written by this command; write another file`);
    for (const key of keys) this.uses.set(key, 'read');
  }

  /** A file of text. @throws UsageError if it cannot be read */
  text(path: string): string {
    this.reads(path);
    try {
      const bytes = statSync(path).size;
      if (bytes > MOST_TEXT_BYTES)
        throw new UsageError(`${path} has ${bytes} bytes; at most ${MOST_TEXT_BYTES} are read`);
      return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
    } catch (cause) {
      throw cause instanceof UsageError ? cause : cannot('read', path, cause);
    }
  }

  /** A file of JSON. @throws GradlensError `model-format` where it is none, has a key twice, or is beyond a limit */
  json(path: string): unknown {
    return parseStrictJson(this.text(path), path, MOST_JSON);
  }

  /** A model, and the files that it names. */
  readonly fetch: FetchBytes = (address, options) => {
    if (address.protocol === 'file:') this.reads(fileURLToPath(address));
    return fetchInNode(address, options);
  };

  /** @param of what they are made of, which begins the messages: the path of a picture */
  outputs(of?: string): Outputs {
    const claimed = new Set<string>();
    const claim = (path: string): void => {
      if (claimed.has(path)) return;
      const keys = identitiesOf(path);
      const use = keys.map((key) => this.uses.get(key)).find((found) => found !== undefined);
      if (use !== undefined)
        throw new UsageError(
          `${of === undefined ? '' : `${of}: `}${path} is ${use} by this command already; name another file to write`,
        );
      for (const key of keys) this.uses.set(key, 'written');
      claimed.add(path);
    };
    return {
      claim,
      async write(path, bytes) {
        claim(path);
        await writeWhole(path, bytes).catch((cause: unknown) => {
          throw cannot('written', path, cause);
        });
      },
    };
  }
}

/**
 * What a path has in common with every other path of the same file: its inode, if it is there (hard links, links that
 * are followed), and its name inside of its real folder, in one spelling (some file systems know no capitals).
 */
function identitiesOf(path: string): readonly string[] {
  const absolute = resolve(path);
  const name = `name ${join(realFolder(dirname(absolute)), basename(absolute))}`.normalize('NFC').toLowerCase();
  const found = statOf(absolute);
  return found && found.ino !== 0n ? [name, `inode ${found.dev}:${found.ino}`] : [name];
}

function statOf(path: string) {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined; // below a file, or where we may not look
  }
}

/** With links followed as far as it is there. */
function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    const above = dirname(folder);
    return above === folder ? folder : join(realFolder(above), basename(folder));
  }
}

export function cannot(verb: 'read' | 'written', path: string, cause: unknown): UsageError {
  return new UsageError(`${path} cannot be ${verb}: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`);
}
