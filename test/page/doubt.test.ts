import { describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { type Doubt, doubtOf } from '../../src/demo/doubtful';
import { DEFAULT_MODEL } from '../../src/publicModels';

const answers = (scores: readonly number[]) => {
  const sum = scores.reduce((total, score) => total + Math.exp(score), 0);
  return scores.map((score) => ({ score, probability: Math.exp(score) / sum }));
};
const doubt: Doubt = { energy: { below: 2 }, probability: { below: 0.5 } };

describe('an answer', () => {
  test('is not doubted where the scores are high and one of them stands out', () => {
    expect(doubtOf(answers([6, 1, 0]), doubt)).toBeUndefined();
  });

  test('is of a picture unlike the others where log Σ exp(score) is low', () => {
    expect(doubtOf(answers([1.9, -9, -9]), doubt)).toBe('unlike');
    expect(doubtOf(answers([2.1, -9, -9]), doubt)).toBeUndefined();
    expect(doubtOf(answers([1.5, 1.4, 0.5]), doubt)).toBe('unsure'); // together 2.3
  });

  test('is unsure where the best probability is low', () => {
    expect(doubtOf(answers([5, 4.9, 4.8]), doubt)).toBe('unsure');
  });

  test('overflows nowhere', () => {
    expect(
      doubtOf(
        answers([6, 1]).map((answer) => ({ ...answer, score: answer.score + 800 })),
        doubt,
      ),
    ).toBeUndefined();
  });

  test('of a net that nobody measured, or without scores, is not doubted', () => {
    expect(doubtOf(answers([0, 0]), null)).toBeUndefined();
    expect(doubtOf([], doubt)).toBeUndefined();
  });
});

test('the net of the page says when its answers are doubtful, and how often that is wrong', () => {
  const { provenance } = JSON.parse(readFileSync(`weights/${DEFAULT_MODEL}/model.json`, 'utf8')) as {
    provenance: { doubt: Doubt & { energy: { ofKnown: number; auroc: Record<string, number> } } };
  };
  const { energy, probability } = provenance.doubt;
  expect(Number.isFinite(energy.below)).toBe(true);
  expect(energy.ofKnown).toBeLessThanOrEqual(0.06);
  expect(Math.min(...Object.values(energy.auroc))).toBeGreaterThan(0.5);
  expect(probability.below).toBeGreaterThanOrEqual(0);
  expect(probability.below).toBeLessThan(1);
});
