/** What a folder of pictures was made by: whoever goes on with it has to make the rest by the same. */
import { join } from 'node:path';
import type { ModelFile } from '../../index';
import { UsageError } from '../failure';
import type { Outputs } from '../files';
import { hashOfModel, manifestAt, versionNow } from '../many/manifest';
import type { Layer } from './layers';

export interface Manifest {
  readonly gradlens: string;
  readonly command: 'microscope';
  readonly model: { readonly name: string; readonly sha256: string };
  /** All that a picture depends on. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** All that were asked for, by this run and those before it. */
  readonly layers: readonly Layer[];
}

const NAME = 'microscope.json';

/**
 * The manifest with what was there before.
 *
 * @throws UsageError for a folder that was begun and is not to be resumed, or by other options
 */
export async function manifestOf(
  folder: string,
  file: ModelFile,
  of: Pick<Manifest, 'parameters' | 'layers'> & { readonly resume: boolean },
): Promise<Manifest> {
  const path = join(folder, NAME);
  const own: Manifest = {
    gradlens: versionNow(),
    command: 'microscope',
    model: { name: file.graph.name, sha256: hashOfModel(file) },
    parameters: of.parameters,
    layers: of.layers,
  };
  const before = await readManifest(path);
  if (!before) return own;
  if (!of.resume)
    throw new UsageError(`${path} is there already: add --resume to do what its folder lacks, or name another --out`);
  const different = differencesOf(own, before);
  if (different.length > 0) throw new UsageError(`${folder} cannot be resumed: ${different.join('; ')}`);
  return { ...own, layers: joined(file, before.layers, own.layers) };
}

export const writeManifest = (outputs: Outputs, folder: string, manifest: Manifest): Promise<void> =>
  outputs.write(join(folder, NAME), new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`));

const readManifest = (path: string): Promise<Manifest | null> =>
  manifestAt<Manifest>(
    path,
    'this command',
    ({ command, layers }) => command === 'microscope' && Array.isArray(layers),
  );

function differencesOf(now: Manifest, before: Manifest): readonly string[] {
  const flat = ({ gradlens, model, parameters }: Manifest): Readonly<Record<string, unknown>> => ({
    ...{ gradlens, model: model.name, weights: model.sha256 },
    ...parameters,
  });
  const [a, b] = [flat(now), flat(before)];
  const told = (value: unknown): string => JSON.stringify(value ?? null).slice(0, 80);
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]))
    .map((key) => `${key} is ${told(a[key])}, was ${told(b[key])}`);
}

/** Layers of both in the net's order, each with the channels of both. */
function joined({ graph }: ModelFile, before: readonly Layer[], now: readonly Layer[]): readonly Layer[] {
  const others = before.filter(({ name }) => !now.some((layer) => layer.name === name));
  const grown = now.map((layer) => {
    const earlier = before.find(({ name }) => name === layer.name)?.channels ?? [];
    return { ...layer, channels: [...new Set([...earlier, ...layer.channels])].sort((a, b) => a - b) };
  });
  const place = ({ tensor }: Layer): number => graph.nodes.findIndex(({ name }) => name === tensor);
  return [...others, ...grown].sort((a, b) => place(a) - place(b));
}
