/**
 * Small pictures to choose a method by: what each makes of the picture that is shown. They are made when the page has
 * nothing else to do, one by one, cheap ones first, and are kept: whoever chooses one sees it at once.
 */
import { type Heatmap, METHODS, type Method } from '../../index';
import { chosenClass, current } from '../current';
import { drawOver } from '../draw/paint';
import { keptMap, look, mapOf } from '../maps';
import { element } from '../parts/elements';
import { chosenValues, thumbnails } from '../parts/methodFields';
import { state } from '../state';

const parts = {
  picture: element('picture', HTMLImageElement),
  text: element('methods-text', HTMLSpanElement),
  stop: element('methods-stop', HTMLButtonElement),
};

/** Pixels of the longer side. */
const LONGEST = 240;
const ALPHA = 0.9;
/** What takes longer by what the first map took is made when it is chosen. */
const MOST_MILLISECONDS = 8000;

/** For which picture, class and network there are pictures. */
let shownOf = '';
let stopped = false;

export function drawThumbnail({ name }: Method, map: Heatmap): void {
  const { picture } = current;
  const input = state.network?.input;
  const canvas = thumbnails.get(name);
  if (!picture || !input || !canvas) return;
  drawOver(canvas, parts.picture, map, { picture, input, look: look() }, { alpha: ALPHA, longest: LONGEST });
}

export function clearThumbnails(): void {
  shownOf = '';
  for (const canvas of thumbnails.values()) canvas.width = canvas.height = 1;
  tell('');
}

/** Makes those that are missing, until `signal` aborts; nothing waits for it, and what fails is left out. */
export async function makeThumbnails(signal: AbortSignal): Promise<void> {
  const chosen = chosenClass();
  const { picture } = current;
  if (!chosen || !picture) return;
  const of = JSON.stringify([picture.id, chosen.index, state.networks]);
  if (shownOf !== of) {
    clearThumbnails();
    shownOf = of;
    stopped = false;
  }
  const each = state.milliseconds.gradient ?? 0;
  const missing: Method[] = [];
  for (const method of METHODS) {
    const map = keptMap(chosen.index, method);
    if (map) drawThumbnail(method, map);
    else if (passesOf(method) * each <= MOST_MILLISECONDS) missing.push(method);
  }
  missing.sort((a, b) => passesOf(a) - passesOf(b));
  signal.addEventListener('abort', () => tell(''), { once: true });
  for (const [k, method] of missing.entries()) {
    if (signal.aborted || stopped) break;
    tell(`small pictures: ${k + 1} of ${missing.length}`);
    try {
      drawThumbnail(method, await mapOf(chosen.index, { signal, method, onProgress: () => {} }));
    } catch {
      // it says why when it is chosen
    }
  }
  if (!signal.aborted) tell('');
}

const passesOf = (method: Method): number => method.passes?.(chosenValues(method)) ?? 1;

function tell(text: string): void {
  parts.text.textContent = text;
  parts.stop.hidden = text === '';
}

parts.stop.addEventListener('click', () => {
  stopped = true;
  tell('');
});
