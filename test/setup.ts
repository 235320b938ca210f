/**
 * Once per run: a Vite server, and Chromiums whose WebGPU is SwiftShader's, so that the browser tests mean the same on
 * every machine. Tests reach both through test/chromium.ts. Without an adapter the run fails; nothing is skipped.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer';
import { createServer } from 'vite';
import type { TestProject } from 'vitest/node';
import { findChromium } from '../scripts/system.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where Vite serves the repository: `http://127.0.0.1:…/` */
    pageUrl: string;
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
  const browser = await puppeteer.launch({ executablePath, headless: true, args: FLAGS });
  const packFolder = mkdtempSync(join(tmpdir(), 'gradlens-packed-'));
  const close = async () => {
    rmSync(packFolder, { recursive: true, force: true });
    await server.close();
  };

  const page = await browser.newPage();
  await page.goto(new URL('package.json', pageUrl).href); // any page of this origin: about:blank has no WebGPU
  const adapter = await page.evaluate(async () => (await navigator.gpu?.requestAdapter())?.info.description);
  const version = await browser.version();
  await browser.close();
  if (adapter === undefined) {
    await close();
    throw new Error(`${executablePath} (${version}) has no WebGPU adapter`);
  }
  project.provide('pageUrl', pageUrl);
  project.provide('packFolder', packFolder);
  return close;
}
