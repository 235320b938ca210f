/// <reference types="vite/client" />
/**
 * Class models that were made before, of the network that is loaded: what the tab opens with, each a place to start
 * from.
 */
import index from '../../../samples/ready/index.json';
import { make } from '../parts/elements';
import { state } from '../state';
import { score } from '../words';

const files = import.meta.glob<string>('../../../samples/ready/*.webp', {
  query: '?url',
  import: 'default',
  eager: true,
});

/** How many there are; `choose` is called with the class and the picture of the one that is chosen. */
export function showReadyModels(place: HTMLElement, choose: (index: number, picture: Blob) => void): number {
  const { name, inputShape } = state.network!;
  const own = index.classModels.filter(({ model }) => model === name);
  place.classList.remove('single');
  place.replaceChildren(
    ...own.map(({ class: chosen, label, score: reached, file }) => {
      const address = files[`../../../samples/ready/${file}`]!;
      const picture = make('img', { src: address, alt: '', width: inputShape[3], height: inputShape[2] });
      const button = make(
        'button',
        { type: 'button', className: 'ready' },
        picture,
        make('span', { textContent: label }),
        make('small', { textContent: `score ${score(reached)}` }),
      );
      button.setAttribute('aria-label', `Class model of ${label}, score ${score(reached)}: go on from it`);
      button.addEventListener('click', () => void fetch(address).then(async (got) => choose(chosen, await got.blob())));
      return button;
    }),
  );
  return own.length;
}
