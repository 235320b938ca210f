"""ONNX on float64 PyTorch, for the graphs that are written node by node: what frameworks.py uses, and no more."""
import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch.nn import functional as F


def pads_of(x, a, kernel):
    """[left, right, top, bottom] for F.pad."""
    auto = a.get('auto_pad', b'NOTSET').decode()
    if auto == 'NOTSET':
        top, left, bottom, right = a.get('pads', [0, 0, 0, 0])
        return [left, right, top, bottom]
    if auto == 'VALID':
        return [0, 0, 0, 0]
    pads = []
    for size, k, s in (
        (x.shape[3], kernel[1], a.get('strides', [1, 1])[1]),
        (x.shape[2], kernel[0], a.get('strides', [1, 1])[0]),
    ):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        small, large = total // 2, total - total // 2
        pads += [small, large] if auto == 'SAME_UPPER' else [large, small]
    return pads


def conv(a, x, w, b=None):
    x = F.pad(x, pads_of(x, a, w.shape[2:]))
    return F.conv2d(x, w, b, a.get('strides', [1, 1]), 0, a.get('dilations', [1, 1]), a.get('group', 1))


def max_pool(a, x):
    x = F.pad(x, pads_of(x, a, a['kernel_shape']), value=-1e30)
    return F.max_pool2d(x, a['kernel_shape'], a.get('strides', [1, 1]), ceil_mode=bool(a.get('ceil_mode', 0)))


def average_pool(a, x):
    pads = pads_of(x, a, a['kernel_shape'])
    count = torch.ones_like(x[:1, :1]) if not a.get('count_include_pad', 0) else None
    mean = lambda v: F.avg_pool2d(F.pad(v, pads), a['kernel_shape'], a.get('strides', [1, 1]))
    return mean(x) / (1 if count is None else mean(count))


def gemm(a, x, w, b=None):
    x = x.t() if a.get('transA') else x
    w = w.t() if a.get('transB') else w
    y = a.get('alpha', 1.0) * (x @ w)
    return y if b is None else y + a.get('beta', 1.0) * b


def norm(a, x, scale, bias, mean, var):
    shape = (1, -1, *[1] * (x.dim() - 2))
    return (x - mean.view(shape)) / torch.sqrt(var.view(shape) + a.get('epsilon', 1e-5)) * scale.view(
        shape
    ) + bias.view(shape)


def reshape(_, x, shape):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())])


def axes_of(a, given):
    return list(a['axes']) if given is None else given.tolist()


def squeeze(a, x, axes=None):
    axes = [n % x.dim() for n in axes_of(a, axes)]
    return x.reshape([n for i, n in enumerate(x.shape) if i not in axes])


def unsqueeze(a, x, axes=None):
    axes = axes_of(a, axes)
    for axis in sorted(n % (x.dim() + len(axes)) for n in axes):
        x = x.unsqueeze(axis)
    return x


def clip(a, x, low=None, high=None):
    low, high = a.get('min', low), a.get('max', high)
    return torch.clamp(x, None if low is None else float(low), None if high is None else float(high))


def slices(_, x, starts, ends, axes=None, steps=None):
    axes = list(range(x.dim())) if axes is None else axes.tolist()
    steps = [1] * len(axes) if steps is None else steps.tolist()
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes, steps):
        x = x[(slice(None),) * (axis % x.dim()) + (slice(start, end, step),)]
    return x


def pad(a, x, pads=None, value=None):
    pads = a['pads'] if pads is None else pads.tolist()
    n = x.dim()
    both = [v for i in reversed(range(n)) for v in (pads[i], pads[i + n])]
    return F.pad(x, both, value=0.0 if value is None else float(value))


def cast(a, x):
    return x.double() if a['to'] in (1, 10, 11) else x.long()


def gather(a, x, indices):
    axis = a.get('axis', 0) % x.dim()
    return torch.index_select(x, axis, indices.reshape(-1)).reshape(
        [*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]]
    )


OPERATORS = {
    'Add': lambda a, x, y: x + y,
    'Sub': lambda a, x, y: x - y,
    'Mul': lambda a, x, y: x * y,
    'Div': lambda a, x, y: x / y,
    'MatMul': lambda a, x, y: x @ y,
    'Relu': lambda a, x: x.relu(),
    'Sigmoid': lambda a, x: x.sigmoid(),
    'Tanh': lambda a, x: x.tanh(),
    'HardSigmoid': lambda a, x: torch.clamp(a.get('alpha', 0.2) * x + a.get('beta', 0.5), 0, 1),
    'Identity': lambda a, x: x,
    'Conv': conv,
    'MaxPool': max_pool,
    'AveragePool': average_pool,
    'Gemm': gemm,
    'BatchNormalization': norm,
    'Reshape': reshape,
    'GlobalAveragePool': lambda a, x: x.mean((2, 3), keepdim=True),
    'Squeeze': squeeze,
    'Unsqueeze': unsqueeze,
    'Clip': clip,
    'ReduceMean': lambda a, x, axes=None: x.mean(axes_of(a, axes), keepdim=bool(a.get('keepdims', 1))),
    'Transpose': lambda a, x: x.permute(a['perm']),
    'Concat': lambda a, *xs: torch.cat(xs, a['axis']),
    'Slice': slices,
    'Pad': pad,
    'Cast': cast,
    'Shape': lambda a, x: torch.tensor(x.shape),
    'Gather': gather,
    'Flatten': lambda a, x: x.flatten(a.get('axis', 1)),
    'Softmax': lambda a, x: x.softmax(a.get('axis', -1)),
    'Constant': lambda a: a['value'],
    'Sqrt': lambda a, x: x.sqrt(),
    'Erf': lambda a, x: torch.erf(x),
    'Pow': lambda a, x, y: x**y,
    'DepthToSpace': lambda a, x: F.pixel_shuffle(x, a['blocksize']),
}


def tensor_of(proto):
    value = torch.from_numpy(np.array(onnx.numpy_helper.to_array(proto)))
    return value.double() if value.is_floating_point() else value


def attribute(a):
    value = onnx.helper.get_attribute_value(a)
    return tensor_of(value) if isinstance(value, onnx.TensorProto) else value


class Evaluator:
    """Scores from the input, up to a soft-max or sigmoid at the end."""

    def __init__(self, model, noise=lambda x: x):
        self.graph, self.noise = model.graph, noise
        self.constants = {t.name: tensor_of(t) for t in model.graph.initializer}

    def __call__(self, x):
        known = {**self.constants, '': None}
        given = next(i for i in self.graph.input if i.name not in self.constants)
        channels_last = given.type.tensor_type.shape.dim[3].dim_value == x.shape[1]
        known[given.name] = x.permute(0, 2, 3, 1) if channels_last else x
        nodes = list(self.graph.node)
        if nodes[-1].op_type == 'Identity':
            nodes.pop()
        if nodes[-1].op_type in ('Softmax', 'Sigmoid', 'LogSoftmax'):
            last = nodes.pop().input[0]
        else:
            last = nodes[-1].output[0]
        for node in nodes:
            attributes = {a.name: attribute(a) for a in node.attribute}
            known[node.output[0]] = self.noise(
                OPERATORS[node.op_type](attributes, *(known[name] for name in node.input))
            )
        return known[last]
