/**
 * What is shown, as files that carry how it was made: a picture, the numbers, all of it; and a link that shows it
 * again.
 */
import { writeNpy } from '../formats/npy';
import { formatAddress, type Address } from './address';
import { choicesOf } from './parts/form';
import { element } from './parts/elements';
import { showActivity } from './parts/messages';
import { state } from './state';
import type { Result, Tab } from './tabs/tab';
import { instead } from './work';

const parts = {
  png: element('save-png', HTMLButtonElement),
  npy: element('save-npy', HTMLButtonElement),
  json: element('save-json', HTMLButtonElement),
  link: element('copy-link', HTMLButtonElement),
  figure: element('save-figure', HTMLButtonElement),
  svg: element('save-svg', HTMLButtonElement),
  film: element('save-film', HTMLButtonElement),
  command: element('copy-command', HTMLButtonElement),
  code: element('copy-code', HTMLButtonElement),
  text: element('out-text', HTMLParagraphElement),
  words: element('out-words', HTMLPreElement),
};

/** What the first map does not need is fetched when it is asked for. */
const figures = () => import('./figure/shown');

declare global {
  interface ImportMetaEnv {
    /** This package's; see vite.config.ts. */
    readonly GRADLENS_VERSION: string;
  }
}

/** Longer arrays are what the picture shows, or are saved as numbers. */
const LONG = 100;

/** Which of the buttons have something to save. */
export function showSaving(tab: Tab): void {
  const result = tab.result();
  for (const name of ['figure', 'svg', 'command', 'code', 'png', 'json'] as const) parts[name].disabled = !result;
  parts.film.hidden = tab.name !== 'class-model';
  parts.film.disabled = !result;
  parts.npy.disabled = !result?.array;
  parts.text.textContent = '';
  parts.words.hidden = true;
}

/** `shown`: the tab whose result is saved, and the address that shows it. */
export function listenForSaving(shown: () => { readonly tab: Tab; readonly address: Address }): void {
  const result = (): Result => shown().tab.result()!;
  parts.png.addEventListener('click', () => {
    const { tab, address } = shown();
    void savePng(result(), record(tab, address));
  });
  parts.npy.addEventListener('click', () => {
    const { stem, array } = result();
    if (array) save(stem, '.npy', new Blob([writeNpy(array.shape, array.data)]));
  });
  parts.json.addEventListener('click', () => {
    const { tab, address } = shown();
    const { stem } = result();
    save(stem, '.json', new Blob([JSON.stringify(record(tab, address), null, 1)], { type: 'application/json' }));
  });
  parts.link.addEventListener('click', () => void copyLink(shown().address));
  const saveFigure = async (ending: '.png' | '.svg'): Promise<void> => {
    const { tab, address } = shown();
    const figure = (await figures()).shownFigure(address);
    if (!figure) return;
    const { pngOf, svgOf } = await import('./figure/save');
    const texts = { Software: 'gradlens', gradlens: textOf(record(tab, address)) };
    save(tab.result()!.stem, ending, ending === '.svg' ? svgOf(figure) : await pngOf(figure, texts));
  };
  parts.figure.addEventListener('click', () => void saveFigure('.png'));
  parts.svg.addEventListener('click', () => void saveFigure('.svg'));
  parts.film.addEventListener('click', () => void saveFilm(result().stem));
  const copyRecipe = async (how: 'commandOf' | 'codeOf'): Promise<void> => {
    const choice = (await figures()).shownChoice();
    if (choice) await copy((await import('./figure/recipe'))[how](choice), ownPicture(shown().address));
    else tell('This was begun by hand, from a picture; no command makes it again.');
  };
  parts.command.addEventListener('click', () => void copyRecipe('commandOf'));
  parts.code.addEventListener('click', () => void copyRecipe('codeOf'));
}

const tell = (text: string): void => {
  parts.text.textContent = text;
};

async function saveFilm(stem: string): Promise<void> {
  const { frames } = await import('./tabs/classModel');
  const { filmOf } = await import('./figure/film');
  await instead(async (signal) => {
    const film = await filmOf(frames(), {
      names: state.ascent!.names,
      signal,
      tell: (share) => showActivity('Recording', share),
    });
    save(stem, film.ending, film.blob);
    showActivity('Recorded.');
  });
}

/** To the clipboard, and onto the page: not every browser lets a page write to it. */
async function copy(text: string, more: string): Promise<void> {
  parts.words.textContent = text;
  parts.words.hidden = false;
  try {
    await navigator.clipboard.writeText(text);
    tell(`Copied.${more}`);
  } catch {
    tell(`Here it is.${more}`);
  }
}

const isOwn = ({ sample, picture }: Address): boolean =>
  state.picture !== null && sample === undefined && picture === undefined;

const ownPicture = (address: Address): string =>
  isOwn(address) && state.tab !== 'class-model' ? ' It names your own picture as a file beside it.' : '';

/** All that is shown, and all that it depends on. */
export function record(tab: Tab, address: Address): Record<string, unknown> {
  const { network, picture, classes, check, milliseconds } = state;
  return {
    made: new Date().toISOString(),
    by: 'gradlens',
    version: import.meta.env.GRADLENS_VERSION,
    link: formatAddress(address),
    network,
    picture,
    classes,
    parameters: Object.fromEntries(choicesOf(tab.form)),
    ...tab.result()!.numbers,
    adapter: state.adapter,
    selfTest: check,
    milliseconds,
  };
}

/** The picture, and in its text all that the JSON says but the long arrays. */
async function savePng({ stem, canvas }: Result, made: Record<string, unknown>): Promise<void> {
  const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve));
  if (!png) return;
  const { withText } = await import('../image/png');
  const texts = { Software: 'gradlens', gradlens: textOf(made) };
  save(stem, '.png', new Blob([withText(new Uint8Array(await png.arrayBuffer()), texts)]));
}

const textOf = (made: Record<string, unknown>): string =>
  JSON.stringify(made, (_, value: unknown) =>
    Array.isArray(value) && value.length > LONG ? `${value.length} values` : value,
  );

function save(stem: string, ending: string, content: Blob): void {
  const name = stem
    .replace(/\.[^. ]*(?= )/, '')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, 100);
  const address = URL.createObjectURL(content);
  Object.assign(document.createElement('a'), { href: address, download: name + ending }).click();
  parts.text.textContent = `Saved ${name}${ending}.`;
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

async function copyLink(address: Address): Promise<void> {
  const link = new URL(formatAddress(address), location.href).href;
  history.replaceState(null, '', link);
  const own = isOwn(address) ? ' Your own picture is not in it.' : '';
  try {
    await navigator.clipboard.writeText(link);
    parts.text.textContent = `Copied.${own}`;
  } catch {
    parts.text.textContent = `The link is in the address bar.${own}`;
  }
}
