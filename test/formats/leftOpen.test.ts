/** What an ONNX file leaves open: the size of pictures, which output, other inputs; and what is then supposed. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType as DataType } from 'onnx-buf';
import { expect, test } from 'vitest';
import type { ModelFile, ReadingOptions } from '../../src';
import { readOnnx } from '../../src/formats/onnx';
import { scored } from '../../src/formats/scores';
import { relativeL2 } from '../oracle/compare';
import { graphGradient, runGraph } from '../oracle/network';
import { normals, seededRandom } from '../oracle/random';
import { type Node, type Tensor, floats, integers, node, onnxFile, valueInfo } from './models';

type Graph = NonNullable<ReturnType<typeof fromBinary<typeof ModelProtoSchema>>['graph']>;

/** A file, after a change of its graph. */
function changed(file: Uint8Array, change: (graph: Graph, model: ReturnType<typeof modelOf>) => void): Uint8Array {
  const model = modelOf(file);
  change(model.graph!, model);
  return toBinary(ModelProtoSchema, model);
}
const modelOf = (file: Uint8Array) => fromBinary(ModelProtoSchema, file);
const stated = (name: string, dims: (number | string)[], type?: number) =>
  create(ModelProtoSchema, { graph: { output: [valueInfo(name, dims, type)] } }).graph!.output[0]!;
function read(file: Uint8Array, options: ReadingOptions = {}): ModelFile {
  const { extents, ...model } = readOnnx(file, new Map(), options);
  return scored(model, extents);
}

/** Two channels, whose means are the scores. */
const pooled = (input: (number | string)[]) =>
  onnxFile({ input, nodes: [node('GlobalAveragePool', ['x'], 'p'), node('Flatten', ['p'], 'y')] });

test.each([
  [['N', 2, 'h', 'w'], [4, 6], { C: 2, H: 4, W: 6 }],
  [['N', 2, 'h', 6], [4, 6], { C: 2, H: 4, W: 6 }],
  [['N', 2, -1, 0], [4, 6], { C: 2, H: 4, W: 6 }],
  [[1, 2, 4, 6], [4, 6], { C: 2, H: 4, W: 6 }],
] as const)('a free height and width, %j, are what the caller says', (input, size, extents) => {
  expect(read(pooled([...input]), { size }).graph.input.extents).toEqual(extents);
});

test('a size is asked for, or refused where the file fixes another, and the message names the option', () => {
  expect(() => read(pooled(['N', 2, 'h', 'w']))).toThrow(
    'onnx: input "x": its height ("h") and width ("w") are free in the file; say the size of the pictures, ' +
      'size: [height, width] (--size HxW)',
  );
  expect(() => read(pooled([1, 2, 4, 6]), { size: [4, 7] })).toThrow(
    /the option size says 4×7; the file fixes the width at 6/,
  );
  expect(() => read(pooled([1, 2, 'h', 'w']), { size: [0, 7] })).toThrow(/\[height, width\] in pixels would be right/);
});

test.each([
  ['imgsz', '[8, 12]', 'net', [8, 12], 'its metadata say so (imgsz)'],
  ['other', '7', 'mobilenet_v9_224', [224, 224], 'the net is called "mobilenet_v9_224"'],
  ['other', '7', 'yolo-320x256', [320, 256], 'the net is called "yolo-320x256"'],
] as const)(
  'a free size is taken from metadata (%s) or the name of the net, and that is said',
  (key, value, name, size, by) => {
    const file = changed(pooled(['N', 2, 'h', 'w']), (graph, model) => {
      graph.name = name;
      model.metadataProps = create(ModelProtoSchema, { metadataProps: [{ key, value }] }).metadataProps;
    });
    const { graph, notes } = read(file);
    expect([graph.input.extents.H, graph.input.extents.W]).toEqual(size);
    expect(notes).toEqual([
      `the file leaves the size of pictures free; taking ${size.join('×')}, since ${by} (size: [H, W])`,
    ]);
  },
);

/** A head of two scores, another of three, and the index of the best. */
const heads = changed(
  onnxFile({
    nodes: [
      node('GlobalAveragePool', ['x'], 'p'),
      node('Flatten', ['p'], 'f'),
      node('Gemm', ['f', 'a'], 'two'),
      node('Gemm', ['f', 'b'], 'three'),
      node('ArgMax', ['two'], 'best', { axis: 1 }),
      node('Softmax', ['three'], 'sure'),
    ],
    tensors: [floats('a', [2, 2]), floats('b', [2, 3])],
  }),
  (graph) => {
    graph.output = [
      stated('best', ['N', 1], DataType.INT64),
      stated('x2', ['N', 2, 5, 6]),
      stated('two', ['N', 2]),
      stated('sure', ['N', 3]),
    ];
    graph.node.push(...modelOf(onnxFile({ nodes: [node('Relu', ['x'], 'x2')] })).graph!.node);
  },
);

test.each([
  ['ArgMax', [node('ArgMax', ['f'], 'y', { axis: 1 })]],
  ['Hardmax', [node('Hardmax', ['f'], 'y')]],
  ['ArgMax', [node('ArgMax', ['f'], 'a', { axis: 1 }), node('Cast', ['a'], 'y', { to: 6 })]],
  ['TopK', [{ ...node('TopK', ['f', 'k'], 'y'), output: ['y', 'places'] }]],
])('the scores of a file whose one output is a choice (%s) are what it chooses from', (op, ends) => {
  const { graph, notes } = read(
    onnxFile({
      nodes: [node('GlobalAveragePool', ['x'], 'p'), node('Flatten', ['p'], 'f'), ...ends],
      tensors: [integers('k', [1])],
    }),
  );
  expect(graph.output).toBe('f');
  expect(notes).toEqual([
    `the output "y" is a choice (${op}); the scores are taken to be what it chooses from, "f" (output: NAME)`,
  ]);
});

test('of several outputs the one that looks like scores is taken, and that is said; any other may be named', () => {
  const { graph, notes } = read(heads);
  expect(graph.output).toBe('sure');
  expect(notes).toEqual([
    'the file has 4 outputs; its scores are taken to be "sure", not "best", "x2", "two" (output: NAME)',
  ]);
  expect(read(heads, { output: 'two' })).toMatchObject({ graph: { output: 'two' }, notes: [] });
  expect(read(heads, { output: 'f' }).graph.output).toBe('f');
  expect(() => read(heads, { output: 'four' })).toThrow(
    /the option output names "four", which no node writes; the outputs are \["best", "x2", "two", "sure"\]/,
  );
});

const image = Float64Array.from({ length: 60 }, (_, i) => Math.sin(i));
const scoresOf = ({ graph }: ReturnType<typeof read>): number[] => [
  ...graphGradient(graph, image, { class: 0 }).scores,
];

test('other inputs are held at what the caller says: a number for all, or one for each', () => {
  const file = changed(
    onnxFile({
      nodes: [
        node('GlobalAveragePool', ['x'], 'p'),
        node('Flatten', ['p'], 'f'),
        node('Gemm', ['f', 'w'], 'g'),
        node('Mul', ['g', 'meta'], 'y'),
      ],
      tensors: [floats('w', [2, 3])],
    }),
    (graph) => void graph.input.push(stated('meta', ['N', 3])),
  );
  const plain = scoresOf(read(file, { fixed: { meta: 1 } }));
  const times = scoresOf(read(file, { fixed: { meta: Float32Array.of(2, 0, -1) } }));
  expect(relativeL2(times, [2 * plain[0]!, 0, -plain[2]!])).toBeLessThan(1e-12);
  expect(() => read(file)).toThrow(/has 2 inputs, "x" \[N, 2, 5, 6\] and "meta" \[N, 3\]; .*--fixed meta=0/);
  expect(() => read(file, { fixed: { meta: [1, 2] } })).toThrow(/is held at 2 numbers; its shape \[N, 3\] takes 3/);
  expect(() => read(file, { fixed: { meta: 1, more: 1 } })).toThrow(/the option fixed names "more"/);
  expect(() => read(file, { fixed: { meta: NaN } })).toThrow(/is held at NaN/);
});

test('pixels may be bytes, which a Cast makes numbers of', () => {
  const nodes = [
    node('Cast', ['x'], 'c', { to: 1 }),
    node('GlobalAveragePool', ['c'], 'p'),
    node('Flatten', ['p'], 'y'),
  ];
  const file = changed(
    onnxFile({ nodes }),
    (graph) => void (graph.input = [stated('x', [1, 2, 5, 6], DataType.UINT8)]),
  );
  expect(scoresOf(read(file))).toHaveLength(2);
});

test.each([
  ['[N, K]', [node('Flatten', ['p'], 'y')], 17],
  ['[N, K, 1, 1]', [node('Relu', ['p'], 'y')], 17],
  ['[N, 1, 1, K]', [node('Transpose', ['p'], 'y', { perm: [0, 2, 3, 1] })], 17],
  ['[N, 1, K]', [node('Flatten', ['p'], 'f'), node('Unsqueeze', ['f'], 'y', { axes: [1] })], 11],
  ['[K]', [node('Squeeze', ['p'], 'y', { axes: [0, 2, 3] })], 11],
])('scores of shape %s are a number for each class', (_, nodes, opset) => {
  const { graph } = read(
    onnxFile({ input: [1, 2, 5, 6], nodes: [node('GlobalMaxPool', ['x'], 'p'), ...nodes], opset }),
  );
  expect(runGraph(graph, image).get(graph.output)!.extents).toEqual({ C: 2, H: 1, W: 1 });
});

test('a map of scores is summed over its places, before its soft-max, and has no head', () => {
  const nodes = [node('Relu', ['x'], 'map'), node('Softmax', ['map'], 'y', { axis: 1 })];
  const { graph, head, notes } = read(onnxFile({ nodes }));
  const sums = [0, 1].map((c) =>
    image.subarray(c * 30, c * 30 + 30).reduce((sum, value) => sum + Math.max(0, value), 0),
  );
  expect(relativeL2(scoresOf(read(onnxFile({ nodes }))), sums)).toBeLessThan(1e-12);
  expect(graph.nodes.map(({ op }) => op)).toContain('reduce');
  expect(head).toEqual({ kind: 'none', by: 'file', reason: 'a score is the sum of a map over its 5×6 places' });
  expect(notes).toEqual([
    "the output 'map' is a map, 2×5×6: the score of a class is the sum over its places; a place of it is the neuron " +
      "{ tensor: 'map', channel, y, x }",
  ]);
});

test('whatever is computed of constants alone is a constant', () => {
  const file = onnxFile({
    nodes: [
      node('ConstantOfShape', ['two'], 'zeros'), // [0, 0]
      node('Cos', ['zeros'], 'ones'),
      node('MatMul', ['ones', 'w'], 'sum'), // of 1, 2, 3, 4: 4, 6 in both rows
      node('Trilu', ['sum'], 'upper'), // 4 6, 0 6
      node('CumSum', ['upper', 'axis'], 'running'), // 4 6, 4 12
      node('Tile', ['running', 'once'], 'tiled'),
      node('GlobalAveragePool', ['x'], 'p'),
      node('Flatten', ['p'], 'f'),
      node('Gemm', ['f', 'tiled'], 'y'),
    ],
    tensors: [
      integers('two', [2, 2]),
      floats('w', [2, 2]),
      { name: 'axis', dims: [], dataType: DataType.INT64, int64Data: [0n] },
      integers('once', [1, 1]),
    ],
  });
  const [a = 0, b = 0] = [0, 1].map((c) => image.subarray(c * 30, c * 30 + 30).reduce((sum, v) => sum + v, 0) / 30);
  expect(relativeL2(scoresOf(read(file)), [4 * a + 4 * b, 6 * a + 12 * b])).toBeLessThan(1e-12);
});

test('lists of tensors, and the branch that a constant chooses, are what they have', () => {
  const branch = (k: number) =>
    modelOf(onnxFile({ nodes: [node('Mul', ['f', `k${k}`], `m${k}`)], tensors: [floats(`k${k}`, [1], [k])] })).graph!;
  const file = changed(
    onnxFile({
      nodes: [
        node('GlobalAveragePool', ['x'], 'p'),
        node('Flatten', ['p'], 'f'),
        node('Shape', ['f'], 's'),
        node('Gather', ['s', 'one'], 'channels'),
        node('Equal', ['channels', 'two'], 'hasTwo'),
        node('If', ['hasTwo'], 'i'),
        node('SequenceConstruct', ['i', 'f'], 'list'),
        node('SequenceAt', ['list', 'one'], 'second'),
        node('ConcatFromSequence', ['list'], 'joined', { axis: 1 }),
        node('Gemm', ['joined', 'w'], 'g'),
        node('Add', ['g', 'second'], 'y'),
      ],
      tensors: [
        { name: 'one', dims: [], dataType: DataType.INT64, int64Data: [1n] },
        { name: 'two', dims: [], dataType: DataType.INT64, int64Data: [2n] },
        floats('w', [4, 2], [1, 0, 0, 1, 0, 0, 0, 0]),
      ],
    }),
    (graph) => {
      const chosen = graph.node.find(({ opType }) => opType === 'If')!;
      chosen.attribute = create(ModelProtoSchema, {
        graph: {
          node: [
            {
              attribute: [
                { name: 'then_branch', type: 5, g: branch(3) },
                { name: 'else_branch', type: 5, g: branch(5) },
              ],
            },
          ],
        },
      }).graph!.node[0]!.attribute;
    },
  );
  const means = [0, 1].map((c) => image.subarray(c * 30, c * 30 + 30).reduce((sum, v) => sum + v, 0) / 30);
  expect(
    relativeL2(
      scoresOf(read(file)),
      means.map((mean) => 4 * mean),
    ),
  ).toBeLessThan(1e-6);
});

/** `y` is doubled in each round, and the round's number added; it goes on while `goesOn` says so of that number. */
const looped = (rounds: Tensor, goesOn: readonly Node[], tensors: readonly Tensor[] = []) => {
  const body = modelOf(
    onnxFile({
      nodes: [
        node('Cast', ['round'], 'number', { to: 1 }),
        node('Add', ['carried', 'carried'], 'twice'),
        node('Add', ['twice', 'number'], 'next'),
        ...goesOn,
      ],
      tensors: [],
    }),
  ).graph!;
  body.input = ['round', 'before', 'carried'].map((name) => stated(name, []));
  body.output = ['more', 'next'].map((name) => stated(name, []));
  return changed(
    onnxFile({
      nodes: [
        node('GlobalAveragePool', ['x'], 'p'),
        node('Flatten', ['p'], 'f'),
        node('Loop', [rounds.name!, '', 'f'], 'last'),
        node('Identity', ['last'], 'y'),
      ],
      tensors: [rounds, { name: 'two', dims: [], dataType: DataType.INT64, int64Data: [2n] }, ...tensors],
    }),
    (graph) => {
      const loop = graph.node.find(({ opType }) => opType === 'Loop')!;
      loop.attribute = create(ModelProtoSchema, {
        graph: { node: [{ attribute: [{ name: 'body', type: 5, g: body }] }] },
      }).graph!.node[0]!.attribute;
    },
  );
};
const whole = (name: string, value: bigint): Tensor => ({
  name,
  dims: [],
  dataType: DataType.INT64,
  int64Data: [value],
});

test('a loop is written out: its rounds are counted, or end where a constant says so', () => {
  const means = [0, 1].map((c) => image.subarray(c * 30, c * 30 + 30).reduce((sum, v) => sum + v, 0) / 30);
  const three = means.map((mean) => ((mean * 2 + 0) * 2 + 1) * 2 + 2);
  const always = [node('Identity', ['before'], 'more')];
  expect(relativeL2(scoresOf(read(looped(whole('n', 3n), always))), three)).toBeLessThan(1e-6);
  const untilTwo = [node('Less', ['round', 'two'], 'more')];
  expect(relativeL2(scoresOf(read(looped(whole('n', 200n), untilTwo))), three)).toBeLessThan(1e-6);
  expect(relativeL2(scoresOf(read(looped(whole('n', 0n), always))), means)).toBeLessThan(1e-6);
  expect(() => read(looped(whole('n', 1000n), always))).toThrow(/it goes more than 256 rounds; supported: fewer/);
  const byPicture = [node('ReduceMax', ['twice'], 'top', { keepdims: 0 }), node('Greater', ['top', 'half'], 'more')];
  expect(() => read(looped(whole('n', 3n), byPicture, [floats('half', [1], [0.5])]))).toThrow(
    /its condition ".*more" is computed from the image; supported: a constant/,
  );
});

test.each([
  [[3, 5, 4], ['Unsqueeze'], { C: 3, H: 5, W: 4 }],
  [[5, 4, 3], ['Unsqueeze', 'Transpose'], { C: 3, H: 5, W: 4 }],
] as const)('a picture without an axis for a batch, %j, is a picture', (input, before, extents) => {
  const turn = before.length > 1;
  const { graph } = read(
    onnxFile({
      input: [...input],
      nodes: [
        node('Unsqueeze', ['x', 'first'], turn ? 'u' : 't'),
        ...(turn ? [node('Transpose', ['u'], 't', { perm: [0, 3, 1, 2] })] : []),
        node('GlobalAveragePool', ['t'], 'p'),
        node('Flatten', ['p'], 'f'),
        node('Squeeze', ['f', 'first'], 'y'),
      ],
      tensors: [integers('first', [0])],
    }),
  );
  expect(graph.input.extents).toEqual(extents);
  const pixels = normals(seededRandom(3), 60);
  const means = [0, 1, 2].map((c) => pixels.subarray(c * 20, c * 20 + 20).reduce((sum, v) => sum + v, 0) / 20);
  expect(relativeL2([...runGraph(graph, pixels).get(graph.output)!.data], means)).toBeLessThan(1e-12);
});

test('a function of the file is written out, with the attributes of its call; one that calls itself is refused', () => {
  const calling = (inner: string, domain: string) =>
    changed(
      onnxFile({
        nodes: [
          { ...node('Twice', ['x'], 'twice', { axis: 1 }), domain: 'own' },
          node('GlobalAveragePool', ['twice'], 'p'),
          node('Flatten', ['p'], 'y'),
        ],
      }),
      (_, model) => {
        const body = modelOf(onnxFile({ nodes: [node(inner, ['a', 'a'], 'b'), node('Concat', ['b', 'a'], 'c')] }))
          .graph!;
        body.node[0]!.domain = domain;
        model.functions = create(ModelProtoSchema, {
          functions: [
            {
              domain: 'own',
              name: 'Twice',
              input: ['a'],
              output: ['c'],
              attribute: ['axis'],
              opsetImport: [{ domain: '', version: 17n }],
              node: body.node,
            },
          ],
        }).functions;
        const [, concat] = model.functions[0]!.node;
        concat!.attribute = create(ModelProtoSchema, {
          graph: { node: [{ attribute: [{ name: 'axis', type: 2, refAttrName: 'axis' }] }] },
        }).graph!.node[0]!.attribute;
      },
    );
  const [a = 0, b = 0] = [0, 1].map((c) => image.subarray(c * 30, c * 30 + 30).reduce((sum, v) => sum + v, 0) / 30);
  expect(relativeL2(scoresOf(read(calling('Add', ''))), [2 * a, 2 * b, a, b])).toBeLessThan(1e-12);
  expect(() => read(calling('Twice', 'own'))).toThrow(/the function "Twice" calls itself/);
});

test.each([
  ['a number', [], [0.5], [-1]],
  ['a number for each channel', [2], [2, 3], [1, -1]],
])('arithmetic before pictures are turned from channels last is turned with them: %s', (_, dims, scale, bias) => {
  const tensor = (name: string, data: readonly number[]) => ({
    ...floats(name, [data.length], data),
    dims: dims.map(BigInt),
  });
  const { graph } = read(
    onnxFile({
      input: ['N', 5, 6, 2],
      nodes: [
        node('Mul', ['x', 's'], 'm'),
        node('Add', ['m', 'b'], 'a'),
        node('Transpose', ['a'], 't', { perm: [0, 3, 1, 2] }),
        node('GlobalAveragePool', ['t'], 'p'),
        node('Flatten', ['p'], 'y'),
      ],
      tensors: [tensor('s', scale), tensor('b', bias)],
    }),
  );
  expect(graph.input.extents).toEqual({ C: 2, H: 5, W: 6 });
  expect(graph.nodes.map(({ op }) => op)).not.toContain('transpose');
  const means = [0, 1].map((c) => image.subarray(c * 30, c * 30 + 30).reduce((sum, v) => sum + v, 0) / 30);
  const right = means.map((mean, c) => mean * (scale[c] ?? scale[0]!) + (bias[c] ?? bias[0]!));
  expect(relativeL2(graphGradient(graph, image, { class: 0 }).scores, right)).toBeLessThan(1e-6);
});

test.each([
  ['nothing', [], 'y/channels first'],
  ['a soft-max', [node('Softmax', ['m'], 'y', { axis: -1 })], 'y'],
  ['a sigmoid', [node('Sigmoid', ['m'], 'y')], 'y'],
])('a map at the end of a net whose channels are last has its classes in channels, behind %s', (_, ends, output) => {
  const map = ends.length === 0 ? 'y' : 'm';
  const { graph, extents } = readOnnx(
    onnxFile({
      input: ['N', 5, 6, 2],
      nodes: [
        node('Transpose', ['x'], 't', { perm: [0, 3, 1, 2] }),
        node('Conv', ['t', 'w'], 'c'),
        node('Transpose', ['c'], map, { perm: [0, 2, 3, 1] }),
        ...ends,
      ],
      tensors: [floats('w', [3, 2, 1, 1])],
    }),
  );
  expect(graph.output).toBe(output);
  const image = normals(seededRandom(3), 60);
  const all = runGraph(graph, image);
  expect(all.get(output)!.extents).toEqual({ C: 3, H: 5, W: 6 });
  expect(extents).toEqual({ C: 3, H: 5, W: 6 });
  expect(all.get(`y/channels first`)!.data).toEqual(all.get('c')!.data);
});

test.each(['QLinearConv', 'ConvInteger', 'DynamicQuantizeLinear'])(
  'a file with %s is refused in one sentence that says what to take instead',
  (op) => {
    const file = onnxFile({
      nodes: [node(op, ['x', 's', 'z'], 'q'), node('DequantizeLinear', ['q', 's', 'z'], 'y')],
      tensors: [floats('s', [1]), floats('z', [1])],
    });
    expect(() => read(file)).toThrow(
      new RegExp(`^onnx: the activations of this file are quantised; take the float32 file \\(it has ${op}\\)$`),
    );
  },
);
