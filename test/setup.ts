/**
 * Once per run: a Vite server, and whether Chromium has an adapter of WebGPU. Without one the run fails; nothing is
 * skipped. Tests reach the server through test/chromium.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'vite';
import type { TestProject } from 'vitest/node';
import { launch } from './launch.ts';
import { quickNets } from './quickNets.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where Vite serves the repository: `http://127.0.0.1:…/` */
    pageUrl: string;
    /** An empty folder, where the first test that needs the package unpacks it for all. */
    packFolder: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const browser = await launch();
  const server = await createServer({
    server: {
      host: '127.0.0.1',
      port: 5273,
      watch: null,
      hmr: false,
      headers: { 'Cache-Control': 'max-age=86400' }, // nothing changes in a run: each page needs no module again
    },
    logLevel: 'warn',
    plugins: [quickNets()],
  });
  await server.listen();
  const pageUrl = server.resolvedUrls?.local[0] as string;
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
    throw new Error(`${version} has no WebGPU adapter`);
  }
  project.provide('pageUrl', pageUrl);
  project.provide('packFolder', packFolder);
  return close;
}
