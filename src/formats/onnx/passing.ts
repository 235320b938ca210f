/** What passes numbers on, rectifies them, or turns scores into probabilities. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { unary, unsupported, type Call, type Operators, type Translation } from './call';
import { same } from './functions';
import { readIntegers } from './tensors';
import { product, rankOf } from './value';

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

function softmax(call: Call, op: 'softmax' | 'logSoftmax'): Translation {
  const value = call.value();
  const rank = rankOf(value);
  const axis = call.int('axis', call.model.opset < 13 ? 1 : -1);
  const others = product(value.shape.slice(1));
  const overOthers = call.model.opset < 13 && others > 1; // older opsets take all axes from this one on together
  if ((axis !== 1 && axis !== 1 - rank) || overOthers)
    throw unsupported(`its axis is ${axis} of ${rank} dimensions`, 'the channels, axis 1');
  return same(call, { op, ...unary(call) });
}
