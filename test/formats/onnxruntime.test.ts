/**
 * Small nets of every operator: what an independent runtime computes, against our import of the same file run by the
 * oracle.
 */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { expect, test } from 'vitest';
import { type Curve, type CurveName, CURVES } from '../../shaders/curves';
import { operators } from '../../src/formats/onnx/operators';
import { type CurveOracle, curves, domainOf } from '../oracle/curves';
import { floats, integers, node, type AttributeValue, type Node, type Tensor } from './models';
import { differenceFromRuntime, scalar, some } from './runtime';

type Case = readonly [
  title: string,
  nodes: readonly Node[],
  tensors?: readonly Tensor[] | undefined,
  opset?: number | undefined,
];
const one = (
  op: string,
  attributes: Readonly<Record<string, AttributeValue>> = {},
  tensors: readonly Tensor[] = [],
  opset?: number,
): Case => [
  `${op} ${JSON.stringify(attributes)}${opset ? ` of opset ${opset}` : ''}`,
  [node(op, ['x', ...tensors.map(({ name }) => name!)], 'y', attributes)],
  tensors,
  opset,
];

/** What the runtime does not have: it ends at opset 22. */
const UNKNOWN_TO_RUNTIME: ReadonlySet<CurveName> = new Set(['swish']);

/** What ONNX makes truths of: numbers for us. */
const TRUTHS: ReadonlySet<CurveName> = new Set(['isNan', 'isInfinite']);

/** A function of one number, of what it is defined for: by default, and by other attributes. */
function curveCases(op: CurveName): readonly Case[] {
  const { onnx }: Curve = CURVES[op];
  if (!onnx) return [];
  const { name, attributes = {}, opset } = onnx;
  const others = Object.entries(attributes).map(([attribute, { otherwise, isWhole }]) => [
    attribute,
    isWhole ? 1 - otherwise : { f: otherwise + 0.25 },
  ]);
  const [low, high] = domainOf(curves[op] as CurveOracle<object>, {});
  const before = low >= 1 ? ['Sigmoid', 'Reciprocal'] : low === 0 ? ['Sigmoid'] : high === 1 ? ['Sigmoid'] : [];
  return [
    {},
    ...(others.length > 0 ? [Object.fromEntries(others) as Readonly<Record<string, AttributeValue>>] : []),
  ].map(
    (given): Case => [
      `${name} ${JSON.stringify(given)}`,
      [
        ...before.map((each, k) => node(each, [k === 0 ? 'x' : `x${k}`], `x${k + 1}`)),
        node(name, [before.length === 0 ? 'x' : `x${before.length}`], TRUTHS.has(op) ? 'truth' : 'y', given),
        ...(TRUTHS.has(op) ? [node('Cast', ['truth'], 'y', { to: 1 })] : []),
      ],
      [],
      opset,
    ],
  );
}

/** Functions of two tensors; those that give truths, and those that take them. */
const ARITHMETIC = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'Mean', 'PRelu', 'Mod'];
const TESTS = ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'];
const CONNECTIVES = ['And', 'Or', 'Xor'];

/** Of two tensors of these shapes, of which the second is above 0 as the first is where it must be. */
function pairCases(
  title: string,
  before: readonly Node[],
  [a, b]: readonly [string, string],
  tensors: readonly Tensor[] = [],
) {
  const titled = (op: string, nodes: readonly Node[]): Case => [`${op} of ${title}`, [...before, ...nodes], tensors];
  return [
    ...ARITHMETIC.filter((op) => op !== 'PRelu' || title.startsWith('a tensor and')).map((op) =>
      titled(op, [node(op, [a, b], 'y', op === 'Mod' ? { fmod: 1 } : {})]),
    ),
    ...TESTS.map((op) => titled(op, [node(op, [a, b], 't'), node('Cast', ['t'], 'y', { to: 1 })])),
    ...CONNECTIVES.map((op) =>
      titled(op, [
        node('Less', [a, b], 'l'),
        node('Greater', [b, 'half'], 'g'),
        node(op, ['l', 'g'], 't'),
        node('Not', ['t'], 'n'),
        node('Cast', ['n'], 'y', { to: 1 }),
      ]),
    ).map(([name, nodes]): Case => [name, nodes, [...tensors, scalar('half', 0.5)]]),
    titled('Where', [node('Less', [a, b], 't'), node('Where', ['t', a, b], 'y')]),
  ];
}

/** A zero point, or as many, of this type. */
const zeros = (type: DataType, ...values: readonly number[]): Tensor => ({
  name: 'z',
  dims: values.length === 1 ? [] : [BigInt(values.length)],
  dataType: type,
  int32Data: [...values],
});

/** Activations that are quantized, and back, with steps small enough for some to be clipped. */
const quantizedCases: readonly Case[] = (
  [
    ['UINT8', 100, 10],
    ['UINT8', 0, 13],
    ['INT8', 0, 10],
    ['INT8', -5, 19],
    ['UINT16', 30_000, 21],
    ['INT16', 0, 21],
  ] as const
).flatMap(([type, zero, opset]): Case[] => {
  const step = type.endsWith('16') ? 1e-4 : 0.0173;
  const steps = [scalar('s', step), zeros(DataType[type], zero)];
  const along = (extent: number): Tensor[] => [
    floats(
      's',
      [extent],
      Array.from({ length: extent }, (_, i) => step * (1 + i / 3)),
    ),
    zeros(DataType[type], ...Array.from({ length: extent }, () => zero)),
  ];
  const pair = (axis?: number) => {
    const attributes = axis === undefined ? {} : { axis };
    return [
      node('QuantizeLinear', ['x', 's', 'z'], 'q', attributes),
      node('DequantizeLinear', ['q', 's', 'z'], 'y', attributes),
    ];
  };
  return [
    [`QuantizeLinear to ${type} from ${zero}`, pair(), steps, opset],
    [
      `codes of ${type} from ${zero}, moved and then dequantized`,
      [
        node('QuantizeLinear', ['x', 's', 'z'], 'q'),
        node('Reshape', ['q', 'to'], 'r'),
        node('DequantizeLinear', ['r', 's', 'z'], 'y'),
      ],
      [...steps, integers('to', [1, 8, 3, 7])],
      opset,
    ],
    ...(opset < 13
      ? []
      : ([
          [1, 4],
          [2, 6],
          [-1, 7],
        ] as const)
    ).map(
      ([axis, extent]): Case => [
        `QuantizeLinear to ${type} from ${zero} along ${axis}`,
        pair(axis),
        along(extent),
        opset,
      ],
    ),
  ];
});

/** A whole number without axes. */
const whole = (name: string, value: number): Tensor => ({ ...integers(name, [value]), dims: [] });

const filter = some('w', [6, 4, 3, 2]);
/** Places in and beside the picture. */
const GRID: Tensor = floats(
  'g',
  [1, 5, 3, 2],
  Array.from({ length: 30 }, (_, i) => Math.sin(3 * i + 1) * 1.6),
);

const cases: readonly Case[] = [
  ...['zeros', 'border', 'reflection'].flatMap((padding_mode) =>
    ['bilinear', 'nearest'].flatMap((mode) =>
      [0, 1].map((align_corners) => one('GridSample', { mode, padding_mode, align_corners }, [GRID])),
    ),
  ),
  ...quantizedCases,
  [
    'codes that are the result',
    [node('QuantizeLinear', ['x', 's', 'z'], 'q'), node('Cast', ['q'], 'y', { to: 1 })],
    [scalar('s', 0.02), zeros(DataType.UINT8, 120)],
    13,
  ],
  one('Conv', { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2] }, [filter, some('b', [6])]),
  one('Conv', { group: 2 }, [some('w', [4, 2, 3, 2])]),
  one('Conv', { group: 4, auto_pad: 'SAME_UPPER', strides: [2, 3] }, [some('w', [8, 1, 3, 2])]),
  one('Conv', { auto_pad: 'SAME_LOWER', strides: [2, 2] }, [some('w', [3, 4, 3, 4])]),
  one('Conv', { auto_pad: 'VALID' }, [some('w', [3, 4, 2, 2])]),
  ...[0, 1].flatMap((ceil_mode) => [
    one('MaxPool', { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1], ceil_mode }),
    one('MaxPool', { kernel_shape: [2, 3], dilations: [2, 1], strides: [1, 2], ceil_mode }),
    one('AveragePool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode }),
    one(
      'AveragePool',
      { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 0, 1], ceil_mode, count_include_pad: 1 },
      [],
      19,
    ),
  ]),
  one('AveragePool', { kernel_shape: [3, 3], auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  one('AveragePool', { kernel_shape: [2, 3], auto_pad: 'SAME_LOWER', strides: [2, 2], count_include_pad: 1 }),
  one('AveragePool', { kernel_shape: [2, 2], dilations: [2, 3], pads: [1, 0, 0, 1] }, [], 19),
  one('MaxPool', { kernel_shape: [3, 2], auto_pad: 'SAME_LOWER', strides: [2, 3] }),
  one('MaxPool', { kernel_shape: [3, 2], auto_pad: 'VALID', strides: [2, 2] }),
  one('MaxPool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [], 7),
  one('GlobalAveragePool'),
  one('GlobalMaxPool'),
  one('BatchNormalization', { epsilon: { f: 0.01 } }, [
    some('s', [4]),
    some('b', [4]),
    some('m', [4]),
    some('v', [4], true),
  ]),
  one(
    'BatchNormalization',
    { spatial: 1, momentum: { f: 0.9 } },
    [some('s', [4]), some('b', [4]), some('m', [4]), some('v', [4], true)],
    7,
  ),
  one('LRN', { size: 3, alpha: { f: 0.5 }, beta: { f: 0.75 }, bias: { f: 1.5 } }),
  one('LRN', { size: 5 }),
  one('Relu'),
  ...(Object.keys(CURVES) as CurveName[]).filter((op) => !UNKNOWN_TO_RUNTIME.has(op)).flatMap(curveCases),
  one('PRelu', {}, [some('slope', [4, 1, 1])]),
  one('PRelu', {}, [some('slope', [1])]),
  one('Clip', { min: { f: -0.5 }, max: { f: 0.5 } }, [], 10),
  one('Clip', {}, [scalar('lo', 0), scalar('hi', 1)]),
  ['Clip from above alone', [node('Clip', ['x', '', 'hi'], 'y')], [scalar('hi', 0.5)]],
  ...['Add', 'Sub', 'Mul', 'Div'].flatMap((op) => [
    one(op, {}, [some('c', [4, 1, 1], true)]),
    one(op, {}, [some('c', [1, 4, 6, 1], true)]),
    one(op, {}, [some('c', [7], true)]),
    one(op, {}, [scalar('c', 0.5)]),
  ]),
  [
    'a quotient of two tensors, broadcast',
    [node('Sigmoid', ['x'], 's'), node('ReduceMean', ['s'], 'm', { axes: [2, 3] }), node('Div', ['x', 'm'], 'y')],
  ],
  ['a constant over a tensor', [node('Sigmoid', ['x'], 's'), node('Div', ['c', 's'], 'y')], [some('c', [4, 1, 1])]],
  ...pairCases(
    'a tensor and its mean over channels',
    [node('Sigmoid', ['x'], 's'), node('ReduceMean', ['s'], 'm', { axes: [1] })],
    ['s', 'm'],
  ),
  ...pairCases(
    'a mean over columns and one over rows',
    [
      node('Sigmoid', ['x'], 's'),
      node('ReduceMean', ['s'], 'p', { axes: [3] }),
      node('ReduceMean', ['s'], 'q', { axes: [2] }),
    ],
    ['p', 'q'],
  ),
  ...pairCases('a tensor and a constant per column', [node('Sigmoid', ['x'], 's')], ['s', 'c'], [some('c', [7], true)]),
  ...pairCases('a constant and a tensor', [node('Sigmoid', ['x'], 's')], ['c', 's'], [some('c', [4, 1, 1], true)]),
  ...pairCases(
    'a constant of six dimensions and a tensor of five',
    [node('Sigmoid', ['x'], 's'), node('Reshape', ['s', 'to'], 'r')],
    ['c', 'r'],
    [integers('to', [1, 2, 2, 6, 7]), some('c', [1, 3, 1, 2, 1, 7], true)],
  ),
  ...pairCases(
    'the mean of everything and a constant',
    [node('Sigmoid', ['x'], 's'), node('ReduceMean', ['s'], 'm', { keepdims: 0 })],
    ['m', 'c'],
    [some('c', [3, 1, 5], true)],
  ),
  one('PRelu', {}, [some('slope', [1, 6, 7])]),
  one('Pow', {}, [{ ...integers('three', [3]), dims: [] }]),
  [
    'Max and Min of many tensors, constants among them',
    [
      node('Sigmoid', ['x'], 's'),
      node('Max', ['x', 'lo', 's', 'c'], 'm'),
      node('ReduceMean', ['x'], 'a', { axes: [1] }),
      node('Min', ['m', 'a', 'hi'], 'y'),
    ],
    [scalar('lo', -0.5), floats('hi', [1], [0.5]), some('c', [6, 1])],
  ],
  ['Sum of many', [node('Sum', ['x', 'c', 'x', 'd'], 'y')], [some('c', [4, 1, 1]), some('d', [2, 1, 1, 1, 1])]],
  [
    'Clip between computed limits',
    [
      node('ReduceMean', ['x'], 'lo', { axes: [1, 2, 3], keepdims: 0 }),
      node('Sigmoid', ['lo'], 'hi'),
      node('Reshape', ['lo', 'none'], 'l'),
      node('Reshape', ['hi', 'none'], 'h'),
      node('Clip', ['x', 'l', 'h'], 'y'),
    ],
    [integers('none', [])],
  ],
  [
    'a choice by constant truths, and a mask of infinities',
    [node('Cast', ['bits'], 'b', { to: 9 }), node('Where', ['b', 'x', 'mask'], 'w'), node('Sigmoid', ['w'], 'y')],
    [integers('bits', [1, 0, 0, 1, 1, 0, 1]), scalar('mask', -Infinity)],
  ],
  one('Gelu', {}, [], 20),
  one('Gelu', { approximate: 'tanh' }, [], 20),
  one('Neg'),
  ['LogSigmoid, as PyTorch writes it', [node('Sigmoid', ['x'], 's'), node('Log', ['s'], 'y')]],
  ...[0, 1, 2, 3, 5, 10].map((p) => one('Pow', {}, [scalar(`p${p}`, p)])),
  ...[1, 2, 3, 0.5, -1, -0.5, 0, 2.5, -3, 0.3, -1.2].map(
    (p): Case => [`a power of ${p}`, [node('Sigmoid', ['x'], 's'), node('Pow', ['s', 'p'], 'y')], [scalar('p', p)]],
  ),
  ['Sqrt and Reciprocal', [node('Sigmoid', ['x'], 's'), node('Sqrt', ['s'], 'r'), node('Reciprocal', ['r'], 'y')]],
  one('InstanceNormalization', { epsilon: { f: 1e-3 } }, [some('s', [4]), some('b', [4])]),
  [
    'group normalization, as PyTorch writes it',
    [
      node('Reshape', ['x', 'to'], 'g'),
      node('InstanceNormalization', ['g', 'ones', 'zeros'], 'n', { epsilon: { f: 1e-5 } }),
      node('Shape', ['x'], 'back'),
      node('Reshape', ['n', 'back'], 'r'),
      node('Mul', ['r', 'scale'], 'm'),
      node('Add', ['m', 'shift'], 'y'),
    ],
    [
      integers('to', [0, 2, -1]),
      floats('ones', [2], [1, 1]),
      floats('zeros', [2], [0, 0]),
      some('scale', [4, 1, 1]),
      some('shift', [4, 1, 1]),
    ],
  ],
  one('GroupNormalization', { num_groups: 2 }, [some('s', [2]), some('b', [2])], 18),
  one('GroupNormalization', { num_groups: 2, epsilon: { f: 0.1 } }, [some('s', [4]), some('b', [4])], 21),
  [
    'normalization over channels, written out',
    [
      node('ReduceMean', ['x'], 'm', { axes: [1] }),
      node('Sub', ['x', 'm'], 'd'),
      node('Pow', ['d', 'two'], 'q'),
      node('ReduceMean', ['q'], 'v', { axes: [1] }),
      node('Add', ['v', 'eps'], 'e'),
      node('Sqrt', ['e'], 'r'),
      node('Div', ['d', 'r'], 'n'),
      node('Mul', ['n', 'w'], 'y'),
    ],
    [scalar('two', 2), scalar('eps', 1e-5), some('w', [4, 1, 1])],
  ],
  ['a constant less the image', [node('Sub', ['c', 'x'], 'y')], [some('c', [4, 1, 1])]],
  [
    'two tensors, broadcast',
    [
      node('ReduceMean', ['x'], 'm', { axes: [2, 3] }),
      node('Sub', ['x', 'm'], 'd'),
      node('Sigmoid', ['m'], 's'),
      node('Mul', ['s', 'd'], 'p'),
      node('Sum', ['p', 'x', 'm'], 'y'),
    ],
  ],
  one('Concat', { axis: 1 }),
  ...[1, 2, 3, -1].map(
    (axis): Case => [
      `Concat along ${axis}`,
      [node('Relu', ['x'], 'r'), node('Concat', ['x', 'r', 'x'], 'y', { axis })],
    ],
  ),
  [
    'Split into unequal parts',
    [
      { ...node('Split', ['x', 's'], 'a', { axis: 3 }), output: ['a', 'b'] },
      node('Relu', ['b'], 'r'),
      node('Concat', ['r', 'a'], 'y', { axis: 3 }),
    ],
    [integers('s', [3, 4])],
  ],
  [
    'Split into three of opset 18',
    [
      { ...node('Split', ['x'], 'a', { axis: -1, num_outputs: 3 }), output: ['a', 'b', 'c'] },
      node('Add', ['a', 'b'], 'd'),
      node('Concat', ['d', 'c'], 'y', { axis: 3 }),
    ],
    [],
    18,
  ],
  [
    'Split of opset 11',
    [{ ...node('Split', ['x'], 'a', { axis: 1 }), output: ['a', 'b'] }, node('Add', ['a', 'b'], 'y')],
    [],
    11,
  ],
  one('Slice', {}, [integers('b', [1, -1]), integers('e', [3, -100]), integers('a', [1, 3]), integers('s', [1, -2])]),
  one('Slice', { starts: [1, 2], ends: [-1, 100], axes: [2, 3] }, [], 9),
  [
    'Slice to the end, as PyTorch writes it',
    [node('Slice', ['x'], 'y', { axes: [1], starts: [2], ends: [2n ** 63n - 1n] })],
    [],
    9,
  ],
  [
    'Slice from end to start',
    [node('Slice', ['x', 'b', 'e', 'a', 's'], 'y')],
    [
      integers('b', [-1]),
      { ...integers('e', [0]), int64Data: [-(2n ** 63n) + 1n] },
      integers('a', [2]),
      integers('s', [-1]),
    ],
  ],
  ...['constant', 'reflect', 'edge'].map((mode) => one('Pad', { mode }, [integers('p', [0, 0, 1, 2, 0, 0, 3, 1])])),
  ...['reflect', 'edge', 'constant'].map((mode) =>
    one('Pad', { mode, pads: [0, 0, 2, 1, 0, 0, 0, 3], ...(mode === 'constant' && { value: { f: -2 } }) }, [], 10),
  ),
  [
    'Pad of some axes',
    [node('Pad', ['x', 'p', '', 'a'], 'y', { mode: 'edge' })],
    [integers('p', [1, 2, 0, 3]), integers('a', [3, -3])],
    18,
  ],
  one('Pad', {}, [integers('p', [0, 1, -1, 0, 0, 0, 2, -2]), scalar('v', 1.5)]),
  one('Transpose', { perm: [0, 2, 3, 1] }),
  one('Transpose', { perm: [0, 3, 2, 1] }),
  one('Transpose'),
  one('Transpose', { perm: [2, 0, 3, 1] }),
  [
    'a batch that moves, and comes back',
    [
      node('Transpose', ['x'], 't', { perm: [1, 0, 3, 2] }),
      node('ReduceMean', ['t'], 'm', { axes: [0, 2] }),
      node('Sub', ['t', 'm'], 'd'),
      node('Slice', ['d', 'b', 'e', 'a', 's'], 'c'),
      node('Transpose', ['c'], 'y', { perm: [1, 0, 2, 3] }),
    ],
    [integers('b', [3]), integers('e', [0]), integers('a', [0]), integers('s', [-2])],
  ],
  [
    'a batch that is folded in',
    [
      node('Reshape', ['x', 's'], 'g'),
      node('Conv', ['g', 'w', 'b'], 'c'),
      node('GlobalAveragePool', ['c'], 'p'),
      node('Mul', ['c', 'p'], 'm'),
      node('MaxPool', ['m'], 'q', { kernel_shape: [2, 2] }),
      node('Reshape', ['q', 't'], 'y'),
    ],
    [integers('s', [2, 2, 6, 7]), some('w', [3, 2, 2, 3]), some('b', [3]), integers('t', [1, 6, 4, 4])],
  ],
  [
    'one dimension',
    [
      node('Reshape', ['x', 's'], 'l'),
      node('Conv', ['l', 'w', 'b'], 'c', { strides: [2], pads: [1, 2], dilations: [2], group: 2 }),
      node('MaxPool', ['c'], 'm', { kernel_shape: [3], strides: [2], auto_pad: 'SAME_UPPER' }),
      node('AveragePool', ['m'], 'y', { kernel_shape: [2], pads: [1, 0], count_include_pad: 1 }),
    ],
    [integers('s', [1, 4, 42]), some('w', [6, 2, 3]), some('b', [6])],
  ],
  [
    'tensors of five and six dimensions',
    [
      node('Reshape', ['x', 's'], 'a'),
      node('ReduceMean', ['a'], 'm', { axes: [1, 3, 5] }),
      node('Sub', ['a', 'm'], 'd'),
      node('Pad', ['d', 'p'], 'q'),
      node('Slice', ['q', 'b', 'e', 'axes', 'step'], 'c'),
      node('Concat', ['c', 'c'], 'j', { axis: 4 }),
      node('ReduceSum', ['j', 'r'], 'y', { keepdims: 0 }),
    ],
    [
      integers('s', [1, 2, 2, 3, 2, 7]),
      integers('p', [0, 1, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]),
      integers('b', [1, 6]),
      integers('e', [3, 0]),
      integers('axes', [3, 5]),
      integers('step', [1, -2]),
      integers('r', [2, 5]),
    ],
  ],
  [
    'windows, as a Swin transformer cuts and joins them',
    [
      node('Reshape', ['x', 's'], 'a'),
      node('Transpose', ['a'], 'b', { perm: [0, 1, 4, 2, 5, 3] }),
      node('Reshape', ['b', 'w'], 'c'),
      node('MatMul', ['c', 'm'], 'd'),
      node('Reshape', ['d', 't'], 'e'),
      node('Transpose', ['e'], 'y', { perm: [0, 3, 1, 2, 5, 4] }),
    ],
    [integers('s', [1, 2, 2, 3, 2, 7]), integers('w', [-1, 6]), some('m', [6, 6]), integers('t', [1, 2, 2, 7, 3, 2])],
  ],
  [
    'attention, as PyTorch writes it',
    [
      node('Reshape', ['x', 's'], 't'),
      node('MatMul', ['t', 'wq'], 'q'),
      node('MatMul', ['t', 'wk'], 'k'),
      node('Reshape', ['q', 'h'], 'qh'),
      node('Reshape', ['k', 'h'], 'kh'),
      node('Transpose', ['qh'], 'qt', { perm: [0, 2, 1, 3] }),
      node('Transpose', ['kh'], 'kt', { perm: [0, 2, 3, 1] }),
      node('MatMul', ['qt', 'kt'], 'a'),
      node('Softmax', ['a'], 'p', { axis: -1 }),
      node('MatMul', ['p', 'qt'], 'y'),
    ],
    [integers('s', [1, 14, 12]), some('wq', [12, 12]), some('wk', [12, 12]), integers('h', [1, 14, 3, 4])],
  ],
  [
    'products of matrices, one of them for all',
    [
      node('ReduceMean', ['x'], 'm', { axes: [0, 1], keepdims: 0 }),
      node('Transpose', ['m'], 't'),
      node('MatMul', ['x', 't'], 'a'),
      node('MatMul', ['c', 'a'], 'b'),
      node('MatMul', ['b', 'v'], 'y'),
    ],
    [some('c', [5, 1, 2, 6]), some('v', [6])],
  ],
  [
    'Gemm of two computed matrices',
    [
      node('Reshape', ['x', 's'], 'm'),
      node('Relu', ['m'], 'r'),
      node('Gemm', ['m', 'r', 'r2'], 'y', { transA: 1, alpha: { f: 0.5 }, beta: { f: 2 } }),
      node('ReduceMean', ['r'], 'r2', { axes: [0] }),
    ].toSorted((a, b) => Number(a.output![0] === 'y') - Number(b.output![0] === 'y')),
    [integers('s', [24, 7])],
  ],
  ...[
    ['nchw,nkhw->nck', 2],
    ['bchw->bhc', 1],
    ['...ij,...jk->...ik', 0],
    ['bchw,bchw', 2],
  ].map(
    ([equation, inputs]): Case => [
      `Einsum ${equation}`,
      [
        node('Sigmoid', ['x'], 's'),
        node('Transpose', ['s'], 't', { perm: [0, 1, 3, 2] }),
        node('Einsum', inputs === 2 ? ['x', 's'] : inputs === 1 ? ['x'] : ['x', 't'], 'y', {
          equation: String(equation),
        }),
      ],
    ],
  ),
  [
    'Einsum of three',
    [node('Einsum', ['x', 'a', 'b'], 'y', { equation: 'bchw,ck,hl->bkl' })],
    [some('a', [4, 3]), some('b', [6, 2])],
  ],
  ...[0, 1, 2, 3].map(
    (axis): Case => [
      `Concat of a constant along ${axis}`,
      [node('Concat', ['c', 'x', 'd'], 'y', { axis })],
      [some('c', [1, 4, 6, 7].with(axis, 2)), some('d', [1, 4, 6, 7].with(axis, 1))],
    ],
  ),
  ['a sum of everything', [node('ReduceSum', ['x'], 'y')]],
  ...[0, 1, 2, 3].flatMap((axis) =>
    [11, 13].flatMap((opset) => ['Softmax', 'LogSoftmax'].map((op) => one(op, { axis }, [], opset))),
  ),
  one('Flatten'),
  ...[0, 2, 4, -1].map((axis) => one('Flatten', { axis })),
  one('Reshape', {}, [integers('s', [0, 2, -1, 7])]),
  one('Squeeze', {}),
  one('Unsqueeze', {}, [integers('a', [2])]),
  one('Gather', { axis: 1 }, [integers('i', [2, 1, 0])]),
  one('Expand', {}, [integers('s', [1, 4, 6, 7])]),
  [
    'a channel shuffle',
    [
      node('Reshape', ['x', 's1'], 'a'),
      node('Transpose', ['a'], 'b', { perm: [0, 2, 1, 3, 4] }),
      node('Reshape', ['b', 's2'], 'y'),
    ],
    [integers('s1', [1, 2, 2, 6, 7]), integers('s2', [0, -1, 6, 7])],
  ],
  ...['asymmetric', 'half_pixel', 'align_corners', 'pytorch_half_pixel'].flatMap((coordinate_transformation_mode) =>
    ['nearest', 'linear', 'cubic'].map(
      (mode): Case => [
        `Resize ${mode}, ${coordinate_transformation_mode}`,
        [node('Resize', ['x', '', 's'], 'y', { mode, coordinate_transformation_mode })],
        [floats('s', [4], [1, 1, 1.5, 2])],
      ],
    ),
  ),
  ...['floor', 'ceil', 'round_prefer_floor', 'round_prefer_ceil'].flatMap((nearest_mode) =>
    ['half_pixel', 'asymmetric'].map(
      (coordinate_transformation_mode): Case => [
        `Resize nearest by ${nearest_mode}, ${coordinate_transformation_mode}`,
        [node('Resize', ['x', '', 's'], 'y', { mode: 'nearest', nearest_mode, coordinate_transformation_mode })],
        [floats('s', [4], [1, 1, 0.5, 2.5])],
      ],
    ),
  ),
  [
    'Resize smaller, linearly',
    [node('Resize', ['x', '', 's'], 'y', { mode: 'linear' })],
    [floats('s', [4], [1, 1, 0.5, 0.7])],
  ],
  [
    'Resize, symmetric',
    [node('Resize', ['x', '', 's'], 'y', { mode: 'linear', coordinate_transformation_mode: 'half_pixel_symmetric' })],
    [floats('s', [4], [1, 1, 1.3, 2.2])],
    19,
  ],
  [
    'Resize as TensorFlow’s nearest',
    [
      node('Resize', ['x', 'roi', 's'], 'y', {
        mode: 'nearest',
        coordinate_transformation_mode: 'tf_half_pixel_for_nn',
        nearest_mode: 'floor',
      }),
    ],
    [floats('roi', [8], [0, 0, 0, 0, 1, 1, 1, 1]), floats('s', [4], [1, 1, 1.5, 2.5])],
    11,
  ],
  [
    'Resize of some axes',
    [node('Resize', ['x', '', 's'], 'y', { mode: 'linear', axes: [3, 2] })],
    [floats('s', [2], [2, 1.5])],
    18,
  ],
  ...['linear', 'cubic'].flatMap((mode) =>
    ['half_pixel', 'asymmetric', 'align_corners'].map(
      (coordinate_transformation_mode): Case => [
        `Resize ${mode} without aliasing, ${coordinate_transformation_mode}`,
        [node('Resize', ['x', '', 's'], 'y', { mode, coordinate_transformation_mode, antialias: 1 })],
        [floats('s', [4], [1, 1, 0.5, 0.6])],
        18,
      ],
    ),
  ),
  [
    'Resize cubic, nothing outside',
    [node('Resize', ['x', '', 's'], 'y', { mode: 'cubic', exclude_outside: 1, cubic_coeff_a: { f: -0.5 } })],
    [floats('s', [4], [1, 1, 1.5, 0.7])],
  ],
  ...['linear', 'nearest'].map(
    (mode): Case => [
      `Resize ${mode} of a region`,
      [
        node('Resize', ['x', 'r', '', 's'], 'y', {
          mode,
          coordinate_transformation_mode: 'tf_crop_and_resize',
          extrapolation_value: { f: 3 },
        }),
      ],
      [floats('r', [8], [0, 0, 0.25, -0.3, 1, 1, 0.8, 1.2]), integers('s', [1, 4, 5, 9])],
    ],
  ),
  ['Resize of channels', [node('Resize', ['x', '', 's'], 'y')], [floats('s', [4], [1, 2, 1, 1.5])]],
  [
    'Resize of lines, in three dimensions',
    [node('Reshape', ['x', 't'], 'l'), node('Resize', ['l', '', 's'], 'y', { mode: 'linear' })],
    [integers('t', [1, 4, 42]), floats('s', [3], [1, 1, 0.5])],
  ],
  ...['not_larger', 'not_smaller'].map(
    (keep_aspect_ratio_policy): Case => [
      `Resize to sizes, ${keep_aspect_ratio_policy}`,
      [node('Resize', ['x', '', '', 's'], 'y', { keep_aspect_ratio_policy, axes: [2, 3] })],
      [integers('s', [9, 8])],
      18,
    ],
  ),
  one('Resize', { mode: 'linear' }, [floats('s', [4], [1, 1, 2, 1.5])], 10),
  ['Resize to sizes', [node('Resize', ['x', '', '', 's'], 'y', { mode: 'linear' })], [integers('s', [1, 4, 9, 5])]],
  ['Upsample', [node('Upsample', ['x', 's'], 'y', { mode: 'nearest' })], [floats('s', [4], [1, 1, 2, 3])], 9],
  one('Softmax', { axis: 1 }),
  ['Softmax of pooled scores, opset 7', [node('GlobalAveragePool', ['x'], 'p'), node('Softmax', ['p'], 'y')], [], 7],
  ...['Flatten', 'Squeeze'].map(
    (op): Case => [
      `${op} after Softmax`,
      [
        node('GlobalAveragePool', ['x'], 'p'),
        node('Softmax', ['p'], 's', { axis: 1 }),
        node(op, ['s'], 'y', op === 'Squeeze' ? { axes: [2, 3] } : {}),
      ],
      [],
      11,
    ],
  ),
  one('LogSoftmax', { axis: 1 }),
  // every kind of reduction: its own axes, neighbours, axes on both sides of others, all
  ...[
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceSumSquare',
    'ReduceL1',
    'ReduceL2',
    'ReduceLogSumExp',
    'ReduceSum',
  ].flatMap((op) =>
    // of all elements the product is next to 0
    [[1], [3], [1, 3], [2], op === 'ReduceProd' ? [2, 1] : [1, 2, 3], [-1, -2]].map((axes, k) =>
      op === 'ReduceSum' ? one(op, { keepdims: k % 2 }, [integers('a', axes)]) : one(op, { axes, keepdims: k % 2 }),
    ),
  ),
  ...['ReduceMax', 'ReduceMean', 'ReduceProd'].map(
    (op): Case => [
      `${op} of six dimensions, on both sides of others`,
      [node('Reshape', ['x', 's'], 'r'), node(op, ['r'], 'y', { axes: [1, 3, 5], keepdims: 0 })],
      [integers('s', [1, 2, 2, 2, 3, 7])],
    ],
  ),
  ...[1, 2, 3, -1].flatMap((axis) => [
    one('LayerNormalization', { axis }, [
      some('s', [4, 6, 7].slice((axis + 3) % 4)),
      some('b', [4, 6, 7].slice((axis + 3) % 4)),
    ]),
    one('CumSum', { exclusive: axis & 1, reverse: (axis >> 1) & 1 }, [{ ...integers('a', [axis]), dims: [] }]),
    one('LpNormalization', { axis }),
  ]),
  one('RMSNormalization', { axis: 1 }, [some('s', [4, 6, 7])], 23),
  one('RMSNormalization', { epsilon: { f: 0.1 } }, [some('s', [7])], 23),
  one('LayerNormalization', { axis: 2, epsilon: { f: 0.1 } }, [some('s', [7])]),
  [
    'LayerNormalization of rows of channels',
    [node('Transpose', ['x'], 't', { perm: [0, 2, 3, 1] }), node('LayerNormalization', ['t', 's', 'b'], 'y')],
    [some('s', [4]), some('b', [4])],
  ],
  one('InstanceNormalization', { epsilon: { f: 0.01 } }, [some('s', [4]), some('b', [4])]),
  [
    'InstanceNormalization of lines',
    [node('Reshape', ['x', 's'], 'r'), node('InstanceNormalization', ['r', 'g', 'b'], 'y')],
    [integers('s', [1, 4, 42]), some('g', [4]), some('b', [4])],
  ],
  ...[1, 2, 4].map((num_groups) =>
    one('GroupNormalization', { num_groups, epsilon: { f: 0.01 } }, [some('s', [4]), some('b', [4])], 21),
  ),
  one('MeanVarianceNormalization', { axes: [0, 2, 3] }, [], 13),
  one('MeanVarianceNormalization', { axes: [1, 3] }, [], 13),
  ...['DCR', 'CRD'].map(
    (mode): Case => [
      `DepthToSpace ${mode}`,
      [node('Reshape', ['x', 's'], 'r'), node('DepthToSpace', ['r'], 'y', { blocksize: 2, mode })],
      [integers('s', [1, 12, 2, 7])],
    ],
  ),
  [
    'SpaceToDepth',
    [node('Reshape', ['x', 's'], 'r'), node('SpaceToDepth', ['r'], 'y', { blocksize: 2 })],
    [integers('s', [1, 3, 4, 14])],
  ],
  one('ConvTranspose', {}, [some('w', [4, 3, 3, 2]), some('b', [3])]),
  one('ConvTranspose', { strides: [2, 3], pads: [1, 0, 2, 1], output_padding: [1, 2] }, [some('w', [4, 5, 3, 4])]),
  one('ConvTranspose', { group: 2, dilations: [2, 1], strides: [1, 2] }, [some('w', [4, 3, 2, 3]), some('b', [6])]),
  one('ConvTranspose', { group: 4, strides: [2, 2], pads: [1, 1, 1, 1] }, [some('w', [4, 1, 4, 4])]),
  ...['SAME_UPPER', 'SAME_LOWER', 'VALID'].map((auto_pad) =>
    one('ConvTranspose', { auto_pad, strides: [2, 3] }, [some('w', [4, 2, 3, 4])]),
  ),
  one('ConvTranspose', { output_shape: [12, 22], strides: [2, 3] }, [some('w', [4, 2, 3, 4])]),
  [
    'ConvTranspose of lines',
    [node('Reshape', ['x', 's'], 'r'), node('ConvTranspose', ['r', 'w', 'b'], 'y', { strides: [3], pads: [1, 2] })],
    [integers('s', [1, 4, 42]), some('w', [4, 2, 5]), some('b', [2])],
  ],
  one('LpPool', { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] }),
  one('LpPool', { kernel_shape: [2, 3], dilations: [2, 1], ceil_mode: 1, strides: [2, 2] }, [], 18),
  one('GlobalLpPool'),
  ...[1, 3].flatMap((p) => [
    one('GlobalLpPool', { p }),
    one('LpPool', { p, kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] }),
  ]),
  one('LpNormalization', { p: 1, axis: 1 }),
  one('LpNormalization', { p: 1, axis: 3 }),
  ...[[1], [2, 3]].map(
    (axes): Case => [
      `ReduceLogSum of what is positive, ${axes}`,
      [node('Sigmoid', ['x'], 's'), node('ReduceLogSum', ['s'], 'y', { axes })],
    ],
  ),
  ...[
    { axis: 1, data: [3, 0, 3], dims: [3] },
    { axis: 2, data: [5, 0, 1, 1], dims: [2, 2] },
    { axis: -1, data: [2, 6, -1], dims: [3] },
    { axis: 3, data: [4], dims: [] },
  ].map(({ axis, data, dims }): Case => one('Gather', { axis }, [{ ...integers('i', data), dims: dims.map(BigInt) }])),
  one('GatherElements', { axis: 2 }, [
    {
      ...integers(
        'i',
        Array.from({ length: 4 * 3 * 7 }, (_, i) => ((i * 5) % 6) - (i % 2) * 6),
      ),
      dims: [1n, 4n, 3n, 7n],
    },
  ]),
  one('GatherND', {}, [{ ...integers('i', [0, 3, 0, 1, 0, 3]), dims: [3n, 2n] }]),
  one('GatherND', { batch_dims: 1 }, [{ ...integers('i', [3, 5, 6, 0, 0, -7]), dims: [1n, 2n, 3n] }]),
  one('GatherND', { batch_dims: 2 }, [
    {
      ...integers(
        'i',
        Array.from({ length: 8 }, (_, i) => (i * 7) % 6),
      ),
      dims: [1n, 4n, 2n, 1n],
    },
  ]),
  ...['none', 'add'].flatMap((reduction) => [
    one('ScatterND', { reduction }, [{ ...integers('i', [0, 3, 5, 0, 0, -1]), dims: [2n, 3n] }, some('u', [2, 7])], 16),
    one(
      'ScatterElements',
      { axis: 3, reduction },
      [{ ...integers('i', [0, 3, 5, 1, 6, -2]), dims: [1n, 2n, 3n, 1n] }, some('u', [1, 2, 3, 1])],
      16,
    ),
  ]),
  [
    'ScatterND that adds twice to one place, of what is computed',
    [
      node('Sigmoid', ['x'], 's'),
      node('GatherND', ['s', 'j'], 'u'),
      node('ScatterND', ['x', 'i', 'u'], 'y', { reduction: 'add' }),
    ],
    [
      { ...integers('j', [0, 1, 0, 2]), dims: [2n, 2n] },
      { ...integers('i', [0, 1, 0, 1]), dims: [2n, 2n] },
    ],
    16,
  ],
  [
    'ScatterND into a constant',
    [node('GatherND', ['x', 'j'], 'u'), node('ScatterND', ['c', 'i', 'u'], 'y')],
    [
      some('c', [1, 4, 6, 7]),
      { ...integers('j', [0, 1, 0, 2]), dims: [2n, 2n] },
      { ...integers('i', [0, 1, 0, 0]), dims: [2n, 2n] },
    ],
  ],
  one('Scatter', { axis: 2 }, [{ ...integers('i', [5, 0]), dims: [1n, 2n, 1n, 1n] }, some('u', [1, 2, 1, 1])], 10),
  [
    'the first of some rows, and a product along all axes, of a tensor without a batch',
    [
      node('Reshape', ['x', 's'], 'r'),
      node('Slice', ['r', 'zero', 'two'], 'c'),
      node('Slice', ['c', 'zero', 'one'], 'd'),
      node('Transpose', ['d'], 'e', { perm: [0, 2, 1] }),
      node('ReduceProd', ['c'], 'p', { axes: [0, 2], keepdims: 0 }),
      node('Add', ['e', 'p'], 'y'),
    ],
    [integers('s', [4, 6, 7]), integers('zero', [0]), integers('one', [1]), integers('two', [2])],
  ],
  one('Tile', {}, [integers('r', [1, 2, 1, 3])]),
  one('Identity'),
  one('Dropout'),
  one('Cast', { to: 1 }),
  ...[6, 7, 9].map(
    (to): Case => [
      `Cast to type ${to} and back`,
      [node('Cast', ['x'], 'c', { to }), node('Cast', ['c'], 'y', { to: 1 })],
    ],
  ),
  ...[[1, 2], [3], [2, 3]].flatMap((axes) => [0, 1].map((keepdims) => one('ReduceMean', { axes, keepdims }, [], 13))),
  one('ReduceMean', {}, [integers('a', [2, 3])], 18),
  one('ReduceMean', { axes: [-1, -2], keepdims: 0 }, [], 11),
  one('ReduceMean', { noop_with_empty_axes: 1 }, [], 18),
  one('ReduceMax', { axes: [2, 3] }, [], 13),
  one('ReduceSum', {}, [integers('a', [1])]),
  ...[[1], [2, 3], [1, 2, 3]].flatMap((axes) => [0, 1].map((keepdims) => one('ReduceL2', { axes, keepdims }, [], 13))),
  one('ReduceL2', {}, [integers('a', [-1])], 18),
  [
    'Gemm',
    [node('Flatten', ['x'], 'f'), node('Gemm', ['f', 'w', 'b'], 'y', { alpha: { f: 0.5 }, beta: { f: 2 }, transB: 1 })],
    [some('w', [3, 168]), some('b', [3])],
  ],
  [
    'Gemm without C',
    [node('Flatten', ['x'], 'f'), node('Gemm', ['f', 'w'], 'y', { alpha: { f: -1.5 } })],
    [some('w', [168, 3])],
  ],
  [
    'Gemm of opset 7, C a number',
    [node('Flatten', ['x'], 'f'), node('Gemm', ['f', 'w', 'c'], 'y', { beta: { f: 0.5 } })],
    [some('w', [168, 3]), some('c', [1])],
    7,
  ],
  [
    'Gemm plus what is computed',
    [node('Flatten', ['x'], 'f'), node('Gemm', ['f', 'w'], 'g'), node('Gemm', ['f', 'w', 'g'], 'y')],
    [some('w', [168, 3])],
  ],
  [
    'Max and Min of a constant',
    [node('Max', ['x', 'lo'], 'm'), node('Min', ['hi', 'm'], 'y')],
    [scalar('lo', -0.5), floats('hi', [1], [0.5])],
  ],
  ['MatMul of planes', [node('MatMul', ['x', 'w'], 'y')], [some('w', [7, 3])]],
  [
    'shape arithmetic',
    [
      node('Shape', ['x'], 's'),
      node('Gather', ['s', 'zero'], 'n', { axis: 0 }),
      node('Unsqueeze', ['n', 'first'], 'u'),
      node('Concat', ['u', 'rest'], 'to', { axis: 0 }),
      node('Reshape', ['x', 'to'], 'y'),
    ],
    [{ ...integers('zero', [0]), dims: [] }, integers('first', [0]), integers('rest', [-1])],
  ],
  ...['zeros', 'border', 'reflection'].flatMap((padding_mode) =>
    [0, 1].map((align_corners) => one('GridSample', { mode: 'bicubic', padding_mode, align_corners }, [GRID])),
  ),
  ...['zeros', 'border'].flatMap((padding_mode) =>
    [0, 1].map(
      (align_corners): Case => [
        `GridSample by a grid that is computed ${padding_mode} ${align_corners}`,
        [
          node('Slice', ['x', 'begin', 'end'], 's'),
          node('Reshape', ['s', 'to'], 'r'),
          node('GridSample', ['x', 'r'], 'y', { padding_mode, align_corners }),
        ],
        [integers('begin', [0, 0, 0, 0]), integers('end', [1, 2, 5, 3]), integers('to', [1, 5, 3, 2])],
      ],
    ),
  ),
  ...[0, 1].map(
    (align_corners): Case => [
      `AffineGrid ${align_corners}`,
      [
        node('Slice', ['x', 'begin', 'end'], 's'),
        node('Reshape', ['s', 'to'], 'r'),
        node('AffineGrid', ['r', 'size'], 'y', { align_corners }),
      ],
      [
        integers('begin', [0, 0, 0, 0]),
        integers('end', [1, 1, 2, 3]),
        integers('to', [1, 2, 3]),
        integers('size', [1, 4, 3, 5]),
      ],
      20,
    ],
  ),
  ...(
    [
      ['half_pixel', 2, 16],
      ['output_half_pixel', 0, 16],
      [undefined, 3, 10],
    ] as const
  ).map(([mode, sampling_ratio, opset]) =>
    one(
      'RoiAlign',
      {
        ...(mode && { coordinate_transformation_mode: mode }),
        output_height: 3,
        output_width: 2,
        sampling_ratio,
        spatial_scale: { f: 0.5 },
      },
      [floats('boxes', [3, 4], [1, 2, 9, 8, 0, 0, 14.2, 12, 3, 9, 19, 3.5]), integers('items', [0, 0, 0])],
      opset,
    ),
  ),
  ...(
    [
      [
        [2, 2],
        [2, 2],
        [1, 4, 6, 6],
      ],
      [
        [2, 3],
        [3, 3],
        [1, 4, 6, 6],
      ],
    ] as const
  ).map(
    ([kernel_shape, strides, size], k): Case => [
      `MaxUnpool ${kernel_shape}`,
      [
        node('Slice', ['x', 'from', 'to'], 's'),
        node('Round', ['s'], 'ties'),
        { ...node('MaxPool', ['ties'], 'p', { kernel_shape, strides }), output: ['p', 'i'] },
        node('Sigmoid', ['p'], 'v'),
        node('MaxUnpool', ['v', 'i', ...(k === 0 ? [] : ['size'])], 'y', { kernel_shape, strides }),
      ],
      [integers('from', [0, 0, 0, 0]), integers('to', size), integers('size', size)],
    ],
  ),
  // with a size the runtime counts places otherwise than ONNX's own test of it
  one('MaxUnpool', { kernel_shape: [2, 2], strides: [2, 2] }, [
    {
      ...integers(
        'i',
        Array.from({ length: 168 }, (_, i) => 4 * i + (i % 4)),
      ),
      dims: [1n, 4n, 6n, 7n],
    },
  ]),
  ...[1, 2].flatMap((group) => {
    const deep = node('Reshape', ['x', 'deep'], 'd');
    const to = integers('deep', [1, 2, 4, 3, 7]);
    return [
      [
        `Conv of three dimensions, ${group}`,
        [deep, node('Conv', ['d', 'w', 'b'], 'y', { group, pads: [1, 0, 1, 2, 1, 0], strides: [2, 1, 2] })],
        [to, some('w', [4, 2 / group, 3, 2, 3]), some('b', [4])],
      ],
    ] as Case[];
  }),
  ...['VALID', 'SAME_UPPER', 'SAME_LOWER'].map(
    (auto_pad): Case => [
      `Conv of three dimensions ${auto_pad}`,
      [node('Reshape', ['x', 'deep'], 'd'), node('Conv', ['d', 'w'], 'y', { auto_pad, strides: [3, 1, 1] })],
      [integers('deep', [1, 2, 4, 3, 7]), some('w', [3, 2, 2, 2, 3])],
    ],
  ),
  ...['MaxPool', 'AveragePool'].flatMap((op) =>
    [0, 1].map(
      (flag): Case => [
        `${op} of three dimensions ${flag}`,
        [
          node('Reshape', ['x', 'deep'], 'd'),
          node(op, ['d'], 'y', {
            kernel_shape: [3, 2, 3],
            strides: [2, 1, 2],
            pads: [1, 0, 1, 1, 1, 0],
            ...(op === 'MaxPool' ? { ceil_mode: flag } : { count_include_pad: flag }),
          }),
        ],
        [integers('deep', [1, 2, 4, 3, 7])],
      ],
    ),
  ),
  [
    'Conv by filters and biases that are computed',
    [
      node('Slice', ['x', 'begin', 'end'], 's'),
      node('Reshape', ['s', 'to'], 'w'),
      node('ReduceMean', ['w'], 'b', { axes: [1, 2, 3], keepdims: 0 }),
      node('Conv', ['x', 'w', 'b'], 'y', { group: 2, pads: [1, 0, 0, 1], strides: [2, 1], dilations: [1, 2] }),
    ],
    [integers('begin', [0, 0, 0, 0]), integers('end', [1, 4, 6, 2]), integers('to', [6, 2, 2, 2])],
  ],
  ...[{ axis: 2 }, { axis: -1 }, {}].map((given) =>
    one('Compress', given, [{ name: 'c', dims: [6n], dataType: DataType.BOOL, int32Data: [0, 1, 1, 0, 0, 1] }]),
  ),
  ...[0, 1].flatMap((upper) => [-2, 0, 1].map((k) => one('Trilu', { upper }, [whole('k', k)]))),
  [
    'what is made of constants alone by operators that pictures take',
    [
      node('Conv', ['c', 'w'], 'filtered', { pads: [1, 1, 1, 1] }),
      node('Softmax', ['filtered'], 'shares', { axis: 1 }),
      node('Resize', ['shares', '', 'larger'], 'large', { mode: 'linear' }),
      node('MaxPool', ['large'], 'pooled', { kernel_shape: [2, 1], strides: [2, 1] }),
      { ...node('TopK', ['c', 'two'], 'best', { axis: 2 }), output: ['best', 'places'] },
      node('ReduceSum', ['best'], 'sum'),
      node('Mul', ['pooled', 'sum'], 'scaled'),
      node('Add', ['x', 'scaled'], 'y'),
    ],
    [some('c', [1, 3, 6, 7]), some('w', [4, 3, 3, 3]), floats('larger', [4], [1, 1, 2, 1]), integers('two', [2])],
  ],
  [
    'a list that is split, grows, and loses one',
    [
      node('SplitToSequence', ['x', 'three'], 'parts', { axis: 1 }),
      node('SequenceAt', ['parts', 'last'], 'short'),
      node('SequenceLength', ['parts'], 'count'),
      node('Cast', ['count'], 'number', { to: 1 }),
      node('SequenceEmpty', [], 'none'),
      node('SequenceInsert', ['none', 'short'], 'one'),
      node('Mul', ['short', 'number'], 'more'),
      node('SequenceInsert', ['one', 'more', 'first'], 'two'),
      node('SequenceInsert', ['two', 'short'], 'all'),
      node('SequenceErase', ['all', 'last'], 'left'),
      node('ConcatFromSequence', ['left'], 'y', { axis: 2 }),
    ],
    [whole('three', 3), whole('first', 0), whole('last', -1)],
  ],
  [
    'a list of rows without their axis',
    [
      node('SplitToSequence', ['x'], 'rows', { axis: 2, keepdims: 0 }),
      node('SequenceAt', ['rows', 'k'], 'row'),
      node('SequenceConstruct', ['row', 'row'], 'both'),
      node('ConcatFromSequence', ['both'], 'y', { axis: 1, new_axis: 1 }),
    ],
    [whole('k', 2)],
  ],
];

test.each(cases.map(([title, nodes, tensors = [], opset = 17]) => ({ title, nodes, tensors, opset })))(
  '$title',
  async ({ nodes, tensors, opset }) => {
    const runs = (op: string) => nodes.some(({ opType }) => opType === op);
    const input = runs('Expand') || runs('Squeeze') ? [1, 4, 1, 7] : [1, 4, 6, 7];
    expect((await differenceFromRuntime({ nodes, tensors, opset, input })).error).toBeLessThan(2e-6);
  },
);

test('the runtime checks every operator of ONNX that it has', () => {
  const tried = new Set(cases.flatMap(([, nodes]) => nodes.map(({ opType }) => opType)));
  const unknown = [...UNKNOWN_TO_RUNTIME].map((op) => CURVES[op].onnx?.name);
  const tested = ['Constant', 'Size', 'If', 'Loop']; // in other files: constants, and what has subgraphs
  expect([...operators.keys()].filter((op) => ![...tried, ...unknown, ...tested].includes(op))).toEqual([]);
});
