/** From `--method` and its kin to maps. */
import type { ArgsDef } from 'citty';
import type { Pixels } from '../image/pixels';
import {
  type ChannelRule,
  type Heatmap,
  type Model,
  type ReluRule,
  type RunOptions,
  layerMaps,
  saliencies,
} from '../index';
import { METHODS, type Method, batchOf, hasReluRule, mapBy } from '../methods/named';
import { numberOption } from './args';
import { UsageError } from './failure';

export const methodOptions = {
  method: {
    type: 'enum',
    options: [...METHODS],
    description: "the paper's map (default: saliency), or one of later work",
  },
  relu: {
    type: 'enum',
    options: ['gradient', 'deconvnet', 'guided'],
    default: 'gradient',
    description: 'how ReLUs pass the gradient back (saliency, smoothgrad)',
  },
  views: {
    type: 'enum',
    options: ['1', '10'],
    default: '1',
    description: 'of saliency: 10 averages the maps of four corners, the middle, and their mirror images',
  },
  samples: {
    type: 'string',
    valueHint: 'N',
    default: '32',
    description: 'noisy copies of smoothgrad; steps of integrated-gradients',
  },
  tensors: {
    type: 'string',
    valueHint: 'A,B',
    description: 'of layers: some by their names (default: the last of each of the three coarsest planes)',
  },
  noise: {
    type: 'string',
    valueHint: 'X',
    default: '0.15',
    description: "of smoothgrad: standard deviation, as a part of the picture's range",
  },
} as const satisfies ArgsDef;

type Optional = 'method' | 'tensors';
type MethodArgs = Readonly<Record<Exclude<keyof typeof methodOptions, Optional>, string>> & {
  readonly [name in Optional]?: string | undefined;
};

export interface MapMaker {
  /** What the model is to be loaded with. */
  readonly batch: number;
  readonly method: Method;
  /** As options of results have it. */
  readonly parameters: Readonly<Record<string, unknown>>;
  make(model: Model, picture: Pixels, chosen: number | 'top1', options: RunOptions): Promise<Heatmap>;
  /** The maps of the best classes, best first, and of one more if it is not among them. */
  best(model: Model, picture: Pixels, top: number, also: number, options: RunOptions): Promise<Heatmap[]>;
}

/** @throws UsageError for numbers out of range, and options of another method */
export function mapMakerOf(
  args: MethodArgs,
  channels: ChannelRule = 'max-abs',
  byDefault: Method = 'saliency',
): MapMaker {
  const method = (args.method as Method | undefined) ?? byDefault;
  const relu = args.relu as ReluRule;
  const views = args.views === '10' ? 10 : 1;
  const samples = numberOption('samples', args.samples, 1, 1e6, true);
  const noise = numberOption('noise', args.noise, 0, 1e6);
  if (views === 10 && method !== 'saliency') throw new UsageError(`--views goes with --method saliency, not ${method}`);
  if (relu !== 'gradient' && !hasReluRule(method))
    throw new UsageError(`--relu goes with --method saliency or smoothgrad, not ${method}`);
  if (args.tensors !== undefined && method !== 'layers')
    throw new UsageError(`--tensors goes with --method layers, not ${method}`);
  const tensors = args.tensors === undefined ? {} : { tensors: args.tensors.split(',') };
  if (channels !== 'max-abs' && !hasReluRule(method))
    throw new UsageError(`--channels goes with --method saliency or smoothgrad, not ${method}`);

  const make: MapMaker['make'] = (model, picture, chosen, options) =>
    mapBy(method, model, picture, { ...options, class: chosen, relu, channels, views, samples, noise, ...tensors });
  return {
    batch: batchOf(method, views),
    method,
    parameters: {
      method,
      ...(hasReluRule(method) ? { relu, channels } : {}),
      ...(method === 'saliency' ? { views } : {}),
      ...(method === 'smoothgrad' ? { samples, noise } : {}),
      ...(method === 'integrated-gradients' ? { steps: samples } : {}),
      ...tensors,
    },
    make,
    async best(model, picture, top, also, options) {
      if (method === 'saliency' && views === 1)
        return saliencies(model, picture, { ...options, class: { top, also: [also] }, relu, channels });
      if (method === 'layers')
        return layerMaps(model, picture, { ...options, ...tensors, class: { top, also: [also] } });
      const scores = (
        await model.scores(
          Array.from({ length: model.inputShape[0] }, () => picture),
          options,
        )
      ).subarray(0, model.classes);
      const order = Array.from(scores.keys())
        .sort((a, b) => scores[b]! - scores[a]! || a - b)
        .slice(0, top);
      const maps: Heatmap[] = [];
      for (const index of new Set([...order, also])) maps.push(await make(model, picture, index, options));
      return maps;
    },
  };
}
