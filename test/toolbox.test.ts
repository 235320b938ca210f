/** The small tools that everything else shares. */
import { describe, expect, test } from 'vitest';
import { below, between, check, checkAll, from, oneOf, whole, within, type Rule } from '../src/check';
import { relativeL2 } from '../src/compare';
import { GradlensError } from '../src/errors';
import { congruential, uniform } from '../src/random';
import { bestClass, ranking } from '../src/scores';

describe('checks', () => {
  const messageOf = (value: unknown, rule: Rule): string | null => {
    try {
      check('step', value, rule);
      return null;
    } catch (error) {
      expect(error).toBeInstanceOf(GradlensError);
      expect(error).toMatchObject({ code: 'validation', detail: { argument: 'step' } });
      return (error as Error).message;
    }
  };

  test.each<[rule: Rule, says: string, right: readonly unknown[], wrong: readonly unknown[]]>([
    [from(0), 'a number from 0', [0, 0.5, 1e300], [-1e-9, NaN, Infinity, '1', null, undefined]],
    [within(0, 9, 'pixels'), 'a number of pixels from 0 to 9', [0, 4.5, 9], [-0.1, 9.1, NaN, [3]]],
    [below(0, 1), 'a number from 0 to below 1', [0, 0.999], [1, -1, NaN]],
    [between(0, 1), 'a number between 0 and 1', [1e-9, 0.999], [0, 1, NaN]],
    [whole(), 'a whole number', [-3, 0, 2 ** 40], [0.5, NaN, Infinity, '3', 3n]],
    [whole(1), 'a whole number from 1', [1, 7], [0, 1.5]],
    [whole(1, 8, 'pixels'), 'a whole number of pixels from 1 to 8', [1, 8], [0, 9, 2.5]],
    [oneOf('cut', 'map'), "'cut' or 'map'", ['cut', 'map'], ['Cut', '', null, ['cut']]],
    [oneOf(4, 8), '4 or 8', [4, 8], ['4', 6]],
    [oneOf(1, 2, 3), '1, 2 or 3', [3], [4]],
  ])('%o', (rule, says, right, wrong) => {
    for (const value of right) expect(messageOf(value, rule), String(value)).toBeNull();
    for (const value of wrong) expect(messageOf(value, rule), String(value)).toContain(`; ${says} would be right`);
  });

  test('say the value, however long it is', () => {
    const rule = from(0);
    expect(messageOf('3', rule)).toBe("step is '3'; a number from 0 would be right");
    expect(messageOf('x'.repeat(1e6), rule)!.length).toBeLessThan(100);
    expect(messageOf(new Array(1e5), rule)).toContain('a list of 100000');
    expect(messageOf(new Float32Array(3), rule)).toContain('an array of 12 bytes');
    expect(messageOf({}, rule)).toContain('an object');
    expect(messageOf(Object.create(null), rule)).toContain('an object');
    expect(messageOf(Symbol('s'), rule)).toContain('Symbol(s)');
    expect(() => checkAll({ seed: 1, blur: -2 }, { seed: whole(), blur: from(0) })).toThrow('blur is -2');
  });
});

test('the relative error is that of the second; infinite where there is none, or what are no numbers', () => {
  expect(relativeL2([3, 4.5], [3, 4])).toBeCloseTo(0.1, 12);
  expect(relativeL2([0, 0], [3, 4])).toBe(1);
  expect(relativeL2([0, 0], [0, 0])).toBe(0);
  for (const [a, b] of [
    [
      [1, 0],
      [0, 0],
    ], // oracle and kernel disagree about zeros
    [
      [NaN, 4],
      [3, 4],
    ],
    [
      [3, 4],
      [NaN, 4],
    ],
    [[1], [3, 4]],
  ] as const)
    expect(relativeL2(a, b)).toBe(Infinity);
});

test('seeded numbers are those of the published generators', () => {
  const draws = (next: () => number, count: number): number[] => Array.from({ length: count }, next);
  // Numerical Recipes (1992), §7.1: from 0 on
  expect(draws(congruential(0), 4).map((word) => word.toString(16))).toEqual([
    '3c6ef35f',
    '47502932',
    'd1ccf6e9',
    'aaf95334',
  ]);
  const some = draws(uniform(7), 4096);
  expect(draws(uniform(7), 4096)).toEqual(some);
  expect(draws(uniform(8), 4096)).not.toEqual(some);
  expect(Math.min(...some)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...some)).toBeLessThan(1);
  // four standard errors of the mean of n numbers, each of variance 1/12
  expect(Math.abs(some.reduce((sum, value) => sum + value, 0) / 4096 - 0.5)).toBeLessThan(4 / Math.sqrt(12 * 4096));
});

test('classes are ranked by their scores; of equal ones the first comes first', () => {
  expect(ranking([2, 5, -1, 5])).toEqual([1, 3, 0, 2]);
  expect(bestClass([2, 5, -1, 5])).toBe(1);
  expect(bestClass([-3])).toBe(0);
});
