import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { GraphNode } from '../../graph';
import { printExtents, shapeError } from '../../shape';
import { quote } from '../checks';
import { add, div, mul, sub, sumOf } from './arithmetic';
import { checkVector, unary, unsupported, type Call, type Translation } from './call';
import { gemm, matMul } from './dense';
import { clip, extreme, power, prelu, same } from './functions';
import { batchNorm, groupNorm, instanceNorm, lrn } from './normalization';
import { resize, upsample } from './resize';
import {
  concat,
  expand,
  flatten,
  gather,
  pad,
  reduce,
  reshape,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from './shaping';
import { readIntegers } from './tensors';
import { printShape, product, rankOf, type Value } from './value';
import { readWindow, slideWindow, WINDOW_ATTRIBUTES } from './window';

/** How one ONNX operator becomes nodes of ours. What `attributes` does not name is refused, never ignored. */
export interface Operator {
  readonly attributes: readonly string[];
  readonly inputs: readonly [fewest: number, most: number];
  /** Whether outputs beyond the first may be read. */
  readonly severalOutputs?: true;
  /** Absent for what only constants and shapes pass through. */
  readonly translate?: (call: Call) => Translation | readonly Translation[];
}

const UNBOUNDED = Infinity;

/** By ONNX's operator name; opsets 7 to 25. What `fold/` knows of constants comes on top. */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['Add', { attributes: [], inputs: [2, 2], translate: add }],
  [
    'AveragePool',
    { attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'count_include_pad'], inputs: [1, 1], translate: averagePool },
  ],
  [
    'BatchNormalization',
    { attributes: ['epsilon', 'momentum', 'spatial', 'training_mode'], inputs: [5, 5], translate: batchNorm },
  ],
  ['Cast', { attributes: ['to', 'saturate', 'round_mode'], inputs: [1, 1], translate: cast }],
  ['Clip', { attributes: ['min', 'max'], inputs: [1, 3], translate: clip }],
  ['Concat', { attributes: ['axis'], inputs: [1, UNBOUNDED], translate: concat }],
  ['Constant', { attributes: ['value', 'value_int', 'value_ints', 'value_float', 'value_floats'], inputs: [0, 0] }],
  ['Conv', { attributes: [...WINDOW_ATTRIBUTES, 'group'], inputs: [2, 3], translate: conv }],
  ['DequantizeLinear', { attributes: ['axis', 'block_size'], inputs: [2, 3], translate: dequantizeComputed }],
  ['Div', { attributes: [], inputs: [2, 2], translate: div }],
  ['Dropout', { attributes: ['ratio', 'seed', 'is_test'], inputs: [1, 3], translate: dropout }],
  [
    'Elu',
    {
      attributes: ['alpha'],
      inputs: [1, 1],
      translate: (call) => same(call, { op: 'elu', ...unary(call), alpha: call.float('alpha', 1) }),
    },
  ],
  ['Expand', { attributes: [], inputs: [2, 2], translate: expand }],
  ['Flatten', { attributes: ['axis'], inputs: [1, 1], translate: flatten }],
  ['Gather', { attributes: ['axis'], inputs: [2, 2], translate: gather }],
  ['Gemm', { attributes: ['alpha', 'beta', 'transA', 'transB'], inputs: [2, 3], translate: gemm }],
  ['GlobalAveragePool', { attributes: [], inputs: [1, 1], translate: (call) => globalPool(call, 'globalAveragePool') }],
  ['GlobalMaxPool', { attributes: [], inputs: [1, 1], translate: (call) => globalPool(call, 'globalMaxPool') }],
  ['GroupNormalization', { attributes: ['epsilon', 'num_groups', 'stash_type'], inputs: [3, 3], translate: groupNorm }],
  ['HardSigmoid', { attributes: ['alpha', 'beta'], inputs: [1, 1], translate: hardSigmoid }],
  [
    'HardSwish',
    { attributes: [], inputs: [1, 1], translate: (call) => same(call, { op: 'hardSwish', ...unary(call) }) },
  ],
  ['Identity', { attributes: [], inputs: [1, 1], translate: identity }],
  ['InstanceNormalization', { attributes: ['epsilon'], inputs: [3, 3], translate: instanceNorm }],
  ['LRN', { attributes: ['size', 'alpha', 'beta', 'bias'], inputs: [1, 1], translate: lrn }],
  [
    'LeakyRelu',
    {
      attributes: ['alpha'],
      inputs: [1, 1],
      translate: (call) => same(call, { op: 'leakyRelu', ...unary(call), slope: call.float('alpha', 0.01) }),
    },
  ],
  ['LogSoftmax', { attributes: ['axis'], inputs: [1, 1], translate: (call) => softmax(call, 'logSoftmax') }],
  ['MatMul', { attributes: [], inputs: [2, 2], translate: matMul }],
  ['Max', { attributes: [], inputs: [1, UNBOUNDED], translate: (call) => extreme(call, 'min') }],
  ['MaxPool', { attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'storage_order'], inputs: [1, 1], translate: maxPool }],
  ['Min', { attributes: [], inputs: [1, UNBOUNDED], translate: (call) => extreme(call, 'max') }],
  ['Mul', { attributes: [], inputs: [2, 2], translate: mul }],
  ['PRelu', { attributes: [], inputs: [2, 2], translate: prelu }],
  ['Pad', { attributes: ['mode', 'pads', 'value'], inputs: [1, 4], translate: pad }],
  ['Pow', { attributes: [], inputs: [2, 2], translate: power }],
  [
    'Reciprocal',
    { attributes: [], inputs: [1, 1], translate: (call) => same(call, { op: 'reciprocal', ...unary(call) }) },
  ],
  [
    'ReduceMax',
    {
      attributes: ['axes', 'keepdims', 'noop_with_empty_axes'],
      inputs: [1, 2],
      translate: (call) => reduce('max', call),
    },
  ],
  [
    'ReduceMean',
    {
      attributes: ['axes', 'keepdims', 'noop_with_empty_axes'],
      inputs: [1, 2],
      translate: (call) => reduce('mean', call),
    },
  ],
  [
    'ReduceSum',
    {
      attributes: ['axes', 'keepdims', 'noop_with_empty_axes'],
      inputs: [1, 2],
      translate: (call) => reduce('sum', call),
    },
  ],
  ['Relu', { attributes: [], inputs: [1, 1], translate: relu }],
  ['Reshape', { attributes: ['allowzero'], inputs: [2, 2], translate: reshape }],
  [
    'Resize',
    {
      attributes: [
        'mode',
        'coordinate_transformation_mode',
        'nearest_mode',
        'cubic_coeff_a',
        'exclude_outside',
        'extrapolation_value',
        'antialias',
        'axes',
        'keep_aspect_ratio_policy',
      ],
      inputs: [1, 4],
      translate: resize,
    },
  ],
  ['Shape', { attributes: ['start', 'end'], inputs: [1, 1] }],
  ['Sigmoid', { attributes: [], inputs: [1, 1], translate: (call) => same(call, { op: 'sigmoid', ...unary(call) }) }],
  ['Size', { attributes: [], inputs: [1, 1] }],
  ['Slice', { attributes: ['starts', 'ends', 'axes'], inputs: [1, 5], translate: slice }],
  ['Softmax', { attributes: ['axis'], inputs: [1, 1], translate: (call) => softmax(call, 'softmax') }],
  ['Split', { attributes: ['axis', 'split', 'num_outputs'], inputs: [1, 2], severalOutputs: true, translate: split }],
  ['Sqrt', { attributes: [], inputs: [1, 1], translate: (call) => same(call, { op: 'sqrt', ...unary(call) }) }],
  ['Squeeze', { attributes: ['axes'], inputs: [1, 2], translate: squeeze }],
  ['Sub', { attributes: [], inputs: [2, 2], translate: sub }],
  ['Sum', { attributes: [], inputs: [1, UNBOUNDED], translate: sumOf }],
  ['Swish', { attributes: ['alpha'], inputs: [1, 1], translate: swish }],
  ['Transpose', { attributes: ['perm'], inputs: [1, 1], translate: transpose }],
  ['Unsqueeze', { attributes: ['axes'], inputs: [1, 2], translate: unsqueeze }],
  ['Upsample', { attributes: ['mode', 'scales'], inputs: [1, 2], translate: upsample }],
]);

function conv(call: Call): Translation {
  const value = planes(call);
  const weight = call.weight(1);
  const [O, I, ...kernel] = weight.shape;
  if (kernel.length !== 2) throw unsupported(`its weight has ${weight.shape.length} dimensions`, '4, [O, I, R, S]');
  const groups = call.int('group', 1);
  if (groups < 1 || O! % groups !== 0 || I! * groups !== value.extents.C) {
    const have = `${value.extents.C} (${printExtents(value.extents)})`;
    throw shapeError(
      call.where,
      `weights [${weight.shape}] in ${groups} groups take ${I! * groups} channels, its input has ${have}`,
    );
  }
  const { window } = readWindow(call, value.extents, kernel);
  const bias = call.has(2) ? call.weight(2) : undefined;
  checkVector(call, 'bias', bias, O!);
  const options = { ...(groups > 1 && { groups }), ...(bias && { bias: bias.name }) };
  return [
    { op: 'conv', ...unary(call), ...window, ...options, weight: weight.name },
    slideWindow(call, value.extents, window, O!),
  ];
}

function maxPool(call: Call): Translation {
  const { extents } = planes(call);
  const { window, ceil } = readWindow(call, extents);
  return [
    { op: 'maxPool', ...unary(call), ...window, ...(ceil && { ceil }) },
    slideWindow(call, extents, window, extents.C, ceil),
  ];
}

function averagePool(call: Call): Translation {
  const { extents } = planes(call);
  const { window, ceil } = readWindow(call, extents);
  const countPadding = call.int('count_include_pad', 0) !== 0;
  const node: GraphNode = {
    op: 'averagePool',
    ...unary(call),
    ...window,
    ...(ceil && { ceil }),
    ...(countPadding && { countPadding }),
  };
  return [node, slideWindow(call, extents, window, extents.C, ceil)];
}

function globalPool(call: Call, op: 'globalAveragePool' | 'globalMaxPool'): Translation {
  return call.result({ op, ...unary(call) }, [planes(call).extents.C, 1, 1]);
}

function hardSigmoid(call: Call): Translation {
  return same(call, {
    op: 'hardSigmoid',
    ...unary(call),
    alpha: call.float('alpha', 0.2),
    beta: call.float('beta', 0.5),
  });
}

function swish(call: Call): Translation {
  if (call.float('alpha', 1) !== 1) throw unsupported(`its alpha is ${call.float('alpha', 1)}`, '1');
  return same(call, { op: 'swish', ...unary(call) });
}

/** Among floating point types: all is float32 here. */
function cast(call: Call): Translation {
  const to = call.int('to', DataType.FLOAT) as DataType;
  if (!FLOATING.includes(to))
    throw unsupported(`it casts to ${DataType[to] ?? `type ${to}`}`, FLOATING.map((type) => DataType[type]).join(', '));
  return identity(call);
}

const FLOATING = [DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];

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

/** Of constants it is a constant (`dequantize.ts`). */
function dequantizeComputed(call: Call): Translation {
  throw unsupported(`its input ${quote(call.inputs[0])} is computed from the image`, 'a constant');
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

/** The input as `[N, C, H, W]`. */
function planes(call: Call): Value {
  const value = call.value();
  if (rankOf(value) !== 4)
    throw shapeError(call.where, `its input is ${printShape(value.shape)}; it takes [N, C, H, W]`);
  return value;
}
