/**
 * What is shown, as files that carry how it was made: a picture, the numbers, all of it; and a link that shows it
 * again.
 */
import { writeNpy } from '../formats/npy';
import { withText } from '../image/png';
import { formatAddress, type Address } from './address';
import { choicesOf } from './parts/form';
import { element } from './parts/elements';
import { state } from './state';
import type { Result, Tab } from './tabs/tab';

const parts = {
  png: element('save-png', HTMLButtonElement),
  npy: element('save-npy', HTMLButtonElement),
  json: element('save-json', HTMLButtonElement),
  link: element('copy-link', HTMLButtonElement),
  text: element('out-text', HTMLSpanElement),
};

/** Longer arrays are what the picture shows, or are saved as numbers. */
const LONG = 100;

/** Which of the buttons have something to save. */
export function showSaving(tab: Tab): void {
  const result = tab.result();
  parts.png.disabled = parts.json.disabled = !result;
  parts.npy.disabled = !result?.array;
  parts.text.textContent = '';
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
}

/** All that is shown, and all that it depends on. */
export function record(tab: Tab, address: Address): Record<string, unknown> {
  const { network, picture, classes, check, milliseconds } = state;
  return {
    made: new Date().toISOString(),
    by: 'gradlens',
    link: formatAddress(address),
    network,
    picture,
    classes,
    parameters: Object.fromEntries(choicesOf(tab.form)),
    ...tab.result()!.numbers,
    adapter: element('status-adapter', HTMLElement).textContent,
    selfTest: check,
    milliseconds,
  };
}

/** The picture, and in its text all that the JSON says but the long arrays. */
async function savePng({ stem, canvas }: Result, made: Record<string, unknown>): Promise<void> {
  const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve));
  if (!png) return;
  const text = JSON.stringify(made, (_, value: unknown) =>
    Array.isArray(value) && value.length > LONG ? `${value.length} values` : value,
  );
  save(
    stem,
    '.png',
    new Blob([withText(new Uint8Array(await png.arrayBuffer()), { Software: 'gradlens', gradlens: text })]),
  );
}

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
  const own =
    state.picture && address.sample === undefined && address.picture === undefined
      ? ' Your own picture is not in it.'
      : '';
  try {
    await navigator.clipboard.writeText(link);
    parts.text.textContent = `Copied.${own}`;
  } catch {
    parts.text.textContent = `The link is in the address bar.${own}`;
  }
}
