/**
 * Saliency (§3.1 and beyond): the map of the chosen class, over the picture too, and that of a second class beside it.
 */
import { type Heatmap, type MethodName, type ReluRule, methodNamed } from '../../index';
import { chosenClass, current } from '../current';
import { type Extent, clear, drawLegend, drawMap, drawOver } from '../draw/paint';
import { look, mapOf } from '../maps';
import { clearThumbnails, drawThumbnail } from './thumbnails';
import { classOf } from '../parts/classField';
import { element } from '../parts/elements';
import { textOf } from '../parts/form';
import { duration, showActivity } from '../parts/messages';
import { chosenMethod, chosenValues, showMethodFields } from '../parts/methodFields';
import { showReading } from '../parts/reading';
import { clearSanity } from '../parts/sanityPart';
import { type ShownMap, state } from '../state';
import { describeMap, l2Norm } from '../words';
import type { Tab } from './tab';

const parts = {
  form: element('saliency-form', HTMLFormElement),
  picture: element('picture', HTMLImageElement),
  map: element('map', HTMLCanvasElement),
  title: element('map-title', HTMLElement),
  text: element('map-text', HTMLSpanElement),
  overlay: element('overlay', HTMLCanvasElement),
  opacity: element('opacity-text', HTMLOutputElement),
  clip: element('clip-text', HTMLOutputElement),
  scale: element('scale', HTMLDivElement),
  lens: element('lens', HTMLDivElement),
  legend: element('legend', HTMLCanvasElement),
  low: element('legend-low', HTMLSpanElement),
  high: element('legend-high', HTMLSpanElement),
  second: element('second', HTMLElement),
  secondMap: element('second-map', HTMLCanvasElement),
  secondTitle: element('second-title', HTMLElement),
  secondText: element('second-text', HTMLElement),
  beside: element('beside', HTMLInputElement),
  summary: element('summary', HTMLParagraphElement),
  time: element('status-time', HTMLElement),
};

export const saliencyTab: Tab = {
  name: 'saliency',
  form: parts.form,

  async show(signal) {
    const [picture, chosen] = [current.picture!, chosenClass()!];
    showMethod();
    const besideIndex = classOf(parts.beside);
    parts.second.hidden = true;
    showActivity(`Computing the map for “${chosen.label}”`);
    const began = performance.now();
    const map = await mapOf(chosen.index, { signal });
    signal.throwIfAborted();
    state.milliseconds.gradient = performance.now() - began;
    if (state.map?.data !== map.data) clearSanity();
    state.map = shownAs(map);
    state.maps += 1;
    state.second = null;
    const time = duration(state.milliseconds.gradient);
    parts.time.textContent = time;
    parts.summary.textContent = describeMap(map, chosen.label);
    parts.map.setAttribute('aria-label', parts.summary.textContent);
    paint();
    drawThumbnail(chosenMethod(), map);
    showActivity(`Map for “${chosen.label}”, computed in ${time}`);
    if (besideIndex === undefined) return showTitles();

    const second = await mapOf(besideIndex, { signal });
    signal.throwIfAborted();
    state.second = shownAs(second);
    parts.second.hidden = false;
    showTitles();
    parts.secondTitle.textContent = `“${state.second.label}”`;
    parts.secondText.textContent = `score ${second.score.toFixed(2).replace('-', '−')}, in the same colours`;
    parts.secondMap.setAttribute('aria-label', describeMap(second, state.second.label));
    drawMap(parts.secondMap, second, picture, state.network!.input!, look());
  },

  clear() {
    state.map = state.second = null;
    clear(parts.map, 'No map yet');
    clear(parts.overlay, 'No map yet');
    parts.second.hidden = true;
    parts.summary.textContent = parts.title.textContent = parts.text.textContent = '';
    parts.scale.toggleAttribute('data-shown', false);
    clearThumbnails();
    clearSanity();
  },

  result() {
    const { map, second, picture, sanity } = state;
    if (!map) return null;
    const { data, ...rest } = map;
    const curves = sanity && {
      deletion: [...sanity.curves.deletion],
      insertion: [...sanity.curves.insertion],
      deletionArea: sanity.curves.deletionArea,
      insertionArea: sanity.curves.insertionArea,
    };
    return {
      stem: `${picture!.name} ${map.label}`,
      canvas: parts.map,
      array: { shape: [map.height, map.width], data },
      numbers: {
        map: { ...rest, data: [...data] },
        ...(second ? { second: { ...second, data: [...second.data] } } : {}),
        ...(sanity
          ? {
              sanity: {
                verdict: sanity.verdict,
                evidence: sanity.evidence,
                randomised: sanity.randomised.map(({ layers, correlation }) => ({ layers, correlation })),
                curves,
              },
            }
          : {}),
      },
    };
  },
};

/** Draws again what is there, in the colours that are chosen now. */
export function paint(): void {
  const { map, second, network } = state;
  const { picture } = current;
  if (!map || !picture || !network?.input) return;
  const chosen = look();
  drawMap(parts.map, map, picture, network.input, chosen);
  if (second) drawMap(parts.secondMap, second, picture, network.input, chosen);
  paintLegend(map);
  parts.clip.textContent = String(chosen.percentile);
  paintOverlay();
}

/** The bar of the map's colours, and its ends. */
export function paintLegend(map: Heatmap): void {
  const { low, high } = drawLegend(parts.legend, map, look());
  parts.low.textContent = low;
  parts.high.textContent = high;
  parts.scale.toggleAttribute('data-shown', true);
}

export function paintOverlay(below: CanvasImageSource = parts.picture, extent: Extent | null = current.picture): void {
  const { map, network } = state;
  if (!map || !extent || !network?.input) return;
  const alpha = Number(textOf(parts.form, 'opacity')) / 100;
  const percent = `${Math.round(alpha * 100)} %`;
  drawOver(parts.overlay, below, map, { picture: extent, input: network.input, look: look() }, { alpha });
  parts.opacity.textContent = percent;
  parts.overlay.setAttribute('aria-label', `The map for “${map.label}” over the picture, up to ${percent} opaque`);
}

/** Of the layers of the lens the one that is chosen: the map over the picture, the map, the picture. */
function showView(): void {
  const view = textOf(parts.form, 'view');
  parts.lens.dataset['view'] = view;
  parts.overlay.hidden = view !== 'over';
  parts.map.hidden = view !== 'map';
}

/** What the chosen method is, and the fields that it has. */
export function showMethod(): void {
  showMethodFields();
  showView();
}

/** What the map is that is shown. */
export function showTitles(): void {
  const { map, second } = state;
  if (!map) return;
  const method = methodNamed(map.method);
  const { title, meaning } = method;
  showReading(method, chosenValues(method));
  parts.title.textContent = second ? `${title}, “${map.label}”:` : `${title}:`;
  const signs = map.meta['channels'] === 'sum' ? ', channels added with their sign' : '';
  parts.text.textContent = `${meaning}${signs}.`;
}

/** A map as it is shown; the map itself says by which method it was made. */
export function shownAs(map: Heatmap, picture: string = current.picture!.name): ShownMap {
  const { labels } = state.network!;
  return {
    ...map,
    label: labels[map.class] ?? String(map.class),
    method: map.meta['method'] as MethodName,
    relu: (map.meta['relu'] as ReluRule | undefined) ?? 'gradient',
    l2: l2Norm(map),
    picture,
  };
}
