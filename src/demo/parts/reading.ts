/// <reference types="vite/client" />
/** How to read the map that is shown, in the words of its method's record. */
import { type Method, type MethodValues, cautionsOf } from '../../index';
import { element } from './elements';

const parts = {
  caution: element('caution', HTMLParagraphElement),
  picture: element('reading-picture', HTMLImageElement),
  text: element('reading-text', HTMLParagraphElement),
};

/**
 * Made by `scripts/methodPictures.mjs`: for each method its map of one sample. Files, so that the first map waits for
 * none.
 */
const pictures = import.meta.glob<string>('../../../samples/methods/*.webp', {
  query: '?no-inline',
  import: 'default',
  eager: true,
});

export function showReading({ name, title, reading, options }: Method, values: MethodValues): void {
  const cautions = cautionsOf(options, values);
  parts.caution.hidden = cautions.length === 0;
  parts.caution.textContent = cautions.join(' ');
  const picture = pictures[`../../../samples/methods/${name}.webp`];
  if (picture) parts.picture.src = picture;
  parts.picture.alt = `${title} of the sample “ladybug”, over it`;
  parts.text.textContent = reading.join(' ');
}
