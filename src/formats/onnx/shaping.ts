/**
 * What changes shapes and moves elements: Reshape, Transpose, Concat, Slice, Pad and their kind.
 */
import { type Triple, triple } from '../../shape';
import type { PadNode } from '../../ops/separable';
import { formatError } from '../checks';
import { expandTo } from './arithmetic';
import { unsupported, type Call, type Named, type Operators, type Translation } from './call';
import { alongAxis, cut, joined, permuted, type Part } from './moves';
import {
  axisOf,
  broadcastShape,
  chosenAxes,
  resolveReshape,
  sliceRange,
  squeezed,
  unsqueezed,
  workedAxis,
} from './shapeRules';
import { readShape, readWhole } from './tensors';
import { channelAxis, extentsOf, printShape, product, rankOf, valueOf } from './value';

export const shaping: Operators = {
  Concat: { attributes: ['axis'], inputs: [1, Infinity], translate: concat },
  CumSum: { attributes: ['exclusive', 'reverse'], inputs: [2, 2], translate: cumSum },
  DepthToSpace: { attributes: ['blocksize', 'mode'], inputs: [1, 1], translate: depthToSpace },
  Expand: { inputs: [2, 2], translate: expand },
  Flatten: { attributes: ['axis'], inputs: [1, 1], translate: flatten },
  Gather: { attributes: ['axis'], inputs: [2, 2], translate: gather },
  Pad: { attributes: ['mode', 'pads', 'value'], inputs: [1, 4], translate: pad },
  Reshape: { attributes: ['allowzero'], inputs: [2, 2], translate: reshape },
  Slice: { attributes: ['starts', 'ends', 'axes'], inputs: [1, 5], translate: slice },
  SpaceToDepth: { attributes: ['blocksize'], inputs: [1, 1], translate: spaceToDepth },
  Split: { attributes: ['axis', 'split', 'num_outputs'], inputs: [1, 2], severalOutputs: true, translate: split },
  Squeeze: { attributes: ['axes'], inputs: [1, 2], translate: squeeze },
  Transpose: { attributes: ['perm'], inputs: [1, 1], translate: transpose },
  Unsqueeze: { attributes: ['axes'], inputs: [1, 2], translate: unsqueeze },
};

const reshapedTo = (call: Call, shape: readonly number[]): Translation =>
  call.reshaped(call.inputs[0]!, call.value().extents, shape);

// ── shapes ──

function flatten(call: Call): Translation {
  const { shape } = call.value();
  const axis = call.int('axis', 1);
  const counted = axis === shape.length ? axis : axisOf(call, axis, shape.length);
  if (counted === 0 && call.fixesBatch) throw unsupported('its axis is 0, the batch', '1');
  return reshapedTo(call, [product(shape.slice(0, counted)), product(shape.slice(counted))]);
}

function reshape(call: Call): Translation {
  const { shape } = call.value();
  const target = call.integers(1) ?? call.ints('shape') ?? [];
  // with a batch of several items, its number is part of the arithmetic, and one item has the first axis for itself
  const batch = call.fixesBatch ? call.model.batch! : 1;
  const [first = 1, ...rest] = resolveReshape(call, call.fixesBatch ? shape.with(0, batch) : shape, target);
  const whole = call.fixesBatch ? [first / batch, ...rest] : target.length === 0 ? [] : [first, ...rest];
  const isWhole =
    whole.every((extent) => Number.isInteger(extent) && extent > 0) &&
    target.filter((extent) => extent === -1).length <= 1;
  if ((call.fixesBatch && whole[0] !== 1) || !isWhole || product(whole) !== product(shape)) {
    const batched = call.fixesBatch ? `, and a batch of ${batch}` : '';
    throw unsupported(
      `it reshapes ${printShape(shape)}${batched} to [${target}]`,
      `shapes of as many elements${call.fixesBatch ? ' with the batch first' : ''}`,
    );
  }
  return reshapedTo(call, whole);
}

function squeeze(call: Call): Translation {
  const { shape } = call.value();
  const axes = call.integers(1) ?? call.ints('axes');
  if (axes)
    return reshapedTo(
      call,
      squeezed(
        call,
        shape,
        axes.map((axis) => workedAxis(call, axis, shape.length)),
      ),
    );
  // without axes all of one element go, but for a batch that may be any number
  const kept = call.model.batch === 1 ? 0 : 1;
  return reshapedTo(call, [...shape.slice(0, kept), ...shape.slice(kept).filter((extent) => extent !== 1)]);
}

function unsqueeze(call: Call): Translation {
  const { shape } = call.value();
  const axes = call.integers(1) ?? call.ints('axes') ?? [];
  axes.forEach((axis) => workedAxis(call, axis, shape.length + axes.length));
  return reshapedTo(call, unsqueezed(call, shape, axes));
}

function expand(call: Call): Translation {
  const value = call.value();
  const shape = broadcastShape(call, [value.shape, call.integers(1)!]);
  if (call.fixesBatch && (shape.length !== value.shape.length || shape[0] !== 1))
    throw unsupported(`it expands ${printShape(value.shape)} to [${shape}]`, 'shapes with the same batch first');
  return call.result({ op: 'identity', inputs: [expandTo(call, call.inputs[0]!, value, shape)] }, shape);
}

// ── moves ──

function transpose(call: Call): Translation {
  const value = call.value();
  const rank = rankOf(value);
  const order = call.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (order.length !== rank || new Set(order).size !== rank || order.some((axis) => axis < 0 || axis >= rank))
    throw formatError(`${call.where}: its perm is [${order}]; its input has ${rank} dimensions`);
  if (order[0] !== 0 && call.fixesBatch)
    throw unsupported(`its perm is [${order}], which moves the batch of ${call.model.batch}`, 'a batch of 1');
  return permuted(call, [call.inputs[0]!, value], order);
}

function concat(call: Call): Translation {
  const parts = call.inputs.map((_, i) => call.operand(i));
  return joined(call, parts, workedAxis(call, call.int('axis', 1), rankOf(parts[0]![1])));
}

/** Starts, ends, axes and steps are attributes before opset 10, inputs since. */
function slice(call: Call): Translation {
  const value = call.value();
  const rank = rankOf(value);
  const starts = call.integers(1) ?? call.places('starts') ?? [];
  const ends = call.integers(2) ?? call.places('ends') ?? [];
  const axes = call.integers(3) ?? call.ints('axes') ?? starts.map((_, i) => i);
  const steps = call.integers(4) ?? starts.map(() => 1);
  if ([ends, axes, steps].some(({ length }) => length !== starts.length) || steps.includes(0))
    throw formatError(
      `${call.where}: starts [${starts}], ends [${ends}], axes [${axes}] and steps [${steps}] do not fit together`,
    );
  const parts = axes.flatMap((given, i): Part[] => {
    const axis = axisOf(call, given, rank);
    const isBatch = axis === 0 && call.fixesBatch;
    const extent = isBatch ? call.model.batch! : value.shape[axis]!;
    const range = sliceRange(starts[i]!, ends[i]!, steps[i]!, extent);
    if (range.begin === 0 && range.step === 1 && range.count === extent) return [];
    return [{ axis: workedAxis(call, axis, rank), ...range }];
  });
  const [name, { shape }] = cut(call, [call.inputs[0]!, value], parts);
  return call.result({ op: 'identity', inputs: [name] }, shape);
}

/** Lengths are an attribute before opset 13, an input since; without them the parts are equal. */
function split(call: Call): Translation[] {
  const value = call.value();
  const axis = workedAxis(call, call.int('axis', 0), rankOf(value));
  const extent = value.shape[axis]!;
  const equal = Math.ceil(extent / call.outputs);
  const lengths =
    call.integers(1) ??
    call.ints('split') ??
    Array.from({ length: call.outputs }, (_, k) => Math.min(equal, extent - k * equal));
  if (
    lengths.length !== call.outputs ||
    lengths.reduce((a, b) => a + b, 0) !== extent ||
    lengths.some((length) => length < 1)
  )
    throw formatError(`${call.where}: splits ${extent} elements into [${lengths}], for ${call.outputs} outputs`);
  let begin = 0;
  return lengths.map((count) => {
    const [name, { shape }] = cut(call, [call.inputs[0]!, value], [{ axis, begin, step: 1, count }]);
    begin += count;
    return call.result({ op: 'identity', inputs: [name] }, shape);
  });
}

/** By constant indices, whose axes take the place of the one that they choose from. */
function gather(call: Call): Translation {
  const value = call.value();
  const axis = workedAxis(call, call.int('axis', 0), rankOf(value));
  const extent = value.shape[axis]!;
  const indices = readWhole(call.needConstant(1)).map((index) => axisOf(call, index, extent));
  if (indices.length === 0) throw unsupported('its result has no elements', 'one or more');
  const [first = 0, second = first + 1] = indices;
  const step = second - first;
  const isRegular = step !== 0 && indices.every((index, i) => index === first + i * step);
  const [name, left] = isRegular
    ? cut(call, [call.inputs[0]!, value], [{ axis, begin: first, step, count: indices.length }])
    : gathered(call, [call.inputs[0]!, value], axis, indices);
  const dims = readShape(call.needConstant(1));
  return call.reshaped(name, left.extents, [...value.shape.slice(0, axis), ...dims, ...value.shape.slice(axis + 1)]);
}

/** Any elements along an axis: as it lies where that is one of ours, else with what is before and behind it as one. */
function gathered(call: Call, [x, value]: Named, axis: number, indices: readonly number[]): Named {
  const { whole, along } = chosenAxes(value, [axis])!; // an axis and what is round it are three at most
  const left = valueOf(value.shape.with(axis, indices.length));
  const own = along[0];
  if (own === undefined)
    throw unsupported(`it gathers ${indices.length} times the only element of an axis`, 'Expand or Tile');
  const name = call.emit({ op: 'gather', inputs: [call.shaped(x, value.extents, whole)], axis: own, indices });
  return [call.shaped(name, { ...whole, [own]: indices.length }, left.extents), left];
}

/** Sums along an axis, which is an input. */
function cumSum(call: Call): Translation {
  const value = call.value();
  const [given = 0] = call.integers(1) ?? [];
  const { whole, along } = chosenAxes(value, [workedAxis(call, given, rankOf(value))])!;
  const x = call.inputs[0]!;
  const [exclusive, reverse] = [call.int('exclusive', 0) !== 0, call.int('reverse', 0) !== 0];
  const [axis = 'W'] = along; // an axis of one element is any
  const inputs = [call.shaped(x, value.extents, whole)];
  const sums = { op: 'cumulate', inputs, axis, ...(exclusive && { exclusive }), ...(reverse && { reverse }) } as const;
  return call.reshaped(call.emit(sums), whole, value.shape);
}

/** Blocks of channels as squares of pixels; DCR takes the place in a square from the channel first, CRD last. */
function depthToSpace(call: Call): Translation {
  const { shape } = call.value();
  const side = call.int('blocksize', 0);
  const [N = 1, C = 1, H = 1, W = 1] = shape;
  const depth = C / side ** 2;
  if (shape.length !== 4 || side < 1 || !Number.isInteger(depth))
    throw formatError(`${call.where}: makes squares of ${side}×${side} of the channels of [${shape}]`);
  const [between, order] = call.choice('mode', 'DCR', {
    DCR: [
      [N, side, side, depth, H, W],
      [0, 3, 4, 1, 5, 2],
    ],
    CRD: [
      [N, depth, side, side, H, W],
      [0, 1, 4, 2, 5, 3],
    ],
  });
  return rearranged(call, between, order, [N, depth, H * side, W * side]);
}

function spaceToDepth(call: Call): Translation {
  const { shape } = call.value();
  const side = call.int('blocksize', 0);
  const [N = 1, C = 1, H = 1, W = 1] = shape;
  const [rows, columns] = [H / side, W / side];
  if (shape.length !== 4 || side < 1 || !Number.isInteger(rows) || !Number.isInteger(columns))
    throw formatError(`${call.where}: makes channels of squares of ${side}×${side} of [${shape}]`);
  return rearranged(call, [N, C, rows, side, columns, side], [0, 3, 5, 1, 2, 4], [N, C * side ** 2, rows, columns]);
}

/** The elements as a tensor of six axes, those in another order, and that under another shape. */
function rearranged(
  call: Call,
  between: readonly number[],
  order: readonly number[],
  shape: readonly number[],
): Translation {
  const { C, H, W } = extentsOf(shape);
  return call.result({ op: 'permute', inputs: [call.inputs[0]!], shape: between, order, extents: [C, H, W] }, shape);
}

const MODES: Readonly<Record<string, PadNode['mode']>> = { constant: 'constant', reflect: 'reflect', edge: 'edge' };

/** Pads and value are attributes before opset 11, inputs since. A negative pad cuts. */
function pad(call: Call): Translation {
  const value = call.value();
  const rank = rankOf(value);
  const mode = call.choice('mode', 'constant', MODES);
  const given = call.integers(1) ?? call.ints('pads') ?? [];
  const axes = (call.integers(3) ?? Array.from({ length: rank }, (_, axis) => axis)).map((axis) =>
    axisOf(call, axis, rank),
  );
  if (given.length !== 2 * axes.length)
    throw formatError(`${call.where}: has ${given.length} pads for ${axes.length} axes`);
  const side = (axis: number, end: 0 | 1): number => {
    const k = axes.indexOf(axis);
    return k < 0 ? 0 : given[k + end * axes.length]!;
  };
  if (side(0, 0) !== 0 || side(0, 1) !== 0) workedAxis(call, 0, rank);
  const fill = call.model.opset < 11 ? call.float('value', 0) : (call.numbers(2)?.[0] ?? 0);
  if (!Number.isFinite(fill)) throw unsupported(`it pads with ${fill}`, 'finite numbers');

  const sides = value.shape.map((extent, axis) => [side(axis, 0), side(axis, 1), extent] as const);
  const parts = sides.map(([before, after, extent], axis) => ({
    axis,
    begin: Math.max(0, -before),
    step: 1,
    count: extent + Math.min(0, before) + Math.min(0, after),
  }));
  const left = cut(call, [call.inputs[0]!, value], parts);
  const more = sides.map(([before, after]) => [Math.max(0, before), Math.max(0, after)] as const);
  const [name, { shape }] = padded(call, left, more, {
    mode,
    ...(fill !== 0 && mode === 'constant' && { value: fill }),
  });
  return call.result({ op: 'identity', inputs: [name] }, shape);
}

/** The tensor with more elements along its axes: one node where all axes fit into our three, else one for each. */
function padded(
  call: Call,
  [x, value]: Named,
  sides: readonly (readonly [before: number, after: number])[],
  options: Pick<PadNode, 'mode' | 'value'>,
): Named {
  const grown = sides.flatMap(([before, after], axis) => (before + after > 0 ? [axis] : []));
  if (grown.length === 0) return [x, value];
  const first = channelAxis(value);
  const after = valueOf(value.shape.map((extent, axis) => extent + sides[axis]![0] + sides[axis]![1]));
  const direct = value.shape.length - first <= 3 && grown.every((axis) => axis >= first);
  if (direct) {
    const ends = (end: 0 | 1): Triple => triple((k) => sides[k + first]?.[end] ?? 0);
    return [call.emit({ op: 'pad', inputs: [x], before: ends(0), after: ends(1), ...options }), after];
  }
  return grown.reduce<Named>(
    (from, axis) => {
      const [front, back] = sides[axis]!;
      return alongAxis(call, from, { axis, count: after.shape[axis]! }, (name) =>
        call.emit({ op: 'pad', inputs: [name], before: [0, front, 0], after: [0, back, 0], ...options }),
      );
    },
    [x, value],
  );
}
