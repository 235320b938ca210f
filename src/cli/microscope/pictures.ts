/** The pictures of a layer's channels: several in one ascent, each in a file that is there whole or not at all. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filled } from '../../filled';
import { textsOf } from '../../image/png';
import { type ClassModel, type ClassModelOptions, type Model, classModel } from '../../index';
import { isFatal } from '../failure';
import type { Outputs } from '../files';
import { encodePng } from '../output';
import type { Session } from '../session';
import type { Layer } from './layers';

/** What is told of a picture: in its file, and on the page. */
export interface Unit {
  readonly channel: number;
  readonly label: string | null;
  /** Of the channel: its sum over the plane, before the first step and before the last. */
  readonly score: readonly [first: number, last: number];
  readonly remark: ClassModel['remarks'][number];
}

export const unitFile = ({ folder }: Layer, channel: number): string => `${folder}/${channel}.png`;

/** The channels that have no picture yet. */
export const missingOf = (folder: string, layer: Layer): readonly number[] =>
  layer.channels.filter((channel) => !existsSync(join(folder, unitFile(layer, channel))));

export interface Drawing {
  readonly folder: string;
  readonly outputs: Outputs;
  readonly session: Session;
  readonly ascent: Omit<ClassModelOptions, 'class'>;
  /** Told so many iterations of so many channels. */
  readonly onIteration: (channels: number) => void;
}

/**
 * Draws these channels of a layer, as many at once as the model's batch.
 *
 * @returns how many could not be drawn
 */
export async function drawChannels(
  model: Model,
  layer: Layer,
  channels: readonly number[],
  { folder, outputs, session, ascent, onIteration }: Drawing,
): Promise<number> {
  const [N] = model.inputShape;
  let failed = 0;
  for (let begin = 0; begin < channels.length; begin += N) {
    const some = channels.slice(begin, begin + N);
    try {
      const neurons = filled(some, N).map((channel) => ({ tensor: layer.tensor, channel }));
      const run = classModel(model, { ...ascent, class: neurons, signal: session.signal });
      let next = await run.next();
      for (; !next.done; next = await run.next()) onIteration(some.length);
      const { scores, remarks, meta, picture } = next.value;
      for (const [n, channel] of some.entries()) {
        const unit: Unit = {
          channel,
          label: layer.labels[channel] ?? null,
          score: [scores[n]![0]!, scores[n]!.at(-1)!],
          remark: remarks[n]!,
        };
        const text = { layer: layer.name, ...unit, parameters: { ...meta, class: neurons[n] } };
        await outputs.write(join(folder, unitFile(layer, channel)), await encodePng(picture(n), text));
      }
    } catch (error) {
      if (session.signal.aborted || isFatal(error)) throw error;
      failed += some.length;
      session.complain(error);
    }
  }
  return failed;
}

/** What is told of the pictures of a layer that are there. */
export async function unitsOf(folder: string, layer: Layer): Promise<readonly Unit[]> {
  const missing = new Set(missingOf(folder, layer));
  const there = layer.channels.filter((channel) => !missing.has(channel));
  return Promise.all(
    there.map(async (channel) => {
      const png = await readFile(join(folder, unitFile(layer, channel)));
      return JSON.parse(textsOf(png)['gradlens'] ?? 'null') as Unit;
    }),
  );
}
