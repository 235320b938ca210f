import { expect, test } from 'vitest';
import { dot } from './compare';
import { fullyConnectedBackward, fullyConnectedForward } from './fullyConnected';
import { normals, seededRandom } from './random';
import { tensor } from './tensor';

const x = tensor({ C: 2, H: 1, W: 2 }, [1, 2, 3, 4]);
const weight = [1, 10, 100, 1000, 2, 0, 0, -1];

test('each output weighs the whole input in C, H, W order', () => {
  const y = fullyConnectedForward(x, weight, [5, 6]);
  expect(y.extents).toEqual({ C: 2, H: 1, W: 1 });
  expect([...y.data]).toEqual([4321 + 5, -2 + 6]);
});

test('the gradient is the rows of the matrix, weighed by the output gradient', () => {
  const dX = fullyConnectedBackward(tensor({ C: 2, H: 1, W: 1 }, [1, 3]), weight, x.extents);
  expect(dX.extents).toEqual(x.extents);
  expect([...dX.data]).toEqual([7, 10, 100, 997]);
});

test('weights that make no matrix over the input are refused', () => {
  expect(() => fullyConnectedForward(x, [1, 2, 3])).toThrow('3 weights are no matrix over 4 inputs');
});

test('⟨dY, Wx⟩ = ⟨Wᵀ·dY, x⟩', () => {
  const random = seededRandom(6);
  const input = tensor({ C: 3, H: 5, W: 2 }, normals(random, 30));
  const matrix = normals(random, 7 * 30);
  const dY = tensor({ C: 7, H: 1, W: 1 }, normals(random, 7));
  const forth = dot(dY.data, fullyConnectedForward(input, matrix).data);
  expect(forth).toBeCloseTo(dot(fullyConnectedBackward(dY, matrix, input.extents).data, input.data), 10);
});
