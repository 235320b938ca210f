/** All measures of a picture's maps. */
import { placementOf } from '../../image/placement';
import { type Pixels, isPrepared } from '../../image/pixels';
import { type Heatmap, type Model, areasOf } from '../../index';
import { averageDrop } from '../../methods/metrics/averageDrop';
import { deletionCurves } from '../../methods/metrics/deletion';
import { infidelity } from '../../methods/metrics/infidelity';
import { boxHits } from '../../methods/metrics/maxBoxAccuracy';
import { maxSensitivity } from '../../methods/metrics/maxSensitivity';
import { pointingGame } from '../../methods/metrics/pointingGame';
import { relevanceAccuracy } from '../../methods/metrics/relevanceAccuracy';
import { road } from '../../methods/metrics/road';
import { sparseness } from '../../methods/metrics/sparseness';
import { type ScorerOf, scorerOf } from '../../methods/metrics/subject';
import { peakOf, salienceOf } from '../../methods/salience';
import type { Box } from '../../segmentation/components';
import type { Decoded } from '../many/work';

/** All there are; the last four need boxes. */
export const MEASURES = [
  ...['deletion', 'insertion', 'ROAD', 'infidelity', 'average drop', 'increase', 'max-sensitivity', 'sparseness'],
  ...['pointing game', 'mass in box', 'rank in box', 'MaxBoxAccV2'],
] as const;

/** Of one map. */
export interface Measured {
  /** By the measures' names. */
  readonly numbers: Readonly<Record<string, number>>;
  /** For MaxBoxAccV2, whose threshold is chosen over all pictures: a row of 0 and 1 for each demand. */
  readonly hits?: readonly string[];
}

/** By method or control. */
export type Measures = Readonly<Record<string, Measured>>;

export interface MeasuresOptions {
  /** Which of {@link MEASURES}. */
  readonly measures: readonly string[];
  /** Of the curves of deletion and insertion. */
  readonly steps: number;
  /** Squares of infidelity. */
  readonly samples: number;
  /** Inputs nearby, for max-sensitivity; 0: none. */
  readonly near: number;
  /** Of the pointing game, in pixels. */
  readonly tolerance: number;
  readonly signal: AbortSignal;
}

/** A map that is measured. */
export interface Subject {
  readonly map: Heatmap;
  /** The method's map of another input; null of a map that looks at none. */
  readonly again: ((input: Float32Array) => Promise<Float32Array>) | null;
}

/** Radius of max-sensitivity: of the input's range, as the paper's 0.2 of a range of 10. */
const RADIUS = 0.02;

/**
 * Of all maps of a picture; scores for them share the model's runs.
 *
 * @param boxes the true ones, in pixels of the picture, if they are known
 */
export async function measuresOf(
  lane: Model,
  picture: Decoded,
  subjects: Readonly<Record<string, Subject>>,
  boxes: readonly Box[] | null,
  options: MeasuresOptions,
): Promise<Measures> {
  const prepared = await lane.prepared(picture, { signal: options.signal });
  const common = { lane, picture, prepared, scorer: scorerOf(lane, { signal: options.signal }), ...options };
  const measured = Object.entries(subjects).map(async ([name, { map, again }]): Promise<[string, Measured]> => {
    const [byScores, nearby] = await Promise.all([ofScores(map, common), again ? ofNearby(map, again, common) : {}]);
    const byBoxes = boxes && !isPrepared(picture) ? ofBoxes(map, boxes, { ...common, picture }) : { numbers: {} };
    const all: Measured['numbers'] = { ...byScores, sparseness: sparseness(map.data), ...nearby, ...byBoxes.numbers };
    const numbers = Object.fromEntries(Object.entries(all).filter(([measure]) => options.measures.includes(measure)));
    return [name, { ...byBoxes, numbers }];
  });
  return Object.fromEntries(await Promise.all(measured));
}

interface Common extends MeasuresOptions {
  readonly lane: Model;
  readonly picture: Decoded;
  readonly prepared: Float32Array;
  readonly scorer: ScorerOf;
}

/** What the network says of pictures that a map chose. */
async function ofScores(
  map: Heatmap,
  { lane, prepared, scorer, measures, steps, samples }: Common,
): Promise<Measured['numbers']> {
  const [, C, H, W] = lane.inputShape;
  const extents = { C, H, W };
  const scores = scorer(map.class);
  const found: (readonly [names: readonly string[], make: () => Promise<Measured['numbers']>])[] = [
    [
      ['deletion', 'insertion'],
      async () => {
        const { deletion, insertion } = areasOf(
          await deletionCurves(prepared, map.data, scores, { ...extents, steps }),
        );
        return { deletion, insertion };
      },
    ],
    [['ROAD'], async () => ({ ROAD: (await road(prepared, map.data, scores, extents)).combined })],
    [
      ['infidelity'],
      async () => ({ infidelity: await infidelity(prepared, map.data, scores, { ...extents, samples }) }),
    ],
    [
      ['average drop', 'increase'],
      async () => {
        const { drop, increase } = await averageDrop(prepared, map.data, scorer(map.class, 'probability'), extents);
        return { 'average drop': drop, increase };
      },
    ],
  ];
  const wanted = found.filter(([names]) => names.some((name) => measures.includes(name)));
  return Object.assign({}, ...(await Promise.all(wanted.map(([, make]) => make())))) as Measured['numbers'];
}

async function ofNearby(
  { data: map }: Heatmap,
  again: NonNullable<Subject['again']>,
  { prepared, measures, near }: Common,
): Promise<Measured['numbers']> {
  if (near === 0 || !measures.includes('max-sensitivity')) return {};
  const [least, most] = [Math.min, Math.max].map((pick) => prepared.reduce((a, b) => pick(a, b)));
  const radius = RADIUS * (most! - least!);
  return { 'max-sensitivity': await maxSensitivity(prepared, again, { radius, samples: near, map }) };
}

function ofBoxes(
  map: Heatmap,
  boxes: readonly Box[],
  { picture, lane, measures, tolerance }: Common & { readonly picture: Pixels },
): Measured {
  const { width, height } = picture;
  const salience = salienceOf(map, picture, 0, lane.input ? placementOf(picture, lane.input) : undefined);
  const peak = peakOf(salience);
  const data = salience.map((value) => (Number.isNaN(value) ? 0 : value)); // what the map does not show
  const { mass, rank } = relevanceAccuracy({ data, width, height }, boxes);
  const numbers = {
    'pointing game': pointingGame([peak % width, Math.floor(peak / width)], boxes, tolerance),
    'mass in box': mass,
    'rank in box': rank,
  };
  if (!measures.includes('MaxBoxAccV2')) return { numbers };
  const hits = boxHits({ data, width, height }, boxes);
  return { numbers, hits: hits.map((row) => row.map((hit) => (hit ? '1' : '0')).join('')) };
}
