/** Maps of the shown picture, as the saliency tab's form asks for them; those made last are kept. */
import type { ChannelRule, Heatmap, ReluRule } from '../index';
import { type Method, METHODS, hasReluRule } from '../methods/named';
import { current } from './current';
import { type Look, colourChoices } from './draw/paint';
import { element } from './parts/elements';
import { numberOf, textOf } from './parts/form';
import { showProgress } from './parts/messages';
import { state } from './state';
import type { MapRequest } from './worker/jobs';
import { call } from './worker/remote';

const form = element('saliency', HTMLFormElement);
const kept = new Map<string, Heatmap>();
const MOST_KEPT = 4;

export const chosenMethod = (): Method => METHODS.find((name) => name === textOf(form, 'method')) ?? 'saliency';

/** What the form asks for; what a method does not have is at its default. */
export function mapRequest(index: number): MapRequest {
  const method = chosenMethod();
  const relu = hasReluRule(method);
  return {
    picture: current.picture!.id,
    method,
    class: index,
    relu: relu ? (textOf(form, 'relu') as ReluRule) : 'gradient',
    channels: relu ? (textOf(form, 'channels') as ChannelRule) : 'max-abs',
    views: method === 'saliency' && textOf(form, 'views') === '10' ? 10 : 1,
    samples: numberOf(form, 'samples') ?? 32,
    noise: numberOf(form, 'noise') ?? 0.15,
  };
}

/** Which fields matter to a method, by their labels' classes in index.html. */
export const fieldsOf = (method: Method): readonly string[] => [
  ...(hasReluRule(method) ? ['of-relu', 'of-channels'] : []),
  ...(method === 'saliency' ? ['of-views'] : []),
  ...(method === 'smoothgrad' ? ['of-samples', 'of-noise'] : method === 'integrated-gradients' ? ['of-samples'] : []),
];

/** @throws GradlensError as the methods do */
export async function mapOf(index: number, signal: AbortSignal): Promise<Heatmap> {
  const request = mapRequest(index);
  const key = JSON.stringify([request, state.network?.name, state.networks]);
  const found = kept.get(key);
  if (found) return found;
  const map = await call('map', request, { signal, onProgress: showProgress });
  kept.set(key, map);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
  return map;
}

/** How maps are drawn. */
export function look(): Look {
  return {
    colours: colourChoices.find((name) => name === textOf(form, 'colours')) ?? 'viridis',
    percentile: numberOf(form, 'clip') ?? 99,
  };
}
