/** The page in the run's Chromium, and what a visitor does there. */
import type { Page } from 'puppeteer';
import { expect, inject, vi } from 'vitest';
import { type ChromiumPage, chromiumPage } from '../chromium';
import { QUICK } from '../quickNets';
import type { State } from '../../src/demo/state';
import { beforeWorkers } from '../../scripts/mishaps.mjs';

vi.setConfig({ testTimeout: 240_000 }); // a map takes a second on an idle software adapter, and ten beside other work

/** In an address: the net of ten classes, one of which each sample in samples/imagenette/ shows. */
export const TEN = 'network=imagenette-128-robust';

/**
 * The page at an address. One that an earlier test closed serves again, which reads the address as it does when a
 * visitor goes Back: loading a page anew costs ten times as much. `prepare` runs in the worker of a page of its own,
 * before the worker's script, where the engine is.
 */
export const openDemo = (hash = '', prepare?: string): Promise<ChromiumPage> => openAt({ folder: '', prepare }, hash);

/** The same with small stand-ins for the shipped nets, where it does not matter what a net says. */
export const openQuick = (hash = '', prepare?: string): Promise<ChromiumPage> =>
  openAt({ folder: QUICK, prepare }, hash);

/** The same, where the other methods' small pictures are made when the page has nothing else to do. */
export const openWithSmallPictures = (hash = ''): Promise<ChromiumPage> =>
  openAt({ folder: QUICK, smallPictures: true }, hash);

interface Place {
  readonly folder: string;
  /** Elsewhere none are made: they take more than all that the tests ask for. */
  readonly smallPictures?: boolean;
  readonly prepare?: string | undefined;
}

/** By place, the page that no test uses at the moment. A test that failed did not close its own, which is left. */
const unused = new Map<string, ChromiumPage>();

async function openAt(place: Place, hash: string): Promise<ChromiumPage> {
  const key = JSON.stringify(place);
  const there = unused.get(key);
  if (!there) return load(place, hash);
  unused.delete(key);
  there.errors.length = 0;
  await there.page.bringToFront();
  await there.page.setViewport(SCREEN);
  await there.page.evaluate(goTo, hash);
  return there;
}

const SCREEN = { width: 1280, height: 900 };

async function load(place: Place, hash: string): Promise<ChromiumPage> {
  const { folder, prepare, smallPictures = false } = place;
  const opened = await chromiumPage(); // any page of this origin
  const { page, errors } = opened;
  if (prepare !== undefined) await beforeWorkers(page, prepare);
  await page.setViewport(SCREEN);
  await page.goto(new URL(`${folder}index.html${hash}`, inject('pageUrl')).href);
  if (!smallPictures) await page.evaluate(withoutSmallPictures);
  if (prepare !== undefined) return opened;
  const close = async (): Promise<void> => void unused.set(JSON.stringify(place), own);
  const own = { page, errors, close, [Symbol.asyncDispose]: close };
  return own;
}

/** In the page: by how long the first map took it takes none of the others for quick enough. */
function withoutSmallPictures(): void {
  Object.defineProperty(window.gradlens.state.milliseconds, 'gradient', { get: () => Infinity, set: () => {} });
}

/** In the page: what the address says, as if nothing had been shown before. The network and the device stay. */
function goTo(hash: string): void {
  Object.assign(window.gradlens.state, {
    phase: 'busy',
    picture: null,
    classes: [],
    map: null,
    maps: 0,
    second: null,
    sanity: null,
    ascent: null,
    attack: null,
    segmentation: null,
    segmentations: 0,
    losses: 0,
    recoveries: 0,
    doubt: null,
    error: null,
  } satisfies Partial<State>);
  history.pushState(null, '', hash || location.pathname);
  dispatchEvent(new PopStateEvent('popstate'));
}

/**
 * Waits for the map with that number (the first is 1) and the end of all work; the state, with the map's numbers as an
 * array.
 */
export async function mapNumber(page: Page, count: number): Promise<State & { map: { values: number[] } }> {
  await page.waitForFunction(
    (n) => window.gradlens?.state.maps >= n && window.gradlens.state.phase !== 'busy',
    { timeout: 100_000 },
    count,
  );
  const state = await stateOf(page);
  expect(state.maps).toBe(count);
  return state as State & { map: { values: number[] } };
}

/** The state as it is; arrays of numbers as plain ones. The map's numbers are its `values`. */
export async function stateOf(page: Page): Promise<State> {
  const text = await page.evaluate(() => {
    const { state } = window.gradlens;
    const plain = JSON.stringify(state, (_, value: unknown) =>
      ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value,
    );
    return JSON.stringify({
      ...(JSON.parse(plain) as object),
      map: state.map && { ...state.map, data: null, values: Array.from(state.map.data) },
    });
  });
  return JSON.parse(text) as State;
}

/** Waits until nothing runs, and something did; the state then. */
export async function settled(page: Page): Promise<State> {
  await page.waitForFunction(() => window.gradlens.state.phase !== 'busy', { timeout: 100_000 });
  return stateOf(page);
}

/** Sets a control as a visitor does. */
export async function setField(page: Page, selector: string, value: string): Promise<void> {
  await page.$eval(
    selector,
    (control, value) => {
      const field = control as HTMLInputElement;
      if (field.type === 'checkbox') field.checked = value === 'yes';
      else field.value = value;
      field.dispatchEvent(new Event('input', { bubbles: true }));
      field.dispatchEvent(new Event('change', { bubbles: true }));
    },
    value,
  );
}

/** Chooses one of several radio buttons, as a visitor does. */
export async function chooseRadio(page: Page, name: string, value: string): Promise<void> {
  await page.$eval(`input[name=${name}][value="${value}"]`, (radio) => (radio as HTMLElement).click());
}

/** What the page would have saved as a file, by pressing the button: its name and its bytes. */
export async function savedBy(page: Page, button: string): Promise<{ name: string; bytes: Buffer }> {
  const { name, text } = await page.evaluate(
    (selector) =>
      new Promise<{ name: string; text: string }>((resolve) => {
        const click = HTMLAnchorElement.prototype.click;
        HTMLAnchorElement.prototype.click = function () {
          HTMLAnchorElement.prototype.click = click;
          void fetch(this.href)
            .then((response) => response.arrayBuffer())
            .then((buffer) =>
              resolve({
                name: this.download,
                text: Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(''),
              }),
            );
        };
        document.querySelector<HTMLButtonElement>(selector)!.click();
      }),
    button,
  );
  return { name, bytes: Buffer.from(text, 'latin1') };
}

/** What the alert says, or an empty string. */
export function alertOf(page: Page): Promise<string> {
  return page.$eval('#alert', (alert) =>
    (alert as HTMLElement).hidden ? '' : (alert.querySelector('p')!.textContent ?? ''),
  );
}

/**
 * Gives the page a file as if it were dropped or pasted. `content` absent: the PNG of a picture that is dark left and
 * light right.
 */
export function giveFile(page: Page, how: 'drop' | 'paste', name: string, content?: string): Promise<void> {
  return page.evaluate(
    async (how, name, content) => {
      const canvas = new OffscreenCanvas(90, 60);
      const context = canvas.getContext('2d')!;
      context.fillRect(0, 0, 45, 60);
      context.fillStyle = '#e0c080';
      context.fillRect(45, 0, 45, 60);
      const file = new File([content ?? (await canvas.convertToBlob())], name, { type: 'image/png' });
      const data = new DataTransfer();
      data.items.add(file);
      document.dispatchEvent(
        how === 'drop'
          ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
          : new ClipboardEvent('paste', { clipboardData: data, bubbles: true }),
      );
    },
    how,
    name,
    content,
  );
}

export { crashGpu } from '../../scripts/mishaps.mjs';
