/**
 * The camera, class models, and networks one after the other, for as long as `GRADLENS_SOAK_SECONDS` says, each; what
 * grows meanwhile. Prints its figures. Resident memory is read from Linux's /proc.
 */
import { readFileSync } from 'node:fs';
import type { Page } from 'puppeteer';
import { expect, inject, test, vi } from 'vitest';
import { launch } from '../launch';
import { mapNumber, setField, settled, stateOf, TEN } from './open';

const SECONDS = Number(process.env['GRADLENS_SOAK_SECONDS'] ?? 240);
const SAMPLES = 40;
/** Of the samples, while caches still fill. */
const WARM_UP = 0.5;
const MIB = 2 ** 20;

vi.setConfig({ testTimeout: (SECONDS + 300) * 1000 });

interface Sample {
  /** Frames or iterations. */
  readonly done: number;
  /** MiB of the page's process and of the GPU's. */
  readonly renderer: number;
  readonly gpu: number;
  /** MiB after a collection, and how many of the page's there are. */
  readonly heap: number;
  readonly listeners: number;
}

async function openAlone(hash: string): Promise<{ page: Page } & AsyncDisposable> {
  const browser = await launch();
  const [page] = (await browser.pages()) as [Page];
  await page.goto(new URL(`index.html${hash}`, inject('pageUrl')).href);
  return { page, [Symbol.asyncDispose]: () => browser.close() };
}

async function sample(page: Page, done: number): Promise<Sample> {
  const browser = await page.browser().target().createCDPSession();
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
  const resident = (type: string): number =>
    processInfo
      .filter((process) => process.type === type)
      .reduce((sum, { id }) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))![1]), 0) /
    1024;
  const session = await page.createCDPSession();
  await session.send('HeapProfiler.collectGarbage');
  const { JSHeapUsedSize = 0, JSEventListeners = 0 } = await page.metrics();
  await Promise.all([session.detach(), browser.detach()]);
  return {
    done,
    renderer: resident('renderer'),
    gpu: resident('GPU'),
    heap: JSHeapUsedSize / MIB,
    listeners: JSEventListeners,
  };
}

type Slopes = Readonly<Record<Exclude<keyof Sample, 'done'>, number>>;

/** Least squares, per frame or iteration. */
function slope(samples: readonly Sample[], of: keyof Slopes): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map(({ done }) => done)), mean(samples.map((taken) => taken[of]))];
  const covariance = mean(samples.map((taken) => (taken.done - x) * (taken[of] - y)));
  return covariance / mean(samples.map(({ done }) => (done - x) ** 2));
}

async function soak(what: string, page: Page, doneOf: () => Promise<number>): Promise<Slopes> {
  const samples: Sample[] = [];
  const until = Date.now() + SECONDS * 1000;
  while (Date.now() < until) {
    samples.push(await sample(page, await doneOf()));
    await new Promise((resolve) => setTimeout(resolve, (SECONDS * 1000) / SAMPLES));
  }
  const late = samples.slice(Math.ceil(samples.length * WARM_UP));
  const slopes: Slopes = {
    renderer: slope(late, 'renderer'),
    gpu: slope(late, 'gpu'),
    heap: slope(late, 'heap'),
    listeners: slope(late, 'listeners'),
  };
  const [first, last] = [samples[0]!, samples.at(-1)!];
  console.log(`${what}, ${SECONDS} s: ${JSON.stringify({ first, last, slopes })}`);
  return slopes;
}

test('the camera', async () => {
  await using opened = await openAlone(`#${TEN}&sample=church`);
  const { page } = opened;
  await mapNumber(page, 1);
  await page.click('#camera');
  await page.waitForFunction(() => (window.gradlens.state.camera?.frames ?? 0) >= 3, { timeout: 100_000 });
  const slopes = await soak('the camera, per frame', page, () =>
    page.evaluate(() => window.gradlens.state.camera!.frames),
  );
  expect(slopes.renderer).toBeLessThan(0.1); // 2.3 where frames were drawn
  expect(slopes.gpu).toBeLessThan(0.1);
  expect(slopes.heap).toBeLessThan(0.01);
  expect(slopes.listeners).toBeLessThan(0.05); // 0.96 where each frame left one
});

test('a class model', async () => {
  await using opened = await openAlone(`#tab=class-model&${TEN}&sample=church&iterations=100000`);
  const { page } = opened;
  await settled(page);
  await page.click('#ascent-start');
  await page.waitForFunction(() => (window.gradlens.state.ascent?.iteration ?? 0) >= 1, { timeout: 100_000 });
  const slopes = await soak('a class model, per iteration', page, () =>
    page.evaluate(() => window.gradlens.state.ascent!.iteration),
  );
  expect(slopes.renderer).toBeLessThan(0.05);
  expect(slopes.gpu).toBeLessThan(0.05);
  expect(slopes.heap).toBeLessThan(0.005); // the curve of its scores
  expect(slopes.listeners).toBeLessThan(0.01);
});

test('networks, one after the other', async () => {
  await using opened = await openAlone(`#tab=class-model&${TEN}&sample=church`);
  const { page } = opened;
  await settled(page);
  const names = await page.$$eval('#model option', (options) => options.map(({ value }) => value).slice(0, 2));
  let switching = true;
  const switches = (async () => {
    for (let k = 1; switching; k++) {
      const { networks } = await stateOf(page);
      await setField(page, '#model', names[k % 2]!);
      await page.waitForFunction(
        (n) => window.gradlens.state.networks > n && window.gradlens.state.phase !== 'busy',
        { timeout: 100_000 },
        networks,
      );
    }
  })();
  const slopes = await soak('networks, per load', page, () => page.evaluate(() => window.gradlens.state.networks));
  switching = false;
  await switches;
  expect(slopes.renderer).toBeLessThan(0.5); // of 3.7 MiB of weights each
  expect(slopes.gpu).toBeLessThan(0.5);
  expect(slopes.heap).toBeLessThan(0.05);
  expect(slopes.listeners).toBeLessThan(0.1);
});
