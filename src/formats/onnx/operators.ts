import type { GraphNode, Weight } from '../../graph';
import { elements, printExtents, shapeError } from '../../shape';
import { formatError } from '../checks';
import { unary, unsupported, type Call, type Translation, type Value } from './call';
import { add, gemm, matMul } from './dense';
import { readIntegers } from './tensors';
import { readWindow, slideWindow, WINDOW_ATTRIBUTES } from './window';

/** How one ONNX operator becomes one node of ours. What `attributes` does not name is refused, never ignored. */
interface Operator {
  readonly attributes: readonly string[];
  readonly inputs: readonly [fewest: number, most: number];
  readonly translate: (call: Call) => Translation;
}

const UNBOUNDED = Infinity;

/** By ONNX's operator name; opsets 7 to 25. */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['Add', { attributes: [], inputs: [2, 2], translate: add }],
  ['AveragePool', { attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'count_include_pad'], inputs: [1, 1], translate: averagePool }],
  ['BatchNormalization', { attributes: ['epsilon', 'momentum', 'spatial', 'training_mode'], inputs: [5, 5], translate: batchNorm }],
  ['Concat', { attributes: ['axis'], inputs: [1, UNBOUNDED], translate: concat }],
  ['Conv', { attributes: [...WINDOW_ATTRIBUTES, 'group'], inputs: [2, 3], translate: conv }],
  ['DequantizeLinear', { attributes: ['axis', 'block_size'], inputs: [2, 3], translate: dequantizeComputed }],
  ['Dropout', { attributes: ['ratio', 'seed'], inputs: [1, 3], translate: dropout }],
  ['Flatten', { attributes: ['axis'], inputs: [1, 1], translate: flatten }],
  ['Gemm', { attributes: ['alpha', 'beta', 'transA', 'transB'], inputs: [2, 3], translate: gemm }],
  ['GlobalAveragePool', { attributes: [], inputs: [1, 1], translate: globalAveragePool }],
  ['Identity', { attributes: [], inputs: [1, 1], translate: identity }],
  ['LogSoftmax', { attributes: ['axis'], inputs: [1, 1], translate: logSoftmax }],
  ['MatMul', { attributes: [], inputs: [2, 2], translate: matMul }],
  ['MaxPool', { attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'storage_order'], inputs: [1, 1], translate: maxPool }],
  ['Relu', { attributes: [], inputs: [1, 1], translate: relu }],
  ['Reshape', { attributes: ['allowzero'], inputs: [2, 2], translate: reshape }],
  ['Softmax', { attributes: ['axis'], inputs: [1, 1], translate: softmax }],
]);

function conv(call: Call): Translation {
  const value = planes(call);
  const weight = call.weight(1);
  const [O, I, ...kernel] = weight.shape;
  if (kernel.length !== 2) throw unsupported(`its weight has ${weight.shape.length} dimensions; only [O, I, R, S] is`);
  const groups = call.int('group', 1);
  if (groups < 1 || O! % groups !== 0 || I! * groups !== value.extents.C) {
    const have = `${value.extents.C} (${printExtents(value.extents)})`;
    throw shapeError(call.where, `weights [${weight.shape}] in ${groups} groups take ${I! * groups} channels, its input has ${have}`);
  }
  const { window } = readWindow(call, value.extents, kernel);
  const bias = call.has(2) ? call.weight(2) : undefined;
  checkVector(call, 'bias', bias, O!);
  const options = { ...(groups > 1 && { groups }), ...(bias && { bias: bias.name }) };
  return [{ op: 'conv', ...unary(call), ...window, ...options, weight: weight.name }, slideWindow(call, value.extents, window, O!)];
}

function maxPool(call: Call): Translation {
  const { extents } = planes(call);
  if (call.int('storage_order', 0) !== 0) throw unsupported('its storage_order is 1; only 0, row-major, is');
  const { window, ceil } = readWindow(call, extents);
  return [{ op: 'maxPool', ...unary(call), ...window, ...(ceil && { ceil }) }, slideWindow(call, extents, window, extents.C, ceil)];
}

function averagePool(call: Call): Translation {
  const { extents } = planes(call);
  const { window, ceil } = readWindow(call, extents);
  const countPadding = call.int('count_include_pad', 0) !== 0;
  const node: GraphNode = { op: 'averagePool', ...unary(call), ...window, ...(ceil && { ceil }), ...(countPadding && { countPadding }) };
  return [node, slideWindow(call, extents, window, extents.C, ceil)];
}

function globalAveragePool(call: Call): Translation {
  const { C } = planes(call).extents;
  return [{ op: 'globalAveragePool', ...unary(call) }, { extents: { C, H: 1, W: 1 }, rank: 4 }];
}

function batchNorm(call: Call): Translation {
  const value = call.value();
  if (call.int('spatial', 1) !== 1) throw unsupported('its spatial is 0; only 1, one mean per channel, is');
  if (call.int('training_mode', 0) !== 0) throw unsupported('it is in training mode; export the model in evaluation mode');
  const epsilon = call.float('epsilon', 1e-5);
  const [scale, bias, mean, variance] = ['scale', 'bias', 'mean', 'variance'].map((role, i) => {
    const weight = call.weight(i + 1);
    checkVector(call, role, weight, value.extents.C);
    return weight.name;
  }) as [string, string, string, string];
  return [{ op: 'batchNorm', ...unary(call), scale, bias, mean, variance, epsilon }, value];
}

function relu(call: Call): Translation {
  return [{ op: 'relu', ...unary(call) }, call.value()];
}

function identity(call: Call): Translation {
  return [{ op: 'identity', ...unary(call) }, call.value()];
}

function dropout(call: Call): Translation {
  if (call.has(2) && readIntegers(call.needConstant(2)).some(Boolean)) throw unsupported('it is in training mode; export the model in evaluation mode');
  return identity(call);
}

/** Of constants it is a constant (`dequantize.ts`). */
function dequantizeComputed(call: Call): Translation {
  throw unsupported(`its input ${call.inputs[0]} is computed; only weights are dequantized`);
}

function softmax(call: Call): Translation {
  const value = call.value();
  const { H, W } = value.extents;
  const axis = call.int('axis', call.model.opset < 13 ? 1 : -1);
  const overOthers = call.model.opset < 13 ? value.rank - 1 : 0; // older opsets take all axes from this one on together
  const isOverChannels = axis === 1 || axis === 1 - value.rank;
  if (!isOverChannels || (overOthers > 1 && H * W > 1)) throw unsupported(`its axis is ${axis} of ${value.rank} dimensions; only a soft-max over channels is`);
  return [{ op: 'softmax', ...unary(call) }, value];
}

/** At the end of a net it says the same as a soft-max: the score lies before it. */
function logSoftmax(call: Call): Translation {
  if (call.name !== call.model.output) throw unsupported('only a LogSoftmax at the very end of the graph is');
  return softmax(call);
}

function concat(call: Call): Translation {
  const values = call.inputs.map((_, i) => call.value(i));
  const [{ extents: { H, W }, rank }] = values as [Value];
  const axis = call.int('axis', 1);
  if (axis !== 1 && axis !== 1 - rank) throw unsupported(`its axis is ${axis} of ${rank} dimensions; only 1, channels, is`);
  const odd = values.find((value) => value.extents.H !== H || value.extents.W !== W || value.rank !== rank);
  if (odd) {
    throw shapeError(call.where, `joins ${printExtents(values[0]!.extents)} and ${printExtents(odd.extents)}; all but the channels must agree`);
  }
  const C = values.reduce((sum, { extents }) => sum + extents.C, 0);
  return [{ op: 'concat', name: call.name, inputs: call.inputs }, { extents: { C, H, W }, rank }];
}

function flatten(call: Call): Translation {
  const value = call.value();
  const axis = call.int('axis', 1);
  if (axis !== 1 && axis !== 1 - value.rank) throw unsupported(`its axis is ${axis}; only 1 is`);
  return flat(call, value);
}

function flat(call: Call, { extents }: Value): Translation {
  return [{ op: 'flatten', ...unary(call) }, { extents: { C: elements(extents), H: 1, W: 1 }, rank: 2 }];
}

/** A flattening, or a shape that stays: nothing else leaves C×H×W what it is. */
function reshape(call: Call): Translation {
  const value = call.value();
  const { C, H, W } = value.extents;
  const target = readIntegers(call.needConstant(1));
  const refusal = unsupported(`it reshapes ${printExtents(value.extents)} to [${target}], batch included; only flattening and keeping the shape are`);
  const { batch } = call.model;
  const [first, ...rest] = target;
  const keepsBatch = first === -1 || first === (batch ?? 1) || (first === 0 && !call.int('allowzero', 0));
  if (!keepsBatch || (rest.length !== 1 && rest.length !== 3)) throw refusal;

  const source = value.rank === 4 ? [C, H, W] : [C];
  const copied = rest.map((extent, i) => (extent === 0 && !call.int('allowzero', 0) ? source[i] : extent));
  const known = copied.reduce<number>((product, extent) => product * (extent === undefined || extent === -1 ? 1 : extent), 1);
  const free = target.filter((extent) => extent === -1).length;
  const resolved = copied.map((extent) => (extent === -1 ? elements(value.extents) / known : extent));
  if (free > 1) throw refusal;
  const is = (...extents: number[]): boolean => resolved.length === extents.length && resolved.every((extent, i) => extent === extents[i]);
  const whole = elements(value.extents);
  if (is(whole)) return flat(call, value);
  if (is(whole, 1, 1)) return [flat(call, value)[0], { extents: { C: whole, H: 1, W: 1 }, rank: 4 }];
  if (is(C, H, W)) return [{ op: 'identity', ...unary(call) }, { extents: value.extents, rank: 4 }];
  throw refusal;
}

/** The input as `[N, C, H, W]`. */
function planes(call: Call): Value {
  const value = call.value();
  if (value.rank !== 4) throw shapeError(call.where, `its input is [N, ${value.extents.C}]; it takes [N, C, H, W]`);
  return value;
}

function checkVector(call: Call, role: string, weight: Weight | undefined, length: number): void {
  if (weight && (weight.shape.length !== 1 || weight.shape[0] !== length)) {
    throw formatError(`${call.where}: its ${role} has the shape [${weight.shape}]; it should be [${length}]`);
  }
}
