/** What chooses, repeats or writes elements at places that other tensors say. */
import { formatError } from '../../checks';
import { unsupported, type Call } from '../call';
import { axisOf } from '../shapeRules';
import { product } from '../value';
import { filled, gathered, listOf, needed, offsetOf, stridesOf, type Fold, type Folds, type Numbers } from './numbers';

const tile: Fold = (call, [x, repeats]) => {
  const input = needed(call, x);
  const times = Array.from(needed(call, repeats).data);
  const shape = input.shape.map((extent, axis) => extent * (times[axis] ?? 1));
  call.model.spend(product(shape));
  return gathered(input, shape, (place) => place.map((index, axis) => index % input.shape[axis]!));
};

/** `[begin…, end…]` of all axes, or of those given. */
const pad: Fold = (call, [x, pads, value, axes]) => {
  const input = needed(call, x);
  const rank = input.shape.length;
  const mode = call.string('mode', 'constant');
  if (mode !== 'constant' && mode !== 'edge' && mode !== 'reflect' && mode !== 'wrap')
    throw unsupported(`its mode is ${mode}`, 'constant, edge, reflect, wrap');
  const given = listOf(pads) ?? call.ints('pads') ?? call.ints('paddings') ?? [];
  const along = listOf(axes)?.map((axis) => axisOf(call, axis, rank)) ?? input.shape.map((_, axis) => axis);
  const at = (axis: number, side: 0 | 1): number => {
    const k = along.indexOf(axis);
    return k < 0 ? 0 : (given[k + side * along.length] ?? 0);
  };
  const shape = input.shape.map((extent, axis) => extent + at(axis, 0) + at(axis, 1));
  call.model.spend(product(shape));
  const filler = value?.data[0] ?? call.float('value', 0);
  const strides = stridesOf(input.shape);
  const inside = (index: number, extent: number): number => {
    if (mode === 'edge') return Math.max(0, Math.min(extent - 1, index));
    if (mode === 'wrap') return ((index % extent) + extent) % extent;
    const period = Math.max(1, 2 * extent - 2);
    const folded = ((index % period) + period) % period;
    return folded < extent ? folded : period - folded;
  };
  const data = filled(shape, (place) => {
    const source = place.map((index, axis) => index - at(axis, 0));
    const isOutside = source.some((index, axis) => index < 0 || index >= input.shape[axis]!);
    if (isOutside && mode === 'constant') return filler;
    return input.data[
      offsetOf(
        source.map((index, axis) => inside(index, input.shape[axis]!)),
        strides,
      )
    ]!;
  });
  return { ...input, shape, data };
};

/** Elements of one axis, each place with an index of its own. */
const gatherElements: Fold = (call, [x, indices]) => {
  const [input, at] = [needed(call, x), needed(call, indices)];
  const axis = axisOf(call, call.int('axis', 0), input.shape.length);
  const strides = stridesOf(at.shape);
  return gathered(input, at.shape, (place) =>
    place.with(axis, axisOf(call, at.data[offsetOf(place, strides)]!, input.shape[axis]!)),
  );
};

/** The last axis of the indices is a place in the first axes of the input. */
const gatherND: Fold = (call, [x, indices]) => {
  const [input, at] = [needed(call, x), needed(call, indices)];
  if (call.int('batch_dims', 0) !== 0) throw unsupported('its batch_dims is not 0', '0');
  const depth = at.shape.at(-1) ?? 0;
  const own = at.shape.slice(0, -1);
  const shape = [...own, ...input.shape.slice(depth)];
  call.model.spend(product(shape));
  return gathered(input, shape, (place) => [
    ...placeIn(call, at, place.slice(0, own.length), input.shape),
    ...place.slice(own.length),
  ]);
};

/** The place that a row of indices says. */
function placeIn(call: Call, at: Numbers, row: readonly number[], shape: readonly number[]): number[] {
  const depth = at.shape.at(-1) ?? 0;
  const begin = offsetOf(row, stridesOf(at.shape.slice(0, -1))) * depth;
  return Array.from({ length: depth }, (_, k) => axisOf(call, at.data[begin + k]!, shape[k]!));
}

/** How a written element meets the one that was there. */
function reductionOf(call: Call): (before: number, written: number) => number {
  return call.choice('reduction', 'none', {
    none: (_: number, written: number) => written,
    add: (before: number, written: number) => before + written,
    mul: (before: number, written: number) => before * written,
    max: Math.max,
    min: Math.min,
  });
}

const scatterND: Fold = (call, [x, indices, updates]) => {
  const [input, at, written] = [needed(call, x), needed(call, indices), needed(call, updates)];
  const data = Float64Array.from(input.data);
  const combine = reductionOf(call);
  const depth = at.shape.at(-1) ?? 0;
  const run = product(input.shape.slice(depth));
  const strides = stridesOf(input.shape).slice(0, depth);
  for (let row = 0; row < product(at.shape.slice(0, -1)); row++) {
    const place = Array.from({ length: depth }, (_, k) => axisOf(call, at.data[row * depth + k]!, input.shape[k]!));
    const begin = offsetOf(place, strides);
    for (let i = 0; i < run; i++) data[begin + i] = combine(data[begin + i]!, written.data[row * run + i]!);
  }
  return { ...input, data };
};

const scatterElements: Fold = (call, [x, indices, updates]) => {
  const [input, at, written] = [needed(call, x), needed(call, indices), needed(call, updates)];
  const axis = axisOf(call, call.int('axis', 0), input.shape.length);
  const data = Float64Array.from(input.data);
  const combine = reductionOf(call);
  const [own, strides] = [stridesOf(at.shape), stridesOf(input.shape)];
  filled(at.shape, (place) => {
    const i = offsetOf(place, own);
    const to = offsetOf(place.with(axis, axisOf(call, at.data[i]!, input.shape[axis]!)), strides);
    return (data[to] = combine(data[to]!, written.data[i]!));
  });
  return { ...input, data };
};

/** The places of what is not zero, `[rank, count]`. */
const nonZero: Fold = (call, [x]) => {
  const { shape, data } = needed(call, x);
  const strides = stridesOf(shape);
  const found = Array.from(data).flatMap((value, i) => (value === 0 ? [] : i));
  const places = shape.flatMap((extent, axis) => found.map((i) => Math.floor(i / strides[axis]!) % extent));
  return { shape: [shape.length, found.length], isWhole: true, data: places };
};

const oneHot: Fold = (call, [indices, depth, values]) => {
  const at = needed(call, indices);
  const [off = 0, on = 1] = Array.from(needed(call, values).data);
  const classes = needed(call, depth).data[0] ?? 0;
  const axis = axisOf(call, call.int('axis', -1), at.shape.length + 1);
  const shape = at.shape.toSpliced(axis, 0, classes);
  call.model.spend(product(shape));
  const strides = stridesOf(at.shape);
  const data = filled(shape, (place) => {
    const index = at.data[offsetOf(place.toSpliced(axis, 1), strides)]!;
    return place[axis] === (index < 0 ? index + classes : index) ? on : off;
  });
  return { shape, data, isWhole: needed(call, values).isWhole };
};

/** What is above a diagonal becomes 0, or with `upper` what is below. */
const trilu: Fold = (call, [x, k]) => {
  const input = needed(call, x);
  const shift = k?.data[0] ?? 0;
  const isUpper = call.int('upper', 1) === 1;
  const strides = stridesOf(input.shape);
  const data = filled(input.shape, (place) => {
    const [row, column] = place.slice(-2) as [number, number];
    const isKept = isUpper ? column - row >= shift : column - row <= shift;
    return isKept ? input.data[offsetOf(place, strides)]! : 0;
  });
  return { ...input, data };
};

/** Running sums along an axis, which may leave the element itself out, or run backwards. */
const cumSum: Fold = (call, [x, along]) => {
  const input = needed(call, x);
  const axis = axisOf(call, needed(call, along).data[0] ?? 0, input.shape.length);
  const [exclusive, reverse] = [call.int('exclusive', 0) === 1, call.int('reverse', 0) === 1];
  const extent = input.shape[axis]!;
  const stride = stridesOf(input.shape)[axis]!;
  const data = new Float64Array(input.data.length);
  for (let first = 0; first < data.length; first++) {
    if (Math.floor(first / stride) % extent !== 0) continue;
    let sum = 0;
    for (let k = 0; k < extent; k++) {
      const i = first + (reverse ? extent - 1 - k : k) * stride;
      if (!exclusive) sum += input.data[i]!;
      data[i] = sum;
      if (exclusive) sum += input.data[i]!;
    }
  }
  return { ...input, data };
};

/** Parts along an axis: of the lengths given, or as many as there are outputs. */
const split: Fold = (call, [x, lengths]) => {
  const input = needed(call, x);
  const axis = axisOf(call, call.int('axis', 0), input.shape.length);
  const extent = input.shape[axis]!;
  const each = Math.ceil(extent / call.outputs);
  const parts =
    listOf(lengths) ??
    call.ints('split') ??
    Array.from({ length: call.outputs }, (_, k) => Math.max(0, Math.min(each, extent - k * each)));
  if (parts.reduce((sum, part) => sum + part, 0) !== extent)
    throw formatError(`${call.where}: splits ${extent} into [${parts}]`);
  let begin = 0;
  return parts.map((count) => {
    const from = begin;
    begin += count;
    return gathered(input, input.shape.with(axis, count), (place) => place.with(axis, place[axis]! + from));
  });
};

/** The index of the largest, or of the smallest; of several the first, or the last. */
const best =
  (isBetter: (a: number, b: number) => boolean): Fold =>
  (call, [x]) => {
    const input = needed(call, x);
    const axis = axisOf(call, call.int('axis', 0), input.shape.length);
    const takesLast = call.int('select_last_index', 0) === 1;
    const strides = stridesOf(input.shape);
    const kept = input.shape.with(axis, 1);
    const data = filled(kept, (place) => {
      const at = (k: number): number => input.data[offsetOf(place.with(axis, k), strides)]!;
      let found = 0;
      for (let k = 1; k < input.shape[axis]!; k++)
        if (isBetter(at(k), at(found)) || (takesLast && at(k) === at(found))) found = k;
      return found;
    });
    return { shape: call.int('keepdims', 1) ? kept : input.shape.toSpliced(axis, 1), data, isWhole: true };
  };

/** The largest along an axis, or the smallest, in order, and their places; of equal ones the first. */
const topK: Fold = (call, [x, count]) => {
  const input = needed(call, x);
  const axis = axisOf(call, call.int('axis', -1), input.shape.length);
  const k = count?.data[0] ?? call.int('k', 1);
  const sign = call.int('largest', 1) === 1 ? 1 : -1;
  const strides = stridesOf(input.shape);
  const shape = input.shape.with(axis, k);
  const order = new Map<number, readonly number[]>();
  const placeOf = (place: readonly number[]): number => {
    const first = offsetOf(place.with(axis, 0), strides);
    const at = (i: number): number => sign * input.data[first + i * strides[axis]!]!;
    if (!order.has(first))
      order.set(
        first,
        Array.from({ length: input.shape[axis]! }, (_, i) => i).sort((a, b) => at(b) - at(a) || a - b),
      );
    return order.get(first)![place[axis]!]!;
  };
  const places = filled(shape, placeOf);
  return [gathered(input, shape, (place) => place.with(axis, placeOf(place))), { shape, data: places, isWhole: true }];
};

export const SELECTIONS: Folds = [
  ['ArgMax', best((a, b) => a > b)],
  ['ArgMin', best((a, b) => a < b)],
  ['CumSum', cumSum],
  ['GatherElements', gatherElements],
  ['GatherND', gatherND],
  ['NonZero', nonZero],
  ['OneHot', oneHot],
  ['Pad', pad],
  ['ScatterElements', scatterElements],
  ['ScatterND', scatterND],
  ['Split', split],
  ['Tile', tile],
  ['TopK', topK],
  ['Trilu', trilu],
];
