/**
 * A Chromium that draws its pages on the CPU, as headless ones do, does not give WebGPU its video frames; one that
 * draws by Vulkan does. So this runs in both, and sees in the second that no picture goes through the CPU.
 */
import type { Page } from 'puppeteer';
import { expect, test } from 'vitest';
import { chromiumPage } from '../chromium';
import type { FatalReport, FrameReport } from './frames';

const HARNESS = 'test/browser/harness.html';
const VULKAN = [
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--ignore-gpu-blocklist',
];

async function reportOf(page: Page): Promise<FrameReport> {
  await page.waitForFunction(() => 'prepareFrames' in window);
  return page.evaluate(() => window.prepareFrames());
}

async function fatalReportOf(page: Page): Promise<FatalReport> {
  await page.waitForFunction(() => 'copyFatally' in window);
  return page.evaluate(() => window.copyFatally());
}

function expectRight({ kinds, open, closed, live }: FrameReport): void {
  for (const [kind, { difference }] of Object.entries(kinds)) {
    // what is see-through was multiplied and divided by its alpha in bytes, which costs half a level at most
    expect(difference, kind).toBeLessThanOrEqual(kind.startsWith('see-through') ? 0.5 : 1e-4);
  }
  expect(open).toBe(true);
  expect(closed).toContain('the VideoFrame was closed: keep it open until the call is done');
  expect(live[1]).toBe(live[0]);
  expect(live[2]).toBe(0);
}

test('frames and bitmaps are the same pixels as in bytes, through the CPU where nothing else works', async () => {
  await using opened = await chromiumPage(`${HARNESS}?hardware`);
  // where the libraries of a desktop are missing, the first question kills the GPU process
  const report = await reportOf(opened.page).catch((error: unknown) => {
    if (!String(error).includes('The GPU device was lost')) throw error;
    return reportOf(opened.page);
  });
  expectRight(report);
});

test('on a software adapter frames go by their own bytes, and the browser is not asked for anything else', async () => {
  await using opened = await chromiumPage(HARNESS);
  const { kinds, ...rest } = await reportOf(opened.page);
  expectRight({ kinds, ...rest });
  for (const [kind, { readBacks }] of Object.entries(kinds))
    if (kind.includes('frame')) expect(readBacks, kind).toBeGreaterThan(0);
  expect(await fatalReportOf(opened.page)).toEqual({ first: 'answered', difference: 0, asked: 0 });
});

test('where the first copy of a frame takes the GPU with it, the next device gets frames by bytes', async () => {
  await using opened = await chromiumPage(`${HARNESS}?hardware`);
  expect(await fatalReportOf(opened.page)).toEqual({ first: 'device-lost', difference: 0, asked: 1 });
});

test('where the browser can, they go to the network without a copy through the CPU', async () => {
  await using opened = await chromiumPage(`${HARNESS}?hardware`, VULKAN);
  const report = await reportOf(opened.page);
  expectRight(report);
  expect(Object.entries(report.kinds).filter(([, { readBacks }]) => readBacks > 0)).toEqual([]);
});

test('a frame, an external texture and a canvas of WebGPU are recorded as the same pixels in bytes', async () => {
  await using opened = await chromiumPage(`${HARNESS}?hardware`, VULKAN);
  await opened.page.waitForFunction(() => 'recordFrames' in window);
  const untold = 'an external texture does not tell its extents';
  expect(await opened.page.evaluate(() => window.recordFrames())).toEqual({
    'canvas of WebGPU': expect.toSatisfy((error: number) => error < 1e-5),
    frame: expect.toSatisfy((error: number) => error < 1e-5),
    'external texture': expect.toSatisfy((error: number) => error < 1e-5),
    'external texture that does not tell its extents': expect.stringContaining(untold),
  });
});
