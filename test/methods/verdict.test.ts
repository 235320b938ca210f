import { describe, expect, test } from 'vitest';
import {
  type Areas,
  type Evidence,
  METHODS,
  areasOf,
  cautionsOf,
  controlMap,
  gainOf,
  methodNamed,
  rankCorrelation,
  valuesOf,
  verdictOf,
} from '../../src/index';

const areas = (gain: number): Areas => ({ deletion: 0.5 - gain / 2, insertion: 0.5 + gain / 2 });
const good: Evidence = {
  map: areas(0.4),
  centre: areas(0.2),
  random: [areas(0.01), areas(-0.02)],
  shuffled: areas(0.05),
  withShuffled: 0.2,
  withOther: 0.3,
  range: 8,
};
const kindOf = (change: Partial<Evidence>): string => verdictOf({ ...good, ...change }, 'tench').kind;

describe('the verdict on a map', () => {
  test('is yes only where it beats chance, the middle and a net that has learnt nothing', () => {
    expect(kindOf({})).toBe('yes');
    expect(kindOf({ map: areas(0.24) })).toBe('partly');
    expect(verdictOf({ ...good, centre: areas(0.38) }, '').sentence).toContain('not more than those in the middle');
    expect(verdictOf({ ...good, shuffled: areas(0.38) }, '').sentence).toContain('shuffled weights');
    expect(kindOf({ map: areas(0.04) })).toBe('no');
    expect(kindOf({ random: [areas(0), areas(0.39)] })).toBe('no');
  });

  test('says first what makes all gains worthless', () => {
    expect(kindOf({ withOther: 0.95 })).toBe('class-blind');
    expect(verdictOf({ ...good, withOther: 0.95 }, 'tench').sentence).toContain('“tench”');
    expect(kindOf({ withShuffled: 0.95, withOther: 0.95 })).toBe('net-blind');
    expect(kindOf({ withOther: null })).toBe('yes');
    expect(kindOf({ range: 0 })).toBe('unknown');
    expect(kindOf({ range: Number.NaN })).toBe('unknown');
  });

  test('areas are shares of the way from the mean colour to the picture', () => {
    const curve = Float32Array.of(10, 4, 2);
    const found = areasOf({ deletion: curve, insertion: curve.slice().reverse() });
    expect(found).toEqual({ deletion: 0.375, insertion: 0.375 });
    expect(areasOf({ deletion: curve, insertion: Float32Array.of(2, 8, 10) })).toEqual({
      deletion: 0.375,
      insertion: 0.625,
    });
    expect(gainOf({ deletion: 0.375, insertion: 0.625 })).toBe(0.25);
    const fine = Float32Array.of(10, 7, 4, 3, 2);
    expect(areasOf({ deletion: fine, insertion: fine }, 2)).toEqual(areasOf({ deletion: curve, insertion: curve }));
  });
});

test('a map that cannot tell has nothing of the picture in it', () => {
  const map = { data: new Float32Array(15), width: 5, height: 3, class: 2, score: 1, signed: true, meta: {} };
  const centre = controlMap(map, 'centre');
  expect(centre.data.indexOf(Math.max(...centre.data))).toBe(7);
  expect(centre.data[0]).toBe(centre.data[14]);
  const [one, same, other] = [1, 1, 2].map((seed) => controlMap({ ...map, width: 60, height: 50 }, 'random', seed));
  expect(one!.data).toEqual(same!.data);
  expect(one!.data).toHaveLength(3000);
  expect(Math.abs(rankCorrelation(one!, other!))).toBeLessThan(0.06); // 3/√3000 at most, nearly always
  expect(one!.class).toBe(2);
});

test('every method says in three sentences how to read it, and rules that give no gradient carry a caution', () => {
  for (const { name, reading } of METHODS)
    for (const sentence of reading) expect(sentence, name).toMatch(/^[A-Z][^]{20,170}\.$/);
  const saliency = methodNamed('saliency');
  const cautions = (relu: 'gradient' | 'deconvnet' | 'guided'): readonly string[] =>
    cautionsOf(saliency.options, valuesOf(saliency, { relu }));
  expect(cautions('gradient')).toEqual([]);
  expect(cautions('guided')[0]).toContain('hardly depends on the class');
  expect(cautions('deconvnet')[0]).toContain('no gradient');
});
