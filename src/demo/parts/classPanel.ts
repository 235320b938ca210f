/** The best classes with a radio button each, a field for any other, and what the network sees of the picture. */
import type { Classification } from '../../index';
import type { Pixels } from '../../image/pixels';
import { classNamed } from '../current';
import { drawPixels } from '../draw/paint';
import { state } from '../state';
import { element, make } from './elements';

const parts = {
  body: element('classes', HTMLTableSectionElement),
  other: element('other-class', HTMLFormElement),
  name: element('class-name', HTMLInputElement),
  seen: element('seen', HTMLCanvasElement),
  seenText: element('seen-text', HTMLSpanElement),
};

/** How many are shown. */
const BEST = 5;

/**
 * The best classes, and the chosen one. Rebuilt where they change only: choosing a class must not take the focus away.
 */
export function showClasses(ranked: readonly Classification[], chosen: Classification | null): void {
  const best = ranked.slice(0, BEST);
  const shown = !chosen || best.includes(chosen) ? best : [...best, chosen];
  const before = state.classes.map(({ index, score }) => `${index} ${score}`).join();
  state.classes = shown;
  if (before !== shown.map(({ index, score }) => `${index} ${score}`).join())
    parts.body.replaceChildren(...shown.map(rowOf));
  for (const radio of parts.body.querySelectorAll<HTMLInputElement>('input'))
    radio.checked = radio.value === String(chosen?.index);
}

function rowOf({ index, label, score, probability }: Classification): HTMLTableRowElement {
  const radio = make('input', { type: 'radio', name: 'class', value: String(index) });
  const row = make(
    'tr',
    {},
    make('td', {}, make('label', {}, radio, label)),
    make('td', { textContent: score.toFixed(2).replace('-', '−') }),
    make('td', { textContent: percent(probability) }),
  );
  row.style.setProperty('--share', (probability ?? 0).toFixed(4)); // a bar behind the row
  return row;
}

function percent(probability: number | null): string {
  if (probability === null) return '–'; // a model without a head
  return probability >= 0.0005 ? `${(probability * 100).toFixed(1)} %` : '< 0.1 %';
}

export function showSeen(pixels: Pixels | null): void {
  if (!pixels) return void Object.assign(parts.seen, { width: 1, height: 1 });
  drawPixels(parts.seen, pixels);
  parts.seenText.textContent = `${pixels.width}×${pixels.height} pixels`;
}

/** Calls `choose` with the number of a class that the visitor asks for. */
export function listenForClass(choose: (index: number) => void): void {
  parts.body.addEventListener('change', ({ target }) => choose(Number((target as HTMLInputElement).value)));
  parts.name.addEventListener('input', () => parts.name.setCustomValidity(''));
  parts.other.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!state.network || parts.name.value === '') return;
    const index = classNamed(parts.name.value, state.network.labels, state.network.classes);
    parts.name.setCustomValidity(index === undefined ? 'This network has no such class.' : '');
    if (index === undefined) return void parts.name.reportValidity();
    parts.name.value = '';
    choose(index);
  });
}
