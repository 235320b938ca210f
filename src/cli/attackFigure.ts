/** An attack as a figure: the picture, its change, what became of it, and what the net looked at before and after. */
import { renderMap } from '../image/render';
import { unprepared } from '../image/unprepared';
import type { Attack, Heatmap, ImageInput, InputSpec, Model } from '../index';
import type { Illustration } from './many/jobs';
import { mapMakerOf } from './methods';

/** A best class with its name. */
export type Told = Attack['before'] & { readonly label: string };

export interface Shown {
  /** The picture as the net was given it. */
  readonly seen: Float32Array;
  /** Each of the class that was best then. */
  readonly maps: { readonly before: Heatmap; readonly after: Heatmap };
}

/** What is shown beside the attacks of one batch. */
export async function shownBy(
  model: Model,
  pictures: readonly ImageInput[],
  found: readonly Attack[],
  signal: AbortSignal,
): Promise<Shown[]> {
  const maker = mapMakerOf({});
  const [before, after] = [
    await maker.makeAll(model, pictures, 'top1', { signal }),
    await maker.makeAll(
      model,
      found.map(({ image }) => image),
      'top1',
      { signal },
    ),
  ];
  const seen: Float32Array[] = [];
  for (const picture of pictures) seen.push(await model.prepared(picture, { signal }));
  return seen.map((own, n) => ({ seen: own, maps: { before: before[n]!, after: after[n]! } }));
}

/** How many times as large as it is a change is drawn. */
const GAIN = 10;

export function figureOf(
  { seen, maps }: Shown,
  found: Attack,
  { before, after }: { readonly before: Told; readonly after: Told },
  input: InputSpec,
): Omit<Illustration, 'text'> {
  const { norm, epsilon, steps } = found.meta;
  const { max, l2 } = found.length;
  const how = `${steps === 1 ? 'FGSM' : `PGD, ${String(steps)} steps`}, ε = ${grey(epsilon as number, norm)}`;
  const pixelated = input.width < 200;
  return {
    figure: {
      title: after.class === before.class ? `still ${after.label}` : `${before.label} → ${after.label}`,
      subtitle: how,
      notes: [
        `Change: at most ${grey(max, 'max')}, L2 ${l2.toPrecision(3)}, in pixels of 0 to 1. Maps: |∂score/∂input| of ` +
          'the class that was best, each in a scale of its own.',
      ],
    },
    panels: [
      { title: 'the picture', text: inWords(before), picture: unprepared(seen, input), pixelated },
      { title: `its change × ${GAIN}`, picture: found.changePicture(GAIN), pixelated },
      { title: 'with the change', text: inWords(after), picture: found.picture(), pixelated },
      { title: 'map before', text: before.label, picture: renderMap(maps.before), pixelated },
      { title: 'map after', text: after.label, picture: renderMap(maps.after), pixelated },
    ],
  };
}

/** A class, and how sure the net is of it. */
export const inWords = ({ label, score, probability }: Told): string =>
  `${label}, ${probability === null ? `score ${score.toPrecision(4)}` : `${(100 * probability).toFixed(1)} %`}`;

/** A length in grey levels where it bounds each pixel. */
const grey = (length: number, norm: unknown): string =>
  norm === 'max' ? `${Number((255 * length).toFixed(2))}/255` : `${Number(length.toPrecision(3))} (L2)`;
