/** A sample of all faults that a GPU call can have; `injection.long.ts` has them all. */
import { afterAll, describe, expect, test } from 'vitest';
import { congruential } from '../../src/random';
import { nodeDrivers } from '../node';
import { CALLS, injectionOn } from './injection';

const driver = nodeDrivers[0]!;
const PER_CALL = 6;

describe(`GPU calls that fail on ${driver}`, () => {
  const injection = injectionOn(driver);
  afterAll(() => injection.dispose());

  test.each(['load', ...Object.keys(CALLS)])(
    '%s: a typed error or the right number; nothing leaks, nothing reaches the host, and the next call is right',
    async (name) => {
      const all = await injection.all(name);
      expect(all.length).toBeGreaterThan(PER_CALL);
      const next = congruential(Number(process.env['SEED'] ?? 0) + name.length);
      for (let n = 0; n < PER_CALL; n++) {
        const { k, fault } = all[(next() >>> 8) % all.length]!;
        await injection.inject(name, k, fault);
      }
    },
  );
});
