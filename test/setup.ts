/**
 * Once per run: a Vite server, and a Chromium for each process of tests, which has an adapter of WebGPU. Without one
 * the run fails; nothing is skipped. Tests reach both through test/chromium.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'vite';
import type { TestProject } from 'vitest/node';
import { launch } from './launch.ts';
import { PROCESSES } from './projects.ts';
import { quickNets } from './quickNets.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Addresses of Chromiums, as many as there are processes of tests. */
    browsers: string[];
    /** A folder, where who has one of them says so. */
    claims: string;
    /** Where Vite serves the repository: `http://127.0.0.1:…/` */
    pageUrl: string;
    /** An empty folder, where the first test that needs the package unpacks it for all. */
    packFolder: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const browsers = await Promise.all(Array.from({ length: PROCESSES }, () => launch()));
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
  const [packFolder, claims] = ['packed', 'claims'].map((what) => mkdtempSync(join(tmpdir(), `gradlens-${what}-`)));
  const close = async () => {
    for (const folder of [packFolder!, claims!]) rmSync(folder, { recursive: true, force: true });
    await Promise.all([server, ...browsers].map((one) => one.close()));
  };

  const browser = browsers[0]!;
  const page = await browser.newPage();
  await page.goto(new URL('package.json', pageUrl).href); // any page of this origin: about:blank has no WebGPU
  const adapter = await page.evaluate(async () => (await navigator.gpu?.requestAdapter())?.info.description);
  await page.close();
  if (adapter === undefined) {
    const version = await browser.version();
    await close();
    throw new Error(`${version} has no WebGPU adapter`);
  }
  project.provide(
    'browsers',
    browsers.map((each) => each.wsEndpoint()),
  );
  project.provide('pageUrl', pageUrl);
  project.provide('packFolder', packFolder!);
  project.provide('claims', claims!);
  return close;
}
