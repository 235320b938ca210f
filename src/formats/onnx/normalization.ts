/**
 * BatchNormalization and LRN, which are nodes of ours; InstanceNormalization and GroupNormalization, made of sums,
 * products and roots.
 */
import type { Weight } from '../../graph';
import { expandTo, filled } from './arithmetic';
import { checkVector, unary, unsupported, type Call, type Operators, type Translation, type WeightForm } from './call';
import { same } from './functions';
import { printShape, product, rankOf, valueOf, type Value } from './value';

export const normalization: Operators = {
  BatchNormalization: {
    attributes: ['epsilon', 'momentum', 'spatial', 'training_mode'],
    inputs: [5, 5],
    translate: batchNorm,
  },
  GroupNormalization: { attributes: ['epsilon', 'num_groups', 'stash_type'], inputs: [3, 3], translate: groupNorm },
  InstanceNormalization: { attributes: ['epsilon'], inputs: [3, 3], translate: instanceNorm },
  LRN: { attributes: ['size', 'alpha', 'beta', 'bias'], inputs: [1, 1], translate: lrn },
};

function batchNorm(call: Call): Translation {
  const value = call.value();
  if (call.int('spatial', 1) !== 1) throw unsupported('its spatial is 0', '1, one mean per channel');
  if (call.int('training_mode', 0) !== 0)
    throw unsupported('it is in training mode', 'evaluation mode; export the model in it');
  const epsilon = call.float('epsilon', 1e-5);
  const [scale, bias, mean, variance] = ['scale', 'bias', 'mean', 'variance'].map((role, i) => {
    const weight = call.weight(i + 1);
    checkVector(call, role, weight, value.extents.C);
    return weight.name;
  }) as [string, string, string, string];
  return [{ op: 'batchNorm', ...unary(call), scale, bias, mean, variance, epsilon }, value];
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

/** Each channel of each item by its own mean and variance. */
function instanceNorm(call: Call): Translation {
  const value = call.value();
  const [, C = 0] = value.shape;
  if (rankOf(value) < 3 || value.shape[0] !== 1)
    throw unsupported(`its input is ${printShape(value.shape)}`, 'inputs of 3 dimensions or more');
  return scaled(call, normalized(call, call.inputs[0]!, value), value, (weight) =>
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
  const grouped = valueOf([1, groups, product(value.shape) / groups]);
  const inGroups = normalized(call, call.shaped(call.inputs[0]!, value.extents, grouped.extents), grouped);
  const count = call.model.opset < 21 ? groups : C;
  const spread: WeightForm = {
    suffix: `as [${C}]`,
    apply: ({ data }) => ({
      shape: [C],
      data: Float32Array.from({ length: C }, (_, c) => data[Math.floor((c * count) / C)]!),
    }),
  };
  return scaled(
    call,
    call.shaped(inGroups, grouped.extents, value.extents),
    value,
    (weight) => checkVector(call, 'scale or bias', weight, count),
    count < C ? spread : undefined,
  );
}

/** `(x − mean) / √(variance + ε)`, with mean and variance over what follows the channels. */
function normalized(call: Call, x: string, value: Value): string {
  const { shape } = value;
  const [, C = 0] = shape;
  const perChannel = valueOf([1, C, ...shape.slice(2).map(() => 1)]);
  const copied = (name: string): string => expandTo(call, name, perChannel, shape);
  const meanOf = (name: string): string => call.emit({ op: 'globalAveragePool', inputs: [name] });
  const minus = call.emit({ op: 'affine', inputs: [meanOf(x)], scale: filled(call, '−1', -1)(perChannel) });
  const difference = call.emit({ op: 'add', inputs: [x, copied(minus)] });
  const variance = meanOf(call.emit({ op: 'multiply', inputs: [difference, difference] }));
  const shifted = call.emit({
    op: 'affine',
    inputs: [variance],
    bias: filled(call, 'ε', call.float('epsilon', 1e-5))(perChannel),
  });
  const inverse = call.emit({ op: 'reciprocal', inputs: [call.emit({ op: 'sqrt', inputs: [shifted] })] });
  return call.emit({ op: 'multiply', inputs: [difference, copied(inverse)] });
}

/** Times the second input, plus the third. */
function scaled(call: Call, x: string, value: Value, check: (weight: Weight) => void, form?: WeightForm): Translation {
  const [scale, bias] = [1, 2].map((index) => {
    check(call.weight(index));
    return call.weight(index, form).name;
  }) as [string, string];
  return call.result({ op: 'affine', inputs: [x], scale, bias }, value.shape);
}
