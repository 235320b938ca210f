/**
 * A page in a Chromium that this file has for itself: a browser lets only the page in front run freely, and files run
 * at once. One file after the other has it, which spares its start, and fetching and compiling the page's modules.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer';
import { afterAll, inject } from 'vitest';
import { launch, protocolTimeout } from './launch';

/** Those that were started here, by the flags that they have beside the usual ones. */
const started = new Map<string, Promise<Browser>>();
let connected: Promise<Browser> | undefined;
const opened: Page[] = [];

// Here, since a hook that is asked for inside of a test is never called: pages would outlive their file, and what they
// do would slow all files after it.
afterAll(async () => {
  await Promise.all(opened.filter((page) => !page.isClosed()).map((page) => page.close()));
  await (await connected)?.disconnect();
  if (claim !== undefined) rmSync(claim, { recursive: true });
  await Promise.all([...started.values()].map(async (browser) => (await browser).close()));
});

function browserWith(flags: readonly string[]): Promise<Browser> {
  if (flags.length === 0) return (connected ??= connect());
  const browser = started.get(flags.join()) ?? launch(flags);
  started.set(flags.join(), browser);
  return browser;
}

async function connect(): Promise<Browser> {
  for (;;) {
    const index = inject('browsers').findIndex((_, k) => takes(join(inject('claims'), String(k))));
    const browserWSEndpoint = inject('browsers')[index];
    if (browserWSEndpoint !== undefined) return puppeteer.connect({ browserWSEndpoint, protocolTimeout });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A folder, which only one process can make. The numbers of processes do not tell: two of a kind may run at once. */
let claim: string | undefined;

/** Takes the claim if nobody has it, or whoever had it died. */
function takes(folder: string): boolean {
  const owner = join(folder, 'process');
  try {
    mkdirSync(folder);
  } catch {
    if (!isGone(owner)) return false;
  }
  writeFileSync(owner, String(process.pid));
  claim = folder;
  return true;
}

function isGone(owner: string): boolean {
  try {
    process.kill(Number(readFileSync(owner, 'utf8')), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

export interface ChromiumPage extends AsyncDisposable {
  readonly page: Page;
  /** What the page logged as an error, or threw without catching it. A test ends well if this is empty. */
  readonly errors: string[];
  close(): Promise<void>;
}

/**
 * Opens a page of the repository by its path: `await using opened = await chromiumPage('index.html')`, or call
 * `close()`. What is still open when the test file ends is closed then.
 */
export async function chromiumPage(path = 'package.json', flags: readonly string[] = []): Promise<ChromiumPage> {
  const page = await (await browserWith(flags)).newPage();
  opened.push(page);
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
