/** Where things stand on the page, and that they stay there while it computes. */
import type { Page } from 'puppeteer';
import { expect, inject, test } from 'vitest';
import { chromiumPage } from '../chromium';
import { QUICK } from '../quickNets';
import { mapNumber } from './open';

declare global {
  interface Window {
    shifts: { at: number; value: number }[];
  }
}

interface Shift extends PerformanceEntry {
  readonly value: number;
  readonly hadRecentInput: boolean;
}

/** The largest sum of shifts within five seconds, each less than a second after the last: what browsers call CLS. */
function largestShift(shifts: Window['shifts']): number {
  let [largest, sum, first, last] = [0, 0, -Infinity, -Infinity];
  for (const { at, value } of shifts) {
    if (at - last > 1000 || at - first > 5000) [sum, first] = [0, at];
    last = at;
    sum += value;
    largest = Math.max(largest, sum);
  }
  return largest;
}

async function opened(viewport: Parameters<Page['setViewport']>[0]) {
  const { page, close } = await chromiumPage();
  await page.setViewport(viewport);
  await page.evaluateOnNewDocument(() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const { startTime, value, hadRecentInput } of list.getEntries() as Shift[])
        if (!hadRecentInput) window.shifts.push({ at: startTime, value });
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(new URL(`${QUICK}index.html`, inject('pageUrl')).href);
  await mapNumber(page, 1);
  return { page, close };
}

const PHONE = { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

test.each([
  ['a phone', PHONE],
  ['a screen', { width: 1280, height: 900 }],
])('on %s nothing moves while a map is made, the first and that of another class', async (_, viewport) => {
  const { page, close } = await opened(viewport);
  await page.click('#classes label:nth-child(2)');
  await mapNumber(page, 2);
  expect(largestShift(await page.evaluate(() => window.shifts))).toBeLessThan(0.1);
  await close();
});

test('on a phone the map is in the first 600 pixels, and the classes are seen with it', async () => {
  const { page, close } = await opened(PHONE);
  const places = await page.evaluate(() =>
    ['lens', 'classes', 'methods'].map((id) => {
      const { top, bottom } = document.getElementById(id)!.getBoundingClientRect();
      return { top, bottom };
    }),
  );
  const [map, classes, methods] = places;
  expect(map!.bottom).toBeLessThanOrEqual(600);
  expect(classes!.top).toBeGreaterThanOrEqual(map!.bottom);
  expect(classes!.bottom).toBeLessThan(PHONE.height);
  expect(methods!.top).toBeGreaterThanOrEqual(classes!.bottom);
  await close();
});
