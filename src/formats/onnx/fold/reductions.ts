/** Reductions along axes, which are an attribute or, in newer opsets, an input; without them along all. */
import { axisOf } from '../shapeRules';
import { product } from '../value';
import { listOf, needed, offsetOf, stridesOf, type Fold, type Folds } from './numbers';

const reduction =
  (f: (values: readonly number[]) => number): Fold =>
  (call, [x, axes]) => {
    const input = needed(call, x);
    const { shape } = input;
    const given = listOf(axes) ?? call.ints('axes') ?? shape.map((_, axis) => axis);
    const reduced = new Set(given.map((axis) => axisOf(call, axis, shape.length)));
    const kept = shape.map((extent, axis) => (reduced.has(axis) ? 1 : extent));

    // the elements that become one, for each element of the result
    const groups: number[][] = Array.from({ length: product(kept) }, () => []);
    const strides = stridesOf(shape);
    const keptStrides = stridesOf(kept);
    for (let i = 0; i < input.data.length; i++) {
      const place = shape.map((extent, axis) => (reduced.has(axis) ? 0 : Math.floor(i / strides[axis]!) % extent));
      groups[offsetOf(place, keptStrides)]!.push(input.data[i]!);
    }
    return {
      ...input,
      shape: call.int('keepdims', 1) ? kept : shape.filter((_, axis) => !reduced.has(axis)),
      data: groups.map(f),
    };
  };

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const sumOf = (f: (value: number) => number): Fold => reduction((values) => sum(values.map(f)));

export const REDUCTIONS: Folds = [
  ['ReduceL1', sumOf(Math.abs)],
  ['ReduceLogSum', reduction((values) => Math.log(sum(values)))],
  ['ReduceLogSumExp', reduction((values) => Math.log(sum(values.map(Math.exp))))],
  ['ReduceSumSquare', sumOf((value) => value * value)],
  ['ReduceL2', reduction((values) => Math.sqrt(sum(values.map((value) => value * value))))],
  ['ReduceMax', reduction((values) => values.reduce((a, b) => Math.max(a, b), -Infinity))],
  ['ReduceMean', reduction((values) => sum(values) / values.length)],
  ['ReduceMin', reduction((values) => values.reduce((a, b) => Math.min(a, b), Infinity))],
  ['ReduceProd', reduction(product)],
  ['ReduceSum', reduction(sum)],
];
