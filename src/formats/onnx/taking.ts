/**
 * Elements chosen by constant indices: GatherElements, GatherND, ScatterElements, ScatterND, Tile, and Trilu, which
 * masks. Each says for every element of its result, in order, which one of the input it is, and becomes a `take`.
 */
import { extentsOf, product, valueOf } from './value';
import { unsupported, type Call, type Named, type Operators, type Translation } from './call';
import { formatError } from '../checks';
import { spreadConstant, sum } from './arithmetic';
import { encode, offsetOf, stridesOf } from './fold/numbers';
import { axisOf, workedAxis } from './shapeRules';
import { readShape, readWhole } from './tensors';

export const taking: Operators = {
  GatherElements: { attributes: ['axis'], inputs: [2, 2], translate: gatherElements },
  GatherND: { attributes: ['batch_dims'], inputs: [2, 2], translate: gatherND },
  Scatter: { attributes: ['axis'], inputs: [3, 3], translate: scatterElements },
  ScatterElements: { attributes: ['axis', 'reduction'], inputs: [3, 3], translate: scatterElements },
  ScatterND: { attributes: ['reduction'], inputs: [3, 3], translate: scatterND },
  Tile: { inputs: [2, 2], translate: tile },
  Trilu: { attributes: ['upper'], inputs: [1, 2], translate: trilu },
};

/** The places of all elements of a shape, in order. */
function* placesOf(shape: readonly number[]): Iterable<readonly number[]> {
  const strides = stridesOf(shape);
  for (let i = 0; i < product(shape); i++) yield strides.map((stride, axis) => Math.floor(i / stride) % shape[axis]!);
}

/** A `take` of these elements; −1 leaves a 0. `role` tells its indices from others of this node. */
export function take(
  call: Call,
  x: string,
  { indices, shape, role }: { readonly indices: readonly number[]; readonly shape: readonly number[]; role: string },
) {
  const { C, H, W } = extentsOf(shape);
  call.model.spend(indices.length);
  const made = { name: `${call.name}/${role}`, tensor: encode({ shape: [], data: [0], isWhole: false }) };
  const weight = call.model.weight(made, {
    suffix: 'in order',
    apply: () => ({ shape: [indices.length], data: Float32Array.from(indices) }),
  });
  return { op: 'take', inputs: [x], indices: weight.name, extents: [C, H, W] } as const;
}

function taken(call: Call, x: string, indices: readonly number[], shape: readonly number[]): Translation {
  if (indices.length === 0) throw unsupported('its result has no elements', 'one or more');
  return call.result(take(call, x, { indices, shape, role: 'elements' }), shape);
}

/** Constant indices, and their shape. */
function indicesOf(call: Call): { readonly shape: readonly number[]; readonly data: readonly number[] } {
  return { shape: readShape(call.needConstant(1)), data: readWhole(call.needConstant(1)) };
}

/** Along one axis each element of the result names its own. */
function gatherElements(call: Call): Translation {
  const { shape } = call.value();
  const axis = workedAxis(call, call.int('axis', 0), shape.length);
  const { shape: result, data } = indicesOf(call);
  checkRank(call, result, shape);
  const strides = stridesOf(shape);
  const elements = Array.from(placesOf(result), (place, i) =>
    offsetOf(place.with(axis, axisOf(call, data[i]!, shape[axis]!)), strides),
  );
  return taken(call, call.inputs[0]!, elements, result);
}

function checkRank(call: Call, indices: readonly number[], shape: readonly number[]): void {
  if (indices.length !== shape.length || indices.some((extent, axis) => extent > shape[axis]!))
    throw formatError(`${call.where}: its indices are [${indices}], its input is [${shape}]`);
}

/** The first axes, as many as an index has numbers, at a place that each index names. */
function gatherND(call: Call): Translation {
  const { shape } = call.value();
  const { shape: given, data } = indicesOf(call);
  const batch = call.int('batch_dims', 0);
  if (batch === 0) refuseBatch(call);
  const { length, slice, at } = namedPlaces(call, { given, data, batch, shape });
  const outer = given.slice(0, -1);
  const result = [...outer, ...shape.slice(batch + length)];
  const elements = Array.from({ length: product(outer) }, (_, i) => at(i)).flatMap((first) =>
    Array.from({ length: slice }, (_, k) => first + k),
  );
  return taken(call, call.inputs[0]!, elements, result);
}

/** @throws GradlensError `unsupported-op` where indices would name the items of a batch. */
function refuseBatch(call: Call): void {
  if (call.fixesBatch) throw unsupported(`its indices name one of a batch of ${call.model.batch}`, 'a batch of 1');
}

/** What the last axis of `given` holds: places along the first axes behind `batch` ones that index and input share. */
function namedPlaces(
  call: Call,
  {
    given,
    data,
    batch,
    shape,
  }: {
    readonly given: readonly number[];
    readonly data: readonly number[];
    readonly batch: number;
    readonly shape: readonly number[];
  },
) {
  const length = given.at(-1) ?? 0;
  if (given.length === 0 || length < 1 || batch + length > shape.length || batch >= given.length)
    throw formatError(`${call.where}: its indices are [${given}], its input is [${shape}]`);
  const strides = stridesOf(shape);
  const slice = product(shape.slice(batch + length));
  // how many indices each place of the shared axes has
  const perBatch = product(given.slice(batch, -1));
  const batchSize = product(shape.slice(batch));
  const at = (i: number): number =>
    Array.from({ length }, (_, k) => {
      const axis = batch + k;
      return axisOf(call, data[i * length + k]!, shape[axis]!) * strides[axis]!;
    }).reduce((a, b) => a + b, 0) + (batch === 0 ? 0 : Math.floor(i / perBatch) * batchSize);
  return { length, slice, at };
}

function scatterElements(call: Call): Translation {
  const [, { shape }] = call.operand(0);
  const axis = workedAxis(call, call.int('axis', 0), shape.length);
  const { shape: given, data } = indicesOf(call);
  checkRank(call, given, shape);
  const strides = stridesOf(shape);
  return scattered(
    call,
    Array.from(placesOf(given), (place, i) =>
      offsetOf(place.with(axis, axisOf(call, data[i]!, shape[axis]!)), strides),
    ),
  );
}

function scatterND(call: Call): Translation {
  const [, { shape }] = call.operand(0);
  refuseBatch(call);
  const { shape: given, data } = indicesOf(call);
  const { slice, at } = namedPlaces(call, { given, data, batch: 0, shape });
  return scattered(
    call,
    Array.from({ length: product(given.slice(0, -1)) }, (_, i) => at(i)).flatMap((first) =>
      Array.from({ length: slice }, (_, k) => first + k),
    ),
  );
}

/** Update number i goes to element `to[i]`, in place of what is there or added to it; of several the last is left. */
function scattered(call: Call, to: readonly number[]): Translation {
  const reduction = call.string('reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') throw unsupported(`its reduction is ${reduction}`, 'none, add');
  const [data, value] = call.operand(0);
  const [updates, { shape }] = call.operand(2);
  if (product(shape) !== to.length)
    throw formatError(`${call.where}: has ${product(shape)} updates for ${to.length} places`);
  const every = product(value.shape);
  // each layer is one update for each element at most; those that are added may be several
  const layers: number[][] = [];
  to.forEach((element, i) => {
    let depth = 0;
    while (reduction === 'add' && (layers[depth]?.[element] ?? -1) >= 0) depth++;
    layers[depth] ??= new Array<number>(every).fill(-1);
    layers[depth]![element] = i;
  });
  const added = layers.map(
    (indices, k): Named => [
      call.emit(take(call, updates, { indices, shape: value.shape, role: `updates ${k + 1}` })),
      value,
    ],
  );
  if (reduction === 'add') return sum(call, [[data, value], ...added]);
  const left = Array.from({ length: every }, (_, i) => ((layers[0]?.[i] ?? -1) >= 0 ? -1 : i));
  if (left.every((from) => from < 0) && added.length > 0)
    return call.result({ op: 'identity', inputs: [added[0]![0]] }, value.shape);
  const kept = call.emit(take(call, data, { indices: left, shape: value.shape, role: 'kept' }));
  return sum(call, [[kept, value], ...added]);
}

/** What is above a diagonal becomes 0, or with `upper` what is below. */
function trilu(call: Call): Translation {
  const value = call.value();
  const [R = 1, S = 1] = value.shape.slice(-2);
  const [shift = 0] = call.integers(1) ?? [];
  const isUpper = call.int('upper', 1) !== 0;
  const kept = Array.from({ length: R * S }, (_, i) => {
    const past = (i % S) - Math.floor(i / S) - shift;
    return Number(isUpper ? past >= 0 : past <= 0);
  });
  const mask = { name: `${call.name}/kept`, tensor: encode({ shape: [R, S], data: kept, isWhole: false }) };
  const scale = spreadConstant(call, mask, value);
  return call.result({ op: 'affine', inputs: [call.inputs[0]!], scale }, value.shape);
}

/** So many copies along each axis. */
function tile(call: Call): Translation {
  const value = call.value();
  const repeats = call.integers(1)!;
  if (repeats.length !== value.shape.length || repeats.some((count) => count < 1))
    throw formatError(`${call.where}: repeats [${repeats}] times, its input is [${value.shape}]`);
  if (repeats[0] !== 1) workedAxis(call, 0, value.shape.length);
  const shape = value.shape.map((extent, axis) => extent * repeats[axis]!);
  if (product(repeats) === 1) return call.result({ op: 'identity', inputs: [call.inputs[0]!] }, shape);
  const strides = stridesOf(value.shape);
  const elements = Array.from(placesOf(shape), (place) =>
    offsetOf(
      place.map((at, axis) => at % value.shape[axis]!),
      strides,
    ),
  );
  return taken(call, call.inputs[0]!, elements, valueOf(shape).shape);
}
