/**
 * Forms that exporters of today do not write: fused operators of ONNX Runtime's optimised files, against the runtime;
 * and operators of opsets before 7, which it does not read, against the runtime on the form of today.
 */
import { describe, expect, test } from 'vitest';
import { readOnnx } from '../../src/formats/onnx';
import { refusal } from './errors';
import { floats, integers, node, onnxFile, type AttributeValue, type Node, type Tensor } from './models';
import { differenceFromRuntime, scalar, some } from './runtime';

const INPUT = [1, 4, 6, 7];
type Attributes = Readonly<Record<string, AttributeValue>>;

/** A node of ONNX Runtime's own domain. */
const own = (op: string, inputs: readonly string[], output: string, attributes: Attributes = {}): Node => ({
  ...node(op, inputs, output, attributes),
  domain: 'com.microsoft',
});

const filter = [some('w', [5, 4, 3, 3]), some('b', [5])];
const conv = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const norm = [some('skip', [1, 4, 6, 7]), some('gamma', [7]), some('beta', [7]), some('bias', [7])];

/** The same as rows, `[1, 24, 7]`. */
const rows = (...inputs: readonly string[]): readonly Node[] =>
  inputs.map((name) => node('Reshape', [name, 'rows'], `${name} rows`));
const ROWS = integers('rows', [1, 24, 7]);

type Case = readonly [title: string, nodes: readonly Node[], tensors?: readonly Tensor[], opset?: number];

const fused: readonly Case[] = [
  ...(
    [
      ['Relu', []],
      ['LeakyRelu', [0.3]],
      ['Clip', [-0.5, 1.5]],
      ['HardSigmoid', [0.3, 0.4]],
      ['Sigmoid', []],
      ['Tanh', []],
    ] as const
  ).map(
    ([activation, floats]): Case => [
      `FusedConv with ${activation}`,
      [
        own('FusedConv', ['x', 'w', 'b'], 'y', {
          ...conv,
          activation,
          ...(floats.length > 0 && { activation_params: { floats } }),
        }),
      ],
      filter,
    ],
  ),
  [
    'FusedConv with Clip in an old file',
    [own('FusedConv', ['x', 'w', 'b'], 'y', { ...conv, activation: 'Clip', activation_params: { floats: [0, 6] } })],
    filter,
    10,
  ],
  [
    'FusedConv that adds',
    [
      node('Conv', ['x', 'w', 'b'], 'c', conv),
      own('FusedConv', ['x', 'w', 'b', 'c'], 'y', { ...conv, activation: 'Relu' }),
    ],
    filter,
  ],
  [
    'FusedGemm',
    [
      node('Flatten', ['x'], 'f'),
      own('FusedGemm', ['f', 'w', 'b'], 'y', { activation: 'LeakyRelu', activation_alpha: { f: 0.2 } }),
    ],
    [some('w', [168, 5]), some('b', [5])],
  ],
  ['FusedMatMul', [own('FusedMatMul', ['x', 'w'], 'y', { alpha: { f: 0.25 }, transB: 1 })], [some('w', [3, 7])]],
  [
    'FusedMatMul of two computed tensors',
    [node('Sigmoid', ['x'], 's'), own('FusedMatMul', ['x', 's'], 'y', { alpha: { f: 0.5 }, transA: 1 })],
  ],
  ['BiasGelu', [own('BiasGelu', ['x', 'b'], 'y')], [some('b', [7])]],
  ['FastGelu', [own('FastGelu', ['x'], 'y')]],
  ['FastGelu with a bias', [own('FastGelu', ['x', 'b'], 'y')], [some('b', [7])]],
  ['Gelu', [own('Gelu', ['x'], 'y')]],
  ['QuickGelu', [own('QuickGelu', ['x'], 'y', { alpha: { f: 1.5 } })]],
  [
    'SkipLayerNormalization',
    [
      ...rows('x', 'skip'),
      own('SkipLayerNormalization', ['x rows', 'skip rows', 'gamma', 'beta'], 'y', { epsilon: { f: 1e-3 } }),
    ],
    [ROWS, ...norm.slice(0, 3)],
  ],
  [
    'SkipLayerNormalization with a bias and without a beta, whose sum is read',
    [
      ...rows('x', 'skip'),
      {
        ...own('SkipLayerNormalization', ['x rows', 'skip rows', 'gamma', '', 'bias'], 'n'),
        output: ['n', '', '', 'sum'],
      },
      node('Mul', ['n', 'sum'], 'y'),
    ],
    [ROWS, ...norm.filter(({ name }) => name !== 'beta')],
  ],
  [
    'SkipSimplifiedLayerNormalization',
    [...rows('x', 'skip'), own('SkipSimplifiedLayerNormalization', ['x rows', 'skip rows', 'gamma'], 'y')],
    [ROWS, ...norm.slice(0, 2)],
  ],
  [
    'SimplifiedLayerNormalization',
    [node('SimplifiedLayerNormalization', ['x', 'gamma'], 'y', { axis: -1 })],
    [norm[1]!],
  ],
];

test.each(fused.map(([title, nodes, tensors = [], opset = 17]) => ({ title, nodes, tensors, opset })))(
  '$title',
  async ({ nodes, tensors, opset }) => {
    const spec = { nodes, tensors, opset, input: INPUT, domains: ['com.microsoft'] };
    expect((await differenceFromRuntime(spec)).error).toBeLessThan(2e-6);
  },
);

describe('planes whose channels are last', () => {
  const toLast = node('Transpose', ['x'], 'last', { perm: [0, 2, 3, 1] });
  const toFirst = node('Transpose', ['z'], 'y', { perm: [0, 3, 1, 2] });
  const between = (nodes: readonly Node[], tensors: readonly Tensor[] = []) => ({
    nodes: [toLast, ...nodes, toFirst],
    tensors,
    input: INPUT,
    domains: ['com.microsoft'],
  });
  const plain = (nodes: readonly Node[], tensors: readonly Tensor[] = []) => ({ nodes, tensors, input: INPUT });

  test.each([
    [
      'NhwcConv',
      plain([node('Conv', ['x', 'w', 'b'], 'y', conv)], filter),
      between([own('NhwcConv', ['last', 'w', 'b'], 'z', conv)], filter),
    ],
    [
      'NhwcFusedConv that adds',
      plain([node('Conv', ['x', 'w', 'b'], 'c', conv), node('Add', ['c', 'c'], 's'), node('Relu', ['s'], 'y')], filter),
      between(
        [
          own('NhwcFusedConv', ['last', 'w', 'b'], 'c', conv),
          own('NhwcFusedConv', ['last', 'w', 'b', 'c'], 'z', { ...conv, activation: 'Relu' }),
        ],
        filter,
      ),
    ],
    [
      'NhwcMaxPool',
      plain([node('MaxPool', ['x'], 'y', { kernel_shape: [2, 3] })]),
      between([own('NhwcMaxPool', ['last'], 'z', { kernel_shape: [2, 3] })]),
    ],
  ])('%s', async (_, theirs, ours) => {
    expect((await differenceFromRuntime(theirs, ours)).error).toBeLessThan(2e-6);
  });
});

test("an operator of ONNX Runtime's own that is not known is refused with what to take instead", () => {
  const file = onnxFile({ nodes: [own('Attention', ['x'], 'y')], domains: ['com.microsoft'] });
  refusal(
    () => readOnnx(file),
    'unsupported-op',
    /ONNX Runtime's own; supported: the file that was given to its optimizer/,
  );
});

// ── opsets 1 to 6 ──

const HINT = { consumed_inputs: [0, 0] };
const running = [some('scale', [4]), some('shift', [4]), some('mean', [4]), some('variance', [4], true)];
const statistics = ['x', 'scale', 'shift', 'mean', 'variance'];
const slopes = some('slope', [4]);

/** A node as it was in an opset, and what says the same today. */
type Old = readonly [
  title: string,
  opset: number,
  old: readonly Node[],
  today: readonly Node[],
  tensors?: readonly Tensor[],
  more?: readonly Tensor[],
];

const old: readonly Old[] = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow'].flatMap((op): Old[] => [
    [
      `${op} along the channels`,
      6,
      [node('Abs', ['x'], 'a'), node(op, ['a', 'c'], 'y', { broadcast: 1, axis: 1 })],
      [node('Abs', ['x'], 'a'), node(op, ['a', 'c1'], 'y')],
      [floats('c', [4]), floats('c1', [4, 1, 1])],
    ],
    [
      `${op} along two axes in the middle`,
      1,
      [node('Abs', ['x'], 'a', HINT), node(op, ['a', 'c'], 'y', { broadcast: 1, axis: 1, ...HINT })],
      [node('Abs', ['x'], 'a'), node(op, ['a', 'c1'], 'y')],
      [floats('c', [4, 6]), floats('c1', [4, 6, 1])],
    ],
  ]),
  [
    'Add along the last axes',
    6,
    [node('Add', ['x', 'c'], 'y', { broadcast: 1 })],
    [node('Add', ['x', 'c'], 'y')],
    [some('c', [6, 7])],
  ],
  [
    'Mul by what is computed, along the channels',
    6,
    [
      node('GlobalAveragePool', ['x'], 'p'),
      node('Squeeze', ['p'], 'v', { axes: [2, 3] }),
      node('Mul', ['x', 'v'], 'y', { broadcast: 1, axis: 0 }),
    ],
    [node('GlobalAveragePool', ['x'], 'p'), node('Mul', ['x', 'p'], 'y')],
  ],
  [
    'BatchNormalization of opset 1',
    1,
    [
      node('BatchNormalization', statistics, 'y', {
        is_test: 1,
        spatial: 1,
        consumed_inputs: [0, 0, 0, 1, 1],
        epsilon: { f: 0.01 },
      }),
    ],
    [node('BatchNormalization', statistics, 'y', { epsilon: { f: 0.01 } })],
    running,
  ],
  [
    'BatchNormalization by element',
    6,
    [node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], 'y', { is_test: 1, spatial: 0, epsilon: { f: 0.01 } })],
    [
      node('Sub', ['x', 'm'], 'c'),
      node('Add', ['v', 'epsilon'], 'e'),
      node('Sqrt', ['e'], 'r'),
      node('Div', ['c', 'r'], 'd'),
      node('Mul', ['d', 's'], 'k'),
      node('Add', ['k', 'b'], 'y'),
    ],
    [...['s', 'b', 'm'].map((name) => some(name, [4, 6, 7])), some('v', [4, 6, 7], true), scalar('epsilon', 0.01)],
  ],
  ['Dropout', 6, [node('Dropout', ['x'], 'y', { is_test: 1, ratio: { f: 0.5 } })], [node('Identity', ['x'], 'y')]],
  ['Dropout of opset 1', 1, [node('Dropout', ['x'], 'y', HINT)], [node('Identity', ['x'], 'y')]],
  [
    'Reshape by an attribute',
    1,
    [node('Reshape', ['x'], 'y', { shape: [0, -1, 7], ...HINT })],
    [node('Reshape', ['x', 's'], 'y')],
    [integers('s', [0, -1, 7])],
  ],
  [
    'Upsample by two numbers',
    1,
    [node('Upsample', ['x'], 'y', { height_scale: { f: 2 }, width_scale: { f: 3 }, mode: 'nearest' })],
    [node('Upsample', ['x', 's'], 'y', { mode: 'nearest' })],
    [floats('s', [4], [1, 1, 2, 3])],
  ],
  [
    'Upsample, bilinear',
    1,
    [node('Upsample', ['x'], 'y', { height_scale: { f: 2 }, width_scale: { f: 2 }, mode: 'bilinear' })],
    [node('Upsample', ['x', 's'], 'y', { mode: 'linear' })],
    [floats('s', [4], [1, 1, 2, 2])],
  ],
  [
    'Pad by paddings',
    1,
    [node('Pad', ['x'], 'y', { paddings: [0, 0, 1, 2, 0, 0, 3, 0], mode: 'constant', value: { f: 0.5 } })],
    [node('Pad', ['x', 'p', 'v'], 'y')],
    [integers('p', [0, 0, 1, 2, 0, 0, 3, 0]), scalar('v', 0.5)],
  ],
  [
    'Clip',
    1,
    [node('Clip', ['x'], 'y', { min: { f: -0.5 }, max: { f: 0.5 }, ...HINT })],
    [node('Clip', ['x', 'l', 'h'], 'y')],
    [scalar('l', -0.5), scalar('h', 0.5)],
  ],
  ['Cast to a type by its name', 5, [node('Cast', ['x'], 'y', { to: 'FLOAT' })], [node('Identity', ['x'], 'y')]],
  [
    'Gemm that broadcasts',
    6,
    [node('Flatten', ['x'], 'f'), node('Gemm', ['f', 'w', 'b'], 'y', { broadcast: 1, transB: 1, alpha: { f: 0.5 } })],
    [node('Flatten', ['x'], 'f'), node('Gemm', ['f', 'w', 'b'], 'y', { transB: 1, alpha: { f: 0.5 } })],
    [some('w', [3, 168]), some('b', [3])],
  ],
  [
    'PRelu with a slope for each channel',
    6,
    [node('PRelu', ['x', 'slope'], 'y')],
    [node('PRelu', ['x', 'slopes'], 'y')],
    [slopes, { ...slopes, name: 'slopes', dims: [4n, 1n, 1n] }],
  ],
  [
    'PRelu with one slope',
    1,
    [node('PRelu', ['x', 'one'], 'y', HINT)],
    [node('PRelu', ['x', 'one'], 'y')],
    [floats('one', [1], [0.2])],
  ],
  [
    'Tile along one axis',
    1,
    [node('Tile', ['x', 't', 'a'], 'y')],
    [node('Tile', ['x', 'r'], 'y')],
    [integers('t', [3]), integers('a', [2]), integers('r', [1, 1, 3, 1])],
  ],
  [
    'Selu with the numbers of opset 1',
    1,
    [node('Selu', ['x'], 'y', HINT)],
    [node('Selu', ['x'], 'y', { alpha: { f: 1.6732 }, gamma: { f: 1.0507 } })],
  ],
  [
    'LpPool with a float for p',
    1,
    [node('LpPool', ['x'], 'y', { kernel_shape: [2, 2], p: { f: 2 } })],
    [node('LpPool', ['x'], 'y', { kernel_shape: [2, 2], p: 2 })],
  ],
  [
    'GlobalLpPool',
    1,
    [node('GlobalLpPool', ['x'], 'y', { p: { f: 1 } })],
    [node('GlobalLpPool', ['x'], 'y', { p: 1 })],
  ],
  ['Concat without an axis', 1, [node('Concat', ['x', 'x'], 'y')], [node('Concat', ['x', 'x'], 'y', { axis: 1 })]],
  [
    'Softmax',
    1,
    [node('Softmax', ['x'], 'y')],
    [node('Flatten', ['x'], 'f'), node('Softmax', ['f'], 's'), node('Reshape', ['s', 'to'], 'y')],
    [integers('to', INPUT)],
  ],
  [
    'InstanceNormalization',
    1,
    [node('InstanceNormalization', ['x', 'scale', 'shift'], 'y', HINT)],
    [node('InstanceNormalization', ['x', 'scale', 'shift'], 'y')],
    running.slice(0, 2),
  ],
  [
    'an ImageScaler of Core ML',
    7,
    [node('ImageScaler', ['x'], 'y', { scale: { f: 0.5 }, bias: { floats: [1, 2, 3, 4] } })],
    [node('Mul', ['x', 'half'], 'm'), node('Add', ['m', 'b'], 'y')],
    [scalar('half', 0.5), floats('b', [4, 1, 1])],
  ],
  [
    'Affine',
    1,
    [node('Affine', ['x'], 'y', { alpha: { f: 2 }, beta: { f: 1 } })],
    [node('Mul', ['x', 'two'], 'm'), node('Add', ['m', 'one'], 'y')],
    [scalar('two', 2), scalar('one', 1)],
  ],
];

test.each(old.map(([title, opset, nodes, today, tensors = []]) => ({ title, opset, nodes, today, tensors })))(
  'opset $opset: $title',
  async ({ opset, nodes, today, tensors }) => {
    const named = (from: readonly Node[]) =>
      tensors.filter(({ name }) => from.some(({ input }) => input!.includes(name!)));
    const theirs = {
      nodes: today,
      tensors: named(today),
      input: INPUT,
      opset: today[0]!.opType === 'Upsample' ? 9 : 17,
    };
    const ours = { nodes, tensors: named(nodes), input: INPUT, opset, listed: true };
    expect((await differenceFromRuntime(theirs, ours)).error).toBeLessThan(2e-6);
  },
);

test('a whole net as Caffe2 wrote it', async () => {
  const layers = (extra: Attributes, dropout: Attributes) => [
    node('Conv', ['x', 'w', 'b'], 'c', conv),
    node('Relu', ['c'], 'r', extra),
    node('MaxPool', ['r'], 'p', { kernel_shape: [2, 2], strides: [2, 2] }),
    node('Dropout', ['p'], 'd', dropout),
  ];
  const tensors = [...filter, some('fc', [3, 45]), some('fcb', [3])];
  const ours = {
    nodes: [
      ...layers({ consumed_inputs: [0] }, { is_test: 1, consumed_inputs: [0] }),
      node('Reshape', ['d'], 'f', { shape: [1, 45] }),
      node('Gemm', ['f', 'fc', 'fcb'], 'g', { broadcast: 1, transB: 1 }),
      node('Softmax', ['g'], 'y', { axis: 1 }),
    ],
    tensors,
    input: INPUT,
    opset: 3,
    listed: true,
  };
  const theirs = {
    nodes: [
      ...layers({}, {}),
      node('Flatten', ['d'], 'f'),
      node('Gemm', ['f', 'fc', 'fcb'], 'g', { transB: 1 }),
      node('Softmax', ['g'], 'y'),
    ],
    tensors,
    input: INPUT,
  };
  expect((await differenceFromRuntime(theirs, ours)).error).toBeLessThan(2e-6);
});
