/** BatchNormalization, LRN, and all that normalize by means that they take themselves. */
import type { Extents, Weight } from '../../graph';
import { expandTo, filled, negated, spread } from './arithmetic';
import {
  checkVector,
  unary,
  unsupported,
  type Call,
  type Named,
  type Operators,
  type Translation,
  type WeightForm,
} from './call';
import { same } from './functions';
import { reduced } from './reducing';
import { axisOf, chosenAxes, workedAxis } from './shapeRules';
import { readShape } from './tensors';
import { printShape, product, rankOf, sameShape, valueOf, type Value } from './value';

export const normalization: Operators = {
  BatchNormalization: {
    attributes: ['epsilon', 'momentum', 'spatial', 'training_mode'],
    inputs: [5, 5],
    translate: batchNorm,
  },
  GroupNormalization: { attributes: ['epsilon', 'num_groups', 'stash_type'], inputs: [3, 3], translate: groupNorm },
  InstanceNormalization: { attributes: ['epsilon'], inputs: [3, 3], translate: instanceNorm },
  LayerNormalization: {
    attributes: ['axis', 'epsilon', 'stash_type'],
    inputs: [2, 3],
    translate: (call) => layerNorm(call, true),
  },
  LpNormalization: { attributes: ['axis', 'p'], inputs: [1, 1], translate: lpNorm },
  MeanVarianceNormalization: { attributes: ['axes'], inputs: [1, 1], translate: meanVariance },
  RMSNormalization: {
    attributes: ['axis', 'epsilon', 'stash_type'],
    inputs: [2, 2],
    translate: (call) => layerNorm(call, false),
  },
  LRN: { attributes: ['size', 'alpha', 'beta', 'bias'], inputs: [1, 1], translate: lrn },
};

function batchNorm(call: Call): Translation {
  const value = call.value();
  if (call.int('training_mode', 0) !== 0)
    throw unsupported('it is in training mode', 'evaluation mode; export the model in it');
  if (call.int('spatial', 1) !== 1 || (rankOf(value) === 2 && value.shape[0] !== 1)) return batchNormByElement(call);
  const epsilon = call.float('epsilon', 1e-5);
  const [scale, bias, mean, variance] = ['scale', 'bias', 'mean', 'variance'].map((role, i) => {
    const weight = call.weight(i + 1);
    checkVector(call, role, weight, value.extents.C);
    return weight.name;
  }) as [string, string, string, string];
  return [{ op: 'batchNorm', ...unary(call), scale, bias, mean, variance, epsilon }, value];
}

/** Of `[rows, C]`, where the rows are tokens or places of an item, or not `spatial`: numbers that broadcast to it. */
function batchNormByElement(call: Call): Translation {
  const epsilon = call.float('epsilon', 1e-5);
  const inverseRoot: WeightForm = {
    suffix: `, one over its root with ${epsilon}`,
    apply: ({ shape, data }) => ({ shape, data: data.map((variance) => 1 / Math.sqrt(variance + epsilon)) }),
  };
  const centred = call.emit({ op: 'affine', ...unary(call), bias: spread(call, 3, 0, negated) });
  const divided = call.emit({ op: 'affine', inputs: [centred], scale: spread(call, 4, 0, inverseRoot) });
  return same(call, { op: 'affine', inputs: [divided], scale: spread(call, 1, 0), bias: spread(call, 2, 0) });
}

function lrn(call: Call): Translation {
  const spec = {
    size: call.int('size', 0),
    alpha: call.float('alpha', 1e-4),
    beta: call.float('beta', 0.75),
    k: call.float('bias', 1),
  };
  return same(call, { op: 'lrn', ...unary(call), ...spec });
}

/** How a layer normalizes. */
interface Normal {
  readonly centred: boolean;
  readonly epsilon: number;
  readonly scale?: string;
  readonly bias?: string;
}

/** The tensor normalized along these axes, as three axes of ours, and the extents that it then has. */
function normalized(
  call: Call,
  [x, value]: Named,
  axes: readonly number[],
  normal: Normal,
): readonly [name: string, extents: Extents] {
  const ours = chosenAxes(value, axes);
  if (!ours)
    throw unsupported(
      `it normalizes the axes [${axes}] of ${printShape(value.shape)}`,
      'axes that are neighbours, or two groups of them',
    );
  const along = ours.along.length > 0 ? ours.along : (['W'] as const); // of one element each
  const inputs = [call.shaped(x, value.extents, ours.whole)];
  return [call.emit({ op: 'normalize', inputs, axes: along, ...normal }), ours.whole];
}

/** Along the last axes, from `axis` on; scale and bias are of those axes' shape, or broadcast to it. */
function layerNorm(call: Call, centred: boolean): Translation {
  const value = call.value();
  const { shape } = value;
  const first = workedAxis(call, call.int('axis', -1), shape.length);
  const axes = shape.flatMap((_, axis) => (axis >= first ? [axis] : []));
  const normal = { centred, epsilon: call.float('epsilon', 1e-5) };
  const own = shape.slice(first);
  const isOwn = (index: number): boolean => !call.has(index) || sameShape(readShape(call.needConstant(index)), own);
  const ours = chosenAxes(value, axes);
  if (ours && ours.along.length > 0 && isOwn(1) && isOwn(2)) {
    const groupShape = ours.along.map((axis) => ours.whole[axis]);
    const form = { suffix: `as [${groupShape}]`, apply: ({ data }: Weight) => ({ shape: groupShape, data }) };
    const [scale, bias] = [1, 2].map((index) => (call.has(index) ? call.weight(index, form).name : undefined));
    const scaled = { ...normal, ...(scale !== undefined && { scale }), ...(bias !== undefined && { bias }) };
    const [name, extents] = normalized(call, [call.inputs[0]!, value], axes, scaled);
    return call.reshaped(name, extents, shape);
  }
  const [name, extents] = normalized(call, [call.inputs[0]!, value], axes, normal);
  const [scale, bias] = [1, 2].map((index) => (call.has(index) ? spread(call, index, 0) : undefined));
  const inputs = [call.shaped(name, extents, value.extents)];
  return call.result(
    { op: 'affine', inputs, ...(scale !== undefined && { scale }), ...(bias !== undefined && { bias }) },
    shape,
  );
}

/** Each channel of each item by its own mean and variance. */
function instanceNorm(call: Call): Translation {
  const value = call.value();
  const [, C = 0] = value.shape;
  if (rankOf(value) < 3 || value.shape[0] !== 1)
    throw unsupported(`its input is ${printShape(value.shape)}`, 'inputs of 3 dimensions or more');
  const axes = value.shape.flatMap((_, axis) => (axis >= 2 ? [axis] : []));
  const normal = { centred: true, epsilon: call.float('epsilon', 1e-5) };
  const [name, extents] = normalized(call, [call.inputs[0]!, value], axes, normal);
  return scaled(call, call.shaped(name, extents, value.extents), value, (weight) =>
    checkVector(call, 'scale or bias', weight, C),
  );
}

/** Groups of channels by their mean and variance; scale and bias are per group before opset 21, per channel since. */
function groupNorm(call: Call): Translation {
  const value = call.value();
  const [, C = 0] = value.shape;
  const groups = call.int('num_groups', 0);
  if (!(groups > 0) || C % groups !== 0 || value.shape[0] !== 1)
    throw unsupported(`it makes ${groups} groups of ${C} channels`, 'groups of equal size');
  const normal = { centred: true, epsilon: call.float('epsilon', 1e-5) };
  // one group is the whole item, and one of each channel its plane; else each group is a row
  const grouped = groups === 1 || groups === C ? value : valueOf([1, groups, product(value.shape) / groups]);
  const axes = grouped.shape.flatMap((_, axis) => (axis >= (groups === 1 ? 1 : 2) ? [axis] : []));
  const x = call.shaped(call.inputs[0]!, value.extents, grouped.extents);
  const [name, extents] = normalized(call, [x, grouped], axes, normal);
  const count = call.model.opset < 21 ? groups : C;
  const repeated: WeightForm = {
    suffix: `as [${C}]`,
    apply: ({ data }) => ({
      shape: [C],
      data: Float32Array.from({ length: C }, (_, c) => data[Math.floor((c * count) / C)]!),
    }),
  };
  return scaled(
    call,
    call.shaped(name, extents, value.extents),
    value,
    (weight) => checkVector(call, 'scale or bias', weight, count),
    count < C ? repeated : undefined,
  );
}

/** By mean and variance along the axes, which are all but the channels unless they are named. */
function meanVariance(call: Call): Translation {
  const value = call.value();
  const axes = (call.ints('axes') ?? [0, 2, 3]).map((axis) => axisOf(call, axis, rankOf(value)));
  if (axes.includes(0) && (call.model.batch !== 1 || value.shape[0] !== 1))
    throw unsupported('it takes the mean of all items of a batch', 'axes without the batch, or a batch of 1');
  // ONNX adds 1e-9 to the root, we its square to what is under it
  const [name, extents] = normalized(call, [call.inputs[0]!, value], axes, { centred: true, epsilon: 1e-18 });
  return call.reshaped(name, extents, value.shape);
}

/** Above 0 and far below all squares that count: without it a row of zeros would become NaN. */
const TINY = 1e-30;

/** Divided by the root of the sum of squares, or by the sum of absolute values, along an axis. */
function lpNorm(call: Call): Translation {
  const value = call.value();
  const axis = workedAxis(call, call.int('axis', -1), rankOf(value));
  const p = call.int('p', 2);
  const x = call.inputs[0]!;
  if (p === 1) {
    const sizes = call.emit({ op: 'abs', inputs: [x] });
    const [sums, left] = reduced(call, [sizes, value], 'sum', [axis]);
    const one = valueOf(value.shape.with(axis, 1));
    const inverse = call.emit({ op: 'reciprocal', inputs: [call.shaped(sums, left, one.extents)] });
    return call.result({ op: 'multiply', inputs: [x, expandTo(call, inverse, one, value.shape)] }, value.shape);
  }
  if (p !== 2) throw unsupported(`its p is ${p}`, '1, 2');
  const [name, extents] = normalized(call, [x, value], [axis], { centred: false, epsilon: TINY });
  const scale = filled(call, 'norm', 1 / Math.sqrt(value.shape[axis]!))({ ...value, extents });
  const inputs = [call.emit({ op: 'affine', inputs: [name], scale })];
  return call.reshaped(inputs[0]!, extents, value.shape);
}

/** Times the second input, plus the third. */
function scaled(call: Call, x: string, value: Value, check: (weight: Weight) => void, form?: WeightForm): Translation {
  const [scale, bias] = [1, 2].map((index) => {
    check(call.weight(index));
    return call.weight(index, form).name;
  }) as [string, string];
  return call.result({ op: 'affine', inputs: [x], scale, bias }, value.shape);
}
