/**
 * The idioms of old exporters, in nets as small as their idioms allow: files of the ONNX model zoo (opsets 7 to 9, out
 * of Caffe2, MXNet and PyTorch) list their weights among the inputs, reshape by constants, scale by unsqueezed vectors,
 * write dropout masks that nothing reads, and end in a soft-max of planes. What ONNX Runtime computes, against our
 * import; then the gradient on a GPU against the oracle.
 */
import { describe, expect, test } from 'vitest';
import { readOnnx } from '../../src/formats/onnx';
import { nodeDrivers } from '../node';
import { engineOn, errorOf } from '../ops/check';
import { relativeL2 } from '../oracle/compare';
import { inputAwayFromKinks } from '../oracle/kinks';
import { runGraph } from '../oracle/network';
import { integers, node, onnxFile, type AttributeValue, type Node, type Tensor } from './models';
import { differenceFromRuntime, runtimeOutput, some } from './runtime';

type Attributes = Readonly<Record<string, AttributeValue>>;

/** Writes nodes one after the other, each on the last one's result, with the weights that they need. */
class Chain {
  readonly nodes: Node[] = [];
  readonly tensors: Tensor[] = [];
  last = 'x';

  /** Caffe2 names a tensor after its layer and a count, MXNet after its layer and `_fwd`. */
  constructor(private readonly suffix: string) {}

  add(
    op: string,
    attributes: Attributes = {},
    more: readonly Tensor[] = [],
    inputs: readonly string[] = [this.last],
  ): this {
    this.tensors.push(...more);
    this.last = `${op.toLowerCase()}${this.nodes.length}${this.suffix}`;
    this.nodes.push(node(op, [...inputs, ...more.map(({ name }) => name!)], this.last, attributes));
    return this;
  }

  weight(dims: readonly number[], positive = false): Tensor {
    return some(`w${this.tensors.length}`, dims, positive);
  }

  conv(O: number, I: number, k: number, attributes: Attributes = {}, bias = true): this {
    const filters = some(`conv${this.nodes.length}_w_0`, [O, I, k, k]);
    return this.add(
      'Conv',
      { kernel_shape: [k, k], ...attributes },
      bias ? [filters, some(`conv${this.nodes.length}_b_0`, [O])] : [filters],
    );
  }

  norm(C: number, attributes: Attributes = {}): this {
    const parameters = ['scale', 'bias', 'mean', 'var'].map((role) =>
      some(`bn${this.nodes.length}_${role}`, [C], role === 'var'),
    );
    return this.add('BatchNormalization', { epsilon: { f: 1e-5 }, ...attributes }, parameters);
  }

  /** Caffe2's affine layer: vectors that are unsqueezed before each use. */
  affine(C: number): this {
    const source = this.last;
    const [scale, bias] = ['scale', 'bias'].map((role) => {
      const vector = some(`${role}${this.nodes.length}`, [C]);
      this.add('Unsqueeze', { axes: [1, 2] }, [vector], []);
      return this.last;
    }) as [string, string];
    return this.add('Mul', {}, [], [source, scale]).add(
      'Add',
      {},
      [],
      [`mul${this.nodes.length - 1}${this.suffix}`, bias],
    );
  }

  dropout(): this {
    this.add('Dropout', { ratio: { f: 0.5 } });
    this.nodes.at(-1)!.output!.push(`_${this.last}_mask`);
    return this;
  }

  /** By a constant that is an initializer. */
  reshape(...shape: readonly number[]): this {
    return this.add('Reshape', {}, [integers(`shape${this.nodes.length}`, shape)]);
  }

  /** Flattened before, with Caffe2's `transB`. */
  gemm(O: number, I: number): this {
    return this.add('Gemm', { transB: 1 }, [
      some(`fc${this.nodes.length}_w_0`, [O, I]),
      some(`fc${this.nodes.length}_b_0`, [O]),
    ]);
  }
}

/** Several branches on one tensor, joined. */
function branches(
  net: Chain,
  join: string,
  attributes: Attributes,
  ...parts: readonly ((net: Chain) => Chain)[]
): Chain {
  const source = net.last;
  const ends = parts.map((part) => {
    net.last = source;
    return part(net).last;
  });
  return net.add(join, attributes, [], ends);
}

const fire = (net: Chain, I: number): Chain => {
  net.conv(2, I, 1).add('Relu');
  return branches(
    net,
    'Concat',
    { axis: 1 },
    (part) => part.conv(3, 2, 1).add('Relu'),
    (part) => part.conv(3, 2, 3, { pads: [1, 1, 1, 1] }).add('Relu'),
  );
};
const pool = { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] };
const lrn = { size: 5, alpha: { f: 1e-2 }, beta: { f: 0.75 }, bias: { f: 1 } };

const caffe2 = (): Chain => new Chain('_1');
const mxnet = (): Chain => new Chain('_fwd');

/** As in the zoo: [which file it is like, its opset, the net, scores]. */
const nets: readonly (readonly [title: string, opset: number, net: Chain])[] = [
  [
    'bvlcalexnet-9, out of Caffe2',
    9,
    caffe2()
      .conv(4, 3, 3, { strides: [2, 2] })
      .add('Relu')
      .add('LRN', lrn)
      .add('MaxPool', pool)
      .conv(6, 2, 3, { group: 2, pads: [1, 1, 1, 1] })
      .add('Relu')
      .add('LRN', lrn)
      .add('MaxPool', { ...pool, kernel_shape: [2, 2] })
      .reshape(1, 6)
      .gemm(7, 6)
      .add('Relu')
      .dropout()
      .gemm(5, 7)
      .add('Softmax', { axis: 1 }),
  ],
  [
    'vgg19-7, out of Caffe2',
    7,
    caffe2()
      .conv(4, 3, 3, { pads: [1, 1, 1, 1] })
      .add('Relu')
      .conv(4, 4, 3, { pads: [1, 1, 1, 1] })
      .add('Relu')
      .add('MaxPool', { kernel_shape: [2, 2], strides: [2, 2] })
      .reshape(1, -1)
      .gemm(6, 144)
      .add('Relu')
      .dropout()
      .gemm(5, 6)
      .add('Softmax'),
  ],
  [
    'vgg16-bn-7, out of MXNet',
    7,
    mxnet()
      .conv(4, 3, 3, { pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 })
      .norm(4, { spatial: 1, momentum: { f: 0.9 } })
      .add('Relu')
      .add('MaxPool', pool)
      .add('Flatten')
      .gemm(6, 100)
      .add('Relu')
      .add('Dropout', { ratio: { f: 0.5 } })
      .add('Flatten')
      .gemm(5, 6),
  ],
  [
    'squeezenet1.0-7, out of Caffe2',
    7,
    fire(
      caffe2()
        .conv(4, 3, 3, { strides: [2, 2] })
        .add('Relu')
        .add('MaxPool', { ...pool, kernel_shape: [2, 2], strides: [1, 1] }),
      4,
    )
      .dropout()
      .conv(5, 6, 1)
      .add('Relu')
      .add('GlobalAveragePool')
      .add('Softmax'),
  ],
  [
    'squeezenet1.1-7, out of MXNet',
    7,
    fire(
      mxnet()
        .conv(4, 3, 3, { strides: [2, 2] })
        .add('Relu'),
      4,
    )
      .add('Dropout', { ratio: { f: 0.5 } })
      .conv(5, 6, 1)
      .add('Relu')
      .add('AveragePool', { kernel_shape: [5, 5], strides: [5, 5], pads: [0, 0, 0, 0] })
      .reshape(0, -1),
  ],
  [
    'resnet18-v2-7, out of MXNet',
    7,
    branches(
      mxnet()
        .norm(3, { spatial: 1, momentum: { f: 0.9 } })
        .conv(4, 3, 3, { strides: [2, 2], pads: [1, 1, 1, 1] }, false)
        .norm(4)
        .add('Relu'),
      'Add',
      {},
      (part) => part.conv(4, 4, 1, {}, false),
      (part) =>
        part
          .conv(4, 4, 3, { pads: [1, 1, 1, 1] }, false)
          .norm(4)
          .add('Relu')
          .conv(4, 4, 3, { pads: [1, 1, 1, 1] }, false),
    )
      .norm(4)
      .add('Relu')
      .add('GlobalAveragePool')
      .reshape(0, -1)
      .gemm(5, 4),
  ],
  [
    'resnet50-caffe2-v1-9',
    9,
    branches(
      caffe2()
        .conv(4, 3, 3, { strides: [2, 2], pads: [1, 1, 1, 1] })
        .norm(4)
        .add('Relu')
        .add('MaxPool', { ...pool, kernel_shape: [2, 2] }),
      'Sum',
      {},
      (part) => part.conv(6, 4, 3, { pads: [1, 1, 1, 1] }).norm(6),
      (part) => part.conv(6, 4, 1).norm(6),
    )
      .add('Relu')
      .add('AveragePool', { kernel_shape: [3, 3], strides: [1, 1] })
      .reshape(1, 6)
      .gemm(5, 6)
      .add('Softmax'),
  ],
  [
    'mobilenetv2-7, out of MXNet',
    7,
    branches(
      mxnet()
        .conv(4, 3, 3, { strides: [2, 2], pads: [1, 1, 1, 1] }, false)
        .norm(4)
        .add('Clip', { min: { f: 0 }, max: { f: 6 } }),
      'Add',
      {},
      (part) =>
        part
          .conv(8, 4, 1, {}, false)
          .norm(8)
          .add('Clip', { min: { f: 0 }, max: { f: 6 } })
          .conv(8, 1, 3, { group: 8, pads: [1, 1, 1, 1] }, false)
          .norm(8)
          .conv(4, 8, 1, {}, false),
      (part) => part.add('Identity'),
    )
      .add('GlobalAveragePool')
      .conv(5, 4, 1, {}, false)
      .reshape(0, -1),
  ],
  [
    'densenet-9, out of Caffe2',
    9,
    branches(
      caffe2()
        .conv(4, 3, 3, { strides: [2, 2], pads: [1, 1, 1, 1] }, false)
        .norm(4)
        .affine(4)
        .add('Relu'),
      'Concat',
      { axis: 1 },
      (part) => part,
      (part) =>
        part
          .norm(4)
          .affine(4)
          .add('Relu')
          .conv(3, 4, 3, { pads: [1, 1, 1, 1] }, false),
    )
      .norm(7)
      .affine(7)
      .add('Relu')
      .add('AveragePool', { kernel_shape: [2, 2], strides: [2, 2] })
      .add('GlobalAveragePool')
      .conv(5, 7, 1),
  ],
  [
    'inception-v2-9, out of Caffe2',
    9,
    branches(
      caffe2()
        .conv(4, 3, 3, { strides: [2, 2] }, false)
        .norm(4)
        .affine(4)
        .add('Relu'),
      'Concat',
      { axis: 1 },
      (part) => part.conv(2, 4, 1),
      (part) => part.add('AveragePool', { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }).conv(3, 4, 1),
      (part) => part.add('MaxPool', { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }),
    )
      .add('AveragePool', { kernel_shape: [5, 5], strides: [1, 1] })
      .reshape(1, 9)
      .gemm(5, 9)
      .add('Softmax'),
  ],
  [
    'a soft-max of planes, flattened after it',
    8,
    caffe2()
      .conv(5, 3, 3, { strides: [2, 2] })
      .add('Relu')
      .add('GlobalMaxPool')
      .add('Softmax', { axis: 1 })
      .add('Flatten'),
  ],
  [
    'a soft-max of planes, reshaped after it',
    9,
    caffe2().conv(5, 3, 3).add('GlobalAveragePool').add('Softmax', { axis: 1 }).reshape(1, 5),
  ],
  [
    'a soft-max of planes, squeezed after it, without its batch of one named',
    11,
    caffe2()
      .conv(5, 3, 3)
      .add('GlobalAveragePool')
      .add('LogSoftmax', { axis: 1 })
      .add('Squeeze', { axes: [3, 2] }),
  ],
];

describe.each(nets.map(([title, opset, net]) => ({ title, opset, net })))(
  'like $title',
  ({ opset, net: { nodes, tensors } }) => {
    const spec = { nodes, tensors, opset, input: [1, 3, 12, 12], listed: true };

    test('scores are those of ONNX Runtime', async () => {
      expect((await differenceFromRuntime(spec)).error).toBeLessThan(2e-6);
    });

    test('the gradient is right', async () => {
      const { graph } = readOnnx(onnxFile(spec));
      const image = inputAwayFromKinks(graph, 1e-4);
      expect(await errorOf(await engineOn(nodeDrivers.at(-1)!), graph, [image], { classes: [2] })).toBeLessThan(1e-5);
    });
  },
);

test('like Keras’ nets out of tf2onnx: channels last in the file, first in the net', async () => {
  const [H, W, C] = [12, 11, 3];
  const { nodes, tensors } = new Chain('_Relu6__7:0')
    .add('Transpose', { perm: [0, 3, 1, 2] })
    .add('Pad', {}, [integers('pads', [0, 0, 0, 0, 0, 0, 1, 1])])
    .conv(4, 3, 3, { strides: [2, 2], auto_pad: 'VALID' })
    .add('Relu')
    .conv(4, 1, 3, { group: 4, auto_pad: 'SAME_UPPER', strides: [2, 2] }, false)
    .add('Relu')
    .add('MaxPool', { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' })
    .add('GlobalAveragePool')
    .add('Squeeze', {}, [integers('axes', [2, 3])])
    .add('MatMul', {}, [some('kernel', [4, 5])])
    .add('Add', {}, [some('bias', [5])])
    .add('Softmax', { axis: -1 });
  const file = onnxFile({ nodes, tensors, input: ['unk__80', H, W, C], opset: 13, producer: 'tf2onnx' });
  const { graph } = readOnnx(file);
  expect(graph.input.extents).toEqual({ C, H, W });
  const image = inputAwayFromKinks(graph, 1e-4);
  const last = image.map((_, i) => image[(i % C) * H * W + Math.floor(i / C)]!);
  expect(
    relativeL2(runGraph(graph, image).get(graph.output)!.data, await runtimeOutput(file, last, [1, H, W, C])),
  ).toBeLessThan(2e-6);
});
