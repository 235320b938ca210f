/** Where a map is drawn grey, and what is said of it. */
import { expect, test } from 'vitest';
import { undecidedIn } from '../../src/image/undecided';
import { type Drawable, renderMap } from '../../src/image/render';
import { certaintyInWords } from '../../src/methods/certaintyInWords';

const plane = { data: Float32Array.of(3, 4, 0, 0, 0, 0), width: 3, height: 2, signed: false };
const at = (weight: number) => ({ places: [{ weight, box: { x: 1, y: 0, width: 2, height: 2 } }] });

test('a map is undecided where the part that goes through what is undecided, spread over its pixels, may show', () => {
  // the map's norm is 5, of which each of the four pixels gets half of the weight's part
  expect(undecidedIn({ ...plane, certainty: at(0.0161) }, 4)).toEqual(Float32Array.of(0, 1, 1, 0, 1, 1));
  expect(undecidedIn({ ...plane, certainty: at(0.0159) }, 4)).toBeNull();
  expect(undecidedIn({ ...plane, certainty: { places: [] } }, 4)).toBeNull();
  expect(undecidedIn(plane, 4)).toBeNull();
});

test('there it is grey, and over a picture as opaque as can be; the rest is drawn as ever', () => {
  const pixelsOf = ({ data }: { readonly data: ArrayLike<number> }): number[][] =>
    Array.from({ length: 6 }, (_, i) => Array.from(data).slice(4 * i, 4 * i + 4));
  const map: Drawable = { ...plane, certainty: at(0.1) };
  const [plain, drawn] = [pixelsOf(renderMap(plane)), pixelsOf(renderMap(map))];
  const grey = [1, 2, 4, 5];
  drawn.forEach((pixel, i) => expect(pixel).toEqual(grey.includes(i) ? [128, 128, 128, 255] : plain[i]));
  const picture = { data: new Uint8ClampedArray(24).fill(255), width: 3, height: 2 };
  expect(pixelsOf(renderMap(map, { overlay: { picture, alpha: 1 } }))[5]).toEqual([128, 128, 128, 255]);
  expect(pixelsOf(renderMap(map, { fading: { alpha: 0.5 } }))[5]).toEqual([128, 128, 128, 128]);
});

test('words tell how many decisions, what goes through them, and the bound', () => {
  const none = {
    undecided: 0,
    weight: 0,
    doubtful: false,
    places: [],
    ties: 0,
    bound: 2e-6,
    rounding: 2e-6,
    unwatched: [],
  };
  expect(certaintyInWords(none)).toBe('no undecided ReLUs or pool windows; the gradient is off by less than 0.0002 %');
  expect(certaintyInWords({ ...none, undecided: 1, weight: 0.004, doubtful: true, ties: 7, bound: 0.0312 })).toBe(
    'doubtful: 1 undecided ReLU or pool window, through which 0.40 % of the gradient goes, 7 tied pool windows; ' +
      'the gradient is off by less than 3.1 %',
  );
  expect(certaintyInWords({ ...none, ties: 1, bound: 3 })).toContain(
    '1 tied pool window; the gradient is off by up to all of it',
  );
  expect(certaintyInWords({ ...none, bound: Infinity, unwatched: ['max'] })).toContain(
    'not known, since max decides too',
  );
});
