/** Pictures that are opened together, on the page. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElementHandle } from 'puppeteer';
import { expect, test } from 'vitest';
import { mapNumber, openQuick, stateOf } from './open';

test('each has its map and its class, in order; a broken one says so; any can be looked at closer', async () => {
  const broken = join(mkdtempSync(join(tmpdir(), 'gradlens-album-')), 'broken.png');
  writeFileSync(broken, 'no picture');
  const files = ['samples/imagenette/church.jpg', broken, 'samples/school-bus.jpg', 'samples/ladybug.jpg'];
  const { page, errors, close } = await openQuick();
  await mapNumber(page, 1);
  expect(await page.$eval('#album', (section) => (section as HTMLElement).hidden)).toBe(true);

  await ((await page.$('#file')) as ElementHandle<HTMLInputElement>).uploadFile(...files);
  await page.waitForFunction(() => window.gradlens.state.album.length === 4, { timeout: 100_000 });
  const { album, map } = await stateOf(page);
  expect(album.map(({ picture }) => picture)).toEqual(['church.jpg', 'broken.png', 'school-bus.jpg', 'ladybug.jpg']);
  expect(map!.picture).toBe('church.jpg');
  expect(album[0]).toEqual({ picture: 'church.jpg', class: map!.class, label: map!.label, score: map!.score });
  expect(album[1]).toMatchObject({ failure: expect.stringMatching(/decode/) });
  const drawn = await page.$$eval('#album-pictures canvas', (all) =>
    all.map((canvas) => {
      const { width, height } = canvas;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, width, height);
      return [width, new Set(data).size > 30];
    }),
  );
  expect(drawn).toEqual([
    [240, true],
    [1, false],
    [240, true],
    [240, true],
  ]);

  await page.click('#album-pictures li:nth-child(3) button');
  const closer = await mapNumber(page, 3);
  expect(closer.picture!.name).toBe('school-bus.jpg');
  expect(closer.map.score).toBe((album[2] as { score: number }).score);
  expect(closer.album).toEqual(album); // nothing is made twice

  await page.click('#album-close');
  expect(await page.$eval('#album', (section) => (section as HTMLElement).hidden)).toBe(true);
  expect(errors).toEqual([]);
  await close();
});
