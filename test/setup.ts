/**
 * Once per run: a Vite server, and Chromiums whose WebGPU is SwiftShader's, so that the browser tests mean the same on
 * every machine. Tests reach both through test/chromium.ts. Without an adapter the run fails; nothing is skipped.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser } from 'puppeteer';
import { createServer } from 'vite';
import type { TestProject } from 'vitest/node';
import { findChromium } from '../scripts/system.mjs';
import { PAGES_AT_ONCE } from './projects.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where Vite serves the repository: `http://127.0.0.1:…/` */
    pageUrl: string;
    /** Where Puppeteer finds the running Chromiums, one for each file that runs at the same time. */
    browserEndpoints: readonly string[];
    /** An empty folder, where the first test that needs the package unpacks it for all. */
    packFolder: string;
  }
}

export const FLAGS = [
  '--no-sandbox', // Chromium's sandbox does not work for root, as which containers run
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream', // a camera that shows a turning pie, and asks nobody
  '--use-fake-ui-for-media-stream',
];

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const executablePath = findChromium();
  if (!executablePath)
    throw new Error('no Chromium: run npm test, which gets one, or set GRADLENS_CHROMIUM to its program');

  const server = await createServer({
    server: {
      host: '127.0.0.1',
      port: 5273,
      watch: null,
      hmr: false,
      headers: { 'Cache-Control': 'max-age=86400' }, // nothing changes in a run: each page needs no module again
    },
    logLevel: 'warn',
  });
  await server.listen();
  const pageUrl = server.resolvedUrls?.local[0] as string;
  const browsers = await Promise.all(
    Array.from({ length: PAGES_AT_ONCE }, () =>
      puppeteer.launch({ executablePath, headless: true, args: FLAGS, protocolTimeout: 240_000 }),
    ),
  );
  const [browser] = browsers as [Browser];
  const packFolder = mkdtempSync(join(tmpdir(), 'gradlens-packed-'));
  const close = async () => {
    rmSync(packFolder, { recursive: true, force: true });
    await Promise.all(browsers.map((one) => one.close()));
    await server.close();
  };

  const page = await browser.newPage();
  await page.goto(new URL('package.json', pageUrl).href); // any page of this origin: about:blank has no WebGPU
  const adapter = await page.evaluate(async () => (await navigator.gpu?.requestAdapter())?.info.description);
  await page.close();
  if (adapter === undefined) {
    const version = await browser.version();
    await close();
    throw new Error(`${executablePath} (${version}) has no WebGPU adapter`);
  }
  project.provide('pageUrl', pageUrl);
  project.provide(
    'browserEndpoints',
    browsers.map((one) => one.wsEndpoint()),
  );
  project.provide('packFolder', packFolder);
  return close;
}
