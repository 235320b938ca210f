import { expect, test } from 'vitest';
import { channelPicture, channelsBySize, stagePicture } from '../../src/demo/inside/pictures';
import { colourAt } from '../../src/image/colourMaps';

const activations = (C: number, H: number, W: number, values: readonly number[]) => ({
  tensor: 't',
  C,
  H,
  W,
  data: Float32Array.from(values),
});
const pixel = ({ data }: { readonly data: ArrayLike<number> }, at: number): number[] =>
  Array.from(data).slice(at * 4, at * 4 + 3);
const colour = (name: 'viridis' | 'coolwarm', t: number): number[] => colourAt(name, t).map(Math.round);

test('a stage is brightest where its channels together are strongest, and dark where they are 0', () => {
  const picture = stagePicture(activations(2, 1, 3, [3, 0, 1, -4, 0, 0]));
  expect([picture.width, picture.height]).toEqual([3, 1]);
  expect(pixel(picture, 0)).toEqual(colour('viridis', 1)); // √((9 + 16) / 2)
  expect(pixel(picture, 1)).toEqual(colour('viridis', 0));
});

test('a stage without places is a square of its channels', () => {
  const picture = stagePicture(activations(5, 1, 1, [1, 0, 0, 0, 2]));
  expect([picture.width, picture.height]).toEqual([3, 2]);
  expect(pixel(picture, 4)).toEqual(colour('viridis', 1));
  expect(pixel(picture, 5)).toEqual(colour('viridis', 0)); // left over
});

test('a channel is drawn by itself, and one number among those of all channels', () => {
  const plane = channelPicture(activations(2, 1, 2, [9, 9, -1, 1]), 1);
  expect([pixel(plane, 0), pixel(plane, 1)]).toEqual([colour('coolwarm', 0), colour('coolwarm', 1)]);
  const alone = channelPicture(activations(3, 1, 1, [0, 4, 1]), 1);
  expect([alone.width, alone.height, ...pixel(alone, 0)]).toEqual([1, 1, ...colour('viridis', 1)]);
  expect(pixel(channelPicture(activations(3, 1, 1, [0, 4, 1]), 0), 0)).toEqual(colour('viridis', 0));
});

test('channels come by their size, equal ones in their order', () => {
  expect(channelsBySize(activations(4, 1, 2, [1, 1, -5, 0, 0, 0, 2, 0]))).toEqual([1, 0, 3, 2]);
});
