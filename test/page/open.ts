/** The page in the run's Chromium, and what a visitor does there. */
import type { Page } from 'puppeteer';
import { expect, inject, vi } from 'vitest';
import { type ChromiumPage, chromiumPage } from '../chromium';
import type { State } from '../../src/demo/state';

vi.setConfig({ testTimeout: 240_000 }); // a map takes a second on an idle software adapter, and ten beside other work

/** `prepare` runs in the page before its own scripts. */
export async function openDemo(hash = '', prepare?: () => void): Promise<ChromiumPage> {
  const opened = await chromiumPage(); // any page of this origin
  if (prepare) await opened.page.evaluateOnNewDocument(prepare);
  await opened.page.setViewport({ width: 1280, height: 900 });
  await opened.page.goto(new URL(`index.html${hash}`, inject('pageUrl')).href);
  return opened;
}

/** Waits for the map with that number (the first is 1) and the end of all work; the state, with the map's numbers as an array. */
export async function mapNumber(page: Page, count: number): Promise<State & { map: { values: number[] } }> {
  await page.waitForFunction((n) => window.gradlens?.state.maps >= n && window.gradlens.state.phase !== 'busy', { timeout: 100_000 }, count);
  const state = await stateOf(page);
  expect(state.maps).toBe(count);
  return state as State & { map: { values: number[] } };
}

export async function stateOf(page: Page): Promise<State> {
  const text = await page.evaluate(() => {
    const { state } = window.gradlens;
    return JSON.stringify({ ...state, map: state.map && { ...state.map, data: null, values: Array.from(state.map.data) } });
  });
  return JSON.parse(text) as State;
}

/** What the alert says, or an empty string. */
export function alertOf(page: Page): Promise<string> {
  return page.$eval('#alert', (alert) => ((alert as HTMLElement).hidden ? '' : (alert.querySelector('p')!.textContent ?? '')));
}

export function relativeL2(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** Gives the page a file as if it were dropped or pasted. `content` absent: the PNG of a picture that is dark left and light right. */
export function giveFile(page: Page, how: 'drop' | 'paste', name: string, content?: string): Promise<void> {
  return page.evaluate(async (how, name, content) => {
    const canvas = new OffscreenCanvas(90, 60);
    const context = canvas.getContext('2d')!;
    context.fillRect(0, 0, 45, 60);
    context.fillStyle = '#e0c080';
    context.fillRect(45, 0, 45, 60);
    const file = new File([content ?? (await canvas.convertToBlob())], name, { type: 'image/png' });
    const data = new DataTransfer();
    data.items.add(file);
    document.dispatchEvent(how === 'drop' ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }) : new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
  }, how, name, content);
}
