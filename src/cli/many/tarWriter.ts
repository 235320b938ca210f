/** A tar of results for each shard of pictures: the file appears when it is whole, and its pictures' lines after it. */
import { type Unfinished, beginWhole } from '../../node/writeWhole';
import { cannot } from '../files';
import { TAR_END, tarEntry } from '../tar';
import type { Line } from './index';

export class TarWriter {
  private readonly lines: Line[] = [];
  private readonly names = new Set<string>();

  private constructor(
    readonly path: string,
    private readonly begun: Unfinished,
    private readonly append: (lines: readonly Line[]) => Promise<void> | undefined,
  ) {}

  /** @param append writes the lines, once the tar is in place */
  static async begin(path: string, append: (lines: readonly Line[]) => Promise<void> | undefined): Promise<TarWriter> {
    try {
      return new TarWriter(path, await beginWhole(path), append);
    } catch (cause) {
      throw cannot('written', path, cause);
    }
  }

  /**
   * The files of one picture, by the names in its line. A second picture of the same name becomes a failure: a tar may
   * hold a name twice, but no reader expects it.
   */
  async add(line: Line, contents: readonly Uint8Array[]): Promise<void> {
    const double = line.files.find((name) => this.names.has(name));
    if (double !== undefined) {
      const { class: _, label, score, ...rest } = line;
      this.lines.push({ ...rest, files: [], error: `${this.path} has ${double} already; names in a shard differ` });
      return;
    }
    for (const [k, bytes] of contents.entries()) {
      this.names.add(line.files[k]!);
      await this.begun.file.appendFile(tarEntry(line.files[k]!, bytes));
    }
    this.lines.push({ ...line, files: line.files.length > 0 ? [this.path, ...line.files] : [] });
  }

  async finish(): Promise<void> {
    try {
      await this.begun.file.appendFile(TAR_END);
      await this.begun.finish();
    } catch (cause) {
      await this.discard();
      throw cannot('written', this.path, cause);
    }
    await this.append(this.lines);
  }

  /** Does nothing to one that is finished. */
  async discard(): Promise<void> {
    await this.begun.discard();
  }
}
