import { expect, test } from 'vitest';
import {
  averagePoolBackward,
  averagePoolForward,
  globalAveragePoolBackward,
  globalAveragePoolForward,
  type AveragePoolSpec,
} from './averagePool';
import { tensor, type Tensor } from './tensor';

const row = (...values: number[]): Tensor => tensor({ C: 1, H: 1, W: values.length }, values);
const forward = (spec: AveragePoolSpec, x: Tensor) => [...averagePoolForward(spec, x).data];
const backward = (spec: AveragePoolSpec, dY: Tensor, x: Tensor) => [...averagePoolBackward(spec, dY, x.extents).data];

const x = row(2, 4, 6);
const padded: AveragePoolSpec = { kernel: [1, 2], stride: [1, 2], pads: [0, 1, 0, 0] };

test('a window divides by its taps inside the input', () => {
  expect(forward(padded, x)).toEqual([2, 5]);
  expect(backward(padded, row(3, 8), x)).toEqual([3, 4, 4]);
});

test('with countPadding a window divides by all its taps', () => {
  expect(forward({ ...padded, countPadding: true }, x)).toEqual([1, 5]);
  expect(backward({ ...padded, countPadding: true }, row(3, 8), x)).toEqual([1.5, 4, 4]);
});

test('what a window overhangs by rounding up is no padding, and is never counted', () => {
  const spec: AveragePoolSpec = { kernel: [1, 2], stride: [1, 2], ceil: true };
  expect(forward(spec, x)).toEqual([3, 6]);
  expect(forward({ ...spec, countPadding: true }, x)).toEqual([3, 6]);
});

test('a window that overhangs the padding counts the padding alone', () => {
  const spec: AveragePoolSpec = { kernel: [1, 3], stride: [1, 2], pads: [0, 0, 0, 1], ceil: true };
  expect(forward(spec, x)).toEqual([4, 6]);
  expect(forward({ ...spec, countPadding: true }, x)).toEqual([4, 3]);
});

test('gradients of windows that overlap add', () => {
  expect(backward({ kernel: [1, 2] }, row(2, 20), x)).toEqual([1, 11, 10]);
});

test('a window in the padding alone averages to zero if padding counts, and is refused if not', () => {
  const spec: AveragePoolSpec = { kernel: [1, 1], pads: [0, 1, 0, 0] };
  expect(forward({ ...spec, countPadding: true }, row(9))).toEqual([0, 9]);
  expect(() => forward(spec, row(9))).toThrow('no tap inside the input');
});

test('global average pooling shares a gradient evenly over the plane of each channel', () => {
  const planes = tensor({ C: 2, H: 2, W: 2 }, [1, 2, 3, 6, 0, 0, 0, 4]);
  expect([...globalAveragePoolForward(planes).data]).toEqual([3, 1]);
  const dY = tensor({ C: 2, H: 1, W: 1 }, [4, 8]);
  expect([...globalAveragePoolBackward(dY, planes.extents).data]).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
});
