/** Maps of the shown picture, as the saliency tab's form asks for them; those made last are kept. */
import { current } from './current';
import { type Look, colourChoices } from './draw/paint';
import { element } from './parts/elements';
import { numberOf, textOf } from './parts/form';
import { showProgress } from './parts/messages';
import type { Heatmap, Method, RunOptions } from '../index';
import { chosenMethod, chosenValues } from './parts/methodFields';
import { state } from './state';
import type { MapRequest } from './worker/jobs';
import { call } from './worker/remote';

const form = element('saliency-form', HTMLFormElement);
const kept = new Map<string, Heatmap>();
/** Of every method one, and some of other classes and settings. */
const MOST_KEPT = 16;

/** What the form asks for; by another method, what it would ask for. */
export const mapRequest = (index: number, method: Method = chosenMethod()): MapRequest => ({
  picture: current.picture!.id,
  method: method.name,
  class: index,
  values: chosenValues(method),
});

const keyOf = (request: MapRequest): string => JSON.stringify([request, state.network?.name, state.networks]);

/** The map, if it is there already. */
export const keptMap = (index: number, method: Method): Heatmap | undefined =>
  kept.get(keyOf(mapRequest(index, method)));

/** @throws GradlensError as the methods do */
export async function mapOf(
  index: number,
  { signal, onProgress = showProgress, method }: RunOptions & { readonly method?: Method },
): Promise<Heatmap> {
  const request = mapRequest(index, method);
  const key = keyOf(request);
  const found = kept.get(key);
  if (found) return found;
  const map = await call('map', request, { ...(signal ? { signal } : {}), onProgress });
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
