import { statSync } from 'node:fs';
import { join } from 'node:path';
import { CLASS_MODEL_PRESETS, type InputSpec } from '../../index';
import { common, command, numberOption } from '../args';
import { ascentOf, ascentOptions } from '../ascent';
import { EXIT, UsageError } from '../failure';
import type { Outputs } from '../files';
import { modelOption, preparationOf, prepOption, readModel } from '../models';
import type { Session } from '../session';
import { type Manifest, manifestOf, writeManifest } from './kept';
import { layersOf } from './layers';
import { type Shown, pageOf } from './page';
import { photosIn, readPhotos, strongestPhotos } from './photos';
import { type Unit, drawChannels, missingOf, unitFile, unitsOf } from './pictures';
import { sheetFile, sheetOf } from './sheet';

const { model: _, ...readingOptions } = modelOption;

export const microscope = command({
  name: 'microscope',
  description:
    'what the channels of a network look for: a folder of pictures, each one that a channel answers to strongly, ' +
    'with a sheet for each layer and a page that needs no server',
  examples: [
    ['net.onnx --out inside/', 'all channels that the stages of the net end in, and all classes'],
    ['net.onnx --layers fire5 --channels 0-15 --out inside/', 'some of them'],
    ['net.onnx --classes 0-19,tench --out inside/ --resume', 'more into the same folder; what is done stays done'],
  ],
  args: {
    net: { type: 'positional', required: true, description: modelOption.model.description },
    out: {
      type: 'string',
      valueHint: 'FOLDER',
      required: true,
      description: 'where to: index.html, and a folder a layer',
    },
    layers: {
      type: 'string',
      valueHint: 'A,B',
      description: 'which tensors (default, without --classes: what each stage of inspect ends in, and the classes)',
    },
    channels: { type: 'string', valueHint: '0-9,12', description: 'which channels of each layer (default: all)' },
    classes: { type: 'string', valueHint: 'all|0-9|NAME', description: 'which classes; numbers, ranges and names' },
    photos: {
      type: 'string',
      valueHint: 'FOLDER',
      description: 'photos, of which the page shows beside each channel those that it answers to most',
    },
    resume: { type: 'boolean', description: 'do what the folder lacks, by the same options' },
    'per-batch': { type: 'string', valueHint: 'N', default: '8', description: 'channels, or photos, in one run' },
    ...ascentOptions('vivid'),
    ...readingOptions,
    ...prepOption,
    ...common,
  },
  async run(args, session) {
    if (args._.length > 1) throw new UsageError(`'${args._[1]}' is one argument too many`);
    const ascent = { noise: NOISE, ...ascentOf(args) };
    const most = numberOption('per-batch', args['per-batch'], 1, 1024, true);
    const file = await readModel({ ...args, model: args.net }, session);
    const input = preparationOf(file, args.prep, session);
    const wanted = layersOf(file, args);
    const photos = args.photos === undefined ? null : await photosIn(args.photos, session);
    const folder = args.out;
    const manifest = await manifestOf(folder, file, {
      parameters: { ...CLASS_MODEL_PRESETS[ascent.preset!], ...ascent, input },
      layers: wanted,
      resume: args.resume === true,
    });
    const outputs = session.files.outputs();
    await writeManifest(outputs, folder, manifest);
    const work: Work = { folder, outputs, session, manifest };

    const pending = wanted.map((layer) => ({ layer, channels: missingOf(folder, layer) }));
    const total = pending.reduce((sum, { channels }) => sum + channels.length, 0);
    let failed = 0;
    if (total > 0 || photos) {
      const engine = await session.openEngine(args.driver);
      const { signal, onProgress } = session;
      const batch = Math.min(most, Math.max(photos?.length ?? 1, ...pending.map(({ channels }) => channels.length)));
      const model = await engine.load(file, { input, batch, signal, onProgress });
      if (photos) await strongestPhotos(model, photos, manifest.layers, work);
      const iterations = manifest.parameters['iterations'] as number;
      let done = 0;
      const onIteration = (channels: number): void =>
        onProgress({ phase: 'run', done: Math.floor((done += channels / iterations)), total });
      for (const { layer, channels } of pending) {
        if (channels.length === 0) continue;
        failed += await drawChannels(model, layer, channels, { ...work, ascent, onIteration });
        await writePage(work, input);
      }
    }
    const shown = await writePage(work, input);
    for (const { layer, units } of shown) {
      const count = (remark: Unit['remark']): number => units.filter((unit) => unit.remark === remark).length;
      const counts = { pictures: units.length, flat: count('flat'), exploded: count('exploded') };
      const sheet = join(folder, sheetFile(layer));
      const words = Object.entries(counts).flatMap(([name, number]) => (number > 0 ? [`${number} ${name}`] : []));
      const told = { layer: layer.name, tensor: layer.tensor, ...counts, sheet };
      session.print(args.json, told, `${sheet}: ${words.join(', ')}`);
    }
    const page = join(folder, PAGE);
    session.print(args.json, { page, made: total - failed, failed, parameters: manifest.parameters }, page);
    return failed > 0 ? EXIT.failed : EXIT.ok;
  },
});

const PAGE = 'index.html';
/** Many channels are shut for a grey picture, which has no way up for them. */
const NOISE = 0.1;

interface Work {
  readonly folder: string;
  readonly outputs: Outputs;
  readonly session: Session;
  readonly manifest: Manifest;
}

/** Of all pictures that are there: sheets that are older than one of theirs, and the page. */
async function writePage(
  { folder, outputs, manifest }: Work,
  { width, height }: Pick<InputSpec, 'width' | 'height'>,
): Promise<readonly Shown[]> {
  const shown: Shown[] = [];
  for (const layer of manifest.layers) {
    const units = await unitsOf(folder, layer);
    if (units.length === 0) continue;
    shown.push({ layer, units });
    const channels = units.map(({ channel }) => channel);
    const drawn = changedAt(join(folder, sheetFile(layer)));
    if (channels.some((channel) => changedAt(join(folder, unitFile(layer, channel))) >= drawn))
      await outputs.write(join(folder, sheetFile(layer)), await sheetOf(folder, layer, channels));
  }
  const { preset, iterations } = manifest.parameters;
  const page = pageOf(manifest.model.name, shown, {
    made: `Made by gradlens ${manifest.gradlens}, preset ${String(preset)}, ${String(iterations)} iterations.`,
    aspect: width / height,
    photos: await readPhotos(folder),
  });
  await outputs.write(join(folder, PAGE), new TextEncoder().encode(page));
  return shown;
}

/** In milliseconds; of what is not there 0. */
const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
