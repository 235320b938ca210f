/**
 * Every fault at every GPU call of every public call, but the loss of the device, which takes a new one each time, at
 * every eighth. Of the calls that make thousands of GPU calls, 400 faults each, evenly chosen; `GRADLENS_INJECTIONS`
 * says how many instead (`Infinity`: all). Prints what was tried.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { nodeDrivers } from '../node';
import { FAULTS } from './injected';
import { CALLS, injectionOn } from './injection';

const driver = nodeDrivers[0]!;
const MOST = Number(process.env['GRADLENS_INJECTIONS'] ?? 400);
const LOSS_EVERY = 8;

describe(`GPU calls that fail on ${driver}`, () => {
  const injection = injectionOn(driver);
  afterAll(() => injection.dispose());

  test.each(['load', ...Object.keys(CALLS)])('%s', { timeout: 3_600_000 }, async (name) => {
    const wrong: string[] = [];
    const possible = (await injection.all(name)).filter(({ k, fault }) => fault !== 'loss' || k % LOSS_EVERY === 0);
    const all = possible.filter((_, n) => n % Math.max(1, Math.ceil(possible.length / MOST)) === 0);
    for (const { k, fault } of all)
      await injection.inject(name, k, fault).catch((error: unknown) => {
        wrong.push(String(error).split('\n')[0]!);
        injection.dispose();
      });
    const tried = FAULTS.map((fault) => `${all.filter((one) => one.fault === fault).length} ${fault}`);
    console.log(
      `${name}: ${all.length} of ${possible.length} injections (${tried.join(', ')}), ${wrong.length} misbehaved`,
    );
    expect(wrong.join('\n'), `of ${all.length}`).toBe('');
  });
});
