/**
 * What changes shapes and moves elements: Reshape, Transpose, Concat, Slice, Pad and their kind.
 */
import { AXES, type Extents, type Triple, triple } from '../../shape';
import type { PadNode } from '../../ops/separable';
import { formatError } from '../checks';
import { expandTo } from './arithmetic';
import { unsupported, type Call, type Named, type Operators, type Translation } from './call';
import { cut, joined, permuted, type Part } from './moves';
import {
  axisOf,
  broadcastShape,
  resolveReshape,
  runsOf,
  sliceRange,
  squeezed,
  unsqueezed,
  workedAxis,
} from './shapeRules';
import { around, channelAxis, extentsOf, planes, printShape, product, rankOf, valueOf } from './value';

/** What every reduction takes: axes are an attribute or, in newer opsets, an input. */
const REDUCES = { attributes: ['axes', 'keepdims', 'noop_with_empty_axes'], inputs: [1, 2] } as const;

export const shaping: Operators = {
  Concat: { attributes: ['axis'], inputs: [1, Infinity], translate: concat },
  Expand: { inputs: [2, 2], translate: expand },
  Flatten: { attributes: ['axis'], inputs: [1, 1], translate: flatten },
  Gather: { attributes: ['axis'], inputs: [2, 2], translate: gather },
  Pad: { attributes: ['mode', 'pads', 'value'], inputs: [1, 4], translate: pad },
  ReduceL2: { ...REDUCES, translate: (call) => reduce({ kind: 'sum', of: squared, root: true }, call) },
  ReduceMax: { ...REDUCES, translate: (call) => reduce({ kind: 'max' }, call) },
  ReduceMean: { ...REDUCES, translate: (call) => reduce({ kind: 'mean' }, call) },
  ReduceSum: { ...REDUCES, translate: (call) => reduce({ kind: 'sum' }, call) },
  Reshape: { attributes: ['allowzero'], inputs: [2, 2], translate: reshape },
  Slice: { attributes: ['starts', 'ends', 'axes'], inputs: [1, 5], translate: slice },
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

/** By constant indices; a single one drops the axis. */
function gather(call: Call): Translation {
  const value = call.value();
  const axis = workedAxis(call, call.int('axis', 0), rankOf(value));
  const extent = value.shape[axis]!;
  const indices = (call.integers(1) ?? []).map((index) => axisOf(call, index, extent));
  const dims = call.needConstant(1).tensor.dims.map(Number);
  if (dims.length > 1) throw unsupported(`its indices have ${dims.length} dimensions`, 'up to 1');
  const kept = (count: number): number[] => value.shape.map((length, i) => (i === axis ? count : length));
  const [first = 0, second = first + 1] = indices;
  const step = second - first;
  const isRegular = indices.length > 0 && step !== 0 && indices.every((index, i) => index === first + i * step);
  if (!isRegular) throw unsupported(`its indices are [${indices}]`, 'evenly spaced ones');
  const [name, { shape }] = cut(call, [call.inputs[0]!, value], [{ axis, begin: first, step, count: indices.length }]);
  if (dims.length === 1) return call.result({ op: 'identity', inputs: [name] }, shape);
  const dropped = value.shape.filter((_, i) => i !== axis);
  return call.reshaped(name, valueOf(kept(1)).extents, dropped);
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

/** A reduction: of what, how, and whether its root is taken. */
interface Reduction {
  readonly kind: 'mean' | 'sum' | 'max';
  readonly of?: (call: Call, x: string) => string;
  readonly root?: true;
}

const squared = (call: Call, x: string): string => call.emit({ op: 'multiply', inputs: [x, x] });

/** A reduction along axes, which are an attribute or, in newer opsets, an input. */
function reduce({ kind, of, root }: Reduction, call: Call): Translation {
  const value = call.value();
  const given = call.integers(1) ?? call.ints('axes');
  if (!given?.length && call.int('noop_with_empty_axes', 0)) return reshapedTo(call, value.shape);
  const every = value.shape.map((_, axis) => axis);
  const axes = (given?.length ? given : every).map((axis) => workedAxis(call, axis, rankOf(value)));
  const kept = value.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const shape = call.int('keepdims', 1) ? kept : value.shape.filter((_, axis) => !axes.includes(axis));
  const x = call.inputs[0]!;
  const [name, extents] = reduced(call, [of ? of(call, x) : x, value], kind, axes);
  if (root) return call.result({ op: 'sqrt', inputs: [call.shaped(name, extents, extentsOf(shape))] }, shape);
  return call.reshaped(name, extents, shape);
}

/** The tensor with these axes reduced to one element each: one node where all fit into our three axes. */
export function reduced(
  call: Call,
  [x, value]: Named,
  kind: Reduction['kind'],
  axes: readonly number[],
): readonly [name: string, extents: Extents] {
  const { shape } = value;
  const first = channelAxis(value);
  const isOurs = shape.length - first <= 3 && axes.every((axis) => axis >= first || shape[axis] === 1);
  const own = isOurs ? shape.slice(first).map((extent, k) => ({ extent, chosen: axes.includes(k + first) })) : null;
  const runs = own ?? runsOf(shape, (axis) => axes.includes(axis));
  if (runs.length > 3) {
    // one run of neighbours, and then the rest
    const last = runsOf(shape, (axis) => axes.includes(axis)).findLast(({ chosen }) => chosen)!;
    const left = valueOf(shape.map((extent, axis) => (last.axes.includes(axis) ? 1 : extent)));
    const [name, extents] = reduced(call, [x, value], kind, last.axes);
    const others = axes.filter((axis) => !last.axes.includes(axis));
    return reduced(call, [call.shaped(name, extents, left.extents), left], kind, others);
  }
  const whole = triple((k) => runs[k]?.extent ?? 1);
  const inputs = [call.shaped(x, value.extents, planes(whole))];
  const along = AXES.filter((_, k) => runs[k]?.chosen);
  const isPlane = along.join('') === 'HW';
  if (!isPlane && kind === 'max')
    throw unsupported(`it reduces the axes [${axes}] of ${printShape(shape)}`, 'height and width');
  const node =
    isPlane && kind !== 'sum'
      ? ({ op: kind === 'max' ? 'globalMaxPool' : 'globalAveragePool', inputs } as const)
      : ({ op: 'reduce', inputs, kind: kind as 'mean' | 'sum', axes: along } as const);
  return [call.emit(node), planes(triple((k) => (runs[k]?.chosen ? 1 : whole[k])))];
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
    ([name, { shape, extents }], axis) => {
      const [before, own, behind] = around(shape, axis);
      const [front, back] = sides[axis]!;
      const inputs = [call.shaped(name, extents, planes([before, own, behind]))];
      const node = { op: 'pad', inputs, before: [0, front, 0], after: [0, back, 0], ...options } as const;
      const wider = valueOf(shape.with(axis, own + front + back));
      return [call.shaped(call.emit(node), planes([before, own + front + back, behind]), wider.extents), wider];
    },
    [x, value],
  );
}
