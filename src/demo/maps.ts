/** Maps of the shown picture, as the saliency tab's form asks for them; those made last are kept. */
import type { Heatmap } from '../index';
import { current } from './current';
import { type Look, colourChoices } from './draw/paint';
import { element } from './parts/elements';
import { numberOf, textOf } from './parts/form';
import { showProgress } from './parts/messages';
import { chosenMethod, chosenValues } from './parts/methodFields';
import { state } from './state';
import type { MapRequest } from './worker/jobs';
import { call } from './worker/remote';

const form = element('saliency', HTMLFormElement);
const kept = new Map<string, Heatmap>();
const MOST_KEPT = 4;

/** What the form asks for. */
export const mapRequest = (index: number): MapRequest => ({
  picture: current.picture!.id,
  method: chosenMethod().name,
  class: index,
  values: chosenValues(),
});

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
