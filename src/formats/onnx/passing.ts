/** What passes numbers on, rectifies them, or turns scores into probabilities. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { unary, unsupported, type Call, type Operators, type Translation } from './call';
import { AXES, type Triple } from '../../shape';
import { same } from './functions';
import { workedAxis } from './shapeRules';
import { readIntegers } from './tensors';
import { around, channelAxis, planes, product } from './value';

export const passing: Operators = {
  Cast: { attributes: ['to', 'saturate', 'round_mode'], inputs: [1, 1], translate: cast },
  Dropout: { attributes: ['ratio', 'seed', 'is_test'], inputs: [1, 3], translate: dropout },
  Identity: { inputs: [1, 1], translate: identity },
  LogSoftmax: { attributes: ['axis'], inputs: [1, 1], translate: (call) => softmax(call, 'logSoftmax') },
  Relu: { inputs: [1, 1], translate: relu },
  Softmax: { attributes: ['axis'], inputs: [1, 1], translate: (call) => softmax(call, 'softmax') },
};

const WHOLE = [DataType.INT64, DataType.INT32];
const FLOATING = [DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];

/** All is float32 here: a whole number has no fraction, and a truth is 1 or 0. */
function cast(call: Call): Translation {
  const to = call.int('to', DataType.FLOAT) as DataType;
  if (FLOATING.includes(to)) return identity(call);
  if (to === DataType.BOOL) return same(call, { op: 'sign', inputs: [call.emit({ op: 'abs', ...unary(call) })] });
  if (WHOLE.includes(to)) return same(call, { op: 'trunc', ...unary(call) });
  const types = [...FLOATING, DataType.BOOL, ...WHOLE].map((type) => DataType[type]);
  throw unsupported(`it casts to ${DataType[to] ?? `type ${to}`}`, types.join(', '));
}

function relu(call: Call): Translation {
  return [{ op: 'relu', ...unary(call) }, call.value()];
}

function identity(call: Call): Translation {
  return [{ op: 'identity', ...unary(call) }, call.value()];
}

function dropout(call: Call): Translation {
  if (call.has(2) && readIntegers(call.needConstant(2)).some(Boolean))
    throw unsupported('it is in training mode', 'evaluation mode; export the model in it');
  return identity(call);
}

/** Older opsets take all axes from the given one on together. */
function softmax(call: Call, op: 'softmax' | 'logSoftmax'): Translation {
  const value = call.value();
  const isOld = call.model.opset < 13;
  const axis = workedAxis(call, call.int('axis', isOld ? 1 : -1), value.shape.length);
  const shape = isOld ? [...value.shape.slice(0, axis), product(value.shape.slice(axis))] : value.shape;
  const [before, along, behind] = around(shape, axis);
  const x = call.inputs[0]!;
  const first = channelAxis(value);
  const isOurs = shape.length === value.shape.length && shape.length - first <= 3 && axis >= first;
  // what stands alone is scores, which are channels
  const view = before * behind === 1 ? [along, 1, 1] : isOurs ? null : ([before, along, behind] as const);
  if (!view) return same(call, { op, inputs: [x], ...(axis > first && { axis: AXES[axis - first]! }) });
  const extents = planes(view as Triple);
  const node = {
    op,
    inputs: [call.shaped(x, value.extents, extents)],
    ...(before * behind > 1 && { axis: 'H' as const }),
  };
  return call.written(node, extents, value.shape);
}
