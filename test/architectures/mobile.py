"""Nets for phones: depthwise convolutions, swishes, squeeze and excitation, channel shuffles."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from common import CLASSES, Residual, SqueezeExcite, classifier, conv_norm, net


# ── MobileNet V1 to V3, MnasNet, EfficientNet ──


@net('mobilenet_v1', opset=9, free=False)
class MobileNetV1(nn.Sequential):
    def __init__(self):
        layers = [conv_norm(3, 8, 3, 2, act=nn.ReLU6)]
        for i, o, s in ((8, 12, 1), (12, 16, 2), (16, 16, 1), (16, 24, 2), (24, 24, 1)):
            layers += [conv_norm(i, i, 3, s, i, nn.ReLU6), conv_norm(i, o, act=nn.ReLU6)]
        super().__init__(*layers, classifier(24))


def inverted(i, o, k=3, s=1, expansion=4, act=nn.ReLU6, excite=None, fused=False):
    """The inverted residual of MobileNet V2, with what came later: excitation, a fused expansion."""
    hidden = i * expansion
    if fused:
        body = [conv_norm(i, hidden, k, s, act=act), conv_norm(hidden, o, act=None)]
    else:
        body = [
            conv_norm(i, hidden, act=act),
            conv_norm(hidden, hidden, k, s, hidden, act),
            *([excite(hidden)] if excite else []),
            conv_norm(hidden, o, act=None),
        ]
    return Residual(nn.Sequential(*body)) if s == 1 and i == o else nn.Sequential(*body)


def hard_excite(hidden):
    return SqueezeExcite(hidden, max(4, hidden // 4), gate=nn.Hardsigmoid)


def swish_excite(hidden):
    return SqueezeExcite(hidden, max(2, hidden // 16), act=nn.SiLU)


@net('mobilenet_v3_large', opset=14)
class MobileNetV3Large(nn.Sequential):
    def __init__(self):
        super().__init__(
            conv_norm(3, 8, 3, 2, act=nn.Hardswish),
            inverted(8, 8, act=nn.ReLU),
            inverted(8, 12, 5, 2, 3, nn.ReLU, hard_excite),
            inverted(12, 12, 5, 1, 3, nn.ReLU, hard_excite),
            inverted(12, 16, 3, 2, 3, nn.Hardswish),
            inverted(16, 16, 5, 1, 3, nn.Hardswish, hard_excite),
            conv_norm(16, 48, act=nn.Hardswish),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(1),
            nn.Linear(48, 32),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(32, CLASSES),
        )


@net('mobilenet_v3_small', opset=11, free=False)
class MobileNetV3Small(nn.Module):
    """As people wrote it before the operators were there: x · relu6(x + 3) / 6."""

    class HSwish(nn.Module):
        def forward(self, x):
            return x * F.relu6(x + 3) / 6

    class HSigmoid(nn.Module):
        def forward(self, x):
            return F.relu6(x + 3) / 6

    def __init__(self):
        super().__init__()
        act = self.HSwish
        excite = lambda hidden: SqueezeExcite(hidden, 8, gate=self.HSigmoid)
        self.features = nn.Sequential(
            conv_norm(3, 8, 3, 2, act=act),
            inverted(8, 8, 3, 2, 2, nn.ReLU, excite),
            inverted(8, 12, 3, 1, 4, nn.ReLU),
            inverted(12, 16, 5, 2, 3, act, excite),
            inverted(16, 16, 5, 1, 3, act, excite),
            conv_norm(16, 48, act=act),
        )
        self.classifier = nn.Sequential(nn.Linear(48, 32), act(), nn.Linear(32, CLASSES))

    def forward(self, x):
        return self.classifier(self.features(x).mean(3).mean(2))


@net('mnasnet', opset=10)
class MnasNet(nn.Sequential):
    def __init__(self):
        layers = [conv_norm(3, 8, 3, 2), conv_norm(8, 8, 3, 1, 8), conv_norm(8, 8, act=None)]
        for i, o, k, s, t in ((8, 12, 3, 2, 3), (12, 12, 3, 1, 3), (12, 16, 5, 2, 3), (16, 16, 5, 1, 3)):
            layers.append(inverted(i, o, k, s, t, nn.ReLU))
        super().__init__(*layers, conv_norm(16, 40), Mean(), nn.Dropout(0.2), nn.Linear(40, CLASSES))


class Mean(nn.Module):
    def forward(self, x):
        return x.mean([2, 3])


@net('efficientnet_b0', opset=13)
class EfficientNetB0(nn.Sequential):
    def __init__(self):
        layers = [conv_norm(3, 8, 3, 2, act=nn.SiLU), inverted(8, 8, 3, 1, 1, nn.SiLU, swish_excite)]
        for i, o, k, s in ((8, 12, 3, 2), (12, 12, 3, 1), (12, 16, 5, 2), (16, 16, 5, 1)):
            layers.append(inverted(i, o, k, s, 3, nn.SiLU, swish_excite))
        super().__init__(*layers, conv_norm(16, 40, act=nn.SiLU), classifier(40))


@net('efficientnet_v2', opset=16, keep_norm=True)
class EfficientNetV2(nn.Sequential):
    def __init__(self):
        super().__init__(
            conv_norm(3, 8, 3, 2, act=nn.SiLU),
            inverted(8, 8, 3, 1, 2, nn.SiLU, fused=True),
            inverted(8, 12, 3, 2, 4, nn.SiLU, fused=True),
            inverted(12, 16, 3, 2, 4, nn.SiLU, swish_excite),
            inverted(16, 16, 3, 1, 4, nn.SiLU, swish_excite),
            conv_norm(16, 48, act=nn.SiLU),
            classifier(48),
        )


class SameConv(nn.Conv2d):
    """TensorFlow's padding, computed from the picture's size as the first ports of EfficientNet to PyTorch did."""

    def forward(self, x):
        height, width = x.size()[-2:]
        k, s = self.kernel_size[0], self.stride[0]
        tall = max((math.ceil(height / s) - 1) * s + k - height, 0)
        wide = max((math.ceil(width / s) - 1) * s + k - width, 0)
        x = F.pad(x, [wide // 2, wide - wide // 2, tall // 2, tall - tall // 2])
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


@net('efficientnet_same', opset=12, shape=(3, 33, 30), fold=False)
class EfficientNetSame(nn.Module):
    """The oldest port: padding by size, swish as x · sigmoid(x), adaptive pools and a view at the end."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm0 = SameConv(3, 8, 3, 2, bias=False), nn.BatchNorm2d(8)
        self.expand, self.norm1 = SameConv(8, 24, 1, bias=False), nn.BatchNorm2d(24)
        self.depth, self.norm2 = SameConv(24, 24, 5, 2, groups=24, bias=False), nn.BatchNorm2d(24)
        self.reduce, self.enlarge = SameConv(24, 4, 1), SameConv(4, 24, 1)
        self.project, self.norm3 = SameConv(24, 16, 1, bias=False), nn.BatchNorm2d(16)
        self.head, self.norm4, self.classifier = (
            SameConv(16, 40, 1, bias=False),
            nn.BatchNorm2d(40),
            nn.Linear(40, CLASSES),
        )

    def forward(self, x):
        swish = lambda x: x * torch.sigmoid(x)
        batch = x.size(0)
        x = swish(self.norm0(self.stem(x)))
        x = swish(self.norm2(self.depth(swish(self.norm1(self.expand(x))))))
        x = torch.sigmoid(self.enlarge(swish(self.reduce(F.adaptive_avg_pool2d(x, 1))))) * x
        x = swish(self.norm4(self.head(self.norm3(self.project(x)))))
        return self.classifier(F.adaptive_avg_pool2d(x, 1).view(batch, -1))


# ── channel shuffles and cheap channels ──


def shuffle(x, groups):
    n, c, h, w = x.size()
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


@net('shufflenet_v1', opset=11)
class ShuffleNetV1(nn.Module):
    class Unit(nn.Module):
        def __init__(self, i, o, stride, groups=3):
            super().__init__()
            self.stride, self.groups = stride, groups
            out = o - i if stride == 2 else o
            self.first, self.depth = conv_norm(i, 12, g=groups), conv_norm(12, 12, 3, stride, 12, None)
            self.last = conv_norm(12, out, g=groups, act=None)

        def forward(self, x):
            y = self.last(self.depth(shuffle(self.first(x), self.groups)))
            return F.relu(torch.cat([F.avg_pool2d(x, 3, 2, 1), y], 1) if self.stride == 2 else x + y)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 12, 3, 2), nn.MaxPool2d(3, 2, 1))
        self.units = nn.Sequential(
            self.Unit(12, 24, 2), self.Unit(24, 24, 1), self.Unit(24, 48, 2), self.Unit(48, 48, 1)
        )
        self.head = classifier(48)

    def forward(self, x):
        return self.head(self.units(self.stem(x)))


@net('shufflenet_v2', opset=12)
class ShuffleNetV2(nn.Module):
    class Unit(nn.Module):
        def __init__(self, i, o, stride):
            super().__init__()
            half = o // 2
            own = i if stride == 2 else half
            self.stride = stride
            self.side = nn.Sequential(conv_norm(i, i, 3, 2, i, None), conv_norm(i, half)) if stride == 2 else None
            self.main = nn.Sequential(
                conv_norm(own, half), conv_norm(half, half, 3, stride, half, None), conv_norm(half, half)
            )

        def forward(self, x):
            if self.stride == 2:
                return shuffle(torch.cat((self.side(x), self.main(x)), 1), 2)
            a, b = x.chunk(2, dim=1)
            return shuffle(torch.cat((a, self.main(b)), 1), 2)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 8, 3, 2), nn.MaxPool2d(3, 2, 1))
        self.units = nn.Sequential(
            self.Unit(8, 16, 2), self.Unit(16, 16, 1), self.Unit(16, 32, 2), self.Unit(32, 32, 1)
        )
        self.last, self.fc = conv_norm(32, 48), nn.Linear(48, CLASSES)

    def forward(self, x):
        return self.fc(self.last(self.units(self.stem(x))).mean([2, 3]))


@net('ghostnet', opset=13)
class GhostNet(nn.Module):
    class Ghost(nn.Module):
        def __init__(self, i, o, act=nn.ReLU):
            super().__init__()
            self.o = o
            half = (o + 1) // 2
            self.primary, self.cheap = conv_norm(i, half, act=act), conv_norm(half, half, 3, g=half, act=act)

        def forward(self, x):
            first = self.primary(x)
            return torch.cat([first, self.cheap(first)], 1)[:, : self.o, :, :]

    def bottleneck(self, i, hidden, o, stride, excite):
        layers = [self.Ghost(i, hidden)]
        if stride > 1:
            layers.append(conv_norm(hidden, hidden, 3, stride, hidden, None))
        if excite:
            layers.append(SqueezeExcite(hidden, 4, gate=nn.Hardsigmoid))
        layers.append(self.Ghost(hidden, o, act=None))
        shortcut = (
            None
            if stride == 1 and i == o
            else nn.Sequential(conv_norm(i, i, 3, stride, i, None), conv_norm(i, o, act=None))
        )
        return Residual(nn.Sequential(*layers), shortcut)

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(3, 8, 3, 2),
            self.bottleneck(8, 17, 12, 2, False),
            self.bottleneck(12, 24, 12, 1, True),
            self.bottleneck(12, 32, 16, 2, True),
            conv_norm(16, 40),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(40, 48, 1), nn.ReLU(), nn.Flatten(), nn.Linear(48, CLASSES)
        )

    def forward(self, x):
        return self.head(self.body(x))


@net('mobilenet_v4', opset=17)
class MobileNetV4(nn.Sequential):
    """The universal inverted bottleneck: a depthwise convolution before the expansion, one inside, or both."""

    @staticmethod
    def universal(i, o, before, inside, s):
        layers = [conv_norm(i, i, before, 1, i, None)] if before else []
        layers.append(conv_norm(i, 3 * i))
        if inside:
            layers.append(conv_norm(3 * i, 3 * i, inside, s, 3 * i))
        layers.append(conv_norm(3 * i, o, act=None))
        return Residual(nn.Sequential(*layers)) if s == 1 and i == o else nn.Sequential(*layers)

    def __init__(self):
        u = self.universal
        super().__init__(
            conv_norm(3, 8, 3, 2),
            u(8, 12, 5, 5, 2),
            u(12, 12, 0, 3, 1),
            u(12, 12, 3, 0, 1),
            u(12, 16, 3, 5, 2),
            u(16, 16, 0, 0, 1),
            conv_norm(16, 40),
            nn.AdaptiveAvgPool2d(1),
            conv_norm(40, 48),
            nn.Flatten(1),
            nn.Linear(48, CLASSES),
        )
