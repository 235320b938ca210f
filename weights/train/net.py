"""The nets of the recipes: plain convolutions, each with its ReLU, once they leave training.

In training a convolution has batch-norm and, where it keeps the channels, its own input added; both are linear, so
`folded` puts them into the weights. Kernels and pools are multiples of their strides, or have stride 1: nothing
leaves a grid in a map.
"""
from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F

from winograd import convolve


class Design(NamedTuple):
    input: int  # pixels on a side
    classes: int
    convolutions: list  # of (name, in, out, kernel, stride, pad, then max-pool 2x2?)

    @property
    def stage(self):
        """The digit of the last convolutions: `conv4_3` is of stage 4."""
        return int(self.convolutions[-1][0][len('conv')])

    @property
    def head(self):
        return f'fc{self.stage + 1}'


IMAGENETTE = Design(128, 10, [
    ('conv1', 3, 32, 6, 2, 2, True),
    ('conv2_1', 32, 64, 3, 1, 1, False),
    ('conv2_2', 64, 64, 3, 1, 1, False),
    ('conv2_3', 64, 64, 3, 1, 1, True),
    ('conv3_1', 64, 128, 3, 1, 1, False),
    ('conv3_2', 128, 128, 3, 1, 1, False),
    ('conv3_3', 128, 128, 3, 1, 1, True),
    ('conv4_1', 128, 256, 3, 1, 1, False),
    ('conv4_2', 256, 256, 3, 1, 1, False),
    ('conv4_3', 256, 256, 3, 1, 1, False),
])
EVERYDAY = Design(64, 200, [
    ('conv1', 3, 32, 6, 2, 2, False),
    ('conv2_1', 32, 48, 3, 1, 1, True),
    ('conv3_1', 48, 128, 3, 1, 1, True),
    ('conv4_1', 128, 224, 3, 1, 1, False),
    ('conv4_2', 224, 224, 3, 1, 1, False),
    ('conv4_3', 224, 224, 3, 1, 1, True),
    ('conv5_1', 224, 384, 3, 1, 1, False),
    ('conv5_2', 384, 384, 3, 1, 1, False),
])


class Net(nn.Module):
    def __init__(self, design):
        super().__init__()
        self.design = design
        for name, c, o, kernel, stride, pad, _ in design.convolutions:
            conv, norm = nn.Conv2d(c, o, kernel, stride, pad, bias=False), nn.BatchNorm2d(o)
            nn.init.kaiming_normal_(conv.weight, mode='fan_out')
            if c == o:
                nn.init.zeros_(norm.weight)  # begins as the identity
            setattr(self, name, conv)
            setattr(self, name + '_bn', norm)
        setattr(self, design.head, nn.Linear(design.convolutions[-1][2], design.classes))

    def forward(self, x):
        for name, c, o, *_, pooled in self.design.convolutions:
            conv = getattr(self, name)
            y = getattr(self, name + '_bn')(convolve(x, conv.weight, None, conv.stride[0], conv.padding[0]))
            x = F.relu(y + x if c == o else y)
            x = F.max_pool2d(x, 2) if pooled else x
        return getattr(self, self.design.head)(x.mean((2, 3)))


def descent(net, rate, decay):
    """SGD whose weight decay is of matrices alone, not of biases and of batch-norm."""
    matrices, vectors = ([p for p in net.parameters() if (p.ndim > 1) == wide] for wide in (True, False))
    groups = [{'params': matrices, 'weight_decay': decay}, {'params': vectors, 'weight_decay': 0}]
    return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)


@torch.no_grad()
def folded(net, dtype=torch.float32):
    """Weights and biases of the plain net that computes what `net` does in use."""
    tensors, head = {}, getattr(net, net.design.head)
    for name, c, o, *_ in net.design.convolutions:
        conv, norm = getattr(net, name), getattr(net, name + '_bn')
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = conv.weight * gain.view(-1, 1, 1, 1)
        if c == o:
            centre = weight.shape[-1] // 2
            weight[:, :, centre, centre].diagonal().add_(1)
        tensors[f'{name}.weight'], tensors[f'{name}.bias'] = weight, norm.bias - norm.running_mean * gain
    tensors[f'{net.design.head}.weight'], tensors[f'{net.design.head}.bias'] = head.weight, head.bias
    return {key: tensor.to(dtype) for key, tensor in tensors.items()}


def plain(design, tensors, x):
    """The scores of the plain net."""
    weight, bias = tensors[f'{design.head}.weight'], tensors[f'{design.head}.bias']
    x = x.to(weight.dtype)
    for name, _, _, _, stride, pad, pooled in design.convolutions:
        x = F.relu(convolve(x, tensors[f'{name}.weight'], tensors[f'{name}.bias'], stride, pad))
        x = F.max_pool2d(x, 2) if pooled else x
    return F.linear(x.mean((2, 3)), weight, bias).float()


def nodes(design):
    """The plain net as nodes of model.json."""
    listed, previous = [], 'image'

    def add(op, name, **fields):
        nonlocal previous
        listed.append({'op': op, 'name': name, 'inputs': [previous], **fields})
        previous = name

    for name, _, _, kernel, stride, pad, pooled in design.convolutions:
        k = name[len('conv'):]
        add('conv', name, kernel=[kernel] * 2, stride=[stride] * 2, pads=[pad] * 4,
            weight=f'{name}.weight', bias=f'{name}.bias')
        add('relu', f'relu{k}')
        if pooled:
            add('maxPool', f'pool{k[0]}', kernel=[2, 2], stride=[2, 2])
    add('globalAveragePool', f'pool{design.stage}')
    add('fullyConnected', design.head, weight=f'{design.head}.weight', bias=f'{design.head}.bias')
    return listed
