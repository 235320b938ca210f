/** The picture that fools the network, on the page. */
import { expect, test } from 'vitest';
import { mapNumber, openQuick, setField, settled, stateOf } from './open';

test('a picture is changed within the bound until the net says something else, as fields and address say', async () => {
  const { page, errors, close } = await openQuick('#levels=8');
  const { map } = await mapNumber(page, 1);
  expect((await stateOf(page)).attack).toBeNull();
  await page.click('#attack-form button');
  await page.waitForFunction(() => window.gradlens.state.attack !== null, { timeout: 100_000 });
  const { attack } = await settled(page);
  expect(attack).toMatchObject({ norm: 'max', before: { class: map.class, score: map.score } });
  expect(attack!.length.max).toBeCloseTo(8 / 255, 6);
  expect(attack!.after.probability).not.toBe(attack!.before.probability);
  expect(attack!.succeeded).toBe(attack!.after.class !== map.class);
  const drawn = await page.$$eval('#attack-place canvas', (all) => all.map((canvas) => canvas.toDataURL()));
  expect(new Set(drawn).size).toBe(4);
  expect(await page.$eval('#attack-place p', (words) => words.textContent)).toMatch(/now says|still says/);

  // once it was asked for, it follows its fields, and so does the address
  await setField(page, '#attack-form [name=norm]', 'l2');
  await page.waitForFunction(() => window.gradlens.state.attack?.norm === 'l2', { timeout: 100_000 });
  const { attack: other } = await settled(page);
  expect(other!.length.l2).toBeLessThan(1 + 1e-6);
  expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('norm')).toBe('l2');
  expect(await page.$eval('[name=levels]', (field) => field.checkVisibility())).toBe(false);

  await page.click('#samples li:not([hidden]) button[aria-pressed=false]');
  await mapNumber(page, 2);
  expect((await stateOf(page)).attack).toBeNull();
  expect(await page.$$('#attack-place canvas')).toEqual([]);
  expect(errors).toEqual([]);
  await close();
});
