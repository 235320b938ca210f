"""The registry of architectures, and what turns one of them into a file with its float64 answers."""
import contextlib
import dataclasses
import io
import warnings
import zlib
from typing import Callable, Optional

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 10


@dataclasses.dataclass
class Architecture:
    name: str
    #: makes the module, or the ONNX model itself
    build: Callable
    opset: int = 13
    #: [C, H, W] as the engine takes it
    shape: tuple = (3, 32, 32)
    #: of the batch; else the file fixes it to 1
    free: bool = True
    #: constants are folded by the exporter
    fold: bool = True
    #: batch-norm stays a node of its own
    keep_norm: bool = False
    #: relative L2 of scores and gradient: 5e-5 through exp and what is made of it
    tolerance: float = 1e-5
    #: the class and its place, where the file ends in a map of scores
    place: Optional[tuple] = None


REGISTRY: dict = {}


def net(name, **how):
    """Registers what makes a module (a function or a class) under a name; more than one name may be given to it."""

    def register(build):
        assert name not in REGISTRY, name
        REGISTRY[name] = Architecture(name, build, **how)
        return build

    return register


# ── parts that many nets have ──


def conv_norm(i, o, k=1, s=1, g=1, act=nn.ReLU, norm=nn.BatchNorm2d, pad=None):
    """Convolution without bias, normalisation, activation: the unit of nearly every ConvNet since 2015."""
    pad = k // 2 if pad is None else pad
    return nn.Sequential(nn.Conv2d(i, o, k, s, pad, groups=g, bias=False), norm(o), *([act()] if act else []))


class Residual(nn.Module):
    """x + body(x), or shortcut(x) + body(x), and an activation after it."""

    def __init__(self, body, shortcut=None, act=None):
        super().__init__()
        self.body, self.shortcut, self.act = body, shortcut or nn.Identity(), act or nn.Identity()

    def forward(self, x):
        return self.act(self.shortcut(x) + self.body(x))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, hidden, act=nn.ReLU, gate=nn.Sigmoid):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, hidden, 1), act(), nn.Conv2d(hidden, channels, 1), gate()
        )

    def forward(self, x):
        return x * self.gate(x)


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of every pixel, by turning them to the end and back."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.forward = function


def classifier(features, classes=CLASSES, dropout=True):
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(1), *([nn.Dropout(0.2)] if dropout else []), nn.Linear(features, classes)
    )


# ── weights ──


def random_weights(module, seed):
    """Activations and gradients stay of order one; what is a bare parameter is moved away from its first value."""
    generator = torch.Generator().manual_seed(seed)
    normal = lambda like, scale: torch.randn(like.shape, generator=generator) * scale
    uniform = lambda like, low, high: low + (high - low) * torch.rand(like.shape, generator=generator)
    norms = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)
    done = set()

    def put(parameter, value):
        if parameter is not None:
            parameter.data = value
            done.add(id(parameter))

    for part in module.modules():
        if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Linear, nn.ConvTranspose2d)):
            fan = part.weight[0].numel()
            if isinstance(part, nn.ConvTranspose2d):
                fan = part.weight[:, 0].numel() / (part.stride[0] * part.stride[1]) / part.groups
            put(part.weight, normal(part.weight, (1.8 / fan) ** 0.5))
            if part.bias is not None:
                put(part.bias, normal(part.bias, 0.1))
        elif isinstance(part, norms) and part.weight is not None:
            put(part.weight, uniform(part.weight, 0.7, 1.2))
            put(part.bias, normal(part.bias, 0.2))
        elif isinstance(part, nn.PReLU):
            put(part.weight, uniform(part.weight, 0.1, 0.4))
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean, part.running_var = normal(part.running_mean, 0.2), uniform(part.running_var, 0.6, 1.6)
    for parameter in module.parameters():
        if id(parameter) not in done:
            parameter.data = parameter.data + normal(parameter, 0.2)
    return module


# ── newer opsets than torch 1.13 writes ──

AXES_AS_INPUT = {'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2', 'ReduceProd', 'ReduceLogSumExp'}


def modernise(model, opset):
    """Opset 17 to 18 and later: axes of reductions become inputs, Split counts its outputs, the dynamo exporter's
    attributes stand where it writes them."""
    for node in model.graph.node:
        attributes = {a.name: a for a in node.attribute}
        if node.op_type in AXES_AS_INPUT and 'axes' in attributes:
            name = f'{node.output[0]}_axes'
            model.graph.initializer.append(
                onnx.numpy_helper.from_array(np.array(attributes['axes'].ints, np.int64), name)
            )
            node.attribute.remove(attributes['axes'])
            node.input.append(name)
            node.attribute.append(onnx.helper.make_attribute('noop_with_empty_axes', 0))
        if node.op_type == 'Split' and len(node.input) == 1:
            node.attribute.append(onnx.helper.make_attribute('num_outputs', len(node.output)))
        if node.op_type == 'Reshape' and 'allowzero' not in attributes:
            node.attribute.append(onnx.helper.make_attribute('allowzero', 0))
    for entry in model.opset_import:
        if entry.domain in ('', 'ai.onnx'):
            entry.version = opset
    model.ir_version = 10 if opset >= 21 else 9
    del model.graph.value_info[:]
    return model


def gelu_operator(g, x, approximate='none'):
    return g.op('Gelu', x, approximate_s=torch.onnx.symbolic_helper._parse_arg(approximate, 's'))


def group_norm_operator(g, x, groups, weight, bias, epsilon, cudnn):
    constant = torch.onnx.symbolic_helper._parse_arg
    return g.op(
        'GroupNormalization', x, weight, bias, num_groups_i=constant(groups, 'i'), epsilon_f=constant(epsilon, 'f')
    )


@contextlib.contextmanager
def later_operators(opset):
    """Has torch write operators that came after its time."""
    made = [('aten::gelu', gelu_operator)] if opset >= 20 else []
    made += [('aten::group_norm', group_norm_operator)] if opset >= 21 else []
    for name, symbolic in made:
        torch.onnx.register_custom_op_symbolic(name, symbolic, 17)
    check = torch._C._check_onnx_proto
    if made:
        torch._C._check_onnx_proto = lambda *_, **__: None  # it does not know them
    try:
        yield
    finally:
        torch._C._check_onnx_proto = check
        for name, _ in made:
            torch.onnx.unregister_custom_op_symbolic(name, 17)


def export(module, architecture):
    """The bytes of the file, as torch.onnx.export writes them."""
    opset = min(architecture.opset, 17)
    axes = {'image': {0: 'batch'}, 'scores': {0: 'batch'}} if architecture.free else None
    mode = torch.onnx.TrainingMode.PRESERVE if architecture.keep_norm else torch.onnx.TrainingMode.EVAL
    file = io.BytesIO()
    with warnings.catch_warnings(), later_operators(architecture.opset):
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module,
            torch.zeros(1, *architecture.shape),
            file,
            input_names=['image'],
            output_names=['scores'],
            dynamic_axes=axes,
            opset_version=opset,
            do_constant_folding=architecture.fold,
            training=mode,
        )
    if architecture.opset <= 17:
        return file.getvalue()
    return modernise(onnx.load_from_string(file.getvalue()), architecture.opset).SerializeToString()


def seed_of(name):
    return zlib.crc32(name.encode())
