/**
 * What changes shapes and moves elements: Reshape, Transpose, Concat, Slice, Pad and their kind. The batch stays the
 * first axis.
 */
import { AXES, triple } from '../../shape';
import type { PadNode } from '../../ops/separable';
import { formatError } from '../checks';
import { expandTo } from './arithmetic';
import { reshaping, unsupported, type Call, type Operators, type Translation } from './call';
import { cut, joined, permuted, type Part } from './moves';
import { axisOf, broadcastShape, resolveReshape, sliceRange, squeezed, unsqueezed } from './shapeRules';
import { printShape, product, rankOf, sameShape, valueOf } from './value';

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
  call.result(reshaping(call.inputs[0]!, call.value(), shape), shape);

/** An axis of one item, counted from 0. @throws GradlensError `unsupported-op` where it is the batch. */
function itemAxis(call: Call, axis: number, rank: number): number {
  const counted = axisOf(call, axis, rank);
  if (counted === 0) throw unsupported(`its axis is ${axis}, the batch`, 'the other axes');
  return counted - 1;
}

// ── shapes ──

function flatten(call: Call): Translation {
  const value = call.value();
  const axis = call.int('axis', 1);
  if (axis !== 1 && axis !== 1 - rankOf(value)) throw unsupported(`its axis is ${axis}`, '1');
  return reshapedTo(call, [product(value.shape)]);
}

function reshape(call: Call): Translation {
  const value = call.value();
  const target = call.integers(1) ?? call.ints('shape') ?? [];
  const batch = call.model.batch ?? 1;
  const full = resolveReshape(call, [batch, ...value.shape], target);
  const [first, ...shape] = full;
  const isWhole =
    full.every((extent) => Number.isInteger(extent) && extent > 0) &&
    target.filter((extent) => extent === -1).length <= 1;
  if (first !== batch || !isWhole || product(shape) !== product(value.shape)) {
    throw unsupported(
      `it reshapes ${printShape(value.shape)} to [${target}]`,
      'shapes of as many elements with the batch first',
    );
  }
  return reshapedTo(call, shape);
}

function squeeze(call: Call): Translation {
  const value = call.value();
  const axes = call.integers(1) ?? call.ints('axes');
  if (!axes)
    return reshapedTo(
      call,
      value.shape.filter((extent) => extent !== 1),
    ); // the batch may be any number
  return reshapedTo(
    call,
    squeezed(
      call,
      value.shape,
      axes.map((axis) => itemAxis(call, axis, rankOf(value))),
    ),
  );
}

function unsqueeze(call: Call): Translation {
  const value = call.value();
  const axes = call.integers(1) ?? call.ints('axes') ?? [];
  return reshapedTo(
    call,
    unsqueezed(
      call,
      value.shape,
      axes.map((axis) => itemAxis(call, axis, rankOf(value) + axes.length)),
    ),
  );
}

function expand(call: Call): Translation {
  const value = call.value();
  const shape = broadcastShape(call, [[1, ...value.shape], call.integers(1)!]);
  if (shape.length !== rankOf(value) || shape[0] !== 1)
    throw unsupported(`it expands ${printShape(value.shape)} to [${shape}]`, 'shapes with the same batch first');
  return call.result(
    { op: 'identity', inputs: [expandTo(call, call.inputs[0]!, value, shape.slice(1))] },
    shape.slice(1),
  );
}

// ── moves ──

function transpose(call: Call): Translation {
  const value = call.value();
  const rank = rankOf(value);
  const order = call.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (order.length !== rank || new Set(order).size !== rank || order.some((axis) => axis < 0 || axis >= rank))
    throw formatError(`${call.where}: its perm is [${order}]; its input has ${rank} dimensions`);
  if (order[0] !== 0) throw unsupported(`its perm is [${order}], which moves the batch`, 'orders that begin with 0');
  return permuted(
    call,
    call.inputs[0]!,
    value,
    order.slice(1).map((axis) => axis - 1),
  );
}

function concat(call: Call): Translation {
  const parts = call.inputs.map((name, i) => [name, call.value(i)] as const);
  return joined(call, parts, itemAxis(call, call.int('axis', 1), rankOf(call.value())));
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
  const parts = axes.flatMap((axis, i): Part[] => {
    const isBatch = axisOf(call, axis, rank) === 0;
    const extent = isBatch ? (call.model.batch ?? 1) : value.shape[axisOf(call, axis, rank) - 1]!;
    const range = sliceRange(starts[i]!, ends[i]!, steps[i]!, extent);
    if (isBatch && range.begin === 0 && range.step === 1 && range.count === extent) return [];
    return [{ axis: itemAxis(call, axis, rank), ...range }];
  });
  const [name, { shape }] = cut(call, [call.inputs[0]!, value], parts);
  return call.result({ op: 'identity', inputs: [name] }, shape);
}

/** Lengths are an attribute before opset 13, an input since; without them the parts are equal. */
function split(call: Call): Translation[] {
  const value = call.value();
  const axis = itemAxis(call, call.int('axis', 0), rankOf(value));
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
  const axis = itemAxis(call, call.int('axis', 0), rankOf(value));
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
  return call.result(reshaping(name, valueOf(kept(1)), dropped), dropped);
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
  if (side(0, 0) !== 0 || side(0, 1) !== 0) throw unsupported('it pads the batch', 'padding the other axes');
  if (rank > 4) throw unsupported(`its input has ${rank} dimensions`, 'up to 4');
  const fill = call.model.opset < 11 ? call.float('value', 0) : (call.numbers(2)?.[0] ?? 0);
  if (!Number.isFinite(fill)) throw unsupported(`it pads with ${fill}`, 'finite numbers');

  const sides = value.shape.map((extent, i) => [side(i + 1, 0), side(i + 1, 1), extent] as const);
  const parts = sides.map(([before, after, extent], axis) => ({
    axis,
    begin: Math.max(0, -before),
    step: 1,
    count: extent + Math.min(0, before) + Math.min(0, after),
  }));
  const [name, left] = cut(call, [call.inputs[0]!, value], parts);
  const ends = (end: 0 | 1) => triple((axis) => Math.max(0, sides[axis]?.[end] ?? 0));
  const shape = left.shape.map((extent, axis) => extent + ends(0)[axis]! + ends(1)[axis]!);
  if (sameShape(shape, left.shape)) return call.result({ op: 'identity', inputs: [name] }, shape);
  return call.result(
    {
      op: 'pad',
      inputs: [name],
      before: ends(0),
      after: ends(1),
      mode,
      ...(fill !== 0 && mode === 'constant' && { value: fill }),
    },
    shape,
  );
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
  if (!given?.length) throw unsupported('it reduces all axes, the batch among them', 'the axes after the batch');
  const axes = given.map((axis) => itemAxis(call, axis, rankOf(value)));
  const kept = value.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const shape = call.int('keepdims', 1) ? kept : value.shape.filter((_, axis) => !axes.includes(axis));
  const isPlane = value.shape.length === 3 && axes.length === 2 && !axes.includes(0);
  if (!isPlane && kind === 'max')
    throw unsupported(`it reduces the axes [${given}] of ${printShape(value.shape)}`, 'height and width');
  if (value.shape.length > 3) throw unsupported(`its input has ${rankOf(value)} dimensions`, 'up to 4');
  const x = call.inputs[0]!;
  const inputs = [of ? of(call, x) : x];
  const node =
    isPlane && kind !== 'sum'
      ? ({ op: kind === 'max' ? 'globalMaxPool' : 'globalAveragePool', inputs } as const)
      : ({ op: 'reduce', inputs, kind: kind as 'mean' | 'sum', axes: axes.map((axis) => AXES[axis]!) } as const);
  if (root) return call.result({ op: 'sqrt', inputs: [call.shaped(call.emit(node), valueOf(kept), shape)] }, shape);
  if (sameShape(shape, kept)) return call.result(node, shape);
  return call.result(reshaping(call.emit(node), valueOf(kept), shape), shape);
}
