/** The best classes with a radio button each, a list of all of them, and what the network sees of the picture. */
import type { Classification } from '../../index';
import type { Pixels } from '../../image/pixels';
import { classOf } from './classField';
import { drawPixels } from '../draw/paint';
import { state } from '../state';
import { element, make } from './elements';

const parts = {
  best: element('classes', HTMLDivElement),
  all: element('all-classes', HTMLButtonElement),
  list: element('class-list', HTMLDialogElement),
  close: element('class-list-close', HTMLButtonElement),
  names: element('class-names', HTMLUListElement),
  other: element('other-class', HTMLFormElement),
  name: element('class-name', HTMLInputElement),
  seen: element('seen', HTMLCanvasElement),
  seenText: element('seen-text', HTMLSpanElement),
};

/** Which rows there are. */
let listed = '';

/** How many are shown. */
const BEST = 5;

/**
 * The best classes, and the chosen one. Rebuilt where they change only: choosing a class must not take the focus away.
 */
export function showClasses(ranked: readonly Classification[], chosen: Classification | null): void {
  const best = ranked.slice(0, BEST);
  const shown = !chosen || best.includes(chosen) ? best : [...best, chosen];
  const before = listed;
  state.classes = shown;
  listed = shown.map(({ index, score }) => `${index} ${score}`).join();
  if (before !== listed) parts.best.replaceChildren(...shown.map(rowOf));
  for (const radio of parts.best.querySelectorAll<HTMLInputElement>('input'))
    radio.checked = radio.value === String(chosen?.index);
}

function rowOf({ index, label, score, probability }: Classification): HTMLLabelElement {
  const row = make(
    'label',
    {},
    make('input', { type: 'radio', name: 'class', value: String(index) }),
    make('span', { textContent: label }),
    make('span', { className: 'score', textContent: `score ${score.toFixed(2).replace('-', '−')}` }),
    make('span', { textContent: percent(probability) }),
  );
  row.style.setProperty('--share', (probability ?? 0).toFixed(4)); // a bar behind the row
  return row;
}

/** How many classes there are, and which. */
export function showNames(labels: readonly string[], classes: number): void {
  parts.all.textContent = `all ${classes} classes`;
  const names = labels.length > 0 ? labels : Array.from({ length: classes }, (_, index) => String(index));
  parts.names.replaceChildren(
    ...names
      .map((name, index) => ({ name, index }))
      .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
      .map(({ name, index }) =>
        make('li', {}, make('button', { type: 'button', textContent: name, value: String(index) })),
      ),
  );
}

export function percent(probability: number | null): string {
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
  parts.best.addEventListener('change', ({ target }) => choose(Number((target as HTMLInputElement).value)));
  parts.all.addEventListener('click', () => parts.list.showModal());
  parts.close.addEventListener('click', () => parts.list.close());
  parts.list.addEventListener('click', ({ target }) => target === parts.list && parts.list.close()); // beside it
  parts.names.addEventListener('click', ({ target }) => {
    if (!(target instanceof HTMLButtonElement)) return;
    parts.list.close();
    choose(Number(target.value));
  });
  parts.name.addEventListener('input', () => parts.name.setCustomValidity(''));
  parts.other.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!state.network || parts.name.value === '') return;
    const index = classOf(parts.name);
    if (index === undefined) return;
    parts.name.value = '';
    parts.list.close();
    choose(index);
  });
}
