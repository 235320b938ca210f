/**
 * The browser's GPU process dies in the middle of everything that the page does: in one page of a Chromium that gives
 * it back any number of times, and in one that does not.
 */
import type { Page } from 'puppeteer';
import { describe, expect, test } from 'vitest';
import { recover, repeatedly } from '../../src/demo/worker/recovery';
import { alertOf, crashGpu, mapNumber, openQuick, setField, settled, stateOf, TEN } from './open';
import { endWorker, openAlone, openWithWorkers } from './openAlone';

/** Crashes it, and waits until the page has it back. */
async function crashAndRecover(page: Page): Promise<void> {
  const before = (await stateOf(page)).recoveries;
  await crashGpu(page);
  await page.waitForFunction((n) => window.gradlens.state.recoveries > n, { timeout: 100_000 }, before);
}

const activityOf = (page: Page): Promise<string> => page.$eval('#activity-text', (line) => line.textContent);

/** What the canvases show, to be compared. */
const picturesOf = (page: Page, selector: string): Promise<string[]> =>
  page.$$eval(selector, (all) => (all as HTMLCanvasElement[]).map((canvas) => canvas.toDataURL()));

describe('a loss', () => {
  test('before the first map costs a moment only', async () => {
    await using opened = await openQuick(`#${TEN}&sample=church`);
    const { page } = opened;
    await page.waitForFunction(() => window.gradlens?.state.networks === 1, { timeout: 100_000 });
    await crashGpu(page);
    const { map, check, losses, recoveries } = await mapNumber(page, 1);
    expect({ picture: map.picture, ok: check?.ok, losses, recoveries }).toEqual({
      picture: 'church',
      ok: true,
      losses: 1,
      recoveries: 1,
    });
    expect(await alertOf(page)).toBe('');
  });

  test('leaves the map that is shown, and the next one is right', async () => {
    await using opened = await openQuick(`#${TEN}&sample=church`);
    const { page } = opened;
    const before = await mapNumber(page, 1);
    await crashAndRecover(page);
    const after = await settled(page);
    expect({ maps: after.maps, phase: after.phase, error: after.error }).toEqual({
      maps: 1,
      phase: 'ready',
      error: null,
    });
    expect(await alertOf(page)).toBe('');
    await page.click('#samples button[value="parachute"]');
    await mapNumber(page, 2);
    await page.click('#samples button[value="church"]');
    expect((await mapNumber(page, 3)).map.values).toEqual(before.map.values);
  });

  test('in the middle of a long map begins that map again', async () => {
    await using opened = await openQuick(`#${TEN}&sample=church&method=smoothgrad&samples=48`);
    const { page } = opened;
    await page.waitForFunction(() => document.querySelector('#activity-text')?.textContent.startsWith('Computing:'), {
      timeout: 100_000,
    });
    await crashAndRecover(page);
    expect((await mapNumber(page, 1)).map).toMatchObject({ picture: 'church', method: 'smoothgrad' });
  });

  test('in the middle of a class model lets it go on, to the same bits', async () => {
    const hash = `#tab=class-model&${TEN}&sample=church&iterations=30&recipe=vivid`;
    const finished = async (page: Page) => {
      await page.waitForFunction(() => window.gradlens.state.ascent?.phase === 'finished', { timeout: 200_000 });
      return (await settled(page)).ascent!;
    };
    await using opened = await openQuick(hash);
    const { page } = opened;
    await settled(page);
    await page.click('#ascent-start');
    const alone = await finished(page);

    await page.click('#ascent-start');
    await page.waitForFunction(
      () => {
        const { ascent } = window.gradlens.state;
        return ascent?.phase === 'running' && ascent.iteration > 4;
      },
      { timeout: 100_000 },
    );
    await crashGpu(page);
    await page.waitForFunction(() => window.gradlens.state.losses === 1);
    const { ascent } = await stateOf(page);
    expect(ascent!.phase).toBe('running');
    expect(await page.$$eval('#gallery canvas', (all) => all.length)).toBe(1);
    await page.waitForFunction(() => window.gradlens.state.recoveries === 1, { timeout: 100_000 });
    const again = await finished(page);
    expect(again.scores).toEqual(alone.scores);
    expect(again.data).toEqual(alone.data);
    expect(again.meta).toEqual(alone.meta);
  });

  test('leaves a finished class model where it is', async () => {
    await using opened = await openQuick(`#tab=class-model&${TEN}&sample=church&iterations=3`);
    const { page } = opened;
    await settled(page);
    await page.click('#ascent-start');
    await page.waitForFunction(() => window.gradlens.state.ascent?.phase === 'finished', { timeout: 200_000 });
    const before = await settled(page);
    const pictures = await picturesOf(page, '#gallery canvas');
    await crashAndRecover(page);
    await page.click('[role=tab][aria-controls=saliency]');
    await mapNumber(page, 1);
    await page.click('[role=tab][aria-controls=class-model]');
    const after = await settled(page);
    expect(after.ascent).toEqual(before.ascent);
    expect(await picturesOf(page, '#gallery canvas')).toEqual(pictures);
  });

  test('in the middle of a segmentation ends in the same mask', async () => {
    await using opened = await openQuick(`#tab=segmentation&${TEN}&sample=parachute`);
    const { page } = opened;
    await page.waitForFunction(() => window.gradlens?.state.segmentations === 1, { timeout: 100_000 });
    const before = await settled(page);
    await setField(page, 'input[name=foreground]', '0.9');
    await crashAndRecover(page);
    await page.waitForFunction(() => window.gradlens.state.segmentations === 2, { timeout: 100_000 });
    await setField(page, 'input[name=foreground]', String(before.segmentation!.meta['foreground']));
    await page.waitForFunction(() => window.gradlens.state.segmentations === 3, { timeout: 100_000 });
    expect((await settled(page)).segmentation!.mask).toEqual(before.segmentation!.mask);
  });

  test('in the middle of the check of a map ends in the same curves and maps', async () => {
    await using opened = await openQuick(`#${TEN}&sample=church`);
    const { page } = opened;
    await mapNumber(page, 1);
    const checked = async (number: number) => {
      await page.waitForFunction(
        (n) =>
          document.querySelector('#activity-text')?.textContent === 'Checked.' && window.gradlens.state.losses === n,
        { timeout: 200_000 },
        number,
      );
      return (await settled(page)).sanity!;
    };
    await page.click('#sanity-start');
    const alone = await checked(0);
    const pictures = await picturesOf(page, '#sanity-maps canvas');
    await page.click('#sanity-start');
    await page.waitForFunction(() => document.querySelector('#activity-text')?.textContent !== 'Checked.');
    await crashAndRecover(page);
    expect(await checked(1)).toEqual(alone);
    expect(await picturesOf(page, '#sanity-maps canvas')).toEqual(pictures);
    expect(await alertOf(page)).toBe('');
  });

  test('lets the camera run on', async () => {
    await using opened = await openQuick(`#${TEN}&sample=church`);
    const { page } = opened;
    await mapNumber(page, 1);
    await page.click('#camera');
    await page.waitForFunction(() => (window.gradlens.state.camera?.frames ?? 0) >= 2, { timeout: 100_000 });
    await crashAndRecover(page);
    const { camera } = await stateOf(page);
    await page.waitForFunction(
      (n) => window.gradlens.state.camera!.frames > n + 1,
      { timeout: 100_000 },
      camera!.frames,
    );
    expect(await alertOf(page)).toBe('');
    await page.click('#cancel');
    expect((await mapNumber(page, 2)).map.picture).toBe('church');
  });

  test('in a tab that nobody looks at is made good when somebody does', async () => {
    await using opened = await openQuick(`#${TEN}&sample=church`);
    const { page } = opened;
    await mapNumber(page, 1);
    const look = (visibility: 'hidden' | 'visible'): Promise<void> =>
      page.evaluate((visibility) => {
        Object.defineProperty(document, 'visibilityState', { configurable: true, value: visibility });
        document.dispatchEvent(new Event('visibilitychange'));
      }, visibility);
    await look('hidden');
    await crashGpu(page);
    await page.waitForFunction(() => window.gradlens.state.losses === 1);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect((await stateOf(page)).recoveries).toBe(0);
    await look('visible');
    await page.waitForFunction(() => window.gradlens.state.recoveries === 1, { timeout: 100_000 });
    expect((await settled(page)).phase).toBe('ready');
  });
});

test('after the second loss the page says what helps and nothing else, and its address brings all back', async () => {
  await using opened = await openAlone(`#${TEN}&sample=church&relu=guided`);
  const { page } = opened;
  const before = await mapNumber(page, 1);
  await crashAndRecover(page);
  await crashGpu(page);
  await page.waitForFunction(() => window.gradlens.state.error !== null, { timeout: 100_000 });
  const { phase, map, error } = await stateOf(page);
  expect({ phase, code: error!.code }).toEqual({ phase: 'failed', code: 'no-adapter' });
  expect(map).toEqual(before.map);
  expect(await alertOf(page)).toContain('press F5 or, on a Mac, ⌘R');
  expect(await page.$eval('#alert-action', (button) => (button as HTMLElement).hidden)).toBe(true);
  expect(await activityOf(page)).toBe('The last result is still shown.');
  expect(new URL(page.url()).hash).toBe(`#${TEN}&sample=church&relu=guided`);

  // what needs the GPU says so again; what does not goes on
  await page.click('#samples button[value="parachute"]');
  await page.waitForFunction(() => {
    const { picture, phase } = window.gradlens.state;
    return picture?.name === 'parachute' && phase === 'failed';
  });
  expect(await stateOf(page)).toMatchObject({ map: null, classes: [], picture: { name: 'parachute' } });
  expect(new URL(page.url()).hash).toBe(`#${TEN}&sample=parachute&relu=guided`);

  await page.reload(); // by the browser
  expect((await mapNumber(page, 1)).map).toMatchObject({ picture: 'parachute', relu: 'guided' });
});

test('a worker that cannot be loaded is asked for again, and one that ends is begun anew', async () => {
  await using opened = await openWithWorkers(`#${TEN}&sample=church`, '/there/is/none.js');
  const { page } = opened;
  await page.waitForSelector('#alert-action:not([hidden])');
  await page.click('#alert-action');
  const before = await mapNumber(page, 1);
  await endWorker(page);
  await page.waitForFunction(() => window.gradlens.state.revivals === 1);
  expect((await mapNumber(page, 2)).map).toEqual(before.map); // what was shown is shown anew
  await page.click('#samples button[value="parachute"]');
  await mapNumber(page, 3);
  await page.click('#samples button[value="church"]');
  expect((await mapNumber(page, 4)).map.values).toEqual(before.map.values);
  expect(await alertOf(page)).toBe('');
});

test('curves are drawn again where the crash emptied their canvas', async () => {
  await using opened = await openAlone(`#tab=class-model&${TEN}&sample=church&iterations=4`);
  const { page } = opened;
  await settled(page);
  await page.click('#ascent-start');
  await page.waitForFunction(() => window.gradlens.state.ascent?.phase === 'finished', { timeout: 200_000 });
  const [before] = await picturesOf(page, '#score-curve canvas');
  const emptied = await page.$eval('#score-curve canvas', (element) => {
    const canvas = element;
    const context = canvas.getContext('2d')!;
    context.clearRect(0, 0, canvas.width, canvas.height);
    const empty = canvas.toDataURL();
    canvas.dispatchEvent(new Event('contextrestored'));
    return empty;
  });
  expect(emptied).not.toBe(before);
  await page.waitForFunction(
    (before) => document.querySelector<HTMLCanvasElement>('#score-curve canvas')!.toDataURL() === before,
    {},
    before,
  );
});

describe('attempts', () => {
  const failing = (times: number): (() => Promise<string>) => {
    let left = times;
    return async () => {
      if (left-- > 0) throw new Error(`${left} left`);
      return 'there';
    };
  };
  const pauses: number[] = [];
  const pause = async (milliseconds: number): Promise<void> => void pauses.push(milliseconds);

  test('have a pause before each, and end', async () => {
    expect(await recover(failing(0), [1, 20], pause)).toBe('there');
    expect(await recover(failing(1), [1, 20], pause)).toBe('there');
    await expect(recover(failing(2), [1, 20], pause)).rejects.toThrow('0 left');
    expect(pauses).toEqual([1, 1, 20, 1, 20]);
  });

  test('are made of a job that lost the GPU, and of no other', async () => {
    let restored = 0;
    const run = (job: () => Promise<string>, isLoss: boolean): Promise<string> =>
      repeatedly(
        job,
        () => isLoss,
        async () => void restored++,
      );
    expect(await run(failing(2), true)).toBe('there');
    expect(restored).toBe(2);
    await expect(run(failing(3), true)).rejects.toThrow('0 left');
    expect(restored).toBe(4);
    await expect(run(failing(1), false)).rejects.toThrow('0 left');
    expect(restored).toBe(4);
  });
});
