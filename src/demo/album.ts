/**
 * Pictures that were opened together, each with its map and what the network says it is. They are made when the page
 * has nothing else to do, in order, by the chosen method; whichever is clicked becomes the page's picture.
 */
import { current } from './current';
import { drawOver } from './draw/paint';
import { look } from './maps';
import { element, make } from './parts/elements';
import { chosenMethod, chosenValues } from './parts/methodFields';
import { state } from './state';
import { call } from './worker/remote';

const parts = {
  section: element('album', HTMLElement),
  text: element('album-text', HTMLSpanElement),
  pictures: element('album-pictures', HTMLUListElement),
  stop: element('album-stop', HTMLButtonElement),
  close: element('album-close', HTMLButtonElement),
};

/** Pixels of the longer side. */
const LONGEST = 240;
const ALPHA = 0.9;

interface Entry {
  readonly file: File;
  readonly canvas: HTMLCanvasElement;
  readonly caption: HTMLSpanElement;
}

let entries: readonly Entry[] = [];
/** By which network and method those that are there were made. */
let madeBy = '';
let stopped = false;

/** Begins another album; `open` is called with a picture that is chosen. */
export function showAlbum(files: readonly File[], open: (file: File) => void): void {
  entries = files.map((file) => ({
    file,
    canvas: make('canvas', { width: 1, height: 1, ariaHidden: 'true' }),
    caption: make('span', { textContent: file.name }),
  }));
  parts.pictures.replaceChildren(
    ...entries.map(({ file, canvas, caption }) => {
      const button = make('button', { type: 'button', title: file.name }, canvas, caption);
      button.addEventListener('click', () => open(file));
      return make('li', {}, button);
    }),
  );
  madeBy = '';
  parts.section.hidden = entries.length === 0;
}

/** Makes the maps that are missing, until `signal` aborts. */
export async function goOnWithAlbum(signal: AbortSignal): Promise<void> {
  const how = { method: chosenMethod().name, values: chosenValues(chosenMethod()) };
  const by = JSON.stringify([how, state.networks]);
  if (by !== madeBy) {
    madeBy = by;
    stopped = false;
    state.album = [];
    for (const { canvas } of entries) canvas.width = canvas.height = 1;
  }
  const files = entries.map(({ file }) => file);
  signal.addEventListener('abort', tell, { once: true });
  while (state.album.length < entries.length && !signal.aborted && !stopped) {
    const at = state.album.length;
    tell();
    const made = await call('albumEntry', { ...how, files, at }, { signal }).catch((error: Error) => {
      if (signal.aborted) throw error;
      return { failure: error.message };
    });
    signal.throwIfAborted();
    const { file, canvas, caption } = entries[at]!;
    if ('failure' in made) {
      caption.textContent = `${file.name}: ${made.failure}`;
      state.album = [...state.album, { picture: file.name, failure: made.failure }];
      continue;
    }
    const { map, width, height } = made;
    const label = state.network!.labels[map.class] ?? `class ${map.class}`;
    caption.replaceChildren(make('strong', { textContent: label }), ` ${file.name}`);
    const shown = { picture: { width, height }, input: state.network!.input!, look: look() };
    const image = await createImageBitmap(file);
    drawOver(canvas, image, map, shown, { alpha: ALPHA, longest: LONGEST });
    image.close();
    state.album = [...state.album, { picture: file.name, class: map.class, label, score: map.score }];
  }
  tell();
}

function tell(): void {
  const [done, all] = [state.album.length, entries.length];
  const isOver = done === all;
  parts.text.textContent = isOver
    ? `${all} pictures, each with the map of the class that the network says it is, by ${chosenMethod().title}. ` +
      'Choose one to look closer.'
    : `${done} of ${all} pictures have their map; ` +
      (stopped ? 'stopped.' : 'the others follow while nothing else runs.');
  parts.stop.hidden = isOver || stopped;
}

parts.stop.addEventListener('click', () => {
  stopped = true;
  tell();
});
parts.close.addEventListener('click', () => {
  showAlbum([], () => {});
  state.album = [];
  if (current.picture) element('answer', HTMLElement).focus();
});
