import { describe, expect, test } from 'vitest';
import { colourAt } from '../../src/image/colourMaps';
import { type Drawable, clipOf, renderMap } from '../../src/image/render';

const map = (width: number, height: number, values: readonly number[], signed = false): Drawable => ({
  data: Float32Array.from(values),
  width,
  height,
  signed,
});
const gray = { colours: 'gray', percentile: 100 } as const;
/** The red byte of every pixel. */
const reds = ({ data }: { data: ArrayLike<number> }): number[] =>
  Array.from({ length: data.length / 4 }, (_, i) => data[i * 4]!);
const alphas = ({ data }: { data: ArrayLike<number> }): number[] =>
  Array.from({ length: data.length / 4 }, (_, i) => data[i * 4 + 3]!);

describe('the clip', () => {
  test('lies between neighbours in proportion, as NumPy has it', () => {
    const values = Float32Array.of(4, -1, 3, 2);
    expect(clipOf(values, 100)).toBe(4);
    expect(clipOf(values, 0)).toBe(1);
    expect(clipOf(values, 50)).toBe(2.5);
    expect(clipOf(values, 99)).toBeCloseTo(3.97, 6);
    expect(clipOf(new Float32Array(0))).toBe(0);
  });

  test('keeps one outlier from making everything else dark', () => {
    const values = [...Array(200).fill(1), 1000];
    expect(reds(renderMap(map(201, 1, values), { colours: 'gray' })).slice(0, 200)).toEqual(Array(200).fill(255));
  });
});

describe('colours', () => {
  test('an unsigned map starts at zero', () => {
    expect(reds(renderMap(map(3, 1, [0, 1, 2]), gray))).toEqual([0, 128, 255]);
  });

  test('a signed map has zero in the middle, whatever its extremes', () => {
    const { data } = renderMap(map(3, 1, [-1, 0, 4], true), { percentile: 100 });
    const middle = colourAt('coolwarm', 0.5);
    middle.forEach((component, k) => expect(Math.abs(data[4 + k]! - component)).toBeLessThanOrEqual(1));
    expect([...data.slice(8, 11)]).toEqual([...colourAt('coolwarm', 1)].map(Math.round));
  });

  test('zero is in the middle of diverging colours, also of an unsigned map, of a signed one in any colours', () => {
    const unsigned = renderMap(map(2, 1, [0, 1]), { colours: 'coolwarm', percentile: 100 });
    const middle = colourAt('coolwarm', 0.5);
    middle.forEach((component, k) => expect(Math.abs(unsigned.data[k]! - component)).toBeLessThanOrEqual(1));
    expect(reds(renderMap(map(3, 1, [-1, 0, 1], true), gray))).toEqual([0, 128, 255]);
  });

  test('a map of zeros is drawn as zeros', () => {
    expect(reds(renderMap(map(2, 2, [0, 0, 0, 0]), gray))).toEqual([0, 0, 0, 0]);
  });

  test('the map itself stays as it is', () => {
    const given = map(2, 1, [3, 7]);
    renderMap(given);
    expect([...given.data]).toEqual([3, 7]);
  });
});

describe('resizing', () => {
  test('is bilinear, pixel centres on pixel centres', () => {
    expect(reds(renderMap(map(2, 1, [0, 1]), { ...gray, width: 4, height: 1 }))).toEqual([0, 64, 191, 255]);
    expect(reds(renderMap(map(1, 2, [0, 1]), { ...gray, width: 1, height: 4 }))).toEqual([0, 64, 191, 255]);
  });

  test('a cropped picture is drawn where the network saw it, and transparent elsewhere', () => {
    // of a picture 4 wide the middle 2 were taken
    const placement = { FROM_X: 1, FROM_Y: 0, FROM_W: 2, FROM_H: 2, TO_X: 0, TO_Y: 0, TO_W: 2, TO_H: 2 };
    const drawn = renderMap(map(2, 2, [0, 1, 0, 1]), { ...gray, width: 4, height: 2, placement });
    expect(alphas(drawn)).toEqual([0, 255, 255, 0, 0, 255, 255, 0]);
    expect(reds(drawn)).toEqual([0, 0, 255, 0, 0, 0, 255, 0]);
  });

  test('a pixel whose centre lies on the edge of the crop is drawn, at both ends', () => {
    const placement = { FROM_X: 0.5, FROM_Y: 0, FROM_W: 2, FROM_H: 1, TO_X: 0, TO_Y: 0, TO_W: 2, TO_H: 1 };
    expect(alphas(renderMap(map(2, 1, [0, 1]), { ...gray, width: 3, height: 1, placement }))).toEqual([255, 255, 255]);
  });

  test('a padded picture shows the part of the map that it filled, and nothing of the padding', () => {
    // a picture of 2×1 filled the middle row of a 2×3 input
    const placement = { FROM_X: 0, FROM_Y: 0, FROM_W: 2, FROM_H: 1, TO_X: 0, TO_Y: 1, TO_W: 2, TO_H: 1 };
    expect(reds(renderMap(map(2, 3, [1, 1, 0, 1, 1, 1]), { ...gray, width: 2, height: 1, placement }))).toEqual([
      0, 255,
    ]);
  });
});

describe('an overlay', () => {
  const picture = { data: Uint8Array.of(100, 100, 100, 255, 200, 200, 200, 255), width: 2, height: 1 };

  test('covers the picture in proportion to the value, whatever its sign', () => {
    expect(reds(renderMap(map(2, 1, [0, 1]), { ...gray, overlay: { picture } }))).toEqual([100, 244]);
    expect(reds(renderMap(map(2, 1, [0.5, 1]), { ...gray, overlay: { picture, alpha: 0.5 } }))).toEqual([107, 228]);
    expect(reds(renderMap(map(2, 1, [0, 1]), { ...gray, overlay: { picture, alpha: 0 } }))).toEqual([100, 200]);
    expect(reds(renderMap(map(2, 1, [0, 1]), { ...gray, overlay: { picture, alpha: 1 } }))).toEqual([100, 255]);
    expect(reds(renderMap(map(2, 1, [-1, 0], true), { ...gray, overlay: { picture, alpha: 1 } }))).toEqual([0, 200]);
    expect(reds(renderMap(map(2, 1, [0, 0]), { ...gray, overlay: { picture, alpha: 1 } }))).toEqual([100, 200]);
  });

  test('may be left to whoever draws it: the opacities are there', () => {
    const drawn = renderMap(map(3, 1, [0, 1, 2]), { ...gray, fading: { alpha: 0.5 } });
    expect(alphas(drawn)).toEqual([0, 64, 128]);
    expect(reds(drawn)).toEqual([0, 128, 255]);
  });

  test('leaves the picture as it is where the map shows nothing', () => {
    const placement = { FROM_X: 1, FROM_Y: 0, FROM_W: 1, FROM_H: 1, TO_X: 0, TO_Y: 0, TO_W: 1, TO_H: 1 };
    expect(reds(renderMap(map(1, 1, [1]), { ...gray, placement, overlay: { picture, alpha: 1 } }))).toEqual([100, 255]);
  });

  test.each([
    [{ percentile: 101 }, 'percentile is 101; a number from 0 to 100 would be right'],
    [{ colours: 'jet' as 'gray' }, "colours is 'jet'; 'viridis', 'cividis', 'gray' or 'coolwarm' would be right"],
    [{ width: 2.5 }, 'width is 2.5'],
    [{ overlay: { picture, alpha: -1 } }, 'alpha is -1'],
  ])('or any rendering with %o is refused', (options, message) => {
    expect(() => renderMap(map(2, 1, [0, 1]), options)).toThrow(message);
  });

  test('is refused where the extents disagree', () => {
    expect(() => renderMap(map(2, 1, [0, 1]), { width: 3, height: 1, overlay: { picture } })).toThrow(
      'the picture is 2×1, the result would be 3×1',
    );
  });
});
