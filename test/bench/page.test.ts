import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElementHandle, Page } from 'puppeteer';
import { describe, expect, inject, test } from 'vitest';
import { type Report, parseReport } from '../../bench/report';
import { crashGpu } from '../../scripts/mishaps.mjs';
import { chromiumPage } from '../chromium';
import { launchUnforgiving } from '../launch';

const QUICK = 'net=tiny&contenders=gradlens&runs=3&seconds=0.05&warm-up=0.5';

const stateOf = (page: Page, state: string) =>
  page.waitForFunction((wanted) => document.body.dataset['state'] === wanted, { timeout: 50_000 }, state);
const textOf = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, (element) => element.textContent);

/** In a Chromium of its own, which gives no GPU after the second loss. */
async function alone(path: string): Promise<{ page: Page } & AsyncDisposable> {
  const browser = await launchUnforgiving();
  const [page] = (await browser.pages()) as [Page];
  await page.goto(new URL(path, inject('pageUrl')).href);
  return { page, [Symbol.asyncDispose]: () => browser.close() };
}

describe('the benchmark page', () => {
  test('runs what its address says, checks it, and shows and exports the numbers', async () => {
    await using opened = await chromiumPage(`bench/index.html?${QUICK}&what=forward,gradient&start`);
    const { page, errors } = opened;
    await stateOf(page, 'done');

    const report: Report = parseReport(await textOf(page, '#json'));
    expect(report.rows.map(({ what, contender, status }) => [what, contender, status])).toEqual([
      ['forward', 'gradlens', 'ok'],
      ['gradient', 'gradlens', 'ok'],
    ]);
    const [forward, gradient] = report.rows as [Report['rows'][number], Report['rows'][number]];
    expect(forward.wallMs!.n).toBeGreaterThanOrEqual(3);
    expect(gradient.gflops).toBeCloseTo((gradient.imagesPerSecond! * 2 * 3_284_992) / 1e9, 6);
    expect(gradient.calls!.submits).toBe(1);
    expect(gradient.calls!.dispatches).toBeGreaterThan(forward.calls!.dispatches);
    expect(gradient.gpuBytes!.peak).toBeGreaterThan(4 * 25_000);
    expect(gradient.cold).toMatchObject({ fresh: true });
    expect(report.environment.selfTest).toMatchObject({ ok: true });
    for (const rate of Object.values(report.probe!)) expect(rate).toBeGreaterThanOrEqual(0);
    expect(report.probe!.fmaGflops).toBeGreaterThan(0.01);

    expect(report.environment.adapter.isFallbackAdapter).toBe(true);
    expect(await page.$eval('#software', (element) => (element as HTMLElement).hidden)).toBe(false);
    expect(
      await page.$$eval('#cases section:not(.layers) tbody tr', (rows) => rows.map((row) => row.dataset['contender'])),
    ).toEqual(['gradlens', 'gradlens']);
    expect(
      await page.$$eval('.layers tbody tr', (rows) =>
        rows.map((row) => [row.cells[0]!.textContent, row.dataset['direction']]),
      ),
    ).toEqual(report.layers[0]!.steps.map(({ label, direction }) => [label, direction]));
    expect(await textOf(page, '#environment')).toContain('self-test passed');

    // twice as slow: the page says so
    const older = {
      ...report,
      rows: report.rows.map((row) => ({
        ...row,
        wallMs: { ...row.wallMs!, median: row.wallMs!.median / 9, p10: row.wallMs!.p10 / 9, p90: row.wallMs!.p10 / 8 },
      })),
    };
    const file = join(mkdtempSync(join(tmpdir(), 'gradlens-bench-')), 'older.json');
    writeFileSync(file, JSON.stringify(older));
    await ((await page.$('#before')) as ElementHandle<HTMLInputElement>).uploadFile(file);
    await page.waitForSelector('#comparison td[data-verdict]');
    expect(await page.$$eval('#comparison td[data-verdict]', (cells) => cells.map((cell) => cell.textContent))).toEqual(
      ['slower', 'slower'],
    );
    expect(errors).toEqual([]);
  });

  test('reports parameters it does not know, and does not begin', async () => {
    await using opened = await chromiumPage('bench/index.html?net=tiny&colour=red&start');
    await opened.page.waitForSelector('#alert:not([hidden])');
    expect(await textOf(opened.page, '#alert')).toContain("no option 'colour'");
    expect(await opened.page.evaluate(() => document.body.dataset['state'])).toBeUndefined();
  });

  test('repeats what ran when the GPU was lost, keeps what was measured, and says what helps next time', async () => {
    const quick = 'net=tiny&contenders=gradlens&runs=100000&seconds=0.5&warm-up=0.2';
    await using opened = await alone(`bench/index.html?${quick}&batch=1,2&probe=0&layers=0`);
    const { page } = opened;
    await page.waitForSelector('#net input');
    const during = (sentence: string) =>
      page.waitForFunction(
        (part) => document.querySelector('#status')!.textContent.includes(part),
        { polling: 20, timeout: 50_000 },
        sentence,
      );
    await page.click('#run');
    await during('batch 2, gradient: timing');
    const before = parseReport(await textOf(page, '#json'));
    await crashGpu(page);
    await stateOf(page, 'done');
    const { rows, environment } = parseReport(await textOf(page, '#json'));
    expect(rows.map(({ batch, status }) => [batch, status])).toEqual([
      [1, 'ok'],
      [2, 'ok'],
    ]);
    expect(rows[0]).toEqual(before.rows[0]);
    expect(rows[1]!.cold).toMatchObject({ fresh: false });
    expect(environment.selfTest).toMatchObject({ ok: true });
    expect(await page.$eval('#alert', (alert) => (alert as HTMLElement).hidden)).toBe(true);

    await page.click('#run');
    await during('batch 1, gradient: timing');
    await crashGpu(page);
    await stateOf(page, 'failed');
    expect(await textOf(page, '#alert')).toContain('reload the page by F5 or, on a Mac, ⌘R');
  });

  test('keeps its form in the address, and can be cancelled', async () => {
    await using opened = await chromiumPage(`bench/index.html?${QUICK}&probe=0`);
    const { page, errors } = opened;
    await page.waitForSelector('#net input');
    await page.evaluate(() => {
      const seconds = document.querySelector<HTMLInputElement>('#seconds')!;
      seconds.value = '100';
      document.querySelector<HTMLInputElement>('#runs')!.value = '100000';
      seconds.dispatchEvent(new Event('change', { bubbles: true }));
    });
    expect(new URL(page.url()).search).toBe(
      '?net=tiny&contenders=gradlens&runs=100000&seconds=100&warm-up=0.5&probe=0',
    );
    await page.click('#run');
    await page.waitForFunction(() => document.querySelector('#status')!.textContent.includes('timing gradlens'), {
      timeout: 50_000,
    });
    await page.click('#cancel');
    await stateOf(page, 'cancelled');
    expect(await textOf(page, '#status')).toBe('Cancelled.');
    expect(await page.$eval('#run', (button) => (button as HTMLButtonElement).disabled)).toBe(false);
    expect(errors).toEqual([]);
  });
});
