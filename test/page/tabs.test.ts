/** The three instruments, each by its numbers. */
import { expect, inject, test } from 'vitest';
import { readNpy } from '../../src/formats/npy';
import { textsOf } from '../../src/image/png';
import { relativeL2 } from '../../src/compare';
import { CLASS_MODEL_PRESETS, METHODS, areasOf, classModel, gainOf, verdictOf } from '../../src/index';
import { createNodeEngine } from '../../src/node';
import { QUICK } from '../quickNets';
import { chooseRadio, mapNumber, openQuick, savedBy, setField, settled, stateOf, TEN } from './open';
import { twoConvolutions } from './ownNet';

const MODEL = `${QUICK}weights/imagenette-128-robust/model.json`;

test('every method makes its own map, with the fields that it has', async () => {
  const { page, errors, close } = await openQuick();
  await mapNumber(page, 1);
  // small: occlusion alone runs a net 225 times
  await (await page.$('input#file'))!.uploadFile(twoConvolutions({ seed: 3, extents: [24, 24], head: 'whole' }));
  const plain = await mapNumber(page, 2);
  await setField(page, '#saliency [name=samples]', '4');
  await mapNumber(page, 3);
  await page.$eval('#settings', (settings) => {
    (settings as HTMLDetailsElement).open = true;
  });
  const shown = (): Promise<(string | undefined)[]> =>
    page.$$eval('#saliency [data-option]', (all) =>
      all
        .filter((label) => (label as HTMLElement).checkVisibility())
        .map((label) => (label as HTMLElement).dataset['option']),
    );
  let { maps } = await stateOf(page);
  for (const { name, title, meaning, options, signed } of METHODS.filter(({ name }) => name !== 'saliency')) {
    await chooseRadio(page, 'method', name);
    const { map } = await mapNumber(page, ++maps);
    expect({ method: map.method, meta: map.meta['method'], signed: map.signed }).toEqual({
      method: name,
      meta: name,
      signed: signed(map.meta),
    });
    const fields = Object.keys(options).filter((option) => 'default' in options[option]!);
    expect(new Set(await shown()), name).toEqual(new Set(fields));
    expect(await page.$eval('#map-title', (element) => element.textContent)).toBe(`${title}:`);
    expect(await page.$eval('#map-text', (element) => element.textContent)).toBe(`${meaning}.`);
    expect(relativeL2(map.values, plain.map.values), name).toBeGreaterThan(0.1);
  }
  await chooseRadio(page, 'method', 'saliency');
  await mapNumber(page, ++maps);
  await setField(page, '#saliency [name=views]', '10');
  expect((await mapNumber(page, ++maps)).map.meta).toMatchObject({ views: 10 });
  await setField(page, '#saliency [name=channels]', 'sum');
  const signed = await mapNumber(page, ++maps);
  expect(signed.map.signed).toBe(true);
  expect(Math.min(...signed.map.values)).toBeLessThan(0);
  expect(await page.$eval('#legend-low', (end) => end.textContent)).toContain('−');
  expect(errors).toEqual([]);
  await close();
}, 300_000); // each method compiles its own kernels, on the CPU

test('a second class stands beside the first, and one that there is not is said not to be', async () => {
  const { page, close } = await openQuick(`#${TEN}&sample=church`);
  const first = await mapNumber(page, 1);
  await setField(page, '#beside', 'parachute');
  const { second, map } = await mapNumber(page, 2);
  expect(second).toMatchObject({ label: 'parachute', picture: 'church' });
  expect(relativeL2(second!.data, map.values)).toBeGreaterThan(0.1);
  expect(map.values).toEqual(first.map.values);
  await setField(page, '#beside', 'castle');
  expect(await page.$eval('#beside', (field) => (field as HTMLInputElement).validationMessage)).toBe(
    'This network has no such class.',
  );
  await close();
});

test('the checks of a map: what random weights leave of it, and where its curves begin and end', async () => {
  const { page, errors, close } = await openQuick(`#${TEN}&sample=golf-ball`);
  const { map, classes } = await mapNumber(page, 1);
  await page.click('#sanity-start');
  await page.waitForFunction(() => window.gradlens.state.sanity !== null, { timeout: 170_000 });
  const { sanity } = await settled(page);
  const { randomised, curves, evidence, verdict } = sanity!;
  expect(randomised.map(({ layers }) => layers)).toEqual([1, 1000]);
  for (const { correlation, map: other } of randomised) {
    expect(correlation).toBeLessThan(0.9);
    expect(relativeL2(other.data, map.values)).toBeGreaterThan(0.1);
  }
  expect(curves.deletion[0]).toBeCloseTo(classes[0]!.score, 3);
  expect(curves.insertion.at(-1)).toBeCloseTo(curves.deletion[0]!, 3);
  expect(curves.insertion[0]).toBeCloseTo(curves.deletion.at(-1)!, 3);
  expect(await page.$$eval('#sanity-maps canvas', (all) => all.length)).toBe(2);
  expect(verdict).toEqual(verdictOf(evidence, classes.at(-1)!.label));
  expect(evidence.map).toEqual(areasOf(curves, 4));
  for (const areas of evidence.random) expect(Math.abs(gainOf(areas))).toBeLessThan(0.15);
  expect(evidence.withShuffled).toBe(randomised.at(-1)!.correlation);
  expect(evidence.withOther).toBeLessThan(0.9);
  const shown = await page.$$eval('.verdict strong, .verdict tbody tr:first-child td', (all) =>
    all.map(({ textContent }) => textContent),
  );
  expect(shown[0]).toBe(verdict.sentence);
  expect(shown.at(-1)).toBe(gainOf(evidence.map).toFixed(2).replace('-', '−'));

  await page.click(`#classes input[value="${classes[1]!.index}"]`);
  await mapNumber(page, 2);
  expect((await stateOf(page)).sanity).toBeNull();
  expect(errors).toEqual([]);
  await close();
});

test('a class model grows, pauses, goes on, and is the one that the library makes', async () => {
  const { page, errors, close } = await openQuick(
    `#tab=class-model&${TEN}&sample=church&class=golf+ball&iterations=12&recipe=paper`,
  );
  await settled(page);
  await page.click('#ascent-start');
  await page.waitForFunction(() => (window.gradlens.state.ascent?.iteration ?? 0) >= 1, { timeout: 100_000 });
  await page.click('#ascent-pause');
  await page.waitForFunction(() => window.gradlens.state.ascent!.phase !== 'running', { timeout: 100_000 });
  if ((await stateOf(page)).ascent!.phase === 'paused') {
    const { iteration } = (await stateOf(page)).ascent!;
    expect(iteration).toBeLessThan(12);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await stateOf(page)).ascent!.iteration).toBe(iteration);
    await page.click('#ascent-pause');
  }
  await page.waitForFunction(() => window.gradlens.state.ascent!.phase === 'finished', { timeout: 200_000 });
  const { ascent } = await settled(page);
  expect(ascent).toMatchObject({
    names: ['golf ball'],
    iteration: 12,
    meta: { preset: 'paper', l2: CLASS_MODEL_PRESETS.paper.l2 },
  });
  expect(ascent!.scores[0]).toHaveLength(12);
  expect(ascent!.scores[0]!.at(-1)).toBeGreaterThan(ascent!.scores[0]![0]! + 1);

  // by the browser's own driver: from the zero image, where all is tied, rounding decides where the ascent goes
  using engine = await createNodeEngine({ icd: 'swiftshader' });
  const model = await engine.load(new URL(MODEL, inject('pageUrl')));
  const run = classModel(model, { class: 8, preset: 'paper', iterations: 12 });
  let next = await run.next();
  while (!next.done) next = await run.next();
  const { name, bytes } = await savedBy(page, '#save-npy');
  expect(name).toBe('class-model-golf-ball.npy');
  const { shape, data } = readNpy(new Uint8Array(bytes));
  expect(shape).toEqual([1, 3, 128, 128]);
  expect(relativeL2(data, next.value.data)).toBeLessThan(1e-3);
  expect(errors).toEqual([]);
  await close();
});

test('a class model is cancelled in the middle, keeps what it has, and the next one begins anew', async () => {
  const { page, errors, close } = await openQuick(`#tab=class-model&${TEN}&iterations=1000&target=gallery`);
  await settled(page);
  await page.click('#ascent-start');
  await page.waitForFunction(() => (window.gradlens.state.ascent?.iteration ?? 0) >= 1, { timeout: 200_000 });
  await page.click('#ascent-cancel');
  const { ascent, phase } = await settled(page);
  expect({ phase, of: ascent!.phase, names: ascent!.names.length }).toEqual({
    phase: 'ready',
    of: 'cancelled',
    names: 10,
  });
  expect(ascent!.iteration).toBeLessThan(1000);
  expect(await page.$$eval('#gallery canvas', (all) => all.length)).toBe(10);

  await setField(page, '#target', 'neuron');
  await setField(page, '#tensor', 'conv2');
  await setField(page, '#channel', '7');
  await setField(page, 'input[name=iterations]', '2');
  await page.click('#ascent-start');
  await page.waitForFunction(() => window.gradlens.state.ascent?.phase === 'finished', { timeout: 100_000 });
  expect((await settled(page)).ascent).toMatchObject({ names: ['conv2, channel 7'], iteration: 2 });

  await setField(page, 'input[name=step]', '0.00001');
  await page.click('#ascent-start');
  await page.waitForFunction(
    () => document.querySelector('#activity-text')!.textContent.includes('It is nearly of one colour'),
    { timeout: 100_000 },
  );

  await settled(page);
  await setField(page, '#channel', '7000');
  await page.click('#ascent-start');
  await page.waitForFunction(() => window.gradlens.state.error !== null, { timeout: 100_000 });
  expect((await stateOf(page)).error).toMatchObject({ code: 'shape', message: expect.stringContaining('conv2') });
  expect(errors).toEqual([]);
  await close();
});

test('a segmentation has a mask, its box and its energy, and follows its parameters', async () => {
  const { page, errors, close } = await openQuick(`#tab=segmentation&${TEN}&sample=parachute`);
  await page.waitForFunction(() => window.gradlens?.state.segmentations === 1, { timeout: 100_000 });
  const { segmentation: first } = await settled(page);
  const {
    mask,
    seeds,
    width,
    height,
    box: [left, top, boxWidth, boxHeight],
    energy,
  } = first!;
  expect(mask).toHaveLength(width * height);
  const on = Array.from(mask).flatMap((value, i) => (value ? [[i % width, Math.floor(i / width)] as const] : []));
  expect([
    Math.min(...on.map(([x]) => x)),
    Math.min(...on.map(([, y]) => y)),
    Math.max(...on.map(([x]) => x)) + 1,
    Math.max(...on.map(([, y]) => y)) + 1,
  ]).toEqual([left, top, left + boxWidth, top + boxHeight]);
  expect(energy).toBeGreaterThan(0);
  const share = (label: number): number => Array.from(seeds).filter((value) => value === label).length / seeds.length;
  expect(share(1)).toBeCloseTo(0.05, 1);
  expect(share(2)).toBeCloseTo(0.3, 1);

  await setField(page, 'input[name=foreground]', '0.8');
  await page.waitForFunction(() => window.gradlens.state.segmentations === 2, { timeout: 100_000 });
  const { segmentation: second } = await settled(page);
  expect(Array.from(second!.seeds).filter((value) => value === 1).length / seeds.length).toBeCloseTo(0.2, 1);
  expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('foreground')).toBe('0.8');

  const { bytes } = await savedBy(page, '#save-npy');
  expect(Array.from(readNpy(new Uint8Array(bytes)).data)).toEqual(Array.from(second!.mask));
  expect(errors).toEqual([]);
  await close();
});

test('what is saved as JSON says all that is shown, and all that it depends on', async () => {
  const link = `#${TEN}&sample=church&class=church&relu=guided`;
  const { page, close } = await openQuick(link);
  const { map } = await mapNumber(page, 1);
  const { name, bytes } = await savedBy(page, '#save-json');
  expect(name).toBe('church-church.json');
  const record = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  expect(record).toMatchObject({
    by: 'gradlens',
    link,
    parameters: { relu: 'guided' },
    picture: { name: 'church', width: 480 },
    network: { name: 'imagenette-128-robust' },
    map: { label: 'church', relu: 'guided', method: 'saliency' },
  });
  expect((record['map'] as { data: number[] }).data).toEqual(map.values);
  const png = textsOf((await savedBy(page, '#save-png')).bytes);
  expect(JSON.parse(png['gradlens']!)).toMatchObject({
    link,
    map: { label: 'church', relu: 'guided', score: map.score, data: '16384 values' },
  });
  await close();
});
