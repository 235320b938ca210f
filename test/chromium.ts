/** A page in one of the run's Chromiums (test/setup.ts): a browser lets only the page in front run freely. */
import puppeteer, { type Browser, type Page } from 'puppeteer';
import { afterAll, inject } from 'vitest';

let browser: Promise<Browser> | undefined;

export interface ChromiumPage extends AsyncDisposable {
  readonly page: Page;
  /** What the page logged as an error, or threw without catching it. A test ends well if this is empty. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens a page of the repository by its path: `await using opened = await chromiumPage('index.html')`, or call
 * `close()`. Pages that are still open when the test file ends are closed then.
 */
export async function chromiumPage(path = 'package.json'): Promise<ChromiumPage> {
  browser ??= connect();
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
  opened.push(close);
  return { page, errors, close, [Symbol.asyncDispose]: close };
}

const opened: (() => Promise<void>)[] = [];

async function connect(): Promise<Browser> {
  const endpoints = inject('browserEndpoints');
  const own = Number(process.env['VITEST_POOL_ID'] ?? 0) % endpoints.length; // of the files that run at once
  const connected = await puppeteer.connect({ browserWSEndpoint: endpoints[own]!, protocolTimeout: 240_000 });
  afterAll(async () => {
    await Promise.all(opened.map((close) => close()));
    await connected.disconnect();
  });
  return connected;
}
