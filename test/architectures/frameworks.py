"""What exporters of other frameworks write, node by node: tf2onnx for Keras, CNTK, PaddlePaddle."""
import numpy as np
import onnx
import onnx.numpy_helper
from onnx import TensorProto, helper

from common import CLASSES, net, seed_of


class Writer:
    """Collects nodes and seeded weights; every operator gives the name of its result."""

    def __init__(self, name, opset):
        self.name, self.opset, self.random = name, opset, np.random.RandomState(seed_of(name) % 2**31)
        self.nodes, self.constants = [], []

    def weight(self, *shape, scale=None, shift=0.0):
        fan = np.prod(shape[1:]) if len(shape) > 1 else 1
        scale = (1.8 / fan) ** 0.5 if scale is None else scale
        return self.constant((self.random.randn(*shape) * scale + shift).astype(np.float32))

    def constant(self, value, name=None):
        name = name or f'const_{len(self.constants)}'
        self.constants.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def __getattr__(self, op):
        def add(*inputs, output=None, **attributes):
            output = output or f'{self.name}/{op}_{len(self.nodes)}:0'
            self.nodes.append(helper.make_node(op, list(inputs), [output], name=output[:-2], **attributes))
            return output

        return add

    def model(self, shape, output, classes=CLASSES, batch='N', producer='tf2onnx', as_inputs=False, image='input_1'):
        inputs = [helper.make_tensor_value_info(image, TensorProto.FLOAT, [batch, *shape])]
        if as_inputs:  # of IR versions below 4, where weights are inputs, too
            inputs += [helper.make_tensor_value_info(c.name, c.data_type, list(c.dims)) for c in self.constants]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, classes])]
        graph = helper.make_graph(self.nodes, self.name, inputs, outputs, self.constants)
        model = helper.make_model(graph, producer_name=producer, opset_imports=[helper.make_opsetid('', self.opset)])
        model.ir_version = 3 if as_inputs else 8
        return model

    def conv(self, x, i, o, k=3, s=1, g=1, bias=True, **how):
        how = how or {'auto_pad': 'SAME_UPPER'}
        b = [self.weight(o, scale=0.1)] if bias else []
        return self.Conv(x, self.weight(o, i // g, k, k), *b, kernel_shape=[k, k], strides=[s, s], group=g, **how)

    def norm(self, x, c, epsilon=1e-3):
        return self.BatchNormalization(
            x,
            self.weight(c, scale=0.1, shift=1),
            self.weight(c, scale=0.2),
            self.weight(c, scale=0.2),
            self.constant(self.random.uniform(0.6, 1.5, c).astype(np.float32)),
            epsilon=epsilon,
        )

    def number(self, value):
        return self.constant(np.array(value, np.float32))


# ── Keras by tf2onnx: pictures [N, H, W, C], turned at once ──


@net('keras_mnist', opset=9, shape=(1, 28, 28))
def keras_mnist():
    w = Writer('sequential', 9)
    x = w.Transpose('input_1', perm=[0, 3, 1, 2])
    x = w.MaxPool(w.Relu(w.conv(x, 1, 6, 3, auto_pad='VALID')), kernel_shape=[2, 2], strides=[2, 2], auto_pad='VALID')
    x = w.MaxPool(w.Relu(w.conv(x, 6, 8, 3, auto_pad='VALID')), kernel_shape=[2, 2], strides=[2, 2], auto_pad='VALID')
    x = w.Reshape(w.Transpose(x, perm=[0, 2, 3, 1]), w.ints(-1, 8 * 25))
    x = w.Add(
        w.MatMul(x, w.constant((w.random.randn(200, CLASSES) / 11).astype(np.float32))), w.weight(CLASSES, scale=0.1)
    )
    return w.model((28, 28, 1), w.Softmax(x, output='dense', axis=1))


@net('keras_mobilenet', opset=13)
def keras_mobilenet():
    """Clip with its bounds as inputs, strided layers after a Pad, a 1×1 convolution as head, Squeeze by input."""
    w = Writer('mobilenet', 13)
    x = w.Transpose('input_1', perm=[0, 3, 1, 2])
    relu6 = lambda y: w.Clip(y, w.number(0), w.number(6))
    x = relu6(w.conv(w.Pad(x, w.ints(0, 0, 0, 0, 0, 0, 1, 1), w.number(0)), 3, 8, 3, 2, auto_pad='VALID'))
    for i, o, s in ((8, 12, 1), (12, 16, 2), (16, 24, 2)):
        if s == 2:
            x = w.Pad(x, w.ints(0, 0, 0, 0, 0, 0, 1, 1))
        how = {'auto_pad': 'VALID'} if s == 2 else {'auto_pad': 'SAME_UPPER'}
        x = relu6(w.norm(w.conv(x, i, i, 3, s, i, bias=False, **how), i))
        x = relu6(w.conv(x, i, o, 1))
    x = w.ReduceMean(x, axes=[2, 3], keepdims=1)
    x = w.Transpose(w.conv(x, 24, CLASSES, 1), perm=[0, 2, 3, 1])
    x = w.Squeeze(x, w.ints(1, 2))
    return w.model((32, 32, 3), w.Softmax(x, output='predictions', axis=-1), batch='unk__1')


@net('keras_efficientnet', opset=15, tolerance=5e-5)
def keras_efficientnet():
    """Rescaling and normalisation before the Transpose; swish as Mul and Sigmoid; shapes that are computed."""
    w = Writer('efficientnet', 15)
    x = w.Mul('input_1', w.number(0.6))
    x = w.Sub(x, w.constant(np.array([0.2, -0.1, 0.05], np.float32).reshape(1, 1, 1, 3)))
    x = w.Mul(x, w.constant(np.array([1.2, 1.1, 0.9], np.float32)))
    x = w.Transpose(x, perm=[0, 3, 1, 2])
    swish = lambda y: w.Mul(y, w.Sigmoid(y))
    x = swish(w.conv(w.Pad(x, w.ints(0, 0, 0, 0, 0, 0, 1, 1)), 3, 8, 3, 2, auto_pad='VALID'))
    for i, o in ((8, 12), (12, 16)):
        y = swish(w.conv(x, i, 3 * i, 1))
        y = swish(w.conv(y, 3 * i, 3 * i, 3, 2, 3 * i, auto_pad='SAME_UPPER'))
        gate = w.ReduceMean(y, axes=[2, 3], keepdims=0)
        batch = w.Slice(w.Shape(gate), w.ints(0), w.ints(1), w.ints(0))
        gate = w.Reshape(gate, w.Concat(batch, w.ints(1), w.ints(1), w.ints(3 * i), axis=0))
        gate = w.Transpose(gate, perm=[0, 3, 1, 2])
        gate = w.Sigmoid(w.conv(swish(w.conv(gate, 3 * i, 4, 1)), 4, 3 * i, 1))
        x = w.conv(w.Mul(y, gate), 3 * i, o, 1)
    x = swish(w.conv(x, 16, 32, 1))
    x = w.Squeeze(w.GlobalAveragePool(x), w.ints(2, 3))
    x = w.Add(
        w.MatMul(x, w.constant((w.random.randn(32, CLASSES) / 4).astype(np.float32))), w.weight(CLASSES, scale=0.1)
    )
    return w.model((32, 32, 3), w.Softmax(x, output='predictions', axis=1))


@net('keras_resnet50', opset=18)
def keras_resnet50():
    """Reductions with their axes as an input; ZeroPadding before the strided layers; batch-norms kept."""
    w = Writer('resnet50', 18)
    x = w.Transpose('input_1', perm=[0, 3, 1, 2])
    x = w.Relu(w.norm(w.conv(w.Pad(x, w.ints(0, 0, 3, 3, 0, 0, 3, 3)), 3, 8, 7, 2, auto_pad='VALID'), 8, 1.001e-5))
    x = w.MaxPool(w.Pad(x, w.ints(0, 0, 1, 1, 0, 0, 1, 1)), kernel_shape=[3, 3], strides=[2, 2], auto_pad='VALID')
    for i, width, o, s in ((8, 8, 16, 1), (16, 12, 24, 2)):
        side = w.norm(w.conv(x, i, o, 1, s, auto_pad='VALID'), o)
        y = w.Relu(w.norm(w.conv(x, i, width, 1, s, auto_pad='VALID'), width))
        y = w.Relu(w.norm(w.conv(y, width, width, 3), width))
        x = w.Relu(w.Add(side, w.norm(w.conv(y, width, o, 1, auto_pad='VALID'), o)))
    x = w.ReduceMean(x, w.ints(2, 3), keepdims=0)
    x = w.Add(
        w.MatMul(x, w.constant((w.random.randn(24, CLASSES) / 3.5).astype(np.float32))), w.weight(CLASSES, scale=0.1)
    )
    return w.model((32, 32, 3), w.Softmax(x, output='predictions'))


@net('keras_channels_last', opset=12, shape=(3, 30, 27), free=False)
def keras_channels_last():
    """Transposes around every convolution, as they stay where the optimiser is off; bias by Add, pool between."""
    w = Writer('plain', 12)
    first, last = [0, 3, 1, 2], [0, 2, 3, 1]
    x = 'input_1'
    for i, o in ((3, 8), (8, 12), (12, 16)):
        y = w.Transpose(w.conv(w.Transpose(x, perm=first), i, o, bias=False), perm=last)
        y = w.Relu(w.Add(y, w.weight(o, scale=0.1)))
        x = w.Transpose(
            w.AveragePool(w.Transpose(y, perm=first), kernel_shape=[2, 2], strides=[2, 2], auto_pad='SAME_UPPER'),
            perm=last,
        )
    x = w.ReduceMean(x, axes=[1, 2], keepdims=0)
    x = w.Add(
        w.MatMul(x, w.constant((w.random.randn(16, CLASSES) / 3).astype(np.float32))), w.weight(CLASSES, scale=0.1)
    )
    return w.model((30, 27, 3), w.Identity(x, output='logits'), batch=1)


# ── CNTK ──


@net('cntk_mnist', opset=8, shape=(1, 28, 28), free=False)
def cntk_mnist():
    """Weights as inputs, SAME_UPPER, Plus as Add of [C, 1, 1], a matrix that is reshaped inside the file."""
    w = Writer('CNTKGraph', 8)
    x = w.Mul('input_1', w.number(0.8))
    x = w.Relu(
        w.Add(w.conv(x, 1, 8, 5, bias=False, auto_pad='SAME_UPPER', dilations=[1, 1]), w.weight(8, 1, 1, scale=0.1))
    )
    x = w.MaxPool(x, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0], auto_pad='NOTSET')
    x = w.Relu(
        w.Add(w.conv(x, 8, 12, 5, bias=False, auto_pad='SAME_UPPER', dilations=[1, 1]), w.weight(12, 1, 1, scale=0.1))
    )
    x = w.MaxPool(x, kernel_shape=[3, 3], strides=[3, 3], pads=[0, 0, 0, 0], auto_pad='NOTSET')
    x = w.Reshape(x, w.ints(1, 192))
    matrix = w.Reshape(w.constant((w.random.randn(12, 4, 4, CLASSES) / 10).astype(np.float32)), w.ints(192, CLASSES))
    return w.model(
        (1, 28, 28),
        w.Add(w.MatMul(x, matrix), w.weight(1, CLASSES, scale=0.1), output='Plus214_Output_0'),
        batch=1,
        producer='CNTK',
        as_inputs=True,
    )


# ── PaddlePaddle by paddle2onnx ──


def paddle_hard_swish(w, x):
    """x · clip(x + 3, 0, 6) / 6, with the constants as nodes' outputs."""
    return w.Div(w.Mul(x, w.Clip(w.Add(x, w.number(3)), w.number(0), w.number(6))), w.number(6))


@net('paddle_mobilenet_v3', opset=11)
def paddle_mobilenet_v3():
    """The decompositions of hard_swish and hard_sigmoid, batch-norm kept, a linear layer by MatMul and Add."""
    w = Writer('MobileNetV3_small', 11)
    x = paddle_hard_swish(w, w.norm(w.conv('x', 3, 8, 3, 2, bias=False, pads=[1, 1, 1, 1], dilations=[1, 1]), 8, 1e-5))
    for i, o in ((8, 12), (12, 16)):
        y = w.Relu(w.norm(w.conv(x, i, 3 * i, 1, bias=False, pads=[0, 0, 0, 0]), 3 * i, 1e-5))
        y = w.Relu(w.norm(w.conv(y, 3 * i, 3 * i, 5, 2, 3 * i, bias=False, pads=[2, 2, 2, 2]), 3 * i, 1e-5))
        gate = w.Relu(w.conv(w.GlobalAveragePool(y), 3 * i, 4, 1, pads=[0, 0, 0, 0]))
        gate = w.HardSigmoid(w.conv(gate, 4, 3 * i, 1, pads=[0, 0, 0, 0]), alpha=0.2, beta=0.5)
        x = w.norm(w.conv(w.Mul(y, gate), 3 * i, o, 1, bias=False, pads=[0, 0, 0, 0]), o, 1e-5)
    x = paddle_hard_swish(w, w.conv(w.GlobalAveragePool(x), 16, 32, 1, bias=False, pads=[0, 0, 0, 0]))
    shape = w.Shape(x)
    batch = w.Gather(shape, w.constant(np.array(0, np.int64)), axis=0)
    x = w.Reshape(x, w.Concat(w.Unsqueeze(batch, axes=[0]), w.ints(-1), axis=0))
    x = w.Add(
        w.MatMul(x, w.constant((w.random.randn(32, CLASSES) / 4).astype(np.float32))), w.weight(CLASSES, scale=0.1)
    )
    x = w.Softmax(x, axis=1)
    return w.model((3, 32, 32), w.Identity(x, output='softmax_0.tmp_0'), batch='N', producer='paddle2onnx', image='x')


@net('paddle_hgnet', opset=16)
def paddle_hgnet():
    """Ese modules, ceil-mode pools, and light convolutions; ReLU after depthwise only."""
    w = Writer('PPHGNetV2', 16)
    x = w.Relu(w.norm(w.conv('x', 3, 8, 3, 2, bias=False, pads=[1, 1, 1, 1]), 8, 1e-5))
    a = w.conv(w.Pad(x, w.ints(0, 0, 0, 0, 0, 0, 1, 1)), 8, 8, 2, bias=False, pads=[0, 0, 0, 0])
    b = w.MaxPool(
        w.Pad(x, w.ints(0, 0, 0, 0, 0, 0, 1, 1)), kernel_shape=[2, 2], strides=[1, 1], ceil_mode=1, pads=[0, 0, 0, 0]
    )
    x = w.Concat(b, a, axis=1)
    outs, y = [x], x
    for i in (16, 8, 8):
        y = w.norm(w.conv(y, i, 8, 1, bias=False, pads=[0, 0, 0, 0]), 8, 1e-5)
        y = w.Relu(w.norm(w.conv(y, 8, 8, 5, g=8, bias=False, pads=[2, 2, 2, 2]), 8, 1e-5))
        outs.append(y)
    x = w.Relu(w.norm(w.conv(w.Concat(*outs, axis=1), 40, 24, 1, bias=False, pads=[0, 0, 0, 0]), 24, 1e-5))
    gate = w.Sigmoid(w.conv(w.ReduceMean(x, axes=[2, 3], keepdims=1), 24, 24, 1, pads=[0, 0, 0, 0]))
    x = w.Flatten(w.GlobalAveragePool(w.Mul(x, gate)), axis=1)
    x = w.Gemm(
        x, w.constant((w.random.randn(24, CLASSES) / 3.5).astype(np.float32)), w.weight(CLASSES, scale=0.1), transB=0
    )
    return w.model((3, 32, 32), w.Identity(x, output='fetch_name_0'), batch=-1, producer='paddle2onnx', image='x')
