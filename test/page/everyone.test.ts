/** Without WebGPU, without a mouse, on a phone. */
import { expect, test } from 'vitest';
import { alertOf, mapNumber, openQuick, stateOf } from './open';

test.each([
  [
    'no WebGPU',
    'no-webgpu',
    'This browser has no WebGPU',
    "Object.defineProperty(navigator, 'gpu', { value: undefined })",
  ],
  [
    'an insecure address',
    'insecure-context',
    'https',
    "Object.defineProperty(navigator, 'gpu', { value: undefined }); Object.defineProperty(globalThis, " +
      "'isSecureContext', { value: false })",
  ],
  [
    'no adapter',
    'no-adapter',
    'graphics acceleration',
    "Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => null } })",
  ],
] as const)(
  'with %s the page says why and what helps, and still shows the pictures',
  async (_, code, words, prepare) => {
    const { page, errors, close } = await openQuick('', prepare);
    await page.waitForFunction(() => window.gradlens?.state.phase === 'unavailable');
    expect((await stateOf(page)).error!.code).toBe(code);
    expect(await alertOf(page)).toContain(words);
    expect(await page.$eval('#picture', (image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
    expect(
      await page.$$eval(
        'select, #classes, #opacity, #save-png, .stage canvas, #answer, progress',
        (all) => all.filter((element) => (element as HTMLElement).checkVisibility()).length,
      ),
    ).toBe(0);

    await page.waitForFunction(() => document.querySelectorAll('#ready-results img').length === 6);
    const captions = (): Promise<string> =>
      page.$eval('#ready-results', (results) => results.textContent.replaceAll('\n', ' '));
    expect(await captions()).toMatch(/^Where it looks.*“school bus”.*The object.*“school bus”.*What it looks for/);
    expect(await page.$$eval('#ready-all img', (all) => all.length)).toBeGreaterThan(18);
    expect(
      await page.$eval('#ready-results img', async (image) => {
        await image.decode();
        return image.naturalWidth;
      }),
    ).toBeGreaterThan(0);

    await page.click('#samples button[value="ladybug"]');
    await page.waitForFunction(
      () => window.gradlens.state.picture?.name === 'ladybug' && window.gradlens.state.phase === 'unavailable',
    );
    expect(await alertOf(page)).toContain(words);
    await page.waitForFunction(() => document.querySelector('#ready-results')!.textContent.includes('“ladybug”'));
    expect(errors).toEqual([]);
    await close();
  },
);

test('everything can be done with the keyboard, and the focus is seen', async () => {
  const { page, errors, close } = await openQuick();
  const first = await mapNumber(page, 1);
  const seen: string[] = [];
  const tab = async (): Promise<string> => {
    await page.keyboard.press('Tab');
    const { name, ring } = await page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement;
      const ringed = ['file', 'radio'].includes(element.type) ? element.labels![0]! : element;
      // fields that are made of the methods' options have a name and no id
      const menu = element.closest('select')?.name;
      const name = element.id || menu || element.value || element.textContent.trim();
      return { name, ring: getComputedStyle(ringed).outlineStyle };
    });
    expect(ring, name).not.toBe('none');
    seen.push(name);
    return name;
  };
  while ((await tab()) !== 'ladybug');
  await page.keyboard.press('Enter');
  const ladybug = await mapNumber(page, 2);
  expect(ladybug.picture!.name).toBe('ladybug');

  while ((await tab()) !== String(ladybug.classes[0]!.index));
  await page.keyboard.press('ArrowDown');
  const second = await mapNumber(page, 3);
  expect(second.map.class).toBe(ladybug.classes[1]!.index);
  expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).value)).toBe(String(second.map.class));

  while ((await tab()) !== 'Settings');
  await page.keyboard.press('Enter');
  while ((await tab()) !== 'relu');
  await page.keyboard.press('ArrowDown');
  expect((await mapNumber(page, 4)).map.relu).toBe('deconvnet');
  while ((await tab()) !== 'save-json');
  expect(seen).toEqual(
    expect.arrayContaining([
      'file',
      'camera',
      'More',
      'tab-saliency',
      'over',
      'saliency',
      'opacity',
      'colours',
      'clip',
      'sanity-start',
      'save-png',
      'save-npy',
      'copy-link',
    ]),
  );
  expect(first.picture!.name).toBe('school bus');
  expect(errors).toEqual([]);
  await close();
});

test('360 pixels are wide enough, and targets are 24 pixels or more', async () => {
  const { page, close } = await openQuick();
  await page.setViewport({ width: 360, height: 740 });
  await mapNumber(page, 1);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  const small = await page.$$eval('button:not([hidden]), .button, select, input[type=range], label, summary', (all) =>
    all
      .filter((element) => (element as HTMLElement).checkVisibility() && element.getBoundingClientRect().height < 24)
      .map((element) => element.outerHTML),
  );
  expect(small).toEqual([]);
  await close();
});

test('colours, percentile and opacity change the drawing and not the numbers', async () => {
  const { page, close } = await openQuick();
  const before = await mapNumber(page, 1);
  const drawings = new Set<string>();
  const drawing = (): Promise<string> =>
    page.evaluate(() =>
      ['map', 'overlay'].map((id) => (document.getElementById(id) as HTMLCanvasElement).toDataURL()).join(),
    );
  drawings.add(await drawing());
  for (const [id, value] of [
    ['colours', 'gray'],
    ['clip', '95'],
    ['opacity', '20'],
  ] as const) {
    await page.$eval(
      `#${id}`,
      (control, value) => {
        (control as HTMLInputElement).value = value;
        control.dispatchEvent(new Event('input', { bubbles: true }));
        control.dispatchEvent(new Event('change', { bubbles: true }));
      },
      value,
    );
    drawings.add(await drawing());
  }
  expect(drawings.size).toBe(4);
  expect((await stateOf(page)).map).toEqual(before.map);
  expect(await page.$eval('#legend-high', (end) => end.textContent)).toContain('percentile 95');
  await close();
});
