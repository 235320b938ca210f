import { describe, expect, test } from 'vitest';
import { formatAddress, readAddress } from '../../src/demo/address';
import { classNamed, nameFor } from '../../src/classNames';
import { centreOf, describeMap, l2Norm, shareOfHalf } from '../../src/demo/words';
import type { Heatmap } from '../../src/index';

function mapOf(width: number, values: readonly number[]): Heatmap {
  return {
    data: Float32Array.from(values),
    width,
    height: values.length / width,
    class: 0,
    score: 1.5,
    signed: false,
    meta: {},
  };
}

describe('a map in words', () => {
  test('a single point holds all of it, and lies where it lies', () => {
    const map = mapOf(4, [0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(shareOfHalf(map)).toBeCloseTo(1 / 12);
    expect(centreOf(map)).toEqual({ x: 3.5 / 4, y: 0.5 / 3 });
    expect(l2Norm(map)).toBe(3);
    expect(describeMap(map, 'church')).toBe(
      'The map for “church” (score 1.50 before soft-max) has its centre in the upper right part of the picture; ' +
        'half of it lies in 8 % of the pixels.',
    );
  });

  test('an even map needs half of its pixels for half of it, and has its centre in the middle', () => {
    const map = mapOf(
      4,
      Array.from({ length: 16 }, () => 0.25),
    );
    expect(shareOfHalf(map)).toBe(0.5);
    expect(describeMap(map, 'x')).toContain('in the middle of the picture');
  });

  test('a map of equal values is said to be one, with the probable reason', () => {
    const flat = { value: 0, reason: 'dead units', message: "every value of 'relu1' is 0 for this picture" } as const;
    expect(describeMap({ ...mapOf(2, [0, 0, 0, 0]), flat }, 'x')).toBe(
      "The map for “x” is zero everywhere, probably because every value of 'relu1' is 0 for this picture.",
    );
    expect(describeMap({ ...mapOf(1, [1, 1]), flat: { ...flat, value: 1 } }, 'x')).toContain('is 1 everywhere');
  });

  test('a map of zeros is said to be one', () => {
    expect(describeMap(mapOf(2, [0, 0, 0, 0]), 'x')).toContain('zero everywhere');
  });
});

describe('the address', () => {
  test('comes back as it was written', () => {
    const address = {
      tab: 'segmentation',
      network: 'squeezenet1.1',
      prep: 'unit',
      sample: 'gas-pump',
      class: 'golf ball',
      run: false,
      fields: new URLSearchParams('relu=guided&foreground=0.8'),
    } as const;
    const text = formatAddress(address);
    expect(text).toBe(
      '#tab=segmentation&network=squeezenet1.1&prep=unit&sample=gas-pump&class=golf+ball&relu=guided&foreground=0.8',
    );
    expect(readAddress(text)).toEqual({ ...address, picture: undefined });
  });

  test('says nothing of what is usual, and an unknown tab is the first', () => {
    expect(formatAddress({ tab: 'saliency', fields: new URLSearchParams() })).toBe('#');
    expect(readAddress('#tab=magic').tab).toBe('saliency');
  });
});

describe('a class', () => {
  const labels = ['tench', 'church, minster', 'crane', 'crane', 'church tower'];
  test('is found by its name in any case, a synonym, a part, or its number, if there is one such', () => {
    const asked = ['tench', ' Minster', 'tower', '1', 'church', 'crane', '7', 'castle', ''];
    const found = [0, 1, 4, 1, 1, undefined, undefined, undefined, undefined];
    expect(asked.map((name) => classNamed(name, labels, labels.length))).toEqual(found);
  });
  test('goes by its number where others are called as it is', () => {
    expect([0, 1, 2, 3].map((index) => nameFor(index, labels))).toEqual(['tench', 'church, minster', '2', '3']);
    expect(nameFor(2, [])).toBe('2');
  });
});
