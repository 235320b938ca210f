/** A page in a Chromium of the file's own: a browser lets only the page in front run freely, and files run at once. */
import type { Browser, Page } from 'puppeteer';
import { afterAll, inject } from 'vitest';
import { launch } from './launch';

/** By the flags that they have beside the usual ones. */
const browsers = new Map<string, Promise<Browser>>();

// Here, since a hook that is asked for inside of a test is never called: the browser would outlive its file, and what
// its pages do would slow all files after it.
afterAll(() => Promise.all([...browsers.values()].map(async (browser) => (await browser).close())));

export interface ChromiumPage extends AsyncDisposable {
  readonly page: Page;
  /** What the page logged as an error, or threw without catching it. A test ends well if this is empty. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens a page of the repository by its path: `await using opened = await chromiumPage('index.html')`, or call
 * `close()`. What is still open when the test file ends is closed then.
 */
export async function chromiumPage(path = 'package.json', flags: readonly string[] = []): Promise<ChromiumPage> {
  const browser = browsers.get(flags.join()) ?? launch(flags);
  browsers.set(flags.join(), browser);
  const page = await (await browser).newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    // Every page without an icon of its own logs that /favicon.ico is not there.
    if (message.type() === 'error' && !message.location().url?.endsWith('/favicon.ico')) errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(new URL(path, inject('pageUrl')).href);
  const close = async () => {
    if (!page.isClosed()) await page.close();
  };
  return { page, errors, close, [Symbol.asyncDispose]: close };
}
