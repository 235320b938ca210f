/** Reductions along any axes: sums, means, extremes, norms, products. */
import type { Extents } from '../../shape';
import type { ReduceNode } from '../../ops/reduce';
import { expandTo, filled } from './arithmetic';
import type { Call, Named, Operator, Operators, Translation } from './call';
import { cut } from './moves';
import { chosenAxes, collapsed, runsOf, workedAxis } from './shapeRules';
import { extentsOf, rankOf, valueOf } from './value';

/** Axes are an attribute or, in newer opsets, an input. */
const reducing = (translate: (call: Call, reduction: Chosen) => string): Operator => ({
  attributes: ['axes', 'keepdims', 'noop_with_empty_axes'],
  inputs: [1, 2],
  translate: (call) => reduce(call, translate),
});

export const reductions: Operators = {
  ReduceL1: reducing((call, chosen) => folded(call, curved(call, 'abs', chosen), 'sum')),
  ReduceL2: reducing((call, chosen) => root(call, folded(call, squared(call, chosen), 'sum'))),
  ReduceLogSum: reducing((call, chosen) => call.emit({ op: 'log', inputs: [folded(call, chosen, 'sum')] })),
  ReduceLogSumExp: reducing(logSumExp),
  ReduceMax: reducing((call, chosen) => folded(call, chosen, 'max')),
  ReduceMean: reducing((call, chosen) => folded(call, chosen, 'mean')),
  ReduceMin: reducing((call, chosen) => folded(call, chosen, 'min')),
  ReduceProd: reducing(product),
  ReduceSum: reducing((call, chosen) => folded(call, chosen, 'sum')),
  ReduceSumSquare: reducing((call, chosen) => folded(call, squared(call, chosen), 'sum')),
};

/** A tensor, and the axes that are to become one element each. */
interface Chosen {
  readonly x: Named;
  readonly axes: readonly number[];
}

function reduce(call: Call, translate: (call: Call, reduction: Chosen) => string): Translation {
  const value = call.value();
  const given = call.integers(1) ?? call.ints('axes');
  if (!given?.length && call.int('noop_with_empty_axes', 0))
    return call.reshaped(call.inputs[0]!, value.extents, value.shape);
  const every = value.shape.map((_, axis) => axis);
  const axes = (given?.length ? given : every).map((axis) => workedAxis(call, axis, rankOf(value)));
  const shape = call.int('keepdims', 1)
    ? reducedShape(value.shape, axes)
    : value.shape.filter((_, axis) => !axes.includes(axis));
  const name = translate(call, { x: [call.inputs[0]!, value], axes });
  return call.reshaped(name, extentsOf(reducedShape(value.shape, axes)), shape);
}

const reducedShape = (shape: readonly number[], axes: readonly number[]): number[] =>
  shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));

const root = (call: Call, x: string): string => call.emit({ op: 'sqrt', inputs: [x] });

const curved = (call: Call, op: 'abs' | 'exp', { x: [name, value], axes }: Chosen): Chosen => ({
  x: [call.emit({ op, inputs: [name] }), value],
  axes,
});

/** `m + log Σ exp(x − m)`, with m the maximum, so that nothing overflows. */
function logSumExp(call: Call, { x: [name, value], axes }: Chosen): string {
  const left = valueOf(reducedShape(value.shape, axes));
  const peak = folded(call, { x: [name, value], axes }, 'max');
  const minus = call.emit({ op: 'affine', inputs: [peak], scale: filled(call, '−1', -1)(left) });
  const below = call.emit({ op: 'add', inputs: [name, expandTo(call, minus, left, value.shape)] });
  const sum = folded(call, curved(call, 'exp', { x: [below, value], axes }), 'sum');
  return call.emit({ op: 'add', inputs: [peak, call.emit({ op: 'log', inputs: [sum] })] });
}

const squared = (call: Call, { x: [name, value], axes }: Chosen): Chosen => ({
  x: [call.emit({ op: 'multiply', inputs: [name, name] }), value],
  axes,
});

/** The tensor with these axes reduced to one element each: one node where they fit into our three axes. */
export function reduced(
  call: Call,
  [x, value]: Named,
  kind: ReduceNode['kind'],
  axes: readonly number[],
): readonly [name: string, extents: Extents] {
  const ours = chosenAxes(value, axes);
  if (!ours) {
    // one run of neighbours, and then the rest
    const last = runsOf(value.shape, (axis) => axes.includes(axis)).findLast(({ chosen }) => chosen)!;
    const left = valueOf(reducedShape(value.shape, last.axes));
    const [name, extents] = reduced(call, [x, value], kind, last.axes);
    const others = axes.filter((axis) => !last.axes.includes(axis));
    return reduced(call, [call.shaped(name, extents, left.extents), left], kind, others);
  }
  const { whole, along } = ours;
  if (along.length === 0) return [x, value.extents];
  const inputs = [call.shaped(x, value.extents, whole)];
  const isPlane = along.join('') === 'HW';
  const name =
    isPlane && (kind === 'mean' || kind === 'max')
      ? call.emit({ op: kind === 'max' ? 'globalMaxPool' : 'globalAveragePool', inputs })
      : call.emit({ op: 'reduce', inputs, kind, axes: along });
  return [name, collapsed(ours)];
}

/** The same under the extents that the result has. */
function folded(call: Call, { x: [name, value], axes }: Chosen, kind: ReduceNode['kind']): string {
  const [left, extents] = reduced(call, [name, value], kind, axes);
  return call.shaped(left, extents, extentsOf(reducedShape(value.shape, axes)));
}

/** The first half times the second, along one axis after the other; the last of an odd number waits for the end. */
function product(call: Call, { x, axes }: Chosen): string {
  const times = (a: string, b: string): string => call.emit({ op: 'multiply', inputs: [a, b] });
  return axes.reduce<Named>((start, axis) => {
    let [name, value] = start;
    let waiting: string | undefined;
    while (value.shape[axis]! > 1) {
      const extent = value.shape[axis]!;
      const half = Math.floor(extent / 2);
      const part = (begin: number, count: number): Named => cut(call, [name, value], [{ axis, begin, step: 1, count }]);
      const [[first, left], [second]] = [part(0, half), part(half, half)];
      if (extent % 2 === 1) {
        const [last] = part(extent - 1, 1);
        waiting = waiting === undefined ? last : times(waiting, last);
      }
      [name, value] = [times(first, second), left];
    }
    return [waiting === undefined ? name : times(name, waiting), value];
  }, x)[0];
}
