import { expect, test } from 'vitest';
import { dot } from './compare';
import { convBackward, convForward, type ConvSpec } from './conv';
import { normals, seededRandom } from './random';
import { tensor, type Tensor } from './tensor';

const twoRows = tensor({ C: 1, H: 2, W: 3 }, [1, 2, 3, 4, 5, 6]);
const tenAndOne = [10, 1];

function rows({ extents: { W }, data }: Tensor): number[][] {
  return Array.from({ length: data.length / W }, (_, row) => [...data.subarray(row * W, (row + 1) * W)]);
}

test('a filter is laid on the input unflipped', () => {
  expect(rows(convForward({ kernel: [1, 2] }, twoRows, tenAndOne))).toEqual([
    [12, 23],
    [45, 56],
  ]);
  expect(rows(convForward({ kernel: [2, 1] }, twoRows, tenAndOne))).toEqual([[14, 25, 36]]);
});

test('padding on the left and padding on the right give different windows', () => {
  const spec: ConvSpec = { kernel: [1, 2], stride: [1, 2] };
  expect(rows(convForward({ ...spec, pads: [0, 1, 0, 0] }, twoRows, tenAndOne))).toEqual([
    [1, 23],
    [4, 56],
  ]);
  expect(rows(convForward({ ...spec, pads: [0, 0, 0, 1] }, twoRows, tenAndOne))).toEqual([
    [12, 30],
    [45, 60],
  ]);
});

test('padding above and padding below give different windows', () => {
  const spec: ConvSpec = { kernel: [2, 1], stride: [2, 1] };
  expect(rows(convForward({ ...spec, pads: [1, 0, 0, 0] }, twoRows, tenAndOne))).toEqual([[1, 2, 3]]);
  expect(rows(convForward({ ...spec, pads: [0, 0, 1, 0] }, twoRows, tenAndOne))).toEqual([[14, 25, 36]]);
});

test('dilation leaves out the columns between the taps', () => {
  expect(rows(convForward({ kernel: [1, 2], dilation: [1, 2] }, twoRows, tenAndOne))).toEqual([[13], [46]]);
});

test('a stride that leaves a remainder does not reach the last column', () => {
  expect(rows(convForward({ kernel: [1, 2], stride: [1, 2] }, twoRows, tenAndOne))).toEqual([[12], [45]]);
});

test('each group of filters reads its own channels, and every filter has its own bias', () => {
  const x = tensor({ C: 2, H: 1, W: 1 }, [5, 7]);
  expect([...convForward({ kernel: [1, 1], groups: 2 }, x, [1, 2, 3, 4], [0, 0, 100, 200]).data]).toEqual([
    5, 10, 121, 228,
  ]);
  expect([...convForward({ kernel: [1, 1] }, x, [1, 2, 3, 4]).data]).toEqual([19, 43]);
});

test('a group of several channels begins where the one before it ended', () => {
  const x = tensor({ C: 4, H: 1, W: 1 }, [1, 2, 3, 4]);
  const spec: ConvSpec = { kernel: [1, 1], groups: 2 };
  expect([...convForward(spec, x, [10, 1, 10, 1]).data]).toEqual([12, 34]);
  const dY = tensor({ C: 2, H: 1, W: 1 }, [1, 2]);
  expect([...convBackward(spec, dY, [10, 1, 10, 1], x.extents).data]).toEqual([10, 1, 20, 2]);
});

test('a pointwise filter on padding sees only its bias', () => {
  const x = tensor({ C: 1, H: 1, W: 1 }, [5]);
  expect([...convForward({ kernel: [1, 1], pads: [0, 1, 0, 1] }, x, [2], [3]).data]).toEqual([3, 13, 3]);
});

test('the gradient hands each output gradient back along the filter, and overlaps add', () => {
  const dY = tensor({ C: 1, H: 1, W: 2 }, [1, 2]);
  const dX = convBackward({ kernel: [1, 2] }, dY, tenAndOne, { C: 1, H: 1, W: 3 });
  expect([...dX.data]).toEqual([10, 1 + 20, 2]);
});

test('what the forward pass does not reach has gradient zero', () => {
  const dY = tensor({ C: 1, H: 1, W: 1 }, [7]);
  const dX = convBackward({ kernel: [1, 2], stride: [1, 2] }, dY, tenAndOne, { C: 1, H: 1, W: 3 });
  expect([...dX.data]).toEqual([70, 7, 0]);
});

test('weights that make no whole number of filters are refused', () => {
  expect(() => convForward({ kernel: [1, 2] }, twoRows, [1, 2, 3])).toThrow('3 weights do not make 1×2 filters');
});

test('a window larger than the padded input is refused', () => {
  expect(() => convForward({ kernel: [3, 1] }, twoRows, [1, 2, 3])).toThrow(
    'a window of 3 taps, 1 apart, does not fit into 2',
  );
});

const specs: [string, ConvSpec][] = [
  ['pads on every side', { kernel: [3, 2], pads: [2, 0, 1, 1] }],
  ['unequal strides', { kernel: [3, 3], stride: [2, 3], pads: [1, 2, 0, 1] }],
  ['dilation', { kernel: [2, 3], dilation: [3, 2] }],
  ['two groups', { kernel: [2, 2], groups: 2 }],
  ['one channel to a group', { kernel: [3, 3], stride: [2, 1], groups: 6 }],
];

test.each(specs)('with %s, ⟨dY, conv(x)⟩ = ⟨convᵀ(dY), x⟩', (_, spec) => {
  const random = seededRandom(5);
  const extents = { C: 6, H: 7, W: 9 };
  const x = tensor(extents, normals(random, 6 * 7 * 9));
  const weight = normals(random, 12 * (6 / (spec.groups ?? 1)) * spec.kernel[0] * spec.kernel[1]);
  const y = convForward(spec, x, weight);
  const dY = tensor(y.extents, normals(random, y.data.length));
  expect(dot(dY.data, y.data)).toBeCloseTo(dot(convBackward(spec, dY, weight, extents).data, x.data), 9);
});
