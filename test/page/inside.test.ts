/** A network of one's own: what its file leaves open, and its inside, by numbers. */
import { expect, test } from 'vitest';
import { stagesOf } from '../../src/compile/stages';
import { type Model, classModel } from '../../src/index';
import { createNodeEngine, fileAddress, readImage } from '../../src/node';
import { alertOf, mapNumber, openQuick, setField, settled, stateOf } from './open';
import { twoConvolutions } from './ownNet';

const relative = (value: number, expected: number): number => Math.abs(value - expected) / Math.abs(expected);

test('a net of one’s own says what was concluded, takes what its file leaves open, and shows its inside', async () => {
  const { page, errors, close } = await openQuick();
  await mapNumber(page, 1);
  // two small convolutions that take pictures of any size
  const path = twoConvolutions({ seed: 5, extents: ['height', 'width'], head: 'mean' });
  await (await page.$('input#file'))!.uploadFile(path); // refused, since its size is open
  await page.waitForFunction(() => window.gradlens.state.error !== null, { timeout: 100_000 });
  expect(await alertOf(page)).toContain('height');
  expect(await page.$eval('#network', (details) => (details as HTMLDetailsElement).open)).toBe(true);

  await setField(page, '#net-form [name=size]', '24x32');
  await setField(page, '#net-form [name=head]', 'sigmoid');
  await page.click('#net-form button');
  await page.waitForFunction(
    () => window.gradlens.state.phase !== 'busy' && (window.gradlens.state.maps > 1 || window.gradlens.state.error),
    { timeout: 200_000 },
  );
  expect((await stateOf(page)).error).toBeNull();
  const { network, map, classes } = await mapNumber(page, 2);
  expect(network!.inputShape).toEqual([1, 3, 24, 32]);
  expect([map.width, map.height]).toEqual([32, 24]);
  expect(classes[0]!.probability).toBeCloseTo(1 / (1 + Math.exp(-classes[0]!.score)), 5);
  const notes = await page.$$eval('#network-notes li', (all) => all.map(({ textContent }) => textContent));
  expect(notes[0]).toMatch(/^Pictures become 24×32, .*; a guess, since /);
  expect(notes[1]).toBe('Probabilities: sigmoid, since the caller says so.');
  expect(await page.$eval('#prep', (menu) => (menu as HTMLSelectElement).options[0]!.textContent)).toMatch(
    /^a guess: /,
  );

  await page.evaluate(() => document.querySelector<HTMLButtonElement>('#inside-start')!.click());
  await page.waitForFunction(() => window.gradlens.state.inside !== null, { timeout: 100_000 });
  const { inside } = await settled(page);
  using engine = await createNodeEngine();
  const model = await engine.load(fileAddress(path), { size: [24, 32], prep: 'guess' });
  const picture = await readImage('samples/school-bus.jpg');
  const stages = stagesOf(model.file.graph);
  expect(inside!.stages.map(({ channels, height, width }) => [channels, height, width])).toEqual([
    [8, 24, 32],
    [8, 12, 16],
    [10, 1, 1],
  ]);
  const { tensors } = await (await model.probe(['relu1', 'relu2'])).vjp(picture, () => ({}));
  const mean = (data: Float32Array): number => data.reduce((sum, value) => sum + value, 0) / data.length;
  expect(inside!.stages[0]!.tensor).toBe('relu1');
  expect(relative(inside!.stages[0]!.mean!, mean(tensors['relu1']!))).toBeLessThan(1e-3);
  expect(relative(inside!.stages[2]!.mean!, mean(await model.scores(picture)))).toBeLessThan(1e-3);
  expect(await page.$$eval('.strip button', (all) => all.length)).toBe(stages.length);

  await page.evaluate(() => document.querySelector<HTMLButtonElement>('.strip button')!.click());
  expect(await page.$$eval('.channels button', (all) => all.length)).toBe(8);
  await page.evaluate(() => document.querySelector<HTMLButtonElement>('.channels button[data-channel="3"]')!.click());
  await page.waitForFunction(() => window.gradlens.state.inside?.unit?.iteration === 96, { timeout: 100_000 });
  const { unit } = (await settled(page)).inside!;
  const at = { tensor: 'relu1', channel: 3 };
  const { scores, gradient } = await model.inputGradient(picture, { class: at });
  expect(relative(unit!.value, scores[0]!)).toBeLessThan(1e-3);
  const largest = Array.from({ length: 24 * 32 }, (_, i) =>
    Math.max(...[0, 1, 2].map((c) => Math.abs(gradient[c * 24 * 32 + i]!))),
  );
  expect(relative(unit!.l2, Math.hypot(...largest))).toBeLessThan(1e-3);
  expect(unit!.score).toBeGreaterThan(await firstScoreOf(model, at));
  expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('unit')).toBe('relu1:3');

  await page.evaluate(() => document.querySelector<HTMLButtonElement>('.steps button')!.click());
  await page.waitForFunction(() => window.gradlens.state.inside?.steps, { timeout: 100_000 });
  const { steps } = (await stateOf(page)).inside!;
  expect(steps!.count).toBe(model.plan.forward.length + model.plan.backward.length);
  expect(await page.$eval('.program pre', (code) => code.textContent)).toContain('@compute');
  expect(errors).toEqual([]);
  await close();
});

async function firstScoreOf(
  model: Model,
  unit: { readonly tensor: string; readonly channel: number },
): Promise<number> {
  const run = classModel(model, { class: unit, preset: 'vivid', iterations: 2 });
  const first = await run.next();
  await run.return(undefined as never);
  return (first.value as { readonly score: number }).score;
}
