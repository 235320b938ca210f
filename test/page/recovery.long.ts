/**
 * The browser's GPU process dies in the middle of what recovery.test.ts has no time for; `GRADLENS_PICTURES_TO` names a
 * folder for pictures of the page, just after the crash and in the end.
 */
import { join } from 'node:path';
import type { Page } from 'puppeteer';
import { expect, test, vi } from 'vitest';
import { alertOf, crashGpu, mapNumber, settled, stateOf, TEN } from './open';
import { endWorker, openAlone, openWithWorkers } from './openAlone';

vi.setConfig({ testTimeout: 900_000 });

const to = process.env['GRADLENS_PICTURES_TO'];

interface Activity {
  readonly hash: string;
  /** What is done once the page rests. */
  readonly begin?: (page: Page) => Promise<void>;
  /** What the line of activity says when the GPU is to go. */
  readonly during: RegExp;
  /** What is there in the end, and would be without the crash. */
  readonly result: (page: Page) => Promise<unknown>;
}

const mapOf = async (page: Page) => {
  await page.waitForFunction(() => window.gradlens?.state.map, { timeout: 200_000 });
  const { map, classes } = await settled(page);
  return { map, classes };
};
const ascentOf = async (page: Page) => {
  await page.waitForFunction(() => window.gradlens.state.ascent?.phase === 'finished', { timeout: 200_000 });
  return (await settled(page)).ascent;
};
const start = async (page: Page): Promise<void> => {
  await page.waitForFunction(() => window.gradlens?.state.phase === 'ready', { timeout: 100_000 });
  await page.click('#ascent-start');
};

const ACTIVITIES: Readonly<Record<string, Activity>> = {
  'the network is loaded': {
    hash: `#${TEN}&sample=church`,
    during: /^(Compiling|Uploading|Loading)/,
    result: mapOf,
  },
  'ten views are taken': { hash: `#${TEN}&sample=church&views=10`, during: /^Computing/, result: mapOf },
  'squares are covered': { hash: `#${TEN}&sample=church&method=occlusion`, during: /^Computing/, result: mapOf },
  'a gallery of class models grows': {
    hash: `#tab=class-model&${TEN}&sample=church&target=all&iterations=6`,
    begin: start,
    during: /^Iteration/,
    result: ascentOf,
  },
  'a class model is paused': {
    hash: `#tab=class-model&${TEN}&sample=church&iterations=24`,
    begin: async (page) => {
      await start(page);
      await page.waitForFunction(() => (window.gradlens.state.ascent?.iteration ?? 0) > 1);
      await page.click('#ascent-pause');
      await page.waitForFunction(() => window.gradlens.state.ascent?.phase === 'paused'); // after its iteration
    },
    during: /^Paused/,
    result: async (page) => {
      if ((await stateOf(page)).ascent?.phase === 'paused') await page.click('#ascent-pause');
      return ascentOf(page);
    },
  },
  'a segmentation is made': {
    hash: `#tab=segmentation&${TEN}&sample=parachute`,
    during: /^(Computing|Segment|Cutting|Finding)/,
    result: async (page) => {
      await page.waitForFunction(() => window.gradlens?.state.segmentations > 0, { timeout: 200_000 });
      const { segmentation } = await settled(page);
      return { mask: segmentation!.mask, box: segmentation!.box };
    },
  },
};

async function made({ hash, begin, during, result }: Activity, name: string, crash: boolean): Promise<unknown> {
  await using opened = await openAlone(hash);
  const { page } = opened;
  await begin?.(page);
  if (!crash) return await result(page); // before the browser is closed
  const picture = async (when: string): Promise<void> => {
    if (to) await page.screenshot({ path: join(to, `${name.replaceAll(' ', '-')}-${when}.png`) });
  };
  await page.waitForFunction(
    (source) => new RegExp(source).test(document.querySelector('#activity-text')?.textContent ?? ''),
    { timeout: 100_000, polling: 10 },
    during.source,
  );
  await crashGpu(page);
  await page.waitForFunction(() => window.gradlens.state.losses === 1);
  await picture('lost');
  await page.waitForFunction(() => window.gradlens.state.recoveries === 1, { timeout: 100_000 });
  const there = await result(page);
  await picture('back');
  expect(await alertOf(page)).toBe('');
  expect((await stateOf(page)).error).toBeNull();
  return there;
}

test.each(Object.entries(ACTIVITIES))('while %s: it is repeated, to the same bits', async (name, activity) => {
  const [alone, again] = [await made(activity, name, false), await made(activity, name, true)];
  expect(again).toEqual(alone);
});

test('a worker that ends amid a class model begins again; after the third time the page says so', async () => {
  await using opened = await openWithWorkers(`#tab=class-model&${TEN}&sample=church&iterations=8`);
  const { page } = opened;
  await start(page);
  await page.waitForFunction(() => (window.gradlens.state.ascent?.iteration ?? 0) > 1, { timeout: 100_000 });
  await endWorker(page);
  await page.waitForFunction(() => window.gradlens.state.revivals === 1);
  const made = await ascentOf(page);
  expect(await alertOf(page)).toBe('');

  await endWorker(page);
  await page.waitForFunction(() => window.gradlens.state.revivals === 2);
  const { ascent, phase, networks } = await settled(page);
  expect({ ascent, phase, networks }).toEqual({ ascent: made, phase: 'ready', networks: 1 });
  await page.click('[role=tab][aria-controls=saliency]');
  const { map } = await mapNumber(page, 1);

  await endWorker(page);
  await page.waitForFunction(() => window.gradlens.state.phase === 'failed');
  expect(await alertOf(page)).toContain('the part of it that computes has ended');
  expect((await stateOf(page)).map).toEqual(map);
});
