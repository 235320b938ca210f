import { expect, test } from 'vitest';
import { batchNormBackward, batchNormForward } from './batchNorm';
import { add, concatBackward, concatForward, reshape } from './combine';
import { reluBackward, reluForward } from './relu';
import { softmaxBackward, softmaxForward } from './softmax';
import { tensor } from './tensor';

const vector = (...values: number[]) => tensor({ C: values.length, H: 1, W: 1 }, values);

test('relu passes a gradient where its input is positive, and zero is not', () => {
  const x = vector(-1, 0, 2, 3);
  expect([...reluForward(x).data]).toEqual([0, 0, 2, 3]);
  expect([...reluBackward(vector(5, 5, 5, -5), x).data]).toEqual([0, 0, 5, -5]);
});

test('the deconvnet rule asks for a positive gradient, the guided rule for both', () => {
  const x = vector(-1, 0, 2, 3);
  expect([...reluBackward(vector(5, 5, 5, -5), x, 'deconvnet').data]).toEqual([5, 5, 5, 0]);
  expect([...reluBackward(vector(5, 5, 5, -5), x, 'guided').data]).toEqual([0, 0, 5, 0]);
});

test('batch-norm standardises, scales and shifts each channel, and its gradient only scales', () => {
  const parameters = { mean: [1, 0], variance: [3, 0], scale: [4, -1], bias: [10, 0] };
  const x = tensor({ C: 2, H: 1, W: 2 }, [5, 7, 5, 7]);
  expect([...batchNormForward(x, parameters, 1).data]).toEqual([18, 22, -5, -7]);
  const dY = tensor(x.extents, [1, -1, 1, 2]);
  expect([...batchNormBackward(dY, parameters, 1).data]).toEqual([2, -2, -1, -2]);
});

test('concat stacks channels of one plane, and its gradient cuts at the same places', () => {
  const one = tensor({ C: 1, H: 1, W: 2 }, [1, 2]);
  const two = tensor({ C: 2, H: 1, W: 2 }, [3, 4, 5, 6]);
  const y = concatForward([one, two]);
  expect(y).toEqual(tensor({ C: 3, H: 1, W: 2 }, [1, 2, 3, 4, 5, 6]));
  expect(concatBackward(y, [one.extents, two.extents])).toEqual([one, two]);
});

test('add sums as many tensors as it is given', () => {
  expect(add([vector(1, 2), vector(10, 20), vector(100, 200)])).toEqual(vector(111, 222));
  expect(() => add([vector(1), vector(1, 2)])).toThrow('cannot add 2 elements to 1');
});

test('flattening changes the extents and nothing else', () => {
  const x = tensor({ C: 1, H: 2, W: 2 }, [1, 2, 3, 4]);
  expect(reshape(x, { C: 4, H: 1, W: 1 })).toEqual(vector(1, 2, 3, 4));
  expect(() => reshape(x, { C: 3, H: 1, W: 1 })).toThrow('3×1×1 takes 3 values, not 4');
});

test('soft-max turns differences into ratios, and its gradient sums to zero', () => {
  const x = vector(0, Math.log(3));
  const [low, high] = softmaxForward(x).data;
  expect(low).toBeCloseTo(1 / 4, 15);
  expect(high).toBeCloseTo(3 / 4, 15);
  const [dLow, dHigh] = softmaxBackward(vector(1, 0), x).data;
  expect(dLow).toBeCloseTo(3 / 16, 15);
  expect(dHigh).toBeCloseTo(-3 / 16, 15);
});

test('soft-max works over channels at each place, and large scores do not overflow', () => {
  const x = tensor({ C: 2, H: 1, W: 2 }, [1000, -1000, 1000, 1000]);
  expect([...softmaxForward(x).data]).toEqual([0.5, 0, 0.5, 1]);
});
