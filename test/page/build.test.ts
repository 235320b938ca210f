/**
 * The built page as a visitor gets it from a plain host: from a sub-path, under its policy, and once more without a
 * network.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'puppeteer';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseReport } from '../../bench/report';
import { DEFAULT_MODEL } from '../../src/publicModels';
import { type ChromiumPage, chromiumPage } from '../chromium';
import { standIn } from '../quickNets';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const PLACE = '/some/where/';
/** Of code, markup and the small pictures of the samples, which are in it; the first picture has its own. */
const MOST_GZIP = 190_000;
const MOST_PICTURE = 45_000;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.jpg': 'image/jpeg',
};

const dist = mkdtempSync(join(tmpdir(), 'gradlens-dist-'));
let server: Server;
let port = 0;

beforeAll(async () => {
  build(dist, { GRADLENS_RIVALS: 'yes' });
  await takeQuickNet();
  await serve();
});

/** Puts a stand-in that computes many times faster in the place of the net that the page opens with. */
async function takeQuickNet(): Promise<void> {
  const { manifest, weights } = await standIn(DEFAULT_MODEL);
  const folder = `weights/${DEFAULT_MODEL}`;
  const { files, ...others } = kept();
  for (const [name, { body }] of [
    ['model.json', manifest],
    [`${DEFAULT_MODEL}.safetensors`, weights],
  ] as const) {
    const path = `${folder}/${name}`;
    expect(Object.keys(files)).toContain(path);
    writeFileSync(join(dist, path), body);
    files[path] = createHash('sha256').update(body).digest('base64');
  }
  const worker = join(dist, 'offline.js');
  writeFileSync(
    worker,
    readFileSync(worker, 'utf8').replace(KEPT, `const KEPT = ${JSON.stringify({ ...others, files })};`),
  );
}

function build(folder: string, env: Record<string, string> = {}): void {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ['node_modules/vite/bin/vite.js', 'build', '--outDir', folder],
    { env: { ...process.env, NODE_ENV: 'production', ...env }, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the build failed:\n${stdout}\n${stderr}`);
}
afterAll(async () => {
  await stop();
  rmSync(dist, { recursive: true });
});

/** What the server answers with a page of its own, as a login in a hotel or a host in the middle of a deploy does. */
let isTakenOver: (path: string) => boolean = () => false;

/** Files and nothing else: no redirects, no headers but the type. */
async function serve(): Promise<void> {
  server = createServer(({ url = '' }, response) => {
    const path = new URL(url, 'http://host').pathname;
    if (isTakenOver(path)) {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Please log in</title>');
      return;
    }
    const file = path.slice(PLACE.length).replace(/(^|\/)$/, '$1index.html');
    try {
      if (!path.startsWith(PLACE)) throw new Error('elsewhere');
      const content = readFileSync(join(dist, file));
      response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  ({ port } = server.address() as AddressInfo);
}

async function stop(): Promise<void> {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
}

const addressOf = (path = ''): string => `http://127.0.0.1:${port}${PLACE}${path}`;

/** A page that notes what its policy forbids, in workers too as far as the console tells. */
async function open(path = ''): Promise<ChromiumPage> {
  const opened = await chromiumPage();
  await opened.page.evaluateOnNewDocument(() => {
    const violations: string[] = [];
    Object.assign(window, { violations });
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) =>
      violations.push(`${violatedDirective}: ${blockedURI} in ${sourceFile}`),
    );
  });
  await opened.page.goto(addressOf(path));
  return opened;
}

/** The first page that a version's worker serves: it takes over some time after the last page of the old one closed. */
async function openVersion(title: string): Promise<ChromiumPage> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const opened = await open();
    if ((await opened.page.title()) === title) return opened;
    await opened.close();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`the version ${title} does not take over`);
}

async function expectMap({ page, errors }: ChromiumPage): Promise<void> {
  try {
    await page.waitForFunction(() => window.gradlens?.state.maps >= 1 && window.gradlens.state.phase === 'ready', {
      timeout: 100_000,
    });
  } catch (cause) {
    throw new Error(`no map: ${await look(page)}; ${errors.join('; ')}`, { cause });
  }
  expect(await page.evaluate(() => window.gradlens.state.map!.data.some((value) => value > 0))).toBe(true);
  expect(errors).toEqual([]);
  await expectAllowed(page);
}

/** What the page says, for an error. */
const look = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { phase, maps, error, losses } = window.gradlens?.state ?? {};
    const told = document.querySelector('#activity-text')?.textContent;
    return JSON.stringify({
      visible: document.visibilityState,
      phase,
      maps,
      error,
      losses,
      told,
      title: document.title,
    });
  });

/** That nothing was forbidden so far; then, that something would be. */
async function expectAllowed(page: Page): Promise<void> {
  const violations = (): Promise<string[]> =>
    page.evaluate(() => (window as unknown as { violations: string[] }).violations);
  expect(await violations()).toEqual([]);
  // in a task of its own: what Puppeteer evaluates may do everything
  expect(
    await page.evaluate(
      () =>
        new Promise((tell) =>
          setTimeout(() => {
            try {
              // oxlint-disable-next-line typescript/no-implied-eval -- that the policy forbids it is the test
              tell(new Function('return "ran"')());
            } catch (error) {
              tell((error as Error).name);
            }
          }),
        ),
    ),
  ).toBe('EvalError');
  expect(await violations()).toHaveLength(1);
}

/** Once its worker has everything that it keeps. */
const whenKept = (page: Page): Promise<void> => page.evaluate(async () => void (await navigator.serviceWorker.ready));

interface Kept {
  version: string;
  files: Record<string, string>;
}
const KEPT = /^const KEPT = (.*);$/m;
const kept = (): Kept => JSON.parse(KEPT.exec(readFileSync(join(dist, 'offline.js'), 'utf8'))![1]!) as Kept;
const keptFiles = (): string[] => Object.keys(kept().files);

/** Puts a version with another title and another main script beside what is there; gives back what takes it away. */
function deploy(title: string): () => void {
  const [page, worker] = [join(dist, 'index.html'), join(dist, 'offline.js')];
  const [html, script] = [readFileSync(page, 'utf8'), readFileSync(worker, 'utf8')];
  const { files } = kept();
  const main = /src="\.\/(assets\/[^"]+\.js)"/.exec(html)![1]!;
  const next = main.replace(/[^/]*$/, `${title}.js`);
  cpSync(join(dist, main), join(dist, next));
  writeFileSync(page, html.replace(/<title>.*?<\/title>/, `<title>${title}</title>`).replaceAll(main, next));
  const { [main]: digest, ...others } = files;
  const own = createHash('sha256').update(readFileSync(page)).digest('base64');
  const after: Kept = { ...kept(), version: title, files: { ...others, [next]: digest!, './': own } };
  writeFileSync(worker, script.replace(KEPT, `const KEPT = ${JSON.stringify(after)};`));
  return () => {
    writeFileSync(page, html);
    writeFileSync(worker, script);
    rmSync(join(dist, next));
  };
}

/** As before the first visit. */
async function forgetAll(): Promise<void> {
  await using opened = await open(`weights/${DEFAULT_MODEL}/model.json`);
  await opened.page.evaluate(async () => {
    for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
    for (const name of await caches.keys()) await caches.delete(name);
  });
}

/** The addresses that a page of HTML is kept for, below the page's own. */
const keptAsPages = (page: Page): Promise<string[]> =>
  page.evaluate(async (place) => {
    const pages = new Set<string>();
    for (const name of await caches.keys())
      for (const request of await (await caches.open(name)).keys()) {
        const type = (await (await caches.open(name)).match(request))!.headers.get('content-type') ?? '';
        if (type.includes('html')) pages.add(request.url.replace(place, ''));
      }
    return [...pages];
  }, addressOf());

test('every page has a policy that allows no inline code and no eval', () => {
  for (const file of ['index.html', 'bench/index.html']) {
    const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(
      readFileSync(join(dist, file), 'utf8'),
    )!;
    expect(policy).toContain('default-src &#39;none&#39;');
    expect(policy).not.toMatch(/unsafe-inline|(?<!wasm-)unsafe-eval/);
  }
});

test('without the rivals what is deployed is small, and of the nets only what is fetched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gradlens-dist-'));
  build(folder);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(join(folder, file)).isFile(),
  );
  const sizes = files.map((file) => statSync(join(folder, file)).size);
  expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(25e6);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(25 * 2 ** 20); // what hosts of static files take
  const ofNets = files.filter((file) => file.startsWith('weights'));
  expect(ofNets.length).toBeGreaterThan(0);
  expect(
    ofNets.filter((file) => !/^weights.[^/\\]+.(model\.json|README\.md|[^/\\]+\.safetensors)$/.test(file)),
  ).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('all that the page fetches before its first map is small: the code, and one of the samples', () => {
  const kept = keptFiles().filter((file) => !file.startsWith('weights/'));
  // from the page and its worker on, what modules import at once; and what the first map asks for
  const asked = /^assets\/(page|worker|model|native|download|publicModels)-[^/]*\.(js|css)$/;
  const needed = new Set(['index.html', ...kept.filter((file) => asked.test(file))]);
  for (const file of needed) {
    if (!file.endsWith('.js')) continue;
    for (const [, name] of readFileSync(join(dist, file), 'utf8').matchAll(/\b(?:from|import)\s*["']\.\/([^"']+)["']/g))
      needed.add(`assets/${name}`);
  }
  expect([...needed].some((file) => file.includes('/model-'))).toBe(true);
  const bytesOf = (files: Iterable<string>): number =>
    [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file))).length, 0);
  expect(bytesOf(needed)).toBeLessThanOrEqual(MOST_GZIP);
  const pictures = kept.filter(isFirstSample);
  expect(pictures).toHaveLength(1);
  expect(bytesOf(pictures)).toBeLessThanOrEqual(MOST_PICTURE);
});
const isFirstSample = (file: string): boolean => /school-bus[^/]*\.jpg$/.test(file);

test('what is kept for later is the page and its model, and nothing of the benchmark', () => {
  const files = keptFiles();
  expect(files).toEqual(
    expect.arrayContaining([
      './',
      `weights/${DEFAULT_MODEL}/model.json`,
      `weights/${DEFAULT_MODEL}/${DEFAULT_MODEL}.safetensors`,
    ]),
  );
  expect(files.filter((file) => /bench|\.wasm$|tfjs|ort\./.test(file))).toEqual([]);
});

test('from a sub-path it shows a map under its policy, and again when the host is gone', async () => {
  await using first = await open();
  await expectMap(first);
  await whenKept(first.page);
  await first.close();
  await stop();
  try {
    for (const address of ['', 'index.html#sample=ladybug']) {
      await using again = await open(address);
      await expectMap(again);
    }
  } finally {
    await serve();
  }
});

test('a new version is there at the next load, and kept for later', async () => {
  await forgetAll();
  let undo = (): void => {};
  {
    await using opened = await open();
    await expectMap(opened);
    await whenKept(opened.page);
    undo = deploy('next');
    await opened.page.reload();
    await expectMap(opened);
    expect(await opened.page.title()).toBe('next');
    await opened.page.waitForFunction(async () => (await navigator.serviceWorker.getRegistration())?.waiting != null);
  }
  await stop();
  try {
    await using later = await openVersion('next');
    await expectMap(later);
    expect(await later.page.title()).toBe('next');
    const caches = await later.page.evaluate(() => window.caches.keys());
    expect(caches.filter((name) => name.includes(addressOf()))).toEqual([`gradlens ${addressOf()} next`]);
  } finally {
    await serve();
    undo();
  }
});

test(
  'a script that was once answered with a page is not believed: the next visit is whole, with a network and ' +
    'without',
  async () => {
    await forgetAll();
    {
      await using opened = await open();
      await expectMap(opened);
      await whenKept(opened.page);
    }
    const undo = deploy('between');
    isTakenOver = (path) => path.endsWith('between.js');
    try {
      {
        await using broken = await open();
        expect(await broken.page.title()).toBe('between');
        await broken.page.waitForNetworkIdle();
        expect(await broken.page.evaluate(() => 'gradlens' in window)).toBe(false);
      }
      isTakenOver = () => false;
      {
        await using whole = await open();
        await expectMap(whole);
        expect(await whole.page.title()).toBe('between');
        await whole.page.waitForFunction(async () => {
          const { waiting, active } = (await navigator.serviceWorker.getRegistration())!;
          return waiting !== null || (await caches.keys()).some((name) => active !== null && name.endsWith(' between'));
        });
        expect(await keptAsPages(whole.page)).toEqual(['']);
      }
      await stop();
      await using later = await open();
      await expectMap(later);
      expect(await later.page.title()).toBe('between');
    } finally {
      isTakenOver = () => false;
      if (!server.listening) await serve();
      undo();
    }
  },
);

test('what an older version took for a script is healed, and does not get into the next version', async () => {
  await forgetAll();
  const poison = (page: Page): Promise<number> =>
    page.evaluate(async () => {
      let count = 0;
      for (const name of await caches.keys())
        for (const { url } of await (await caches.open(name)).keys()) {
          if (!/\.(js|safetensors)$/.test(url)) continue;
          const wrong = new Response('<title>Please log in</title>', { headers: { 'content-type': 'text/html' } });
          await (await caches.open(name)).put(url, wrong);
          count++;
        }
      return count;
    });
  {
    await using opened = await open();
    await expectMap(opened);
    await whenKept(opened.page);
    expect(await poison(opened.page)).toBeGreaterThan(3);
    await opened.page.reload();
    await expectMap(opened);
    await poison(opened.page);
  }
  const undo = deploy('healed');
  try {
    {
      await using opened = await open();
      await expectMap(opened);
      await opened.page.waitForFunction(async () => (await navigator.serviceWorker.getRegistration())?.waiting != null);
    }
    await stop();
    await using later = await openVersion('healed');
    await expectMap(later);
    expect(await later.page.title()).toBe('healed');
    expect(await keptAsPages(later.page)).toEqual(['']);
  } finally {
    if (!server.listening) await serve();
    undo();
  }
});

test('a network that answers everything with its login is shown, and nothing of it is kept', async () => {
  await forgetAll();
  {
    await using opened = await open();
    await expectMap(opened);
    await whenKept(opened.page);
    isTakenOver = () => true;
    try {
      const answer = (path: string): Promise<string> =>
        opened.page.evaluate(
          async (address) =>
            fetch(address).then(
              async (response) => (await response.text()).slice(0, 9),
              (error: Error) => error.name,
            ),
          addressOf(path),
        );
      expect(await answer(`weights/${DEFAULT_MODEL}/model.json`)).toMatch(/^\{/); // from what is kept
      expect(await answer('weights/imagenette-128/model.json')).toBe('TypeError'); // refused
      await opened.page.reload();
      expect(await opened.page.title()).toBe('Please log in');
      await opened.page.goto(addressOf('bench/index.html'));
      expect(await opened.page.title()).toBe('Please log in');
    } finally {
      isTakenOver = () => false;
    }
  }
  await using later = await open();
  await expectMap(later);
  expect(await keptAsPages(later.page)).toEqual(['']);
});

test('the benchmark runs under its policy, its rivals in WebAssembly too', async () => {
  await using opened = await open(
    'bench/index.html?net=tiny&contenders=gradlens,tfjs-wasm,ort-wasm&what=forward' +
      '&runs=1&seconds=0.05&warm-up=0.1&probe=0&start',
  );
  await opened.page.waitForFunction(() => ['done', 'failed'].includes(document.body.dataset['state'] ?? ''), {
    timeout: 200_000,
    polling: 500,
  });
  const report = parseReport(await opened.page.$eval('#json', (element) => element.textContent));
  expect(report.rows).toHaveLength(3);
  expect(
    report.rows.filter(({ status }) => status !== 'ok').map(({ contender, reason }) => `${contender}: ${reason}`),
  ).toEqual([]);
  await expectAllowed(opened.page);
});
