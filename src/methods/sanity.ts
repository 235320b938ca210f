/** Whether a map shows what the network goes by: two checks for any map. Beyond the paper. */
import { check, whole } from '../check';
import { GradlensError } from '../errors';
import type { Graph, ModelFile } from '../graph';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { RunOptions } from '../options';
import { congruential } from '../random';
import { atCall } from './atCall';
import type { Heatmap } from './heatmap';

/** What {@link perturbationCurves} finds. */
export interface PerturbationCurves {
  /** The class's score when 0, 1/n, …, n/n of the pixels, those with the largest values first, have the mean colour. */
  readonly deletion: Float32Array;
  /** The class's score when all other pixels have the mean colour. */
  readonly insertion: Float32Array;
  /** Mean height of each curve, by trapezoids. A good map has a low deletion and a high insertion. */
  readonly deletionArea: number;
  /** Likewise of the insertion. */
  readonly insertionArea: number;
}

/**
 * Deletion and insertion (Petsiuk et al. 2018), in scores before soft-max. Pixels go by |map|, equal ones in reading
 * order. Every step is made and scored on the GPU.
 *
 * @throws GradlensError `shape` for a map of other extents than the model's input, `validation` for steps that are no
 *   whole number; as {@link Model.scores}
 * @example
 * ```ts
 * import { perturbationCurves, saliency } from 'gradlens';
 *
 * const map = await saliency(model, picture);
 * const { deletionArea, insertionArea } = await perturbationCurves(model, picture, map, { steps: 8 });
 * ```
 */
export async function perturbationCurves(
  model: Model,
  image: ImageInput,
  map: Heatmap,
  options: RunOptions & { readonly steps?: number } = {},
): Promise<PerturbationCurves> {
  const { steps = 32 } = options;
  check('steps', steps, whole(1));
  const [, C, height, width] = model.inputShape;
  if (map.width !== width || map.height !== height || map.data.length !== width * height)
    throw new GradlensError('shape', `the map is ${map.width}×${map.height}, the input ${width}×${height}`);
  const ranks = ranksOf(map.data);
  const chosen = map.class;
  [image, options] = await atCall(image, options);
  const variation = { kind: 'rank' } as const;
  const common = { ...options, class: chosen, samples: steps + 1, sum: null, variation, ranks };
  const { scores: deletion } = await model.sampleGradient(image, common);
  const input = await model.prepared(image, options);
  const mean = { data: new Float32Array(C * height * width), shape: [1, C, height, width] };
  const { scores: insertion } = await model.sampleGradient(mean, { ...common, other: input });
  return { deletion, insertion, deletionArea: area(deletion), insertionArea: area(insertion) };
}

/** 0 for the pixel of the largest |value|. */
function ranksOf(data: Float32Array): Uint32Array {
  const order = Uint32Array.from(data.keys()).sort((a, b) => Math.abs(data[b]!) - Math.abs(data[a]!) || a - b);
  const ranks = new Uint32Array(data.length);
  order.forEach((pixel, rank) => {
    ranks[pixel] = rank;
  });
  return ranks;
}

const area = (curve: Float32Array): number =>
  curve.reduce((sum, value, k) => sum + value * (k === 0 || k === curve.length - 1 ? 0.5 : 1), 0) / (curve.length - 1);

/**
 * The same net with the weights of its last `layers` layers drawn anew (Adebayo et al. 2018): a map that does not
 * change does not depend on what was learnt. Each tensor is shuffled, which keeps its distribution.
 * @example
 * ```ts
 * import { randomised, rankCorrelation, saliency } from 'gradlens';
 *
 * const untrained = await engine.load(randomised(model.file, 1));
 * const learnt = await saliency(model, picture);
 * const { class: index } = learnt;
 * const drawn = await saliency(untrained, picture, { class: index });
 * console.log(rankCorrelation(learnt, drawn)); // near 1: the map shows the picture, not what was learnt
 * untrained.dispose();
 * ```
 */
export function randomised(file: ModelFile, layers: number, seed = 1): ModelFile {
  const weighted = file.graph.nodes.filter(
    (node): node is Extract<Graph['nodes'][number], { weight: string }> => 'weight' in node,
  );
  const chosen = new Set(weighted.slice(Math.max(0, weighted.length - layers)).map(({ weight }) => weight));
  const weights = new Map(
    [...file.graph.weights].map(([name, weight]) => [
      name,
      chosen.has(name) ? { ...weight, data: shuffled(weight.data, seed) } : weight,
    ]),
  );
  return { ...file, graph: { ...file.graph, weights } };
}

/** Fisher–Yates. */
function shuffled(data: Float32Array, seed: number): Float32Array {
  const result = data.slice();
  const next = congruential(seed);
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor((next() / 2 ** 32) * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/**
 * Spearman's correlation of two maps' |values|: 1 if they rank all pixels alike, about 0 if they have nothing in
 * common.
 * @throws GradlensError `shape` for maps of different extents
 * @example
 * ```ts
 * import { rankCorrelation, saliency, smoothGrad } from 'gradlens';
 *
 * const alike = rankCorrelation(await saliency(model, picture), await smoothGrad(model, picture, { samples: 8 }));
 * ```
 */
export function rankCorrelation(a: Heatmap, b: Heatmap): number {
  if (a.data.length !== b.data.length)
    throw new GradlensError('shape', `maps of ${a.data.length} and ${b.data.length} values cannot be compared`);
  const [first, second] = [meanRanks(a.data), meanRanks(b.data)];
  const middle = (a.data.length - 1) / 2;
  let [both, own, other] = [0, 0, 0];
  first.forEach((rank, i) => {
    const [x, y] = [rank - middle, second[i]! - middle];
    both += x * y;
    own += x * x;
    other += y * y;
  });
  return own > 0 && other > 0 ? both / Math.sqrt(own * other) : 0;
}

/** Equal values share the mean of their ranks. */
function meanRanks(data: Float32Array): Float64Array {
  const values = data.map(Math.abs);
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(data.length);
  for (let begin = 0; begin < order.length; ) {
    let end = begin;
    while (end < order.length && values[order[end]!] === values[order[begin]!]) end++;
    for (let k = begin; k < end; k++) ranks[order[k]!] = (begin + end - 1) / 2;
    begin = end;
  }
  return ranks;
}
