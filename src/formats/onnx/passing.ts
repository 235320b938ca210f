/** What passes numbers on, rectifies them, or turns scores into probabilities. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { unary, unsupported, type Call, type Operators, type Translation } from './call';
import { sameExtents } from '../../shape';
import { same } from './functions';
import { axisOf } from './shapeRules';
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

const FLOATING = [DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];

/** Among floating point types: all is float32 here. */
function cast(call: Call): Translation {
  const to = call.int('to', DataType.FLOAT) as DataType;
  if (!FLOATING.includes(to))
    throw unsupported(`it casts to ${DataType[to] ?? `type ${to}`}`, FLOATING.map((type) => DataType[type]).join(', '));
  return identity(call);
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
  const { shape } = call.value();
  const isOld = call.model.opset < 13;
  const axis = axisOf(call, call.int('axis', isOld ? 1 : -1), shape.length);
  const [before, along, behind] = around(isOld ? [...shape.slice(0, axis), product(shape.slice(axis))] : shape, axis);
  if (before !== 1 || (behind !== 1 && axis !== channelAxis(call.value())))
    throw unsupported(`its axis is ${axis} of ${shape.length} dimensions`, 'the channels, axis 1');
  if (behind !== 1) return same(call, { op, ...unary(call) });
  const flat = planes([along, 1, 1]);
  const probabilities = { op, inputs: [call.shaped(call.inputs[0]!, call.value().extents, flat)] };
  if (sameExtents(flat, call.value().extents)) return same(call, probabilities);
  return call.reshaped(call.emit(probabilities), flat, shape);
}
