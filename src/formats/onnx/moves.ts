/**
 * Moves of elements that take several nodes of ours. ONNX's tensors have any number of axes, ours three: so axes that
 * stay side by side are taken as one, which is a reshape and costs nothing.
 */
import { AXES, type Triple, shapeError, triple } from '../../shape';
import { reshaping, unsupported, type Call, type Translation } from './call';
import type { Range } from './shapeRules';
import { printShape, product, valueOf, type Value } from './value';

/** A tensor of our graph by its name, and what is known of it. */
type Named = readonly [name: string, value: Value];

// ── permutation ──

/** The tensor `x` with the axes of one item in another order: `order[k]` is the axis that becomes axis k. */
export function permuted(call: Call, x: string, value: Value, order: readonly number[]): Translation {
  const extentsOf = (axes: readonly number[]): number[] => axes.map((axis) => value.shape[axis]!);
  const shape = extentsOf(order);
  const groups = groupsOf(value.shape, order);
  const inPlace = groups.toSorted(([a = 0], [b = 0]) => a - b);
  const turn = groups.map((group) => inPlace.indexOf(group));
  if (turn.every((from, k) => from === k)) return call.result(reshaping(x, value, shape), shape);
  if (groups.length > 3)
    throw unsupported(`it moves ${groups.length} axes of ${printShape(value.shape)} past each other`, 'up to 3');
  const axisFrom = (axes: readonly number[]) => triple((k) => AXES[axes[k] ?? k]!);
  if (order.length === 3 && !shape.includes(1))
    return call.result({ op: 'transpose', inputs: [x], order: axisFrom(order) }, shape);

  // one axis for each group, those axes turned, and the groups' own axes again
  const extentOf = (group: readonly number[]): number => product(extentsOf(group));
  const source = call.shaped(x, value, inPlace.map(extentOf));
  const turned = call.emit({ op: 'transpose', inputs: [source], order: axisFrom(turn) });
  return call.result(reshaping(turned, valueOf(groups.map(extentOf)), shape), shape);
}

/**
 * The axes, in their new order, in groups that move together: neighbours before that are neighbours after. Axes of
 * extent 1 hold no order and are left out.
 */
function groupsOf(shape: readonly number[], order: readonly number[]): readonly (readonly number[])[] {
  const isOne = (axis: number): boolean => shape[axis] === 1;
  const groups: number[][] = [];
  let last = Infinity;
  for (const axis of order.filter((axis) => !isOne(axis))) {
    const isNext = axis > last && shape.slice(last + 1, axis).every((extent) => extent === 1);
    if (isNext) groups.at(-1)?.push(axis);
    else groups.push([axis]);
    last = axis;
  }
  return groups;
}

// ── concatenation ──

/**
 * The tensors one behind the other along an axis of one item. Ours are joined along their first axis; for any other
 * one they are `[before, axis, after]`, whose middle comes first, is joined along, and goes back.
 */
export function joined(call: Call, parts: readonly Named[], axis: number): Translation {
  const shape = joinedShape(call, parts, axis);
  if (axis === 0 && shape.length <= 3) return call.result({ op: 'concat', inputs: parts.map(([name]) => name) }, shape);

  const [before, after] = [product(shape.slice(0, axis)), product(shape.slice(axis + 1))];
  const order = ['H', 'C', 'W'] as const; // the first two axes change places: there and back
  const inputs = parts.map(([name, value]) => {
    const extent = value.shape[axis]!;
    const planes = call.shaped(name, value, [before, extent, after]);
    return before === 1
      ? call.shaped(planes, valueOf([1, extent, after]), [extent, 1, after])
      : call.emit({ op: 'transpose', inputs: [planes], order });
  });
  const whole = call.emit({ op: 'concat', inputs });
  const extent = shape[axis]!;
  if (before === 1) return call.result(reshaping(whole, valueOf([extent, 1, after]), shape), shape);
  const back = call.emit({ op: 'transpose', inputs: [whole], order });
  return call.result(reshaping(back, valueOf([before, extent, after]), shape), shape);
}

function joinedShape(call: Call, parts: readonly Named[], axis: number): readonly number[] {
  const [first = [], ...others] = parts.map(([, { shape }]) => shape);
  const odd = others.find(
    (shape) => shape.length !== first.length || shape.some((extent, i) => i !== axis && extent !== first[i]),
  );
  if (odd)
    throw shapeError(
      call.where,
      `joins ${printShape(first)} and ${printShape(odd)}; all but axis ${axis + 1} must agree`,
    );
  const extent = [first, ...others].reduce((sum, shape) => sum + shape[axis]!, 0);
  return first.map((other, i) => (i === axis ? extent : other));
}

// ── cutting ──

/** Some of the elements along one axis of an item. */
export interface Part extends Range {
  readonly axis: number;
}

/** The tensor `x` with only these parts left: one node where it has at most three axes, else one for each part. */
export function cut(call: Call, [x, value]: Named, parts: readonly Part[]): Named {
  const cuts = parts.filter(({ axis, begin, step, count }) => begin !== 0 || step !== 1 || count !== value.shape[axis]);
  if (cuts.some(({ count }) => count < 1)) throw unsupported('its result has no elements');
  if (cuts.length === 0) return [x, value];
  if (value.shape.length > 3) return cuts.reduce<Named>((left, part) => cutBetween(call, left, part), [x, value]);

  const along = triple(
    (axis) => cuts.find((part) => part.axis === axis) ?? { begin: 0, step: 1, count: value.shape[axis] ?? 1 },
  );
  const each = (field: keyof Range): Triple => triple((axis) => along[axis][field]);
  const name = call.emit({
    op: 'slice',
    inputs: [x],
    begin: each('begin'),
    step: each('step'),
    extents: each('count'),
  });
  return [name, valueOf(value.shape.map((_, axis) => along[axis as 0 | 1 | 2].count))];
}

/** One part along an axis among more than three: the axes before it and those behind it are one each. */
function cutBetween(call: Call, [x, { shape }]: Named, part: Part): Named {
  const planes = [product(shape.slice(0, part.axis)), shape[part.axis]!, product(shape.slice(part.axis + 1))];
  const source = call.shaped(x, valueOf(shape), planes);
  const [narrow, left] = cut(call, [source, valueOf(planes)], [{ ...part, axis: 1 }]);
  const value = valueOf(shape.with(part.axis, part.count));
  return [call.shaped(narrow, left, value.shape), value];
}
