/** The methods by their names, as the command line and the page offer them. */
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { ReluRule, RunOptions } from '../options';
import { gradCam } from './gradCam';
import { gradientTimesInput } from './gradientTimesInput';
import type { ChannelRule, Heatmap } from './heatmap';
import { integratedGradients } from './integratedGradients';
import { layerMap } from './layerMap';
import { occlusion } from './occlusion';
import { saliency } from './saliency';
import { smoothGrad } from './smoothGrad';

export const METHODS = [
  'saliency',
  'gradient-times-input',
  'smoothgrad',
  'integrated-gradients',
  'grad-cam',
  'layers',
  'occlusion',
] as const;
export type Method = (typeof METHODS)[number];

/** Options of all methods; each takes those that it has. */
export interface MethodOptions extends RunOptions {
  readonly class: number | 'top1';
  /** Of saliency and smoothgrad. */
  readonly relu: ReluRule;
  readonly channels: ChannelRule;
  /** Of saliency. */
  readonly views: 1 | 10;
  /** Noisy copies of smoothgrad; steps of integrated gradients. */
  readonly samples: number;
  /** Of smoothgrad. */
  readonly noise: number;
  /** Of layers; default: see `layerMap`. */
  readonly tensors?: readonly string[];
}

const MAKERS: Readonly<Record<Method, (model: Model, image: ImageInput, options: MethodOptions) => Promise<Heatmap>>> =
  {
    saliency,
    'gradient-times-input': gradientTimesInput,
    smoothgrad: smoothGrad,
    'integrated-gradients': (model, image, { samples, ...options }) =>
      integratedGradients(model, image, { ...options, steps: samples }),
    'grad-cam': gradCam,
    layers: layerMap,
    occlusion,
  };

export const mapBy = (method: Method, model: Model, image: ImageInput, options: MethodOptions): Promise<Heatmap> =>
  MAKERS[method](model, image, options);

/** What a model is best loaded with: as many views or samples as one run takes. */
export function batchOf(method: Method, views: 1 | 10): number {
  if (method === 'saliency') return views;
  return method === 'smoothgrad' || method === 'integrated-gradients' || method === 'occlusion' ? 8 : 1;
}

export const hasReluRule = (method: Method): boolean => method === 'saliency' || method === 'smoothgrad';
