/**
 * Every fault at every GPU call of every public call, and the loss of the device, which takes a new one each time, at
 * every n-th: `GRADLENS_LOSSES` says n. Prints what was tried.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { nodeDrivers } from '../node';
import { FAULTS } from './injected';
import { CALLS, injectionOn } from './injection';

const driver = nodeDrivers[0]!;
const EVERY = Number(process.env['GRADLENS_LOSSES'] ?? 8);

describe(`GPU calls that fail on ${driver}`, () => {
  const injection = injectionOn(driver);
  afterAll(() => injection.dispose());

  test.each(['load', ...Object.keys(CALLS)])('%s', { timeout: 3_600_000 }, async (name) => {
    const wrong: string[] = [];
    const all = (await injection.all(name)).filter(({ k, fault }) => fault !== 'loss' || k % EVERY === 0);
    for (const { k, fault } of all)
      await injection.inject(name, k, fault).catch((error: unknown) => {
        wrong.push(String(error).split('\n')[0]!);
        injection.dispose();
      });
    const tried = FAULTS.map((fault) => `${all.filter((one) => one.fault === fault).length} ${fault}`);
    console.log(`${name}: ${all.length} injections (${tried.join(', ')}), ${wrong.length} misbehaved`);
    expect(wrong, `of ${all.length}`).toEqual([]);
  });
});
