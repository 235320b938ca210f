/** The photos of a folder that a channel responds to most. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { filled } from '../../filled';
import type { Model } from '../../index';
import { readImage } from '../../node/image';
import { UsageError, isFatal } from '../failure';
import type { Outputs } from '../files';
import { unitsOf } from '../many/units';
import type { Session } from '../session';
import type { Layer } from './layers';

/** Of each channel. */
const STRONGEST = 9;
/** Of a photo on the page, in pixels. */
const SIDE = 160;
const NAME = 'photos.json';

/** A photo, and the mean of the channel over its plane. */
export interface Strong {
  /** Its number among all. */
  readonly photo: number;
  readonly value: number;
}

export interface Photos {
  /** Of the paths, sizes and times of change. */
  readonly sha256: string;
  readonly paths: readonly string[];
  /** By tensor, of each channel the strongest, strongest first. */
  readonly strongest: Readonly<Record<string, readonly (readonly Strong[])[]>>;
}

/** Where the page finds a photo, in the folder. */
export const photoFile = (photo: number): string => `photos/${photo}.jpg`;

/** Photos below a folder, or that a pattern names. @throws UsageError for one without */
export async function photosIn(word: string, { files }: Session): Promise<readonly string[]> {
  const paths = (await unitsOf([word])).units.flatMap(({ kind, path }) => (kind === 'picture' ? [path] : []));
  if (paths.length === 0) throw new UsageError(`--photos is '${word}', where there are no pictures as files`);
  for (const path of paths) files.reads(path);
  return paths;
}

/** Of all channels of the layers; from the file of an earlier run, where that knows the same photos and tensors. */
export async function strongestPhotos(
  model: Model,
  paths: readonly string[],
  layers: readonly Layer[],
  { folder, outputs, session }: { readonly folder: string; readonly outputs: Outputs; readonly session: Session },
): Promise<Photos> {
  const sha256 = await hashOf(paths);
  const tensors = [...new Set(layers.map(({ tensor }) => tensor))];
  const before = await readPhotos(folder);
  const isSame = before?.sha256 === sha256;
  const photos =
    isSame && tensors.every((tensor) => before.strongest[tensor])
      ? before
      : { sha256, paths, strongest: await rankedBy(model, paths, tensors, session) };
  await writeThumbnails(photos, layers, { folder, outputs, session, isSame });
  if (photos === before) return before;
  await outputs.write(join(folder, NAME), new TextEncoder().encode(`${JSON.stringify(photos)}\n`));
  return photos;
}

/** What an earlier run found; null if none did. */
export async function readPhotos(folder: string): Promise<Photos | null> {
  const text = await readFile(join(folder, NAME), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Photos);
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    const { size, mtimeMs } = await stat(path);
    hash.update(`${path}\n${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

async function rankedBy(
  model: Model,
  paths: readonly string[],
  tensors: readonly string[],
  { signal, onProgress, complain }: Session,
): Promise<Photos['strongest']> {
  const [N] = model.inputShape;
  const probe = await model.probe(tensors, { signal });
  const best = new Map(probe.tensors.map(({ name, C }) => [name, Array.from({ length: C }, (): Strong[] => [])]));
  for (let begin = 0; begin < paths.length; begin += N) {
    signal.throwIfAborted();
    onProgress({ phase: 'run', done: begin, total: paths.length });
    const read = await Promise.all(
      paths.slice(begin, begin + N).map(async (path, n) => {
        try {
          return { photo: begin + n, picture: await readImage(path) };
        } catch (error) {
          if (isFatal(error)) throw error;
          complain(error);
          return null;
        }
      }),
    );
    const some = read.filter((one) => one !== null);
    if (some.length === 0) continue;
    const batch = filled(some, N).map(({ picture }) => picture);
    const { tensors: values } = await probe.vjp(batch, () => ({}), { signal });
    for (const { name, C, H, W } of probe.tensors)
      some.forEach(({ photo }, n) => {
        for (let c = 0; c < C; c++) {
          const at = (n * C + c) * H * W;
          const plane = values[name]!.subarray(at, at + H * W);
          keep(best.get(name)![c]!, { photo, value: plane.reduce((sum, one) => sum + one, 0) / plane.length });
        }
      });
  }
  return Object.fromEntries(best);
}

/** In its place among the strongest; of equal ones the first photo. */
function keep(list: Strong[], one: Strong): void {
  const at = list.findIndex(({ value }) => one.value > value);
  if (at >= 0) list.splice(at, 0, one);
  else list.push(one);
  list.length = Math.min(list.length, STRONGEST);
}

async function writeThumbnails(
  { paths, strongest }: Photos,
  layers: readonly Layer[],
  {
    folder,
    outputs,
    session,
    isSame,
  }: {
    readonly folder: string;
    readonly outputs: Outputs;
    readonly session: Session;
    /** Whether those that are there are of the same photos. */
    readonly isSame: boolean;
  },
): Promise<void> {
  const { default: sharp } = await import('sharp');
  const shown = new Set(
    layers.flatMap(({ tensor, channels }) => channels.flatMap((c) => strongest[tensor]![c]!.map(({ photo }) => photo))),
  );
  for (const photo of shown) {
    session.signal.throwIfAborted();
    if (isSame && existsSync(join(folder, photoFile(photo)))) continue;
    const { data, width, height } = await readImage(paths[photo]!);
    const small = sharp(data, { raw: { width, height, channels: 4 } })
      .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: 80 });
    await outputs.write(join(folder, photoFile(photo)), await small.toBuffer());
  }
}
