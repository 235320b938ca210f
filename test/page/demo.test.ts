import { expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { relativeL2 } from '../../src/compare';
import { saliency } from '../../src/index';
import { createNodeEngine, fileAddress } from '../../src/node';
import { alertOf, giveFile, mapNumber, openDemo, openQuick, stateOf, TEN } from './open';

test('opens with a sample, its classes and its map, without an error', async () => {
  const { page, errors, close } = await openDemo();
  const { picture, classes, map, phase, error } = await mapNumber(page, 1);
  expect({ picture: picture?.name, phase, error }).toEqual({ picture: 'school bus', phase: 'ready', error: null });
  expect(classes).toHaveLength(5);
  expect(classes[0]!.score).toBeGreaterThanOrEqual(classes[1]!.score);
  expect(map).toMatchObject({
    class: classes[0]!.index,
    label: classes[0]!.label,
    score: expect.closeTo(classes[0]!.score, 4),
    width: 64,
    height: 64,
  });
  expect(map.l2).toBeGreaterThan(0);
  expect(await page.$eval('#map', (map) => map.getAttribute('aria-label'))).toContain(`“${map.label}”`);
  expect(await page.$eval('#answer', (answer) => answer.textContent.replace(/\s+/g, ' '))).toMatch(
    /The network says school bus, \d\d\.\d %\. These are the pixels that its answer hangs on\./,
  );
  expect(await page.$eval('#status-adapter', (adapter) => adapter.textContent)).toContain('software');
  await page.waitForFunction(() => window.gradlens.state.check !== null);
  expect((await stateOf(page)).check).toMatchObject({ ok: true });
  expect(errors).toEqual([]);
  await close();
});

test('shows the numbers that the engine gives in Node for the same pixels', async () => {
  const { page, close } = await openDemo(`#${TEN}&sample=church`);
  const { map } = await mapNumber(page, 1);
  const { width, height, text } = await page.evaluate(async () => {
    const image = document.querySelector<HTMLImageElement>('#picture')!;
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const context = canvas.getContext('2d')!;
    context.drawImage(image, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
    return { width, height, text: Array.from(data, (value) => String.fromCharCode(value)).join('') };
  });
  const pixels = { width, height, data: Uint8Array.from(text, (letter) => letter.charCodeAt(0)) };

  using engine = await createNodeEngine();
  const model = await engine.load(fileAddress('weights/imagenette-128-robust/model.json'));
  const expected = await saliency(model, pixels, { class: map.class });
  expect(relativeL2(map.values, expected.data)).toBeLessThan(1e-4);
  expect(map.score).toBeCloseTo(expected.score, 3);
  await close();
});

test('another class has its own map, and the address says which', async () => {
  const { page, errors, close } = await openQuick();
  const first = await mapNumber(page, 1);
  const other = first.classes[1]!;
  await page.click(`#classes input[value="${other.index}"]`);
  const second = await mapNumber(page, 2);
  expect(second.map).toMatchObject({ class: other.index, label: other.label, picture: 'school bus' });
  expect(relativeL2(second.map.values, first.map.values)).toBeGreaterThan(0.1);
  expect(second.classes).toEqual(first.classes);
  expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('class')).toBe(other.label);
  expect(errors).toEqual([]);
  await close();
});

test('an address with a sample, a class and a rule opens just that', async () => {
  const { page, close } = await openQuick(`#${TEN}&sample=parachute&class=church&relu=guided`);
  const { picture, map, classes } = await mapNumber(page, 1);
  expect({ picture: picture!.name, label: map.label, relu: map.relu }).toEqual({
    picture: 'parachute',
    label: 'church',
    relu: 'guided',
  });
  expect(classes.map(({ label }) => label)).toContain('church');
  expect(await page.$eval('#saliency [name=relu]', (select) => (select as HTMLSelectElement).value)).toBe('guided');

  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#${TEN}&sample=golf-ball`);
  expect((await mapNumber(page, 2)).map).toMatchObject({ picture: 'golf ball', relu: 'gradient' });
  await close();
});

test('of two quick clicks the last one counts, and nothing is mixed', async () => {
  const { page, errors, close } = await openQuick();
  await mapNumber(page, 1);
  await page.evaluate(() => {
    for (const name of ['pizza', 'ladybug'])
      document.querySelector<HTMLButtonElement>(`#samples button[value="${name}"]`)!.click();
  });
  const { picture, map, classes } = await mapNumber(page, 2);
  expect({ picture: picture!.name, of: map.picture, class: map.class }).toEqual({
    picture: 'ladybug',
    of: 'ladybug',
    class: classes[0]!.index,
  });

  const values = classes.slice(1, 4).map(({ index }) => index);
  await page.evaluate((values) => {
    for (const value of values) document.querySelector<HTMLInputElement>(`#classes input[value="${value}"]`)!.click();
  }, values);
  expect((await mapNumber(page, 3)).map.class).toBe(values[2]);
  expect(errors).toEqual([]);
  await close();
});

test('a picture of one’s own comes from a file, a drop or the clipboard, and is no part of the address', async () => {
  const { page, errors, close } = await openQuick('#sample=ladybug&class=pizza');
  await mapNumber(page, 1);
  await giveFile(page, 'drop', 'dropped.png');
  const dropped = await mapNumber(page, 2);
  expect(dropped.picture).toEqual({ name: 'dropped.png', width: 90, height: 60 });
  expect(dropped.map.class).toBe(dropped.classes[0]!.index);
  expect(new URL(page.url()).hash).toBe('');

  await giveFile(page, 'paste', 'pasted.png');
  const pasted = await mapNumber(page, 3);
  expect(pasted.picture!.name).toBe('pasted.png');
  expect(pasted.map.values).toEqual(dropped.map.values);

  const input = (await page.$('input#file'))!;
  await input.uploadFile('samples/imagenette/gas-pump.jpg');
  expect((await mapNumber(page, 4)).picture).toMatchObject({ name: 'gas-pump.jpg' });
  expect(errors).toEqual([]);
  await close();
});

test('a broken file is refused in one line, and the map that was there stays', async () => {
  const { page, errors, close } = await openQuick();
  const before = await mapNumber(page, 1);
  await giveFile(page, 'drop', 'broken.png', 'not a picture');
  await page.waitForFunction(() => window.gradlens.state.error !== null);
  expect(await alertOf(page)).toBe(
    'broken.png cannot be decoded as a picture. JPEG, PNG, WebP, AVIF and GIF files can.',
  );
  const after = await stateOf(page);
  expect(after.picture).toEqual(before.picture);
  expect(after.map).toEqual(before.map);

  await page.click('#samples button[value="ladybug"]');
  await mapNumber(page, 2);
  expect(await alertOf(page)).toBe('');
  expect(errors).toEqual([]);
  await close();
});

test('a broken file does not stop the map that is on its way', async () => {
  const { page, close } = await openQuick();
  await page.waitForFunction(() => window.gradlens?.state.picture !== null);
  await giveFile(page, 'drop', 'broken.png', 'not a picture');
  const { map } = await mapNumber(page, 1);
  expect(map.picture).toBe('school bus');
  expect(await alertOf(page)).toContain('broken.png');
  await close();
});

test('a model of one’s own is taken as a model.json with its weights, and weights alone are refused', async () => {
  const { page, close } = await openDemo(`#${TEN}`);
  const before = await mapNumber(page, 1);
  const { file } = (
    JSON.parse(readFileSync('weights/imagenette-128-robust/model.json', 'utf8')) as { weights: { file: string } }
  ).weights;
  const input = (await page.$('input#file'))!;
  await input.uploadFile(`weights/imagenette-128-robust/${file}`);
  await page.waitForFunction(() => window.gradlens.state.error !== null);
  expect(await alertOf(page)).toContain('model.json');
  expect((await stateOf(page)).map).toEqual(before.map);

  await input.uploadFile('weights/imagenette-128-robust/model.json', `weights/imagenette-128-robust/${file}`);
  const after = await mapNumber(page, 2);
  expect(after.map.values).toEqual(before.map.values);
  await close();
});
