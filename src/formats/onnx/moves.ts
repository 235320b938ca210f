/**
 * Moves of elements. ONNX's tensors have any number of axes, ours three: so axes that stay side by side are taken as
 * one.
 */
import { MOST_AXES, type PermuteNode } from '../../ops/permute';
import { AXES, type Extents, type Triple, shapeError, triple } from '../../shape';
import { unsupported, type Call, type Named, type Translation, type Unnamed } from './call';
import type { Range } from './shapeRules';
import { around, channelAxis, extentsOf, planes, printShape, product, valueOf, type Value } from './value';

// ── permutation ──

/** The tensor `x` with its axes in another order: `order[k]` is the axis that becomes axis k. */
export function permuted(call: Call, [x, value]: Named, order: readonly number[]): Translation {
  const shape = order.map((axis) => value.shape[axis]!);
  // three axes behind the batch are ours as they are
  if (shape.length === 4 && order[0] === 0 && shape.indexOf(1) === 0 && shape.lastIndexOf(1) === 0)
    return call.result({ op: 'transpose', inputs: [x], order: triple((k) => AXES[order[k + 1]! - 1]!) }, shape);
  const node = turning(value, order, extentsOf(shape));
  return node ? call.result({ ...node, inputs: [x] }, shape) : call.reshaped(x, value.extents, shape);
}

/** The same, under these extents, as a node before this one. */
export function arranged(call: Call, [x, value]: Named, order: readonly number[], to: Extents): string {
  const node = turning(value, order, to);
  return node ? call.emit({ ...node, inputs: [x] }) : call.shaped(x, value.extents, to);
}

/** How a tensor's axes are turned; null where its elements stay in order. */
function turning(
  { shape }: Value,
  order: readonly number[],
  { C, H, W }: Extents,
): Omit<Unnamed<PermuteNode>, 'inputs'> | null {
  const groups = groupsOf(shape, order);
  const inPlace = groups.toSorted(([a = 0], [b = 0]) => a - b);
  const turn = groups.map((group) => inPlace.indexOf(group));
  if (turn.every((from, k) => from === k)) return null;
  if (groups.length > MOST_AXES)
    throw unsupported(
      `it moves ${groups.length} groups of axes of ${printShape(shape)} past each other`,
      `up to ${MOST_AXES}`,
    );
  const between = inPlace.map((group) => product(group.map((axis) => shape[axis]!)));
  return { op: 'permute', shape: between, order: turn, extents: [C, H, W] };
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
 * The tensors one behind the other along an axis. Ours are joined along their first axis; for any other one they are
 * `[before, axis, after]`, whose middle comes first, is joined along, and goes back.
 */
export function joined(call: Call, parts: readonly Named[], axis: number): Translation {
  const shape = joinedShape(call, parts, axis);
  const [before, extent, after] = around(shape, axis);
  if (axis === channelAxis({ shape }) && parts.every(([, value]) => channelAxis(value) === axis))
    return call.result({ op: 'concat', inputs: parts.map(([name]) => name) }, shape);

  const inputs = parts.map(([name, value]) => {
    const own = value.shape[axis]!;
    if (before === 1) return call.shaped(name, value.extents, planes([own, after, 1]));
    return call.emit(swapped(name, [before, own, after], [own, before, after]));
  });
  const whole = call.emit({ op: 'concat', inputs });
  if (before === 1) return call.reshaped(whole, planes([extent, after, 1]), shape);
  const { C, H, W } = extentsOf(shape);
  return call.result(swapped(whole, [extent, before, after], [C, H, W]), shape);
}

/** A tensor of three axes of which the first two change places, under these extents. */
export const swapped = (x: string, shape: Triple, extents: Triple): Unnamed => ({
  op: 'permute',
  inputs: [x],
  shape,
  order: [1, 0, 2],
  extents,
});

function joinedShape(call: Call, parts: readonly Named[], axis: number): readonly number[] {
  const [first = [], ...others] = parts.map(([, { shape }]) => shape);
  const odd = others.find(
    (shape) => shape.length !== first.length || shape.some((extent, i) => i !== axis && extent !== first[i]),
  );
  if (odd)
    throw shapeError(call.where, `joins ${printShape(first)} and ${printShape(odd)}; all but axis ${axis} must agree`);
  const extent = [first, ...others].reduce((sum, shape) => sum + shape[axis]!, 0);
  return first.map((other, i) => (i === axis ? extent : other));
}

// ── cutting ──

/** Some of the elements along one axis. */
export interface Part extends Range {
  readonly axis: number;
}

/** The tensor `x` with only these parts left: one node where all their axes are extents of ours, else one for each. */
export function cut(call: Call, [x, value]: Named, parts: readonly Part[]): Named {
  const cuts = parts.filter(({ axis, begin, step, count }) => begin !== 0 || step !== 1 || count !== value.shape[axis]);
  if (cuts.some(({ count }) => count < 1)) throw unsupported('its result has no elements', 'one or more');
  if (cuts.length === 0) return [x, value];
  const first = channelAxis(value);
  if (value.shape.length - first > 3 || cuts.some(({ axis }) => axis < first))
    return cuts.reduce<Named>((left, part) => cutBetween(call, left, part), [x, value]);
  const along = triple((axis) => cuts.find((part) => part.axis === axis + first) ?? null);
  const left = valueOf(value.shape.map((extent, axis) => along[(axis - first) as 0 | 1 | 2]?.count ?? extent));
  const { C, H, W } = value.extents;
  const narrow = { C: along[0]?.count ?? C, H: along[1]?.count ?? H, W: along[2]?.count ?? W };
  // a first axis that only has one element left is that of the batch from here on, and all others are extents of ours
  return [call.shaped(sliced(call, x, value.extents, along), narrow, left.extents), left];
}

/** One part along an axis among more than three. */
const cutBetween = (call: Call, from: Named, part: Part): Named =>
  alongAxis(call, from, part, (x, whole) => sliced(call, x, whole, [null, part, null]));

/**
 * What a node does along one axis, of which it leaves so many elements: the axes before it and those behind it are one
 * each, so that it is our second.
 */
export function alongAxis(
  call: Call,
  [x, { shape, extents }]: Named,
  { axis, count }: { readonly axis: number; readonly count: number },
  emit: (x: string, whole: Extents) => string,
): Named {
  const whole = planes(around(shape, axis));
  const value = valueOf(shape.with(axis, count));
  const made = emit(call.shaped(x, extents, whole), whole);
  return [call.shaped(made, { ...whole, H: count }, value.extents), value];
}

/** The slice of a tensor of ours; null along an axis that stays whole. */
function sliced(call: Call, x: string, extents: Extents, parts: readonly (Range | null)[]): string {
  const along = triple((axis) => parts[axis] ?? { begin: 0, step: 1, count: extents[AXES[axis]] });
  const each = (field: keyof Range): Triple => triple((axis) => along[axis][field]);
  return call.emit({ op: 'slice', inputs: [x], begin: each('begin'), step: each('step'), extents: each('count') });
}
