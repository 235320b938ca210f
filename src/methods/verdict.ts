/**
 * Whether a map tells anything about why the network answers as it does: its numbers beside those of maps that cannot,
 * and a sentence. Beyond the paper; after Adebayo et al. 2018 and Petsiuk et al. 2018.
 */
import { uniform } from '../random';
import type { Heatmap } from './heatmap';
import type { PerturbationCurves } from './sanity';

/**
 * The areas of the curves where 0 is the score of the mean colour alone and 1 that of the picture. A good map has a low
 * deletion and a high insertion; pixels in any order that has nothing to do with the score have about the same of both.
 */
export interface Areas {
  /** Of the deletion. */
  readonly deletion: number;
  /** Of the insertion. */
  readonly insertion: number;
}

/**
 * Of curves of one picture.
 *
 * @param curves as `perturbationCurves` gives them.
 * @param every of so many steps one counts, to compare with curves of fewer steps
 * @example
 * ```ts
 * import { areasOf, perturbationCurves, saliency } from 'gradlens';
 *
 * const map = await saliency(model, picture);
 * const { deletion, insertion } = areasOf(await perturbationCurves(model, picture, map, { steps: 8 }));
 * ```
 */
export function areasOf({ deletion, insertion }: Pick<PerturbationCurves, 'deletion' | 'insertion'>, every = 1): Areas {
  const [whole, none] = [deletion[0]!, deletion.at(-1)!];
  const share = (curve: Float32Array): number => {
    const values = curve.filter((_, k) => k % every === 0);
    const ends = (values[0]! + values.at(-1)!) / 2; // trapezoids
    const mean = (values.reduce((sum, value) => sum + value, 0) - ends) / (values.length - 1);
    return (mean - none) / (whole - none);
  };
  return { deletion: share(deletion), insertion: share(insertion) };
}

/**
 * How much sooner the score comes with the map's pixels than it goes without them: 0 for any order by chance.
 *
 * @param areas of the two curves.
 * @example
 * ```ts
 * import { gainOf } from 'gradlens';
 *
 * gainOf({ deletion: 0.2, insertion: 0.7 }); // 0.5
 * ```
 */
export const gainOf = ({ deletion, insertion }: Areas): number => insertion - deletion;

/**
 * A map with nothing of the picture in it: every pixel a number by chance, or the larger the nearer to the middle.
 *
 * @example
 * ```ts
 * import { controlMap, saliency } from 'gradlens';
 *
 * const control = controlMap(await saliency(model, picture), 'centre');
 * ```
 */
export function controlMap(map: Heatmap, kind: 'random' | 'centre', seed = 1): Heatmap {
  const { width, height } = map;
  const next = uniform(seed);
  const middle = (at: number, extent: number): number => (2 * at + 1) / extent - 1;
  const data = new Float32Array(width * height).map((_, i) => {
    if (kind === 'random') return next();
    const [x, y] = [middle(i % width, width), middle(Math.floor(i / width), height)];
    return Math.exp(-2 * (x * x + y * y));
  });
  return { data, width, height, class: map.class, score: map.score, signed: false, meta: { method: kind } };
}

/** What a verdict goes by. */
export interface Evidence {
  /** Of the map itself. */
  readonly map: Areas;
  /** Of a map that is largest in the middle: photographers put things there. */
  readonly centre: Areas;
  /** Of several maps by chance. */
  readonly random: readonly Areas[];
  /** Of the same method's map of the net with all weights shuffled, on the net as it is. */
  readonly shuffled: Areas;
  /** Rank correlation with that map: 1 would be the same. */
  readonly withShuffled: number;
  /** Rank correlation with the map of the class that has the lowest score; null of a net with one class. */
  readonly withOther: number | null;
  /** Score of the picture, less that of the mean colour alone. */
  readonly range: number;
}

/** What {@link verdictOf} says. */
export interface Verdict {
  /**
   * - `yes`: its pixels matter more than chance's and than those in the middle
   * - `partly`: more than chance's, but not more than those in the middle
   * - `no`: not more than chance's
   * - `class-blind`, `net-blind`: it looks the same for another class, or for a net that has learnt nothing
   * - `unknown`: the measure does not work for this picture
   */
  readonly kind: 'yes' | 'partly' | 'no' | 'class-blind' | 'net-blind' | 'unknown';
  /** One sentence for people. */
  readonly sentence: string;
}

/**
 * In docs/REPRODUCTION.md an order by chance has a gain of 0.01, and the weakest of all maps, plain saliency, one of
 * 0.15. So a map has to be ahead of a rival by five times what chance makes, a third of what the weakest map reaches.
 */
const CLEAR = 0.05;
/**
 * Rank correlation from which two maps are called the same. There no method's map keeps more than 0.54 when all weights
 * are shuffled; what is known to stay the same, guided maps with the last layer shuffled, has 0.97.
 */
const SAME = 0.9;
/** Gains are shares of this range of scores: of less than a tenth of a logit, the colour of the grey decides. */
const LEAST_RANGE = 0.1;

/**
 * What the numbers say, in one sentence.
 *
 * @param other the name of the class that has the lowest score
 * @example
 * ```ts
 * import { verdictOf } from 'gradlens';
 *
 * const chance = { deletion: 0.5, insertion: 0.5 };
 * const numbers = { centre: chance, random: [chance], shuffled: chance, withShuffled: 0.1, withOther: 0.2, range: 9 };
 * const { kind, sentence } = verdictOf({ ...numbers, map: { deletion: 0.2, insertion: 0.8 } }, 'tench'); // 'yes'
 * ```
 */
export function verdictOf(evidence: Evidence, other: string): Verdict {
  const { map, centre, random, shuffled, withShuffled, withOther, range } = evidence;
  const beats = (areas: Areas): boolean => gainOf(map) > gainOf(areas) + CLEAR;
  if (withShuffled >= SAME)
    return {
      kind: 'net-blind',
      sentence: 'It tells of the picture, not of the network: with all weights shuffled the map is almost the same.',
    };
  if (withOther !== null && withOther >= SAME)
    return {
      kind: 'class-blind',
      sentence:
        `It tells of the picture, not of the class: ` +
        `for “${other}”, which has the lowest score, the map is almost the same.`,
    };
  if (!(range > LEAST_RANGE))
    return {
      kind: 'unknown',
      sentence: 'This cannot be measured here: a picture of the mean colour alone has as high a score as this one.',
    };
  if (!random.every(beats))
    return { kind: 'no', sentence: 'Hardly: by this measure its pixels matter no more than pixels by chance.' };
  const rivals = [
    ...(beats(centre) ? [] : ['those in the middle of the picture']),
    ...(beats(shuffled) ? [] : ['those that a network with shuffled weights points at']),
  ];
  return rivals.length === 0
    ? {
        kind: 'yes',
        sentence:
          'Yes: its pixels matter more than pixels by chance, than those in the middle of the picture, and than ' +
          'those that a network with shuffled weights points at.',
      }
    : {
        kind: 'partly',
        sentence: `A little: its pixels matter more than pixels by chance, but not more than ${rivals.join(' or ')}.`,
      };
}
