/** What moves, copies, joins or cuts elements without computing with them. */
import { formatError } from '../../checks';
import type { Call } from '../call';
import { axisOf, broadcastShape, resolveReshape, sliceRange, squeezed, unsqueezed } from '../shapeRules';
import { product } from '../value';
import {
  broadcast,
  filled,
  gathered,
  listOf,
  needed,
  offsetOf,
  reshaped,
  stridesOf,
  type Fold,
  type Folds,
  type Numbers,
} from './numbers';

const concat: Fold = (call, inputs) => {
  const [first, ...others] = inputs.map((input) => needed(call, input)) as [Numbers, ...Numbers[]];
  const all = [first, ...others];
  const axis = axisOf(call, call.int('axis', 1), first.shape.length);
  const agrees = ({ shape }: Numbers): boolean =>
    shape.length === first.shape.length && shape.every((extent, i) => i === axis || extent === first.shape[i]);
  if (!others.every(agrees))
    throw formatError(
      `${call.where}: joins ${all.map(({ shape }) => `[${shape}]`).join(' and ')}; all but axis ${axis} must agree`,
    );

  // each index of the joined axis comes from one input, at an index of its own
  const sources = all.flatMap(({ shape, data }) =>
    Array.from({ length: shape[axis]! }, (_, index) => ({ data, index, strides: stridesOf(shape) })),
  );
  const shape = first.shape.map((extent, i) => (i === axis ? sources.length : extent));
  call.model.spend(product(shape));
  const data = filled(shape, (place) => {
    const { data, index, strides } = sources[place[axis]!]!;
    return data[offsetOf(place.with(axis, index), strides)]!;
  });
  return { ...first, shape, data };
};

const expand: Fold = (call, [x, shape]) => {
  const input = needed(call, x);
  const to = broadcastShape(call, [input.shape, Array.from(needed(call, shape).data)]);
  call.model.spend(product(to));
  return broadcast(input, to);
};

const flatten: Fold = (call, [x]) => {
  const input = needed(call, x);
  const axis = call.int('axis', 1);
  const before = product(input.shape.slice(0, axis < 0 ? axis + input.shape.length : axis));
  return reshaped(call, input, [before, product(input.shape) / before]);
};

/** The gathered axis is replaced by the axes of the indices. */
const gather: Fold = (call, [x, indices]) => {
  const input = needed(call, x);
  const at = needed(call, indices);
  const axis = axisOf(call, call.int('axis', 0), input.shape.length);
  const end = axis + at.shape.length;
  const to = [...input.shape.slice(0, axis), ...at.shape, ...input.shape.slice(axis + 1)];
  call.model.spend(product(to));
  const strides = stridesOf(at.shape);
  return gathered(input, to, (place) => {
    const index = at.data[offsetOf(place.slice(axis, end), strides)]!;
    return [...place.slice(0, axis), axisOf(call, index, input.shape[axis]!), ...place.slice(end)];
  });
};

/** Starts, ends, axes and steps are attributes before opset 10, inputs since. */
const slice: Fold = (call, [x, starts, ends, axes, steps]) => {
  const input = needed(call, x);
  const begins = listOf(starts) ?? call.places('starts') ?? [];
  const stops = listOf(ends) ?? call.places('ends') ?? [];
  const by = listOf(steps) ?? begins.map(() => 1);
  const along = (listOf(axes) ?? call.ints('axes') ?? begins.map((_, i) => i)).map((axis) =>
    axisOf(call, axis, input.shape.length),
  );
  const ranges = input.shape.map((extent, axis) => {
    const k = along.indexOf(axis);
    return k < 0 ? { begin: 0, step: 1, count: extent } : sliceRange(begins[k]!, stops[k]!, by[k]!, extent);
  });
  return gathered(
    input,
    ranges.map(({ count }) => count),
    (place) => ranges.map(({ begin, step }, axis) => begin + place[axis]! * step),
  );
};

const transpose: Fold = (call, [x]) => {
  const input = needed(call, x);
  const { shape } = input;
  const order = call.ints('perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
  if (!shape.every((_, axis) => order.includes(axis)) || order.length !== shape.length)
    throw formatError(`${call.where}: its perm is [${order}], for ${shape.length} dimensions`);
  return gathered(
    input,
    order.map((axis) => shape[axis]!),
    (place) => shape.map((_, axis) => place[order.indexOf(axis)]!),
  );
};

/** The same elements in another shape. */
const inShape =
  (shapeOf: (call: Call, shape: readonly number[], second: readonly number[] | undefined) => number[]): Fold =>
  (call, [x, second]) => {
    const input = needed(call, x);
    return reshaped(call, input, shapeOf(call, input.shape, listOf(second)));
  };

export const MOVES: Folds = [
  ['Concat', concat],
  ['Expand', expand],
  ['Flatten', flatten],
  ['Gather', gather],
  ['Reshape', inShape((call, shape, target) => resolveReshape(call, shape, target ?? call.ints('shape') ?? []))],
  ['Slice', slice],
  ['Squeeze', inShape((call, shape, axes) => squeezed(call, shape, axes ?? call.ints('axes')))],
  ['Transpose', transpose],
  ['Unsqueeze', inShape((call, shape, axes) => unsqueezed(call, shape, axes ?? call.ints('axes') ?? []))],
];
