/**
 * Pictures of the page in each of its states, wide and narrow, light and dark, to be looked at by eye.
 *
 *   node scripts/screenshots.mjs FOLDER [--at http://localhost:8080/some/where/] [--only opening,broken]
 *     [--widths 1280,360] [--schemes light] [--fold]   --fold: what is seen without scrolling
 *
 * Without --at the page is served from the sources. A new state is a line in the table below.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from './arguments.mjs';
import puppeteer from 'puppeteer';
import { createServer } from 'vite';
import { beforeWorkers, crashGpu } from './mishaps.mjs';
import { getChromium, root } from './system.mjs';

/**
 * `hash` is what the address says, `worker` runs in the page's worker ahead of its own script, `act` is what a visitor
 * does once the page rests; then the page rests again, or `until` holds.
 *
 * @typedef {{
 *   name: string,
 *   hash?: string,
 *   worker?: string,
 *   at?: 'rest' | 'once',
 *   act?: (page: import('puppeteer').Page) => Promise<unknown>,
 *   until?: () => boolean,
 * }} State
 */

/** @type {State[]} */
const STATES = [
  { name: 'opening' },
  { name: 'linked', hash: '#sample=ladybug&class=orange&relu=guided' },
  { name: 'two-classes', hash: '#sample=ladybug&beside=orange&channels=sum' },
  { name: 'smoothgrad', hash: '#sample=pizza&method=smoothgrad&samples=16' },
  {
    name: 'sanity',
    act: (page) => page.click('#sanity-start'),
    until: () => window.gradlens.state.sanity !== null && window.gradlens.state.phase !== 'busy',
  },
  {
    name: 'inside',
    hash: '#sample=ladybug',
    act: (page) => insideOf(page, '[data-tensor="relu2_1"]', '[data-channel="5"]'),
    until: () => (window.gradlens.state.inside?.unit?.iteration ?? 0) >= 24,
  },
  {
    name: 'code',
    act: (page) => page.click('#copy-code'),
    until: () => !document.querySelector('#out-words')?.hasAttribute('hidden'),
  },
  { name: 'own-picture', act: (page) => upload(page, 'samples/imagenette/gas-pump.jpg') },
  { name: 'doubt', act: (page) => upload(page, 'samples/thumbnails/imagenette/church.webp') },
  {
    name: 'settings',
    act: async (page) => {
      await page.click('#settings summary');
      await page.$eval('#settings', (settings) => settings.scrollIntoView({ block: 'center' }));
    },
  },
  { name: 'class-list', act: (page) => page.click('#all-classes') },
  { name: 'network', act: (page) => page.click('#network summary') },
  {
    name: 'bad-link',
    hash: '#sample=nosuch&method=foo',
    until: () => document.querySelector('#alert:not([hidden])') !== null,
  },
  { name: 'own-network', act: (page) => upload(page, 'test/fixtures/squeezenet1_1.onnx') },
  {
    name: 'camera',
    act: (page) => page.click('#camera'),
    until: () => (window.gradlens.state.camera?.frames ?? 0) > 2,
  },
  { name: 'class-model-before', hash: '#tab=class-model&sample=ladybug' },
  {
    name: 'class-model',
    hash: '#tab=class-model&sample=ladybug&iterations=64',
    act: (page) => page.click('#ascent-start'),
    until: () => window.gradlens.state.ascent?.phase === 'finished',
  },
  {
    name: 'gallery',
    hash: '#tab=class-model&target=gallery&iterations=24',
    act: (page) => page.click('#ascent-start'),
    until: () => window.gradlens.state.ascent?.phase === 'finished',
  },
  { name: 'segmentation', hash: '#tab=segmentation&sample=parachute' },
  { name: 'broken-file', act: (page) => upload(page, 'README.md'), until: () => window.gradlens.state.error !== null },
  { name: 'working', at: 'once', until: () => document.body.hasAttribute('data-busy') },
  { name: 'device-lost', act: crashGpu, until: () => window.gradlens.state.error !== null },
  { name: 'no-webgpu', worker: "Object.defineProperty(navigator, 'gpu', { value: undefined })" },
];
const WIDTHS = [1280, 768, 360];
const SCHEMES = ['light', 'dark'];

const FLAGS = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--no-first-run',
  '--hide-scrollbars',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];
const LONGEST_MILLISECONDS = 120_000;

const {
  values,
  positionals: [folder],
} = parseArgs({
  options: {
    at: { type: 'string' },
    only: { type: 'string' },
    widths: { type: 'string' },
    schemes: { type: 'string' },
    fold: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
if (!folder) {
  console.error(
    'node scripts/screenshots.mjs FOLDER [--at ADDRESS] [--only STATE,…] [--widths 1280,…] [--schemes light,dark] ' +
      '[--fold]',
  );
  process.exit(2);
}
const only = values.only?.split(',') ?? STATES.map(({ name }) => name);
const unknown = only.find((name) => !STATES.some((state) => state.name === name));
if (unknown !== undefined) {
  console.error(`there is no state '${unknown}'; there are ${STATES.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const widths = values.widths?.split(',').map(Number) ?? WIDTHS;
const schemes = values.schemes?.split(',') ?? SCHEMES;

mkdirSync(folder, { recursive: true });
const server = values.at
  ? undefined
  : await createServer({
      root,
      cacheDir: 'node_modules/.vite-screenshots',
      server: { host: '127.0.0.1', port: 5393, watch: null, hmr: false },
      logLevel: 'warn',
    });
await server?.listen();
const address = values.at ?? server?.resolvedUrls?.local[0];
const browser = await puppeteer.launch({
  executablePath: getChromium(),
  headless: true,
  args: FLAGS,
  protocolTimeout: LONGEST_MILLISECONDS,
});

for (const state of STATES.filter(({ name }) => only.includes(name))) {
  for (const width of widths)
    await shoot(state, width).catch((error) => {
      console.error(`${state.name} at ${width}: ${error.message}`);
      process.exitCode = 1;
    });
}
await browser.close();
await server?.close();

/**
 * @param {State} state
 * @param {number} width
 */
async function shoot(
  { name, hash = '', worker, at = 'rest', act, until = () => window.gradlens?.state.phase !== 'busy' },
  width,
) {
  const context = await browser.createBrowserContext(); // nothing is left from the state before
  const page = await context.newPage();
  try {
    page.setDefaultTimeout(LONGEST_MILLISECONDS);
    await page.setViewport({
      width,
      height: width < 600 ? 740 : width < 1000 ? 1024 : 800,
      isMobile: width < 600,
      hasTouch: width < 600,
    });
    if (worker) await beforeWorkers(page, worker);
    await page.goto(new URL(`index.html${hash}`, address).href);
    await page.waitForFunction(() => window.gradlens !== undefined);
    if (at === 'rest') await page.waitForFunction(() => window.gradlens.state.phase !== 'busy');
    await act?.(page);
    await page.waitForFunction(until);
    for (const scheme of schemes) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      const path = join(folder, `${name}-${width}-${scheme}.png`);
      await page.screenshot({ path, fullPage: !values.fold });
      console.log(path);
    }
  } finally {
    await context.close();
  }
}

/**
 * @param {import('puppeteer').Page} page
 * @param {string[]} files
 */
async function upload(page, ...files) {
  const maps = await page.evaluate(() => window.gradlens.state.maps);
  const input = /** @type {import('puppeteer').ElementHandle<HTMLInputElement>} */ (await page.$('input[type=file]'));
  await input.uploadFile(...files.map((file) => join(root, file)));
  // a map more, or a reason why not
  await page.waitForFunction(
    (before) => window.gradlens.state.maps > before || window.gradlens.state.error !== null,
    {},
    maps,
  );
}

/**
 * Opens the inside of the network, one of its stages and the program of that, and a channel.
 *
 * @param {import('puppeteer').Page} page @param {string} stage @param {string} channel
 */
async function insideOf(page, stage, channel) {
  /** @param {string} selector */
  const press = (selector) => page.$eval(selector, (button) => /** @type {HTMLButtonElement} */ (button).click());
  await press('#inside-start');
  await page.waitForFunction(() => window.gradlens.state.inside && window.gradlens.state.phase !== 'busy');
  await press(stage);
  await press('.steps button');
  await page.waitForFunction(() => window.gradlens.state.inside?.steps);
  await press(channel);
}
