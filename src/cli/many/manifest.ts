/** What a run was made by: beside its index, for whoever goes on with it or joins it with others. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ModelFile } from '../../index';
import { UsageError } from '../failure';
import type { Outputs } from '../files';
import { packageVersion } from '../models';
import type { Share, Unit } from './units';

export interface Manifest {
  readonly gradlens: string;
  readonly command: string;
  readonly model: { readonly name: string; readonly sha256: string };
  /** Method, class, preparation and all else that results depend on. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Pictures in one run of the model: another number may round otherwise. */
  readonly batch: number;
  /** All units of the whole run, of which this may be a part. */
  readonly units: { readonly count: number; readonly sha256: string };
  readonly shard: Share | null;
  readonly adapter: unknown;
  /** Lines of the index, once every picture has one. */
  readonly pictures: number | null;
}

export const manifestPath = (index: string): string => `${index.replace(/\.jsonl$/i, '')}.manifest.json`;

/** Of all nodes and weights. */
export function hashOfModel({ graph }: ModelFile): string {
  const hash = createHash('sha256').update(JSON.stringify([graph.input, graph.nodes, graph.output]));
  for (const [name, { shape, data }] of [...graph.weights].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(JSON.stringify([name, shape])).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

export function hashOfUnits(units: readonly Unit[]): string {
  const hash = createHash('sha256');
  for (const { path } of units) hash.update(`${path}\n`);
  return hash.digest('hex');
}

export const versionNow = (): string => packageVersion();

export const readManifest = (index: string): Promise<Manifest | null> =>
  manifestAt<Manifest>(
    manifestPath(index),
    'a run',
    ({ gradlens, model, units }) => typeof gradlens === 'string' && Boolean(model) && Boolean(units),
  );

/** What a manifest says; null if there is none. @throws UsageError for a file that is none of `whose` */
export async function manifestAt<Kind>(
  path: string,
  whose: string,
  isOne: (manifest: Kind) => boolean,
): Promise<Kind | null> {
  try {
    const manifest = JSON.parse(await readFile(path, 'utf8')) as Kind;
    if (!isOne(manifest)) throw new SyntaxError();
    return manifest;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new UsageError(`${path} is no manifest of ${whose}`);
  }
}

export const writeManifest = (outputs: Outputs, index: string, manifest: Manifest): Promise<void> =>
  outputs.write(manifestPath(index), new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`));

const WORDS: Readonly<Partial<Record<keyof Manifest, string>>> = {
  gradlens: 'version of gradlens',
  command: 'command',
  model: 'model',
  parameters: 'method, class or preparation',
  batch: 'batch',
  units: 'list of pictures',
  shard: 'shard',
};

/** What two runs differ in, in words; nothing that results depend on may. */
export function differenceOf(
  a: Manifest,
  b: Manifest,
  over: readonly (keyof Manifest)[] = ['gradlens', 'command', 'model', 'parameters', 'batch', 'units'],
): string | null {
  const key = over.find((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]));
  return key === undefined ? null : `another ${WORDS[key]} (${brief(a[key])}, not ${brief(b[key])})`;
}

function brief(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
