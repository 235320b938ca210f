/** What the page says belongs to what it shows; and there is a way back from everywhere. */
import { join } from 'node:path';
import type { Page } from 'puppeteer';
import { expect, test } from 'vitest';
import { DEFAULT_MODEL } from '../../src/publicModels';
import { DATA, data } from '../needs';
import {
  alertOf,
  chooseRadio,
  mapNumber,
  openDemo,
  openQuick,
  openWithSmallPictures,
  setField,
  settled,
  stateOf,
  TEN,
} from './open';

const textOf = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, (element) => element.textContent.replace(/\s+/g, ' ').trim());

/** Fails every request for a network from elsewhere, as a firewall does. */
async function blockOthers(page: Page): Promise<void> {
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    const isOurs = /^(blob:|data:)/.test(request.url()) || new URL(request.url()).hostname === '127.0.0.1';
    void (isOurs ? request.continue() : request.abort('blockedbyclient'));
  });
}

test('Back takes back a picture, a class and a method, one by one', async () => {
  const { page, close } = await openQuick(`#${TEN}&sample=church`);
  const first = await mapNumber(page, 1);
  await page.click('#samples button[value="parachute"]');
  await mapNumber(page, 2);
  await chooseRadio(page, 'method', 'grad-cam');
  await mapNumber(page, 3);
  await page.goBack();
  expect((await mapNumber(page, 4)).map).toMatchObject({ picture: 'parachute', method: 'saliency' });
  await page.goBack();
  const back = await mapNumber(page, 5);
  expect(back.map.values).toEqual(first.map.values);
  await page.goForward();
  expect((await mapNumber(page, 6)).map).toMatchObject({ picture: 'parachute', method: 'saliency' });
  await close();
});

test('Back leads to a picture of one’s own, too, which no address names', async () => {
  const { page, close } = await openQuick(`#${TEN}&sample=church`);
  await mapNumber(page, 1);
  await (await page.$('input#file'))!.uploadFile('samples/imagenette/gas-pump.jpg');
  const own = await mapNumber(page, 2);
  await page.click('#samples button[value="parachute"]');
  await mapNumber(page, 3);
  await page.goBack();
  const back = await mapNumber(page, 4);
  expect(back.picture!.name).toBe('gas-pump.jpg');
  expect(back.map.values).toEqual(own.map.values);
  await close();
});

test('a link that names what there is not says what, and shows the rest', async () => {
  const { page, close } = await openQuick(
    '#sample=nosuch&class=walrus&method=foo&views=99&tab=magic&colour=red&clip=95',
  );
  const { map, classes } = await mapNumber(page, 1);
  expect(map).toMatchObject({ picture: 'school bus', class: classes[0]!.index, method: 'saliency' });
  await page.waitForFunction(() => !(document.querySelector('#alert') as HTMLElement).hidden);
  const said = await alertOf(page);
  for (const name of [
    'sample “nosuch”',
    'class “walrus”',
    'method “foo”',
    'views “99”',
    'tab “magic”',
    'field “colour”',
  ])
    expect(said).toContain(name);
  expect(said).not.toContain('clip');
  await page.click('#alert-close');
  expect(await alertOf(page)).toBe('');
  await close();
});

test('a network that cannot be fetched is said to be out of reach, and the one before goes on', async () => {
  const { page, close } = await openQuick();
  await mapNumber(page, 1);
  await blockOthers(page);
  await setField(page, '#model', 'squeezenet1.1');
  const { error } = await settled(page);
  expect(error!.message).toMatch(/^SqueezeNet 1.1 cannot be fetched: huggingface\.co is not reached from here\./);
  expect(await page.$eval('#model', (menu) => (menu as HTMLSelectElement).value)).toBe(DEFAULT_MODEL);
  await page.click('#samples button[value="ladybug"]');
  expect((await mapNumber(page, 2)).map.picture).toBe('ladybug');
  expect(await alertOf(page)).toBe('');
  await close();
});

test('a camera’s frames are shown by the method that is chosen, with its name, its scale and their class', async () => {
  const { page, errors, close } = await openDemo(`#${TEN}&sample=church&method=grad-cam`);
  await mapNumber(page, 1);
  const scale = await textOf(page, '#legend-high');
  await page.click('#camera');
  const frames = (count: number) =>
    page.waitForFunction((n) => (window.gradlens.state.camera?.frames ?? 0) >= n, { timeout: 100_000 }, count);
  await frames(2);
  const { map } = await stateOf(page);
  expect(map).toMatchObject({ picture: 'camera', method: 'grad-cam' });
  expect(await textOf(page, '#map-title')).toBe('Grad-CAM:');
  expect(await textOf(page, '#legend-high')).not.toBe(scale);
  expect(await textOf(page, '#answer-title')).not.toContain('church,');
  expect(await page.$$eval('#samples [aria-pressed=true]', (all) => all.length)).toBe(0);

  await chooseRadio(page, 'method', 'gradient-times-input'); // without an end to the camera
  await page.waitForFunction(() => window.gradlens.state.map?.method === 'gradient-times-input', { timeout: 100_000 });
  expect((await stateOf(page)).camera!.frames).toBeGreaterThan(2);
  expect(await textOf(page, '#map-title')).toBe('Gradient × input:');
  await page.click('#cancel');
  expect((await mapNumber(page, 2)).map).toMatchObject({ picture: 'church', method: 'gradient-times-input' });
  expect(await textOf(page, '#answer-title')).toContain('church');
  expect(errors).toEqual([]);
  await close();
});

test('a new picture empties what was said of the one before', async () => {
  const { page, close } = await openDemo(`#${TEN}&sample=golf-ball`);
  await mapNumber(page, 1);
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { seen });
    // whatever is written beside the name of the new picture
    new MutationObserver(() => {
      if (document.querySelector('#picture-text')!.textContent.startsWith('church'))
        seen.push(
          ['#classes', '#answer-title', '#map-title', '#summary']
            .map((selector) => document.querySelector(selector)!.textContent)
            .join(' '),
        );
    }).observe(document.querySelector('main')!, { subtree: true, childList: true, characterData: true });
    document.querySelector<HTMLButtonElement>('#samples button[value="church"]')!.click();
  });
  await mapNumber(page, 2);
  const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen);
  expect(seen[0]).not.toContain('98.');
  expect(seen.some((text) => /golf ball9\d\.|says golf ball|for “golf ball”/.test(text.replace(/score \S+/, '')))).toBe(
    false,
  );
  await close();
});

test(
  'a picture unlike its training is said to be, and the network that knows more is one click away',
  DATA,
  async () => {
    const { page, close } = await openDemo(`#${TEN}&sample=golf-ball`);
    await mapNumber(page, 1);
    expect((await stateOf(page)).doubt).toBeNull();
    await (await page.$('input#file'))!.uploadFile(join(data, 'photos/n02123045_tabby.jpg'));
    await mapNumber(page, 2);
    expect((await stateOf(page)).doubt).not.toBeNull();
    expect(await textOf(page, '#doubt')).toMatch(/It knows 10 things.*Ask SqueezeNet 1\.1: 1000 things, 5 MB/);
    await page.click('#all-classes');
    expect(await page.$$eval('#class-names button', (all) => all.length)).toBe(10);
    await page.click('#class-names button');
    expect((await mapNumber(page, 3)).map.label).toBe('cassette player');
    await close();
  },
);

test('small pictures of the other methods come by themselves, and choosing one shows it at once', async () => {
  const { page, errors, close } = await openWithSmallPictures(`#${TEN}&sample=church`);
  await mapNumber(page, 1);
  await page.waitForFunction(
    () => document.querySelector<HTMLCanvasElement>('.method:has([value=grad-cam]) canvas')!.width > 1,
    { timeout: 100_000 },
  );
  await chooseRadio(page, 'method', 'grad-cam');
  const { map, milliseconds } = await mapNumber(page, 2);
  expect(map.method).toBe('grad-cam');
  expect(milliseconds.gradient).toBeLessThan(50); // it was made already
  expect(errors).toEqual([]);
  await close();
});
