/**
 * The page, with quick nets, in a Chromium of its own: one that lost the GPU a few times gives none to anybody.
 */
import type { Page } from 'puppeteer';
import { inject } from 'vitest';
import { launchUnforgiving } from '../launch';
import { QUICK } from '../quickNets';

interface Opened extends AsyncDisposable {
  readonly page: Page;
}

/** `prepare` is called before the page is loaded. */
export async function openAlone(hash: string, prepare?: (page: Page) => Promise<unknown>): Promise<Opened> {
  const browser = await launchUnforgiving();
  const [page] = (await browser.pages()) as [Page];
  await page.setViewport({ width: 1280, height: 900 });
  await prepare?.(page);
  await page.goto(new URL(`${QUICK}index.html${hash}`, inject('pageUrl')).href);
  return { page, [Symbol.asyncDispose]: () => browser.close() };
}

/** A page whose workers can be ended; `first` is the address that the first of them gets. */
export const openWithWorkers = (hash: string, first?: string): Promise<Opened> =>
  openAlone(hash, (page) =>
    page.evaluateOnNewDocument((first) => {
      const Plain = globalThis.Worker;
      const workers: Worker[] = [];
      globalThis.Worker = class extends Plain {
        constructor(address: string | URL, options?: WorkerOptions) {
          super(workers.length === 0 && first !== undefined ? first : address, options);
          workers.push(this);
        }
      };
      Object.assign(window, { endWorker: () => workers.at(-1)!.terminate() });
    }, first),
  );

/** As a browser does it when memory is short: no event tells of it. */
export const endWorker = (page: Page): Promise<void> =>
  page.evaluate(() => (window as unknown as { endWorker: () => void }).endWorker());
