/**
 * One command over pictures, one or a million: decoding, the model and encoding at the same time, results in order, a
 * line of the index for each picture, and never more pictures in memory than are under way.
 */
import { numberOption } from '../args';
import { EXIT, UsageError, oneLine } from '../failure';
import type { Session } from '../session';
import { Claims } from './claims';
import type { Line } from './index';
import { type Kept, keptOf } from './kept';
import { lanesOf } from './lanes';
import type { ManyArgs } from './options';
import { Pending } from './pending';
import { inThisThread, threads, threadsHere } from './pool';
import { type Finished, finished } from './stages';
import { TarWriter } from './tarWriter';
import { type Numbered, shareOf, shared, unitsOf } from './units';
import type { Work } from './work';

/**
 * @returns the exit code: 1 if any picture failed, of this run or of those before that it goes on with; 2 if pictures
 *   were named one by one and all of them failed
 * @throws UsageError if there is none of the pictures that the work is about
 */
export async function overPictures<Result>(args: ManyArgs, session: Session, work: Work<Result>): Promise<number> {
  const { units, oneByOne } = await unitsOf(args._, args.list);
  if (args.list !== undefined) session.files.reads(args.list);
  const share = shareOf(args.shard, process.env);
  const numbered = units.map((unit, number) => ({ unit, number }));
  const mine = share ? shared(numbered, share) : numbered;
  for (const { path } of units) session.files.reads(path);

  const kept = await keptOf(args, session, work, { units, share, isAsked: !oneByOne || share !== null });
  const run = new Run(session, work, args, kept);
  try {
    await run.over(mine, units.length);
    await kept?.finish();
    if (work.wanted && run.count === 0 && !share) throw new UsageError(`none of the pictures is in ${work.wanted.by}`);
    await run.summarise();
    return run.code;
  } finally {
    await kept?.index.close();
  }
}

class Run<Result> {
  private failures = 0;
  private successes = 0;
  /** Where there is no index: of pictures that were named one by one. */
  private readonly lines: Line[] = [];
  private adapter: unknown;
  private tar: TarWriter | null = null;

  constructor(
    private readonly session: Session,
    private readonly work: Work<Result>,
    private readonly args: ManyArgs,
    private readonly kept: Kept | null,
  ) {
    this.adapter = kept?.manifest.adapter ?? null;
  }

  /** Pictures that have a line. */
  get count(): number {
    return this.kept?.index.count ?? this.lines.length;
  }

  get code(): number {
    if (this.kept) return this.kept.index.failed > 0 ? EXIT.failed : EXIT.ok;
    if (this.failures === 0) return EXIT.ok;
    return this.successes > 0 ? EXIT.failed : EXIT.usage;
  }

  async summarise(): Promise<void> {
    if (!this.work.summary) return;
    const lines = this.kept ? await this.kept.index.lines() : this.lines;
    const found = this.work.summary(lines, this.adapter);
    if (found) this.session.print(this.args.json, found.json, found.text);
  }

  /** @param units of the whole run, of which these may be a part */
  async over(mine: readonly Numbered[], units: number): Promise<void> {
    const { session, work, args, kept } = this;
    const { signal, onProgress } = session;
    const claims = new Claims(mine, work, session.files);
    if (kept && args.resume) claims.sweep();
    const pending = new Pending(mine, work, claims, kept?.index ?? null);
    if (!pending.needsModel) {
      for await (const begun of pending.items()) await this.tell({ ...begun, told: null, files: [] }, claims);
      return;
    }
    const engine = await session.openEngine(args.driver);
    this.adapter = engine.environment.adapter;
    const isMany = units > 2 || mine.some(({ unit }) => unit.kind !== 'picture');
    const wanted = args.batch === undefined ? kept?.manifest.batch || undefined : Number(args.batch);
    const { models, batch, load } = await lanesOf(engine, session, work, { batch: wanted, pictures: units, isMany });
    if (kept) {
      kept.manifest = { ...kept.manifest, batch, adapter: this.adapter };
      await kept.write();
    }
    const width = args.workers === undefined ? threadsHere() : numberOption('workers', args.workers, 1, 256, true);
    const pool = isMany ? threads(width) : inThisThread;
    try {
      const opened = await work.open({ model: models[0]!, pool, adapter: this.adapter, load });
      const total = mine.every(({ unit }) => unit.kind === 'picture') ? mine.length : undefined;
      let done = 0;
      for await (const one of finished(pending.items(), { work, opened, models, batch, pool, claims, signal })) {
        await this.tell(one, claims);
        done++;
        if (units > 1) onProgress({ phase: 'run', done, ...(total !== undefined && { total }) });
      }
      await this.tar?.finish();
    } finally {
      await this.tar?.discard();
      await pool.close();
    }
  }

  /** The last stage, one picture after the other: what belongs into a tar, the line of the index, and stdout. */
  private async tell({ item, began, failure, told, files }: Finished, { refused }: Claims): Promise<void> {
    const { session, args, kept, work } = this;
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
    const isEntry = at[1] >= 0; // else the shard itself
    const tarPath = shard !== null && work.tarOf && !refused.has(at[0]) ? work.tarOf(item.names) : null;
    if (this.tar && this.tar.path !== tarPath && isEntry) {
      await this.tar.finish();
      this.tar = null;
    }
    if (tarPath !== null && isEntry) {
      this.tar ??= await TarWriter.begin(tarPath, (lines) => kept?.index.append(lines));
      await this.tar.add(line, told?.contents ?? []);
    } else await kept?.index.append([line]);
    if (told) session.print(args.json, told.json, told.text);
    else if (args.json) session.print(true, { image: picture, ...(shard && { shard }), error: oneLine(failure) }, '');
  }
}
