/** The row of sample pictures. */
import { type Sample, firstSamples, samples } from '../inputs/samples';
import { element, make } from './elements';

const row = element('samples', HTMLUListElement);

/** Calls `open` with a sample that the visitor chooses. */
export function offerSamples(open: (sample: Sample) => void): void {
  row.append(
    ...samples.map((sample) => {
      const button = make(
        'button',
        { type: 'button', value: sample.name, title: sample.label },
        make('img', { src: sample.thumbnail, alt: sample.label, loading: 'lazy', width: 64, height: 48 }),
      );
      button.setAttribute('aria-pressed', 'false');
      button.addEventListener('click', () => open(sample));
      return make('li', {}, button);
    }),
  );
  offerOnly(firstSamples);
}

/** The others are hidden. */
export function offerOnly(offered: readonly Sample[]): void {
  const names = new Set(offered.map(({ name }) => name));
  for (const button of row.querySelectorAll('button')) button.parentElement!.hidden = !names.has(button.value);
}

/** Which sample is shown, if one is; it is scrolled into the row. */
export function markSample(name: string | undefined): void {
  for (const button of row.querySelectorAll('button')) {
    const isShown = button.value === name;
    button.setAttribute('aria-pressed', String(isShown));
    if (isShown) row.scrollTo({ left: button.offsetLeft - row.offsetLeft - row.clientWidth / 2 + 32 });
  }
}
