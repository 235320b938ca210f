"""The nets of train.py: eleven layers that leave training as plain convolutions, each with its ReLU.

In training a convolution has batch-norm and, where it keeps the channels, its own input added; both are linear, so `folded` puts
them into the weights. Kernels and pools are multiples of their strides, or have stride 1: nothing leaves a grid in a map.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

INPUT = 128
CLASSES = 10
CONVOLUTIONS = [  # name, in, out, kernel, stride, pad, then max-pool 2x2?
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
]
FEATURES = CONVOLUTIONS[-1][2]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        for name, c, o, kernel, stride, pad, _ in CONVOLUTIONS:
            conv, norm = nn.Conv2d(c, o, kernel, stride, pad, bias=False), nn.BatchNorm2d(o)
            nn.init.kaiming_normal_(conv.weight, mode='fan_out')
            if c == o:
                nn.init.zeros_(norm.weight)  # begins as the identity
            setattr(self, name, conv)
            setattr(self, name + '_bn', norm)
        self.fc5 = nn.Linear(FEATURES, CLASSES)

    def forward(self, x):
        for name, c, o, *_, pooled in CONVOLUTIONS:
            y = getattr(self, name + '_bn')(getattr(self, name)(x))
            x = F.relu(y + x if c == o else y)
            x = F.max_pool2d(x, 2) if pooled else x
        return self.fc5(x.mean((2, 3)))


@torch.no_grad()
def folded(net, dtype=torch.float32):
    """Weights and biases of the plain net that computes what `net` does in use."""
    tensors = {}
    for name, c, o, *_ in CONVOLUTIONS:
        conv, norm = getattr(net, name), getattr(net, name + '_bn')
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = conv.weight * gain.view(-1, 1, 1, 1)
        if c == o:
            centre = weight.shape[-1] // 2
            weight[:, :, centre, centre].diagonal().add_(1)
        tensors[f'{name}.weight'], tensors[f'{name}.bias'] = weight.to(dtype), (norm.bias - norm.running_mean * gain).to(dtype)
    tensors['fc5.weight'], tensors['fc5.bias'] = net.fc5.weight.to(dtype), net.fc5.bias.to(dtype)
    return tensors


def plain(tensors, x):
    """The scores of the plain net."""
    x = x.to(tensors['fc5.weight'].dtype)
    for name, _, _, _, stride, pad, pooled in CONVOLUTIONS:
        x = F.relu(F.conv2d(x, tensors[f'{name}.weight'], tensors[f'{name}.bias'], stride, pad))
        x = F.max_pool2d(x, 2) if pooled else x
    return F.linear(x.mean((2, 3)), tensors['fc5.weight'], tensors['fc5.bias']).float()


def nodes():
    """The plain net as nodes of model.json."""
    listed, previous = [], 'image'

    def add(op, name, **fields):
        nonlocal previous
        listed.append({'op': op, 'name': name, 'inputs': [previous], **fields})
        previous = name

    for name, _, _, kernel, stride, pad, pooled in CONVOLUTIONS:
        k = name[len('conv'):]
        add('conv', name, kernel=[kernel] * 2, stride=[stride] * 2, pads=[pad] * 4, weight=f'{name}.weight', bias=f'{name}.bias')
        add('relu', f'relu{k}')
        if pooled:
            add('maxPool', f'pool{k[0]}', kernel=[2, 2], stride=[2, 2])
    add('globalAveragePool', 'pool4')
    add('fullyConnected', 'fc5', weight='fc5.weight', bias='fc5.bias')
    return listed
