import { describe, expect, test } from 'vitest';
import { MOST_PER_SUBMIT, Pace } from '../../src/gpu/pace';

/** Submits one after the other, each of whose repetitions takes so long; how many each submit held. */
function counts(submits: number, milliseconds: number): number[] {
  const pace = new Pace();
  let now = 1000;
  return Array.from({ length: submits }, () => {
    const { count } = pace;
    pace.took(count, now, (now += count * milliseconds));
    return count;
  });
}

describe('the pace of submits', () => {
  test('begins with one repetition and doubles, up to the most, while a submit is short', () => {
    expect(MOST_PER_SUBMIT).toBe(64);
    expect(counts(9, 0.5)).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64]);
  });

  test('settles where a submit takes 80 milliseconds', () => {
    expect(counts(6, 10)).toEqual([1, 2, 4, 8, 8, 8]);
    expect(counts(5, 30)).toEqual([1, 2, 2, 2, 2]);
  });

  test('never goes below one repetition, however long that takes', () => {
    expect(counts(3, 500)).toEqual([1, 1, 1]);
  });

  test('does not count the time that a submit waited for the one before it', () => {
    const pace = new Pace();
    pace.took(4, 0, 40);
    expect(pace.count).toBe(8);
    pace.took(4, 10, 120); // 80 of its 110 milliseconds are its own: 20 each
    expect(pace.count).toBe(4);
  });

  test('slows down at once when a repetition becomes longer', () => {
    const pace = new Pace();
    pace.took(64, 0, 64);
    expect(pace.count).toBe(64);
    pace.took(64, 64, 64 + 64 * 20);
    expect(pace.count).toBe(4);
  });
});
