/** All measures of a picture's maps. */
import { placementOf } from '../../image/placement';
import { type Pixels, isPrepared } from '../../image/pixels';
import { type Heatmap, type Model, areasOf, perturbationCurves } from '../../index';
import { averageDrop } from '../../methods/metrics/averageDrop';
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
    const numbers = { ...byScores, sparseness: sparseness(map.data), ...nearby };
    if (!boxes || isPrepared(picture)) return [name, { numbers }];
    const found = ofBoxes(map, boxes, { picture, lane, tolerance: options.tolerance });
    return [name, { numbers: { ...numbers, ...found.numbers }, hits: found.hits }];
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
  { lane, picture, prepared, scorer, steps, samples, signal }: Common,
): Promise<Measured['numbers']> {
  const [, C, H, W] = lane.inputShape;
  const extents = { C, H, W };
  const scores = scorer(map.class);
  const [curves, removed, infidel, { drop, increase }] = await Promise.all([
    perturbationCurves(lane, picture, map, { steps, signal }),
    road(prepared, map.data, scores, extents),
    infidelity(prepared, map.data, scores, { ...extents, samples }),
    averageDrop(prepared, map.data, scorer(map.class, 'probability'), extents),
  ]);
  const { deletion, insertion } = areasOf(curves);
  return { deletion, insertion, ROAD: removed.combined, infidelity: infidel, 'average drop': drop, increase };
}

async function ofNearby(
  { data: map }: Heatmap,
  again: NonNullable<Subject['again']>,
  { prepared, near }: Common,
): Promise<Measured['numbers']> {
  if (near === 0) return {};
  const [least, most] = [Math.min, Math.max].map((pick) => prepared.reduce((a, b) => pick(a, b)));
  const radius = RADIUS * (most! - least!);
  return { 'max-sensitivity': await maxSensitivity(prepared, again, { radius, samples: near, map }) };
}

function ofBoxes(
  map: Heatmap,
  boxes: readonly Box[],
  { picture, lane, tolerance }: { readonly picture: Pixels; readonly lane: Model; readonly tolerance: number },
): Required<Measured> {
  const { width, height } = picture;
  const salience = salienceOf(map, picture, 0, lane.input ? placementOf(picture, lane.input) : undefined);
  const peak = peakOf(salience);
  const data = salience.map((value) => (Number.isNaN(value) ? 0 : value)); // what the map does not show
  const { mass, rank } = relevanceAccuracy({ data, width, height }, boxes);
  const hits = boxHits({ data, width, height }, boxes);
  return {
    numbers: {
      'pointing game': pointingGame([peak % width, Math.floor(peak / width)], boxes, tolerance),
      'mass in box': mass,
      'rank in box': rank,
    },
    hits: hits.map((row) => row.map((hit) => (hit ? '1' : '0')).join('')),
  };
}
