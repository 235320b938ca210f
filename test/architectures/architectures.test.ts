/**
 * The nets that people have, as exporters write them, small and with random weights, against float64: generate.py makes
 * the files and their answers, report.mjs prints a table.
 */
import { expect, test } from 'vitest';
import { nodeDrivers } from '../node';
import { engineOn } from '../ops/check';
import { judge, names } from './judge.mjs';

test('there are at least seventy', () => {
  expect(names.length).toBeGreaterThanOrEqual(70);
});

test.each(names)('%s', { timeout: 60_000 }, async (name) => {
  const { verdict, words } = await judge(await engineOn(nodeDrivers[0]!), name);
  expect({ verdict, words }).toEqual({ verdict: 'right', words });
});
