/** What a camera that runs for hours leaves behind: nothing. */
import { expect, test } from 'vitest';
import { mapNumber, openQuick, TEN } from './open';

const FRAMES = 12;

/** In the worker: counts what frames become, and tells it in the console when asked by a message of its own. */
const COUNTING = `
  const { createImageBitmap: make } = globalThis;
  globalThis.createImageBitmap = (...args) => (console.debug('bitmap'), make(...args));
  const { copyTo } = VideoFrame.prototype;
  VideoFrame.prototype.copyTo = function (...args) { console.debug('copy'); return copyTo.apply(this, args); };
`;

test('a frame leaves no listener on the page, and is not drawn where its bytes are there', async () => {
  const { page, errors, close } = await openQuick(`#${TEN}&sample=church`, COUNTING);
  const told: string[] = [];
  page.on('console', (message) => void (message.type() === 'debug' && told.push(message.text())));
  await mapNumber(page, 1);
  await page.evaluate(() => {
    const live = { count: 0, drawn: 0 };
    Object.assign(window, { live });
    const { drawImage } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.drawImage = function (this: CanvasRenderingContext2D, ...args: unknown[]) {
      if (!(args[0] instanceof HTMLCanvasElement)) live.drawn++;
      Reflect.apply(drawImage, this, args);
    };
    const { addEventListener, removeEventListener } = AbortSignal.prototype;
    AbortSignal.prototype.addEventListener = function (...args: Parameters<typeof addEventListener>) {
      live.count++;
      return addEventListener.apply(this, args);
    };
    AbortSignal.prototype.removeEventListener = function (...args: Parameters<typeof removeEventListener>) {
      live.count--;
      return removeEventListener.apply(this, args);
    };
  });
  const liveAfter = async (frames: number): Promise<number> => {
    await page.waitForFunction((n) => (window.gradlens.state.camera?.frames ?? 0) >= n, { timeout: 100_000 }, frames);
    return page.evaluate(() => (window as unknown as { live: { count: number } }).live.count);
  };
  told.length = 0;
  await page.click('#camera');
  const early = await liveAfter(2);
  const late = await liveAfter(FRAMES);
  expect(Math.abs(late - early)).toBeLessThanOrEqual(2); // one frame is under way at either time
  // the picture under the map comes by bytes, too
  expect(await page.evaluate(() => (window as unknown as { live: { drawn: number } }).live.drawn)).toBe(0);
  const blank = await page.evaluate(() => {
    const overlay = document.querySelector<HTMLCanvasElement>('#overlay')!;
    const { data } = overlay.getContext('2d')!.getImageData(0, 0, overlay.width, overlay.height);
    return data.every((value, i) => value === data[i % 4]);
  });
  expect(blank).toBe(false);
  await page.click('#cancel');
  await mapNumber(page, 2);
  expect(told.filter((what) => what === 'copy').length).toBeGreaterThanOrEqual(FRAMES);
  expect(told.filter((what) => what === 'bitmap')).toEqual([]);
  expect(errors).toEqual([]);
  await close();
});
