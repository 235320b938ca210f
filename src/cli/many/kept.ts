/** The index of a run with its manifest: begun, or gone on with. */
import { join } from 'node:path';
import { numberOption } from '../args';
import { UsageError } from '../failure';
import type { Session } from '../session';
import { Index } from './index';
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
import type { Share, Unit } from './units';
import type { Work } from './work';

export interface Kept {
  readonly index: Index;
  manifest: Manifest;
  write(): Promise<void>;
  /** Says in the manifest that every picture has its line. */
  finish(): Promise<void>;
}

/**
 * Null where pictures were named one by one and nothing asks for an index.
 *
 * @throws UsageError for an index that is there and is not to be resumed, or is of another run
 */
export async function keptOf<Result>(
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
