import { readFileSync } from 'node:fs';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import type { GraphNode } from '../../src/graph';
import { readOnnx } from '../../src/formats/onnx';
import { DATA, data } from '../needs';
import { refusal } from './errors';
import { secondsUsed } from './guard';
import {
  attribute,
  floats,
  integers,
  node,
  onnxFile,
  valueInfo,
  type ModelSpec,
  type Node,
  type Tensor,
} from './models';

const read = (spec: ModelSpec) => readOnnx(onnxFile(spec)).graph;
const nodesOf = (spec: ModelSpec): readonly GraphNode[] => read(spec).nodes;
/** One node on `x`, as ours. */
const only = (one: Node, tensors: readonly Tensor[] = [], rest: Partial<ModelSpec> = {}): GraphNode =>
  nodesOf({ nodes: [one], tensors, ...rest })[0]!;
const window = { kernel: [3, 3], stride: [1, 1], pads: [0, 0, 0, 0], dilation: [1, 1] };
const flat = node('Flatten', ['x'], 'f');

describe('operators', () => {
  test('a Conv keeps its window, groups and bias', () => {
    const conv = node('Conv', ['x', 'w', 'b'], 'y', {
      kernel_shape: [3, 3],
      strides: [2, 1],
      pads: [1, 0, 2, 3],
      dilations: [1, 2],
      group: 2,
    });
    const weights = [floats('w', [4, 1, 3, 3]), floats('b', [4])];
    expect(only(conv, weights)).toEqual({
      op: 'conv',
      name: 'y',
      inputs: ['x'],
      kernel: [3, 3],
      stride: [2, 1],
      pads: [1, 0, 2, 3],
      dilation: [1, 2],
      groups: 2,
      weight: 'w',
      bias: 'b',
    });
    expect(read({ nodes: [conv], tensors: weights }).weights.get('w')).toEqual({
      shape: [4, 1, 3, 3],
      data: Float32Array.from({ length: 36 }, (_, i) => i + 1),
    });
  });

  test.each([
    ['VALID', [0, 0, 0, 0]],
    ['SAME_UPPER', [1, 0, 1, 1]], // 5 rows by 2 need 2 pads, 6 columns need 1
    ['SAME_LOWER', [1, 1, 1, 0]],
  ])('auto_pad %s becomes pads %j', (auto_pad, pads) => {
    expect(
      only(node('Conv', ['x', 'w'], 'y', { auto_pad, strides: [2, 2] }), [floats('w', [1, 2, 3, 3])]),
    ).toMatchObject({ pads });
  });

  test('auto_pad counts the dilation', () => {
    // 5 rows by 2 are 3 windows of 5: 4 pads; 6 columns by 2 are 3 windows of 3: 1 pad
    const conv = node('Conv', ['x', 'w'], 'y', { auto_pad: 'SAME_UPPER', strides: [2, 2], dilations: [2, 1] });
    expect(only(conv, [floats('w', [1, 2, 3, 3])])).toMatchObject({ pads: [2, 0, 2, 1] });
  });

  test('pools keep ceil_mode and count_include_pad', () => {
    expect(only(node('MaxPool', ['x'], 'y', { kernel_shape: [3, 3], ceil_mode: 1 }))).toEqual({
      op: 'maxPool',
      name: 'y',
      inputs: ['x'],
      ...window,
      ceil: true,
    });
    const average = node('AveragePool', ['x'], 'y', { kernel_shape: [3, 3], count_include_pad: 1, pads: [1, 1, 1, 1] });
    expect(only(average)).toEqual({
      op: 'averagePool',
      name: 'y',
      inputs: ['x'],
      ...window,
      pads: [1, 1, 1, 1],
      countPadding: true,
    });
  });

  test('the order of a MaxPool’s indices, which nothing may read, does not matter', () => {
    expect(only(node('MaxPool', ['x'], 'y', { kernel_shape: [3, 3], storage_order: 1 }))).toEqual({
      op: 'maxPool',
      name: 'y',
      inputs: ['x'],
      ...window,
    });
  });

  test('pictures with their channels last, as tf2onnx takes them, are turned outside', () => {
    const turned = (perm: number[], input: (string | number)[], more: readonly Node[] = []) =>
      read({ nodes: [node('Transpose', ['x'], 't', { perm }), ...more, node('Relu', ['t'], 'y')], input });
    const { input, nodes } = turned([0, 3, 1, 2], ['N', 5, 6, 3]);
    expect(input).toEqual({ name: 'x', extents: { C: 3, H: 5, W: 6 } });
    expect(nodes).toEqual([{ op: 'relu', name: 'y', inputs: ['x'] }]);
    expect(turned([0, 3, 1, 2], ['N', 5, 6, 1]).input.extents).toEqual({ C: 1, H: 5, W: 6 });
    // not where it is turned otherwise, or read as it is too
    expect(turned([0, 3, 2, 1], ['N', 5, 6, 3]).input.extents).toEqual({ C: 5, H: 6, W: 3 });
    expect(
      read({
        nodes: [
          node('Transpose', ['x'], 't', { perm: [0, 3, 1, 2] }),
          node('Flatten', ['t'], 'a'),
          node('Flatten', ['x'], 'b'),
          node('Add', ['a', 'b'], 'y'),
        ],
        input: ['N', 5, 6, 3],
      }).input.extents,
    ).toEqual({ C: 5, H: 6, W: 3 });
    expect(
      read({ nodes: [node('Transpose', ['x'], 't', { perm: [0, 3, 1, 2] })], input: ['N', 5, 6, 3] }).nodes.map(
        ({ op }) => op,
      ),
    ).toContain('transpose');
  });

  test('the simple ones keep their names', () => {
    const nodes = [
      node('Relu', ['x'], 'a'),
      node('Identity', ['a'], 'b'),
      node('Dropout', ['b'], 'c'),
      node('Add', ['c', 'x'], 'd'),
      node('Concat', ['d', 'x'], 'e', { axis: 1 }),
      node('GlobalAveragePool', ['e'], 'f'),
      node('Flatten', ['f'], 'g'),
      node('Softmax', ['g'], 'h'),
    ];
    const ours = nodesOf({ nodes });
    expect(ours.map(({ op }) => op)).toEqual([
      'relu',
      'identity',
      'identity',
      'add',
      'concat',
      'globalAveragePool',
      'identity',
      'softmax',
    ]);
    expect(ours.map(({ name, inputs }) => [name, inputs])).toEqual(
      nodes.map(({ input, output }) => [output![0], input]),
    );
  });

  test('BatchNormalization carries its four vectors and epsilon', () => {
    const bn = node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], 'y', { epsilon: { f: 0.5 } });
    const tensors = ['s', 'b', 'm', 'v'].map((name) => floats(name, [2]));
    expect(only(bn, tensors)).toEqual({
      op: 'batchNorm',
      name: 'y',
      inputs: ['x'],
      scale: 's',
      bias: 'b',
      mean: 'm',
      variance: 'v',
      epsilon: 0.5,
    });
  });

  test('a Gemm is stored [out, in], with alpha and beta folded in', () => {
    const gemm = node('Gemm', ['f', 'w', 'b'], 'y', { alpha: { f: 2 }, beta: { f: 3 } });
    const { nodes, weights } = read({
      nodes: [flat, gemm],
      tensors: [floats('w', [2, 3]), floats('b', [1, 3])],
      input: [1, 2, 1, 1],
    });
    const fc = nodes[1] as GraphNode & { op: 'fullyConnected' };
    expect(weights.get(fc.weight)).toEqual({ shape: [3, 2], data: Float32Array.of(2, 8, 4, 10, 6, 12) });
    expect(weights.get(fc.bias!)).toEqual({ shape: [3], data: Float32Array.of(3, 6, 9) });
    expect([...weights.keys()]).toEqual([fc.weight, fc.bias]);
  });

  test('a Gemm with transB is taken as it is, and a scalar bias is spread', () => {
    const gemm = node('Gemm', ['f', 'w', 'b'], 'y', { transB: 1 });
    const { nodes, weights } = read({
      nodes: [flat, gemm],
      tensors: [floats('w', [3, 2]), floats('b', [1], [7])],
      input: [1, 2, 1, 1],
    });
    expect(nodes[1]).toMatchObject({ op: 'fullyConnected', weight: 'w', inputs: ['f'] });
    expect(weights.get((nodes[1] as { bias: string }).bias)!.data).toEqual(Float32Array.of(7, 7, 7));
  });

  test.each([[['m', 'b']], [['b', 'm']]])(
    'MatMul and Add of a constant are one fully connected layer, %j',
    (inputs) => {
      const nodes = [flat, node('MatMul', ['f', 'w'], 'm'), node('Add', inputs, 'y')];
      const graph = read({ nodes, tensors: [floats('w', [2, 3]), floats('b', [3])], input: [1, 2, 1, 1] });
      expect(graph.nodes.map(({ name }) => name)).toEqual(['f', 'y']);
      expect(graph.nodes[1]).toEqual({
        op: 'fullyConnected',
        name: 'y',
        inputs: ['f'],
        weight: 'w (transposed)',
        bias: 'b',
      });
      expect(graph.weights.get('w (transposed)')!.data).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6));
    },
  );

  test('a MatMul that something else reads too stays beside the biased one', () => {
    const nodes = [
      flat,
      node('MatMul', ['f', 'w'], 'm'),
      node('Add', ['m', 'b'], 'a'),
      node('Concat', ['m', 'a'], 'y', { axis: -1 }),
    ];
    expect(
      nodesOf({ nodes, tensors: [floats('w', [2, 3]), floats('b', [3])], input: [1, 2, 1, 1] }).map(({ name }) => name),
    ).toEqual(['f', 'm', 'a', 'y']);
  });

  test('a constant per channel after a Conv is its bias', () => {
    const nodes = [node('Conv', ['x', 'w'], 'c'), node('Add', ['c', 'b'], 'y')];
    const { weights, nodes: ours } = read({ nodes, tensors: [floats('w', [3, 2, 1, 1]), floats('b', [1, 3, 1, 1])] });
    expect(ours).toMatchObject([{ op: 'conv', name: 'y', bias: 'b (as [3])' }]);
    expect(weights.get('b (as [3])')!.shape).toEqual([3]);
  });

  test.each([
    [[1, -1], 'flatten'],
    [[-1, 60], 'flatten'],
    [[0, -1], 'flatten'],
    [[1, 60, 1, 1], 'flatten'],
    [[0, 0, 0, 0], 'identity'],
    [[-1, 2, 5, 6], 'identity'],
    [[1, 2, -1, 6], 'identity'],
  ])('a Reshape of [2, 5, 6] to %j is %s', (shape, op) => {
    expect(only(node('Reshape', ['x', 's'], 'y'), [integers('s', shape)])).toEqual({ op, name: 'y', inputs: ['x'] });
  });

  test('a Reshape may take its shape from a Constant node, raw or as ints', () => {
    const raw = { dims: [2n], dataType: DataType.INT64, rawData: new Uint8Array(BigInt64Array.of(0n, -1n).buffer) };
    for (const constant of [
      node('Constant', [], 's', { value: raw }),
      node('Constant', [], 's', { value_ints: [0, -1] }),
    ]) {
      expect(nodesOf({ nodes: [constant, node('Reshape', ['x', 's'], 'y')] })).toEqual([
        { op: 'flatten', name: 'y', inputs: ['x'] },
      ]);
    }
  });

  test('weights may come from Constant nodes, and through Identity', () => {
    const nodes = [
      node('Constant', [], 'w', { value: floats('', [1, 2, 1, 1]) }),
      node('Identity', ['w'], 'w2'),
      node('Conv', ['x', 'w2'], 'y'),
    ];
    expect(nodesOf({ nodes })).toMatchObject([{ op: 'conv', weight: 'w' }]);
  });

  test('a soft-max at the end is kept, a log soft-max too', () => {
    for (const [op, ours] of [
      ['Softmax', 'softmax'],
      ['LogSoftmax', 'logSoftmax'],
    ]) {
      expect(nodesOf({ nodes: [flat, node(op!, ['f'], 'y', { axis: 1 })] })).toMatchObject([
        {},
        { op: ours, name: 'y' },
      ]);
      expect(
        nodesOf({
          nodes: [
            flat,
            node(op!, ['f'], 'p', { axis: 1 }),
            node('Unsqueeze', ['p'], 'u', { axes: [1] }),
            node('Squeeze', ['u'], 'y', { axes: [1] }),
          ],
          opset: 11,
        })[1],
      ).toMatchObject({ op: ours });
    }
  });

  test('what the first output does not need is left out, unsupported or not', () => {
    const graph = read({ nodes: [node('Relu', ['x'], 'y'), node('Sin', ['x'], 'z')], output: 'y' });
    expect(graph.nodes).toEqual([{ op: 'relu', name: 'y', inputs: ['x'] }]);
  });
});

describe('weights', () => {
  const conv = node('Conv', ['x', 'w'], 'y');
  const values = Float32Array.of(0.5, -2);
  const dims = [1n, 2n, 1n, 1n];
  const stored: [string, Tensor][] = [
    ['FLOAT in raw_data', { dataType: DataType.FLOAT, rawData: new Uint8Array(values.buffer) }],
    ['FLOAT in float_data', { dataType: DataType.FLOAT, floatData: [0.5, -2] }],
    ['DOUBLE in raw_data', { dataType: DataType.DOUBLE, rawData: new Uint8Array(Float64Array.of(0.5, -2).buffer) }],
    ['DOUBLE in double_data', { dataType: DataType.DOUBLE, doubleData: [0.5, -2] }],
    [
      'FLOAT16 in raw_data',
      { dataType: DataType.FLOAT16, rawData: new Uint8Array(Uint16Array.of(0x3800, 0xc000).buffer) },
    ],
    ['FLOAT16 in int32_data', { dataType: DataType.FLOAT16, int32Data: [0x3800, 0xc000] }],
    [
      'BFLOAT16 in raw_data',
      { dataType: DataType.BFLOAT16, rawData: new Uint8Array(Uint16Array.of(0x3f00, 0xc000).buffer) },
    ],
    ['BFLOAT16 in int32_data', { dataType: DataType.BFLOAT16, int32Data: [0x3f00, 0xc000] }],
  ];

  test.each(stored)('%s is read', (_, tensor) => {
    expect(read({ nodes: [conv], tensors: [{ name: 'w', dims, ...tensor }] }).weights.get('w')!.data).toEqual(values);
  });

  test.each([NaN, Infinity])('%d is refused, naming the tensor', (bad) => {
    refusal(
      () => read({ nodes: [conv], tensors: [floats('w', [1, 2, 1, 1], [1, bad])] }),
      'model-format',
      /weight "w": element 1 is (NaN|Infinity)/,
    );
  });

  test('an alpha that overflows is refused', () => {
    const gemm = node('Gemm', ['f', 'w'], 'y', { alpha: { f: 3e38 } });
    refusal(
      () => read({ nodes: [flat, gemm], tensors: [floats('w', [60, 1])] }),
      'model-format',
      /element 1 is Infinity/,
    );
  });

  test.each<[string, Tensor, RegExp]>([
    [
      'too few bytes',
      { dataType: DataType.FLOAT, rawData: new Uint8Array(7) },
      /has 7 bytes; its shape \[1,2,1,1\] takes 8/,
    ],
    ['too many numbers', { dataType: DataType.FLOAT, floatData: [1, 2, 3] }, /has 3 numbers; .* takes 2/],
    ['integers', { dataType: DataType.INT8, rawData: new Uint8Array(2) }, /holds INT8; weights are FLOAT/],
    ['a huge shape', { dims: [2n ** 40n, 2n ** 40n], dataType: DataType.FLOAT }, /more than 4294967296 elements/],
    ['a negative extent', { dims: [-1n], dataType: DataType.FLOAT }, /has the extent -1/],
    ['no elements', { dims: [0n], dataType: DataType.FLOAT }, /is empty/],
  ])('%s is refused', (_, tensor, message) => {
    refusal(() => read({ nodes: [conv], tensors: [{ name: 'w', dims, ...tensor }] }), 'model-format', message);
  });

  test('one weight folded in many ways does not become gigabytes', () => {
    const gemms = Array.from({ length: 40 }, (_, i) => node('Gemm', ['f', 'w'], `g${i}`, { alpha: { f: i + 2 } }));
    const nodes = [
      flat,
      ...gemms,
      node(
        'Concat',
        gemms.map(({ output }) => output![0]!),
        'y',
        { axis: 1 },
      ),
    ];
    refusal(() => read({ nodes, tensors: [floats('w', [60, 1000])] }), 'model-format', /once folded/);
  });
});

describe('refusals', () => {
  test('every unsupported node is listed at once, by name and operator', () => {
    const nodes = [
      node('Multinomial', ['x'], 'a'),
      node('MaxPool', ['a'], 'b', { kernel_shape: [2, 2], storage_order: 1, surprise: 1 }),
      node('Relu', ['b'], 'c'),
      { ...node('Conv', ['c', 'w'], 'd'), domain: 'com.vendor' },
      node('Dropout', ['x'], 'e', { surprise: 1 }),
      node('Concat', ['d', 'e'], 'y'),
    ];
    const { detail, message } = refusal(
      () => read({ nodes, tensors: [floats('w', [1])] }),
      'unsupported-op',
      /4 nodes are not supported/,
    );
    expect(detail['nodes']).toMatchObject([
      { name: 'a', op: 'Multinomial' },
      { name: 'b', op: 'MaxPool' },
      { name: 'd', op: 'com.vendor.Conv' },
      { name: 'e', op: 'Dropout' },
    ]);
    expect(message).toContain('\n  Multinomial "a": ');
  });

  test.each(['__proto__', 'constructor', 'toString'])('an operator called %s is just unsupported', (op) => {
    refusal(() => read({ nodes: [node(op, ['x'], 'y')] }), 'unsupported-op', /one node is/);
  });

  test.each<[string, Node[], Tensor[], RegExp]>([
    [
      'a 1-D window',
      [node('MaxPool', ['x'], 'y', { kernel_shape: [2] })],
      [],
      /its window has kernel \[2\].*; supported: windows of 2 dimensions, as its input has/,
    ],
    [
      'an unknown auto_pad',
      [node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], auto_pad: 'SOME' })],
      [],
      /auto_pad is SOME/,
    ],
    ['computed weights', [node('Relu', ['x'], 'w'), node('ConvTranspose', ['x', 'w'], 'y')], [], /"w" is computed/],
    [
      'a bias per row of the batch',
      [flat, node('Gemm', ['f', 'w', 'b'], 'y')],
      [floats('w', [60, 3]), floats('b', [2, 3])],
      /its constant is \[2,3\] beside \[1, 3\]; supported: one number per channel, \[3\]/,
    ],
    [
      'groups of unequal sizes',
      [node('GroupNormalization', ['x', 's', 's'], 'y', { num_groups: 3 })],
      [floats('s', [3])],
      /3 groups of 2 channels/,
    ],
    ['a Cast to complex numbers', [node('Cast', ['x'], 'y', { to: DataType.COMPLEX64 })], [], /casts to COMPLEX64/],
    [
      'a Range of what is computed',
      [node('ReduceMean', ['x'], 'm', { axes: [1, 2, 3] }), node('Range', ['m', 'm', 'm'], 'y')],
      [],
      /its input "m" is computed from the image/,
    ],
    [
      'a pad that repeats',
      [node('Pad', ['x', 'p'], 'y', { mode: 'wrap' })],
      [integers('p', Array(8).fill(0))],
      /its mode is "wrap"; supported: constant, reflect, edge/,
    ],
    [
      'pool indices',
      [{ ...node('MaxPool', ['x'], 'p', { kernel_shape: [1, 1] }), output: ['p', 'i'] }, node('Add', ['p', 'i'], 'y')],
      [],
      /its output "i" is read/,
    ],
    [
      'a constant that has no tensor',
      [node('Constant', [], 'c', { value_string: 'w' }), node('Add', ['x', 'c'], 'y')],
      [],
      /"value_string" is unknown/,
    ],
    [
      'training',
      [node('Dropout', ['x', '', 't'], 'y')],
      [{ name: 't', dims: [], dataType: DataType.BOOL, int32Data: [1] }],
      /training mode/,
    ],
  ])('%s is unsupported', (_, nodes, tensors, message) => {
    refusal(() => read({ nodes, tensors }), 'unsupported-op', message);
  });

  test.each<[string, Node, Tensor[], RegExp]>([
    ['a Concat', node('Concat', ['x', 'x'], 'y', { axis: 0 }), [], /its axis is 0, the batch of 4/],
    ['a Transpose', node('Transpose', ['x'], 'y'), [], /moves the batch of 4/],
    ['a mean', node('ReduceMean', ['x'], 'y'), [], /its axis is 0, the batch of 4/],
    ['a Reshape', node('Reshape', ['x', 's'], 'y'), [integers('s', [60, -1])], /and a batch of 4 to \[60,-1\]/],
    ['a Flatten', node('Flatten', ['x'], 'y', { axis: 0 }), [], /its axis is 0, the batch/],
  ])('%s of several items, which the file fixes, is unsupported', (_, one, tensors, message) => {
    refusal(() => read({ nodes: [one], tensors, input: [4, 2, 5, 6] }), 'unsupported-op', message);
  });

  test.each([[[1, 1, 0, 2]], [[1, 1, 2, 0]], [[1, 1, -1, 2]], [[1, 2, 2]]])('scales of %j are none', (scales) => {
    const file = { nodes: [node('Resize', ['x', '', 's'], 'y')], tensors: [floats('s', [scales.length], scales)] };
    refusal(() => read(file), 'model-format', /its scales are \[.*\]; 4 numbers above 0/);
  });

  test.each<[string, Node[], Tensor[], RegExp]>([
    [
      'wrong channels',
      [node('Conv', ['x', 'w'], 'y')],
      [floats('w', [1, 3, 1, 1])],
      /Conv "y": weights \[1,3,1,1\] in 1 groups take 3 channels, its input has 2/,
    ],
    [
      'a window that does not fit',
      [node('MaxPool', ['x'], 'y', { kernel_shape: [6, 6] })],
      [],
      /MaxPool "y": a window of 6 does not fit/,
    ],
    [
      'a stride of 0',
      [node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], strides: [0, 1], auto_pad: 'SAME_UPPER' })],
      [],
      /whole numbers from 1/,
    ],
    [
      'absurd padding',
      [node('MaxPool', ['x'], 'y', { kernel_shape: [1, 1], pads: [0, 0, 2 ** 31, 2 ** 31] })],
      [],
      /would stand in 2147483653 places along one axis/,
    ],
    [
      'a result that nothing could hold',
      [node('MaxPool', ['x'], 'y', { kernel_shape: [1, 1], pads: [0, 0, 2 ** 16, 2 ** 16] })],
      [],
      /more than 2147483648 elements/,
    ],
    [
      'too many inputs to a layer',
      [flat, node('MatMul', ['f', 'w'], 'y')],
      [floats('w', [59, 1])],
      /weights take 59 inputs, its input has 60/,
    ],
    [
      'planes of two sizes',
      [node('MaxPool', ['x'], 'p', { kernel_shape: [2, 2] }), node('Concat', ['x', 'p'], 'y', { axis: 1 })],
      [],
      /joins \[1, 2, 5, 6\] and \[1, 2, 4, 5\]/,
    ],
  ])('%s is a shape error', (_, nodes, tensors, message) => {
    refusal(() => read({ nodes, tensors }), 'shape', message);
  });

  test.each<[string, ModelSpec, RegExp]>([
    [
      'a cycle',
      { nodes: [node('Relu', ['b'], 'a'), node('Relu', ['a'], 'b')] },
      /reads "b", which only this node or a later one writes/,
    ],
    ['a missing tensor', { nodes: [node('Relu', ['q'], 'y')] }, /Relu "y" reads "q", which nothing writes/],
    ['a name written twice', { nodes: [node('Relu', ['x'], 'y'), node('Relu', ['y'], 'y')] }, /"y" is written twice/],
    [
      'two weights of one name',
      { nodes: [node('Relu', ['x'], 'y')], tensors: [floats('w', [1]), floats('w', [1])] },
      /"w" is written twice/,
    ],
    ['a missing output', { nodes: [node('Relu', ['x'], 'y')], output: 'z' }, /output "z" is written by no node/],
    ['an output that is the input', { nodes: [node('Relu', ['x'], 'y')], output: 'x' }, /not computed/],
    ['an old opset', { nodes: [node('Relu', ['x'], 'y')], opset: 0 }, /opset 0; readable are 1 to 25/],
    ['an opset to come', { nodes: [node('Relu', ['x'], 'y')], opset: 26 }, /opset 26/],
    [
      'a free height',
      { nodes: [node('Relu', ['x'], 'y')], input: ['N', 3, 'height', 224] },
      /its height \("height"\) is free in the file; .* size: \[height, width\] \(--size HxW\)/,
    ],
    [
      'a volume',
      { nodes: [node('Relu', ['x'], 'y')], input: [1, 3, 4, 8, 8] },
      /has 5 dimensions; it should have two to four/,
    ],
    ['an empty input', { nodes: [node('Relu', ['x'], 'y')], input: [1, 0, 8, 224] }, /its C is 0/],
    ['a missing input', { nodes: [node('Relu', [], 'y')] }, /has 0 inputs; it takes 1/],
    [
      'an attribute of the wrong type',
      { nodes: [node('MaxPool', ['x'], 'y', { kernel_shape: 'square' })] },
      /kernel_shape has the type STRING; it should be INTS/,
    ],
    [
      'an attribute beyond 32 bits',
      { nodes: [node('MaxPool', ['x'], 'y', { kernel_shape: [2 ** 40, 1] })] },
      /beyond 32 bits/,
    ],
    ['a pool without a window', { nodes: [node('MaxPool', ['x'], 'y')] }, /has no kernel_shape/],
  ])('%s is refused', (_, spec, message) => {
    refusal(() => read(spec), 'model-format', message);
  });

  test('pixels that are no numbers, and several inputs that nobody holds, are refused', () => {
    const file = (input: ReturnType<typeof valueInfo>[]): Uint8Array =>
      toBinary(
        ModelProtoSchema,
        create(ModelProtoSchema, {
          opsetImport: [{ version: 13n }],
          graph: { input, node: [node('Relu', ['x'], 'y')], output: [valueInfo('y', [])] },
        }),
      );
    refusal(() => readOnnx(file([valueInfo('x', [1, 3, 8, 8], DataType.STRING)])), 'model-format', /holds STRING/);
    refusal(
      () => readOnnx(file([valueInfo('x', [1, 3, 8, 8]), valueInfo('z', [1])])),
      'model-format',
      /has 2 inputs, "x" \[1, 3, 8, 8\] and "z" \[1\]; one is the picture, .* \(--fixed z=0, or =FILE\.npy\)/,
    );
    refusal(() => readOnnx(file([])), 'model-format', /has 0 inputs/);
  });
});

describe('hostile files', () => {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
  /** A length-delimited field. */
  const field = (number: number, content: ArrayLike<number>): Uint8Array => {
    const head = [...varint(number * 8 + 2), ...varint(content.length)];
    const bytes = new Uint8Array(head.length + content.length);
    bytes.set(head);
    bytes.set(content, head.length);
    return bytes;
  };
  const repeated = (piece: Uint8Array, times: number): Uint8Array => {
    const bytes = new Uint8Array(piece.length * times);
    for (let i = 0; i < times; i++) bytes.set(piece, i * piece.length);
    return bytes;
  };
  const graph = 7;

  test.each<[string, Uint8Array, RegExp]>([
    ['a million empty nodes', field(graph, repeated(field(1, []), 1_000_000)), /more than 10000 nodes/],
    ['a million empty tensors', field(graph, repeated(field(5, []), 1_000_000)), /more than 20000 tensors/],
    ['a million empty value infos', field(graph, repeated(field(13, []), 1_000_000)), /more than 200000 messages/],
    [
      'millions of dimensions',
      field(graph, field(5, field(1, new Uint8Array(3_000_000)))),
      /more than 1048576 integers/,
    ],
    ['millions of numbers', field(graph, field(5, field(5, new Uint8Array(20_000_000)))), /more than 16777216 numbers/],
    ['millions of unknown fields', repeated(Uint8Array.of(0xf8, 0x0f, 0), 3_000_000), /more than 2097152 fields/],
    ['a length beyond the file', Uint8Array.of(0x3a, 0xff, 0x7f, 0), /claims 16383 bytes/],
    ['a group', Uint8Array.of(0x3b), /wire type 3/],
    ['a message written as a number', Uint8Array.of(0x38, 1), /wire type 0/],
    ['a packed varint that runs on', field(graph, field(5, field(1, [0x80]))), /packed wrongly/],
    ['no bytes', new Uint8Array(), /holds no graph/],
    ['text', new TextEncoder().encode('not a model at all'), /not a readable protobuf/],
  ])('%s is refused quickly', (_, bytes, message) => {
    const start = secondsUsed();
    refusal(() => readOnnx(bytes), 'model-format', message);
    expect(secondsUsed() - start).toBeLessThan(2);
  });

  test('nesting ends at 16', () => {
    let inner: Uint8Array = new Uint8Array();
    for (let i = 0; i < 20; i++) inner = field(1, field(5, field(6, inner))); // node · attribute · graph
    refusal(() => readOnnx(field(graph, inner)), 'model-format', /nests messages deeper than 16/);
  });

  test('ten thousand nodes in a row are read within the budget', () => {
    const nodes = Array.from({ length: 10_000 }, (_, i) => node('Relu', [i ? `r${i - 1}` : 'x'], `r${i}`));
    const start = secondsUsed();
    expect(nodesOf({ nodes })).toHaveLength(10_000);
    expect(secondsUsed() - start).toBeLessThan(2);
  });

  test('of an attribute given twice the last counts', () => {
    const kernels = [attribute('kernel_shape', [2, 2]), attribute('kernel_shape', [3, 3])];
    expect(only({ opType: 'MaxPool', input: ['x'], output: ['y'], attribute: kernels })).toMatchObject({
      kernel: [3, 3],
    });
  });
});

test('SqueezeNet 1.1 imports whole: 66 nodes, 52 weights, 1000 outputs', DATA, () => {
  const { graph, input, labels, provenance } = readOnnx(readFileSync(`${data}/weights/squeezenet1.1.onnx`));
  expect(graph.input).toEqual({ name: 'data', extents: { C: 3, H: 227, W: 227 } });
  expect(graph.nodes).toHaveLength(66);
  expect(graph.weights.size).toBe(52);
  expect(graph.output).toBe('scores');
  expect(graph.nodes.at(-1)).toEqual({ op: 'identity', name: 'scores', inputs: ['pool10'] });
  expect(graph.weights.get('conv10_w')!.shape).toEqual([1000, 512, 1, 1]);
  expect(input).toBeUndefined();
  expect(labels).toEqual([]);
  expect(provenance).toEqual({ format: 'onnx', producer: 'converted', opset: 13 });
});
