import { expect, test } from 'vitest';
import { featureBorder } from '../../src/segmentation/featureBorder';

/** A map that falls off evenly from the middle of a row, and two features: an object of that radius, and the rest. */
function scene(radius: number) {
  const [width, height] = [41, 3];
  const away = (i: number) => Math.abs((i % width) - 20);
  const data = Float32Array.from({ length: width * height }, (_, i) => Math.exp(-away(i) / 6));
  const isObject = Array.from({ length: width * height }, (_, i) => away(i) <= radius);
  const features = Float32Array.from([...isObject.map(Number), ...isObject.map((inside) => Number(!inside))]);
  return { map: { data, width, height }, layer: { data: features, channels: 2, width, height } };
}

/** How far from the middle the map is above a value. */
const reach = (data: Float32Array, border: number) =>
  data.subarray(20, 41).filter((value) => value > border).length - 1;

test('the border lies where the features change, however far that is from the usual share', () => {
  for (const radius of [5, 9, 15]) {
    const { map, layer } = scene(radius);
    expect(reach(map.data, featureBorder(map, [layer], { share: 0.15, dearness: 0.25 }))).toBe(radius);
  }
});

test('the dearer other shares are, the nearer to the usual one it stays; without contrast it is the usual one', () => {
  const { map, layer } = scene(5);
  expect(featureBorder(map, [layer], { share: 0.15, dearness: 100 })).toBeCloseTo(0.15, 1);
  const flat = { ...layer, data: new Float32Array(layer.data.length).fill(1) };
  const border = featureBorder(map, [flat], { share: 0.15, dearness: 0.25 });
  expect(Math.abs(Math.log(border / 0.15))).toBeLessThan(0.06); // half a step between levels
});

test('of several layers the mean of the logarithms counts', () => {
  const [near, far] = [scene(5), scene(15)];
  const weak = { ...far.layer, data: far.layer.data.map((value) => value + 20) };
  const border = featureBorder(near.map, [near.layer, weak], { share: 0.15, dearness: 0.01 });
  expect([5, 15]).toContain(reach(near.map.data, border));
});
