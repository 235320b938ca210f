import { describe, expect, test } from 'vitest';
import type { ConvDims } from '../../shaders/conv/shape';
import { memoryStore, shapeClass, storeChoices, storedChoices } from '../../src/variants/stored';
import { PLAIN } from '../../src/variants/variants';

const dims: ConvDims = {
  N: 1,
  H: 9,
  W: 12,
  P: 9,
  Q: 12,
  R: 3,
  S: 5,
  STRIDE_Y: 1,
  STRIDE_X: 1,
  PAD_TOP: 1,
  PAD_LEFT: 2,
  DILATION_Y: 1,
  DILATION_X: 1,
  IN: 2,
  OUT: 3,
  GROUPS: 1,
};

describe('the class of a convolution', () => {
  test.each<[Partial<ConvDims>, string]>([
    [{}, '3×5 of 8→12 at 2^7 pixels'],
    [{ N: 2 }, '3×5 of 8→12 at 2^8 pixels'],
    [{ P: 8, Q: 16 }, '3×5 of 8→12 at 2^7 pixels'],
    [{ P: 8, Q: 17 }, '3×5 of 8→12 at 2^8 pixels'],
    [{ GROUPS: 2 }, '3×5 of 8→12 in 2 groups at 2^7 pixels'],
    [{ STRIDE_Y: 2 }, '3×5 of 8→12 at 2^7 pixels stride 2×1 dilation 1×1'],
    [{ STRIDE_X: 2 }, '3×5 of 8→12 at 2^7 pixels stride 1×2 dilation 1×1'],
    [{ DILATION_Y: 3 }, '3×5 of 8→12 at 2^7 pixels stride 1×1 dilation 3×1'],
    [{ DILATION_X: 3 }, '3×5 of 8→12 at 2^7 pixels stride 1×1 dilation 1×3'],
  ])('with %o is %s', (change, expected) => {
    expect(shapeClass({ ...dims, ...change })).toBe(expected);
  });

  test('says nothing of what hardly changes which kernel is fastest', () => {
    expect(shapeClass({ ...dims, PAD_TOP: 0, PAD_LEFT: 0, H: 7, W: 8 })).toBe(shapeClass(dims));
  });
});

test('a store that fails is an empty one, and keeping choices in it is no error', async () => {
  const broken = {
    read: () => Promise.reject(new Error('no disk')),
    write: () => Promise.reject(new Error('no disk')),
  };
  await storeChoices(broken, 'key', { shape: PLAIN.conv(dims) });
  expect(await storedChoices(broken, 'key')).toEqual({});
  expect(await storedChoices(memoryStore(), 'key')).toEqual({});
});
