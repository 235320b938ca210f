import { expect, test } from 'vitest';
import { dot, relativeL2, rootMeanSquare } from './compare';

test('the relative error is the length of the difference by the length of what was expected', () => {
  expect(relativeL2([3, 4.5], [3, 4])).toBeCloseTo(0.1, 15);
});

test('two zeros agree, and nothing agrees with a zero by halves', () => {
  expect(relativeL2([0, 0], [0, 0])).toBe(0);
  expect(relativeL2([0, 1e-30], [0, 0])).toBe(Infinity);
});

test('a number that is none is never close', () => {
  expect(relativeL2([NaN], [1])).toBeNaN();
});

test('lengths must agree', () => {
  expect(() => relativeL2([1], [1, 2])).toThrow('cannot compare 1 numbers with 2');
  expect(() => dot([1], [])).toThrow('cannot compare 1 numbers with 0');
});

test('the root mean square of equal numbers is their size', () => {
  expect(rootMeanSquare([-3, 3, 3])).toBe(3);
});
