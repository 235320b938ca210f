/** The network's inside, by its numbers. */
import { expect, test } from 'vitest';
import { stagesOf } from '../../src/compile/stages';
import { classModel } from '../../src/index';
import { createNodeEngine, fileAddress, readImage } from '../../src/node';
import { mapNumber, openDemo, settled, stateOf } from './open';

const MODEL = 'weights/imagenette-128-robust/model.json';

test('the inside of the network: stages as inspect lists them, a unit by its address, and its program', async () => {
  const { page, errors, close } = await openDemo('#sample=golf-ball&unit=relu2_1:5');
  await mapNumber(page, 1);
  await page.waitForFunction(() => (window.gradlens.state.inside?.unit?.iteration ?? 0) === 96, { timeout: 200_000 });
  const { inside } = await settled(page);

  using engine = await createNodeEngine();
  const model = await engine.load(fileAddress(MODEL));
  const picture = await readImage('samples/golf-ball.jpg');
  const stages = stagesOf(model.file.graph);
  expect(inside!.stages.map(({ channels, height, width }) => [channels, height, width])).toEqual(
    stages.map(({ channels, height, width }) => [channels, height, width]),
  );
  const { scores, gradient } = await model.inputGradient(picture, { class: { tensor: 'relu2_1', channel: 5 } });
  expect(inside!.unit!.value / scores[0]!).toBeCloseTo(1, 2);
  expect(inside!.unit!.l2).toBeGreaterThan(0);
  expect(gradient.some((value) => value !== 0)).toBe(true);
  const last = inside!.stages.at(-1)!;
  const all = await model.scores(picture);
  expect(last.mean).toBeCloseTo(all.reduce((sum, value) => sum + value, 0) / all.length, 2);

  // what it looks for has a larger value than at the beginning
  const run = classModel(model, { class: { tensor: 'relu2_1', channel: 5 }, preset: 'vivid', iterations: 2 });
  const first = await run.next();
  await run.return(undefined as never);
  expect(inside!.unit!.score).toBeGreaterThan((first.value as { score: number }).score + 1);

  expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('unit')).toBe('relu2_1:5');
  expect(await page.$$eval('.strip button', (all) => all.length)).toBe(stages.length);
  await page.click('.steps button');
  await page.waitForFunction(() => window.gradlens.state.inside?.steps, { timeout: 100_000 });
  const { steps } = (await stateOf(page)).inside!;
  const { dispatches } = { dispatches: model.plan.forward.length + model.plan.backward.length };
  expect(steps!.count).toBe(dispatches);
  expect(await page.$eval('.program pre', (code) => code.textContent)).toContain('@compute');

  // another channel, by hand: its address follows
  await page.click('.channels button[data-channel="9"]');
  await page.waitForFunction(() => window.gradlens.state.inside?.unit?.channel === 9, { timeout: 100_000 });
  await page.click('#cancel');
  expect(await page.$eval('#unit', (field) => (field as HTMLInputElement).value)).toBe('relu2_1:9');
  expect(errors).toEqual([]);
  await close();
});
