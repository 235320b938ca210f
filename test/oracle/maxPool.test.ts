import { expect, test } from 'vitest';
import { maxPoolBackward, maxPoolForward, type MaxPoolSpec } from './maxPool';
import { tensor, type Tensor } from './tensor';

const row = (...values: number[]): Tensor => tensor({ C: 1, H: 1, W: values.length }, values);
const square = (...values: number[]): Tensor => tensor({ C: 1, H: 2, W: 2 }, values);
const forward = (spec: MaxPoolSpec, x: Tensor) => [...maxPoolForward(spec, x).data];
const backward = (spec: MaxPoolSpec, dY: Tensor, x: Tensor) => [...maxPoolBackward(spec, dY, x).data];

test('the winner of each window gets its gradient, and windows that overlap add', () => {
  expect(forward({ kernel: [1, 2] }, row(1, 5, 2))).toEqual([5, 5]);
  expect(backward({ kernel: [1, 2] }, row(10, 20), row(1, 5, 2))).toEqual([0, 30, 0]);
});

test('a tie goes to the first of the window in row-major order, and so does its gradient', () => {
  expect(backward({ kernel: [2, 2] }, row(7), square(3, 3, 3, 3))).toEqual([7, 0, 0, 0]);
  expect(backward({ kernel: [2, 2] }, row(7), square(0, 4, 4, 0))).toEqual([0, 7, 0, 0]);
  expect(backward({ kernel: [2, 2] }, row(7), square(0, 0, 0, 0))).toEqual([7, 0, 0, 0]);
});

test('padding never wins, not even over negative inputs', () => {
  const spec: MaxPoolSpec = { kernel: [1, 2], pads: [0, 1, 0, 1] };
  expect(forward(spec, row(-5, -3))).toEqual([-5, -3, -3]);
  expect(backward(spec, row(1, 10, 100), row(-5, -3))).toEqual([1, 110]);
});

test('a last, partial window counts only with ceil', () => {
  const spec: MaxPoolSpec = { kernel: [1, 2], stride: [1, 2] };
  expect(forward(spec, row(1, 2, 3, 4, 5))).toEqual([2, 4]);
  expect(forward({ ...spec, ceil: true }, row(1, 2, 3, 4, 5))).toEqual([2, 4, 5]);
  expect(backward({ ...spec, ceil: true }, row(1, 10, 100), row(1, 2, 3, 4, 5))).toEqual([0, 1, 0, 10, 100]);
});

test('a window that would start in the padding behind the input is dropped', () => {
  const spec: MaxPoolSpec = { kernel: [1, 2], stride: [1, 3], pads: [0, 0, 0, 1], ceil: true };
  expect(forward(spec, row(1, 2))).toEqual([2]);
  expect(forward(spec, row(1, 2, 3, 4))).toEqual([2, 4]);
});

test('dilation leaves out what lies between the taps', () => {
  expect(forward({ kernel: [1, 2], dilation: [1, 2] }, row(1, 9, 2, 3))).toEqual([2, 9]);
});

test('vertical and horizontal windows are told apart', () => {
  expect(forward({ kernel: [2, 1] }, square(1, 4, 3, 2))).toEqual([3, 4]);
  expect(forward({ kernel: [1, 2] }, square(1, 4, 3, 2))).toEqual([4, 3]);
});

test('channels do not mix', () => {
  const x = tensor({ C: 2, H: 1, W: 2 }, [1, 2, -1, -2]);
  expect(forward({ kernel: [1, 2] }, x)).toEqual([2, -1]);
});

test('a window in the padding alone has no maximum and is refused', () => {
  expect(() => forward({ kernel: [1, 1], pads: [0, 1, 0, 0] }, row(1))).toThrow('no tap inside the input');
});
