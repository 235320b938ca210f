/**
 * One command over pictures, one or a million: decoding, the model and encoding at the same time, results in order, a
 * line of the index for each picture, and never more pictures in memory than are under way.
 */
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Pixels, type Prepared, isPrepared } from '../../image/pixels';
import { grouped, inOrder } from '../../inOrder';
import type { InputSpec, Model, ModelFile } from '../../index';
import { leftOf } from '../../node/writeWhole';
import { numberOption } from '../args';
import { EXIT, UsageError, isFatal, oneLine } from '../failure';
import type { Outputs } from '../files';
import type { Session } from '../session';
import { Index, type Line } from './index';
import { type Item, type Names, type Source, itemsOf } from './items';
import {
  type Manifest,
  differenceOf,
  hashOfModel,
  hashOfUnits,
  manifestPath,
  readManifest,
  versionNow,
  writeManifest,
} from './manifest';
import type { ManyArgs } from './options';
import { type Pool, inThisThread, threads, threadsHere } from './pool';
import { TarWriter } from './tarWriter';
import { type Share, type Unit, shareOf, shared, statOf, stemOf, unitsOf } from './units';

export type Decoded = Pixels | Prepared;

/** What a command does. */
export interface Work<Result> {
  readonly command: string;
  readonly file: ModelFile;
  readonly input: InputSpec;
  /** What results depend on beside the model: for the manifest. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The model's batch where a picture takes runs of its own; null where pictures share a run. */
  readonly batch: number | null;
  /** Where the index is by default. */
  readonly folder: string;
  /** Whether `finish` needs the pixels. */
  readonly needsPicture: boolean;
  readonly open: (tools: Tools) => Promise<Opened<Result>>;
  /** Names of the files of a picture, once its label is known; undefined if nothing is written. */
  readonly filesOf?: (names: Names, label: string) => readonly string[];
  /** The label, where it is known before anything is computed. */
  readonly known?: string | undefined;
  /** Whether files are entries of a tar for each shard; its name. */
  readonly tarOf?: (names: Names) => string;
  /** After the last picture, with the lines of all of them, those of earlier runs too. */
  readonly summary?: (lines: readonly Line[]) => { readonly json: object; readonly text: readonly string[] };
}

export interface Tools {
  readonly model: Model;
  readonly pool: Pool;
  readonly adapter: unknown;
  /** Another model of the same input, such as one with other weights. */
  readonly load: (file: ModelFile) => Promise<Model>;
}

export interface Opened<Result> {
  /** Results of up to `model.inputShape[0]` pictures, or of one. */
  readonly make: (model: Model, pictures: readonly Decoded[], items: readonly Item[]) => Promise<readonly Result[]>;
  readonly labelOf?: (result: Result) => string;
  /** The contents of the picture's files, in the order of their names, and what is told of it. */
  readonly finish: (made: Made<Result>) => Promise<Told>;
}

export interface Made<Result> {
  readonly item: Item;
  readonly size: { readonly width: number; readonly height: number };
  /** There if the work needs it, and it is no array of prepared numbers. */
  readonly picture: Pixels | null;
  readonly result: Result;
  readonly files: readonly string[];
}

export interface Told {
  readonly contents?: readonly Uint8Array[];
  /** What goes into the index beside what every line has. */
  readonly line: Partial<Line> & object;
  /** On stdout with --json. */
  readonly json: object;
  /** On stdout without it. */
  readonly text: string | readonly string[];
}

/** A picture on its way; `failure` says why it goes no further. */
interface Passing<Result> {
  readonly item: Item;
  readonly began: number;
  readonly size?: { readonly width: number; readonly height: number };
  readonly picture?: Decoded;
  readonly result?: Result;
  readonly failure?: unknown;
  readonly last?: boolean;
}

/**
 * @returns the exit code: 1 if any picture failed, of this run or of those before that it goes on with; 2 if pictures
 *   were named one by one and all of them failed
 */
export async function overPictures<Result>(args: ManyArgs, session: Session, work: Work<Result>): Promise<number> {
  const { units, oneByOne } = await unitsOf(args._, args.list);
  if (args.list !== undefined) session.files.reads(args.list);
  const share = shareOf(args.shard, process.env);
  const numbered = units.map((unit, number) => ({ unit, number }));
  const mine = share ? shared(numbered, share) : numbered;
  for (const { path } of units) session.files.reads(path);

  const index = await indexOf(args, session, work, { units, share, isAsked: !oneByOne || share !== null });
  const run = new Run(session, work, args, index);
  try {
    run.claim(mine);
    if (index && args.resume) run.sweep();
    if (!(await run.isAllDone(mine))) await run.over(mine, { units: units.length, tells: units.length > 1 });
    await index?.finish();
    await run.summarise();
    return run.code;
  } finally {
    await index?.index.close();
  }
}

/** The index with its manifest. */
interface Kept {
  readonly index: Index;
  manifest: Manifest;
  write(): Promise<void>;
  /** Says in the manifest that every picture has its line. */
  finish(): Promise<void>;
}

async function indexOf<Result>(
  args: ManyArgs,
  { files }: Session,
  work: Work<Result>,
  of: { readonly units: readonly Unit[]; readonly share: Share | null; readonly isAsked: boolean },
): Promise<Kept | null> {
  if (args.index === undefined && !of.isAsked && !args.resume) return null;
  const part = of.share ? `.${of.share.index}-of-${of.share.count}` : '';
  const path = args.index ?? join(work.folder, `${work.command}${part}.jsonl`);
  if (!/\.jsonl$/i.test(path)) throw new UsageError(`--index is '${path}'; it should end in .jsonl`);
  const outputs = files.outputs();
  outputs.claim(path);
  outputs.claim(manifestPath(path));
  const before = args.resume ? await readManifest(path) : null;
  const manifest: Manifest = {
    gradlens: versionNow(),
    command: work.command,
    model: { name: work.file.graph.name, sha256: hashOfModel(work.file) },
    parameters: { ...work.parameters, input: work.input },
    batch: args.batch === undefined ? (before?.batch ?? 0) : numberOption('batch', args.batch, 1, 4096, true),
    units: { count: of.units.length, sha256: hashOfUnits(of.units) },
    shard: of.share,
    adapter: before?.adapter ?? null,
    pictures: null,
  };
  const difference = before && differenceOf(manifest, before);
  if (difference) throw new UsageError(`${path} cannot be resumed: it is of ${difference}`);
  const index = await Index.open(path, args.resume === true);
  const kept: Kept = {
    index,
    manifest,
    async finish() {
      kept.manifest = { ...kept.manifest, pictures: index.count };
      await kept.write();
    },
    write: () => writeManifest(outputs, path, kept.manifest),
  };
  return kept;
}

interface Numbered {
  readonly unit: Unit;
  readonly number: number;
}

class Run<Result> {
  private failures = 0;
  private successes = 0;
  /** Where there is no index: of pictures that were named one by one. */
  private readonly lines: Line[] = [];
  private readonly outputs = new Map<number, Outputs>();
  /** Units whose files cannot be read or written, and why. */
  private readonly refused = new Map<number, unknown>();
  /** Names of all files that were claimed before anything was computed. */
  private readonly claimed = new Set<string>();

  constructor(
    private readonly session: Session,
    private readonly work: Work<Result>,
    private readonly args: ManyArgs,
    private readonly kept: Kept | null,
  ) {}

  get code(): number {
    if (this.kept) return this.kept.index.failed > 0 ? EXIT.failed : EXIT.ok;
    if (this.failures === 0) return EXIT.ok;
    return this.successes > 0 ? EXIT.failed : EXIT.usage;
  }

  /** Looks for pictures, and claims what is written for them, as far as it is known now. */
  claim(mine: readonly Numbered[]): void {
    const { work, session } = this;
    const shards = mine.filter(({ unit }) => unit.kind !== 'picture');
    for (const { unit, number } of mine) {
      const outputs = session.files.outputs(unit.path);
      this.outputs.set(number, outputs);
      try {
        assertFile(unit.path);
        const names: Names = {
          dir: unit.dir,
          stem: stemOf(unit.path),
          shard: unit.kind === 'picture' ? '' : stemOf(unit.path),
        };
        const claims =
          unit.kind === 'picture' && !work.tarOf && work.known !== undefined
            ? (work.filesOf?.(names, work.known) ?? [])
            : unit.kind !== 'picture' && work.tarOf
              ? [work.tarOf(names)]
              : [];
        if (unit.kind === 'picture' && work.tarOf)
          throw new UsageError(`${unit.path}: --out names a tar for every shard, and this is no shard`);
        for (const path of claims) {
          outputs.claim(path);
          this.claimed.add(path);
        }
      } catch (error) {
        this.refused.set(number, error);
      }
    }
    if (shards.length > 1 && work.filesOf && !work.tarOf) {
      const [a, b] = ['a', 'b'].map((shard) => work.filesOf!({ dir: '', stem: 'x', shard }, '')[0]);
      if (a === b) throw new UsageError('--out needs {shard}: several shards may hold pictures of one name');
    }
  }

  /** Removes what a killed process left of the files that are written here. */
  sweep(): void {
    const names = new Map<string, Set<string>>();
    for (const path of this.claimed) {
      const folder = dirname(path);
      names.set(folder, (names.get(folder) ?? new Set()).add(basename(path)));
    }
    for (const [folder, own] of names) {
      if (!statOf(folder)) continue;
      for (const name of readdirSync(folder))
        if (own.has(leftOf(name) ?? '')) rmSync(join(folder, name), { force: true });
    }
  }

  /** Whether nothing is left for a model to do; what cannot be read is told. */
  async isAllDone(mine: readonly Numbered[]): Promise<boolean> {
    const isOpen = ({ unit, number }: Numbered): boolean =>
      !this.refused.has(number) && !(unit.kind === 'picture' && this.isDone({ shard: null, picture: unit.path }));
    if (mine.some(isOpen)) return false;
    for (const { unit, number } of mine)
      if (this.refused.has(number)) await this.tell(this.refusal(unit, number), null);
    return true;
  }

  async summarise(): Promise<void> {
    if (!this.work.summary) return;
    const { json, text } = this.work.summary(this.kept ? await this.kept.index.lines() : this.lines);
    this.session.print(this.args.json, json, text);
  }

  async over(
    mine: readonly Numbered[],
    { units, tells }: { readonly units: number; readonly tells: boolean },
  ): Promise<void> {
    const { session, work, args, kept } = this;
    const { signal, onProgress } = session;
    const engine = await session.openEngine(args.driver);
    const { adapter } = engine.environment;
    const wanted = args.batch === undefined ? kept?.manifest.batch || undefined : Number(args.batch);
    const first = wanted ?? work.batch ?? 1;
    let model = await engine.load(work.file, { input: work.input, batch: first, signal, onProgress });
    if (wanted === undefined && work.batch === null) {
      const batch = adapter.isFallbackAdapter ? 1 : batchBy(model, units);
      if (batch > 1) {
        model.dispose();
        model = await engine.load(work.file, { input: work.input, batch, signal, onProgress });
      }
    }
    const [batch] = model.inputShape;
    if (kept) {
      kept.manifest = { ...kept.manifest, batch, adapter };
      await kept.write();
    }
    const isMany = units > 2 || mine.some(({ unit }) => unit.kind !== 'picture');
    const width = args.workers === undefined ? threadsHere() : numberOption('workers', args.workers, 1, 256, true);
    const pool = isMany ? threads(width) : inThisThread;
    const lanes = isMany && !adapter.isFallbackAdapter ? [model, await model.withBatch(batch)] : [model];
    try {
      const load = (other: ModelFile): Promise<Model> =>
        engine.load(other, { input: work.input, batch, signal, onProgress });
      const opened = await work.open({ model, pool, adapter, load });
      const size = work.batch === null ? batch : 1;
      let group = 0;
      const decoded = inOrder(this.items(mine), (item) => this.decode(item, pool), { ahead: size + width, signal });
      const made = inOrder(grouped(decoded, size), (some) => this.make(some, opened, lanes[group++ % lanes.length]!), {
        ahead: lanes.length,
        signal,
      });
      const finished = inOrder(flat(made), (passing) => this.finish(passing, opened), { ahead: 2 * width + 2, signal });
      let done = 0;
      const isCounted = mine.every(({ unit }) => unit.kind === 'picture');
      for await (const { passing, told, files } of finished) {
        await this.tell(passing, told, files);
        done++;
        if (tells) onProgress(isCounted ? { phase: 'run', done, total: mine.length } : { phase: 'run', done });
      }
      await this.tar?.finish();
    } finally {
      await this.tar?.discard();
      await pool.close();
    }
  }

  // ——— stages ———

  /** Pictures that have no line yet; a unit that cannot be read is one picture that fails. */
  private async *items(mine: readonly Numbered[]): AsyncGenerator<Passing<Result>, void, undefined> {
    for (const { unit, number } of mine) {
      if (unit.kind === 'picture' && this.isDone({ shard: null, picture: unit.path })) continue;
      if (this.refused.has(number)) {
        if (!this.isDone({ shard: unit.kind === 'picture' ? null : unit.path, picture: unit.path }))
          yield this.refusal(unit, number);
        continue;
      }
      if (unit.kind !== 'picture' && this.work.tarOf && !(await this.lacksAny(unit, number))) continue;
      try {
        for await (const item of itemsOf(unit, number))
          if (this.work.tarOf || !this.isDone(item)) yield { item, began: performance.now() };
      } catch (failure) {
        yield { ...this.refusal(unit, number), failure };
      }
    }
  }

  /** Whether a shard, which becomes one tar, has pictures without a line. */
  private async lacksAny(unit: Unit, number: number): Promise<boolean> {
    if (!this.kept?.index.hasAnyOf(unit.path)) return true;
    try {
      for await (const item of itemsOf(unit, number)) if (!this.isDone(item)) return true;
      return false;
    } catch {
      return !this.isDone({ shard: unit.path, picture: unit.path });
    }
  }

  private refusal({ kind, path }: Unit, number: number): Passing<Result> {
    const item: Item = {
      at: [number, kind === 'picture' ? 0 : -1],
      picture: path,
      shard: kind === 'picture' ? null : path,
      names: { dir: '', stem: stemOf(path), shard: '' },
      source: path,
    };
    return { item, began: performance.now(), failure: this.refused.get(number) };
  }

  private isDone(item: Pick<Item, 'shard' | 'picture'>): boolean {
    return this.kept?.index.has(item) ?? false;
  }

  private async decode(passing: Passing<Result>, pool: Pool): Promise<Passing<Result>> {
    if ('failure' in passing) return passing;
    return this.attempt(passing, async () => {
      const { source } = passing.item;
      const picture = isEncoded(source) ? await decodedBy(pool, source) : source;
      return { ...passing, picture };
    });
  }

  private async make(
    some: readonly Passing<Result>[],
    opened: Opened<Result>,
    model: Model,
  ): Promise<readonly Passing<Result>[]> {
    const going = some.filter((passing) => !('failure' in passing));
    const resultsOf = async (of: readonly Passing<Result>[]): Promise<readonly Passing<Result>[]> => {
      const results = await opened.make(
        model,
        of.map(({ picture }) => picture!),
        of.map(({ item }) => item),
      );
      return of.map(({ picture, ...passing }, k) => ({
        ...passing,
        size: sizeOf(picture!, model),
        result: results[k]!,
        ...(this.work.needsPicture && { picture: picture! }),
      }));
    };
    const done = new Map<Item, Passing<Result>>();
    const keep = (all: readonly Passing<Result>[]): void => all.forEach((passing) => done.set(passing.item, passing));
    try {
      if (going.length > 0) keep(await resultsOf(going));
    } catch (error) {
      if (this.session.signal.aborted || isFatal(error)) throw error;
      // one of them: each by itself, at the same batch, has the same bits
      for (const passing of going) keep([await this.attempt(passing, async () => (await resultsOf([passing]))[0]!)]);
    }
    return some.map((passing) => done.get(passing.item) ?? passing);
  }

  private async finish(passing: Passing<Result>, opened: Opened<Result>): Promise<Finished<Result>> {
    if ('failure' in passing) return { passing, told: null, files: [] };
    const { item, result, picture, size } = passing;
    const { work } = this;
    let told: Told | null = null;
    let files: readonly string[] = [];
    const finished = await this.attempt(passing, async () => {
      const label = opened.labelOf?.(result!) ?? '';
      files = work.filesOf?.(item.names, label) ?? [];
      const outputs = this.outputs.get(item.at[0])!;
      if (!work.tarOf) for (const path of files) outputs.claim(path);
      const pixels = picture && !isPrepared(picture) ? picture : null;
      told = await opened.finish({ item, size: size!, picture: pixels, result: result!, files });
      if (!work.tarOf) for (const [k, bytes] of (told.contents ?? []).entries()) await outputs.write(files[k]!, bytes);
      return passing;
    });
    return 'failure' in finished ? { passing: finished, told: null, files: [] } : { passing, told, files };
  }

  private tar: TarWriter | null = null;

  /** The last stage, one picture after the other: what belongs into a tar, the line of the index, and stdout. */
  private async tell(passing: Passing<Result>, told: Told | null, files: readonly string[] = []): Promise<void> {
    const { session, args, kept, work } = this;
    const { item, began, failure } = passing;
    const { at, picture, shard } = item;
    const milliseconds = Math.round(performance.now() - began);
    const line: Line = told
      ? { at, picture, shard, ...told.line, files, milliseconds }
      : { at, picture, shard, files: [], milliseconds, error: oneLine(failure) };
    if (!kept) this.lines.push(line);
    if (told) this.successes++;
    else {
      this.failures++;
      session.complain(failure);
    }
    const tarPath = shard !== null && work.tarOf && !this.refused.has(at[0]) ? work.tarOf(item.names) : null;
    if (this.tar && this.tar.path !== tarPath && at[1] >= 0) await this.closeTar();
    if (tarPath !== null && at[1] >= 0) {
      this.tar ??= await TarWriter.begin(tarPath, (lines) => kept?.index.append(lines));
      await this.tar.add(line, told?.contents ?? []);
    } else await kept?.index.append([line]);
    if (told) session.print(args.json, told.json, told.text);
    else if (args.json) session.print(true, { image: picture, ...(shard && { shard }), error: oneLine(failure) }, '');
  }

  private async closeTar(): Promise<void> {
    await this.tar?.finish();
    this.tar = null;
  }

  private async attempt(passing: Passing<Result>, step: () => Promise<Passing<Result>>): Promise<Passing<Result>> {
    try {
      return await step();
    } catch (failure) {
      if (this.session.signal.aborted || isFatal(failure)) throw failure;
      const { picture, result, ...rest } = passing;
      return { ...rest, failure: named(failure, passing.item) };
    }
  }
}

interface Finished<Result> {
  readonly passing: Passing<Result>;
  readonly told: Told | null;
  readonly files: readonly string[];
}

const isEncoded = (source: Source): source is string | Uint8Array =>
  typeof source === 'string' || source instanceof Uint8Array;

const decodedBy = (pool: Pool, source: string | Uint8Array): Promise<Pixels> => pool.run('decode', source);

/** Of a picture; of prepared numbers those of the input. */
function sizeOf(picture: Decoded, model: Model): { readonly width: number; readonly height: number } {
  const [, , height, width] = model.inputShape;
  return isPrepared(picture) ? { width, height } : { width: picture.width, height: picture.height };
}

/** A failure of bytes out of a shard says which; that of a file does so already. */
function named(failure: unknown, { shard, picture, source }: Item): unknown {
  if (typeof source === 'string' || !(failure instanceof Error)) return failure;
  failure.message = failure.message.includes(picture) ? failure.message : `${shard}: ${picture}: ${failure.message}`;
  return failure;
}

async function* flat<T>(groups: AsyncIterable<readonly T[]>): AsyncGenerator<T, void, undefined> {
  for await (const group of groups) yield* group;
}

function assertFile(path: string): void {
  const found = statOf(path);
  if (!found) throw new UsageError(`${path}: there is no such file`);
  if (!found.isFile()) throw new UsageError(`${path} is no file`);
}

/** What two sets of activations may take of a GPU. */
const BUDGET_BYTES = 2 ** 30;
/** More pictures at once keep no GPU busier, and all of them are in memory, decoded. */
const MOST_AT_ONCE = 8;

/** A power of two, no larger than there are pictures. */
function batchBy({ memory: { activations, saved, scratch } }: Model, pictures: number): number {
  const most = Math.min(MOST_AT_ONCE, pictures, BUDGET_BYTES / (2 * Math.max(1, activations + saved + scratch)));
  return 2 ** Math.max(0, Math.floor(Math.log2(most)));
}
