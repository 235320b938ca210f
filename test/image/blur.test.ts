import { expect, test } from 'vitest';
import { blurred } from '../../src/image/blur';

const plane = (width: number, height: number, values: readonly number[]) => ({
  width,
  height,
  data: Float32Array.from(values),
});
/** Gaussian weights of a radius, which add up to 1. */
function weightsOf(sigma: number, radius: number): number[] {
  const weights = Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-((k - radius) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

test('one bright pixel becomes the product of two Gaussians, as wide as three sigmas', () => {
  const [width, height] = [9, 7];
  const at = 3 * width + 4;
  const { data } = blurred(
    plane(
      width,
      height,
      Array.from({ length: width * height }, (_, i) => Number(i === at)),
    ),
    0.6,
  );
  const weights = weightsOf(0.6, 2);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const expected = (weights[y - 3 + 2] ?? 0) * (weights[x - 4 + 2] ?? 0);
      expect(data[y * width + x], `${x}, ${y}`).toBeCloseTo(expected, 6);
    }
  }
});

test('beyond an edge the map goes on as its mirror image, the edge itself twice', () => {
  const [far = 0, near = 0, middle = 0] = weightsOf(0.6, 2);
  const { data } = blurred(plane(3, 1, [8, 0, 0]), 0.6);
  expect(data[0]).toBeCloseTo(8 * (middle + near), 5);
  expect(data[1]).toBeCloseTo(8 * (near + far), 5);
  expect(data[2]).toBeCloseTo(8 * far, 5);
  // so the sum stays, also where the window is wider than the plane, and a plane of one value is left as it is
  expect(blurred(plane(2, 3, [1, 2, 3, 4, 5, 6]), 4).data.reduce((a, b) => a + b)).toBeCloseTo(21, 4);
  blurred(plane(3, 2, Array<number>(6).fill(5)), 2).data.forEach((value) => expect(value).toBeCloseTo(5, 5));
});

test('without a sigma above zero the map is the one that was given', () => {
  const map = plane(2, 1, [1, 2]);
  expect(blurred(map, 0)).toBe(map);
  expect(blurred(map, NaN)).toBe(map);
});
