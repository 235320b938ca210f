/** Every fault at every GPU call of every public call. */
import { afterAll, describe, expect, test } from 'vitest';
import { nodeDrivers } from '../node';
import { CALLS, injectionOn } from './injection';

const driver = nodeDrivers[0]!;

describe(`GPU calls that fail on ${driver}`, () => {
  const injection = injectionOn(driver);
  afterAll(() => injection.dispose());

  test.each(['load', ...Object.keys(CALLS)])('%s', { timeout: 3_600_000 }, async (name) => {
    const wrong: string[] = [];
    const all = await injection.all(name);
    for (const { k, fault } of all)
      await injection.inject(name, k, fault).catch((error: unknown) => {
        wrong.push(String(error).split('\n')[0]!);
        injection.dispose();
      });
    expect(wrong, `of ${all.length}`).toEqual([]);
  });
});
