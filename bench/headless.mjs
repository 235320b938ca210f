/**
 * `npm run bench`: the page in headless Chromium, on SwiftShader unless told otherwise. Each case gets a browser of its
 * own with an empty profile, so that every cold start is one. `--help` lists the flags.
 */
import puppeteer from 'puppeteer';
import { createServer } from 'vite';
import { findChromium, root } from '../scripts/system.mjs';
import { casesOf, fail, finish, loadModules, options, readFlags, runCases, show, stamped } from './command.mjs';
import { killGroup } from './supervise.mjs';

const { values, entries } = readFlags('swiftshader (default), or gpu: whatever Chromium finds');

const FLAGS = [
  '--no-sandbox', // Chromium's sandbox does not work for root, as which containers run
  '--enable-unsafe-webgpu',
  ...(values.adapter === 'gpu'
    ? ['--enable-features=Vulkan', '--ignore-gpu-blocklist']
    : ['--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader']),
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const LONGEST_MINUTES = 60;

const executablePath = findChromium();
if (!executablePath) fail('no Chromium: run npm test once, which gets one, or set GRADLENS_CHROMIUM to its program');

const server = await createServer({
  root,
  cacheDir: 'node_modules/.vite-bench',
  // such a page has a finer clock, and threads in WebAssembly
  server: {
    host: '127.0.0.1',
    port: 5293,
    watch: null,
    hmr: false,
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
  logLevel: 'warn',
});
await server.listen();
const modules = await loadModules(server);
const chosen = options(modules, entries);

const report = await runCases(modules, chosen, casesOf(chosen, entries), values, start);
await server.close();
process.exit(finish(modules, stamped(report, FLAGS), values));

/** @type {import('./command.mjs').Start} */
async function start(query, tell) {
  query.set('start', '');
  const browser = await puppeteer.launch({
    executablePath: /** @type {string} */ (executablePath),
    headless: true,
    args: FLAGS,
    protocolTimeout: LONGEST_MINUTES * 60_000,
    pipe: true, // the browser ends when the pipe does
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false, // supervise.mjs does
  });
  const pid = /** @type {number} */ (browser.process()?.pid);
  return { pid, done: reportOf(browser, query, tell), kill: () => killGroup(pid) };
}

/**
 * @param {import('puppeteer').Browser} browser
 * @param {URLSearchParams} query
 * @param {import('./supervise.mjs').Tell} tell
 */
async function reportOf(browser, query, tell) {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(`page: ${error}`));
  await page.exposeFunction('benchStatus', (/** @type {string} */ sentence, /** @type {string} */ contender) => {
    tell(contender || null);
    show(sentence);
  });
  await page.evaluateOnNewDocument(() => {
    document.addEventListener('DOMContentLoaded', () => {
      const observer = new MutationObserver(([{ target }]) =>
        /** @type {any} */ (window).benchStatus(target.textContent, document.body.dataset.contender),
      );
      observer.observe(/** @type {HTMLElement} */ (document.getElementById('status')), { childList: true });
    });
  });
  await page.goto(new URL(`bench/index.html?${query}`, server.resolvedUrls?.local[0]).href);
  await page.waitForFunction(() => ['done', 'failed'].includes(document.body.dataset.state ?? ''), {
    timeout: LONGEST_MINUTES * 60_000,
    polling: 500,
  });
  const { problem, json } = await page.evaluate(() => ({
    problem: document.getElementById('alert')?.textContent,
    json: document.getElementById('json')?.textContent,
  }));
  if (problem) throw new Error(problem);
  await browser.close();
  return JSON.parse(json ?? '');
}
