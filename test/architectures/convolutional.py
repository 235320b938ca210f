"""The Inceptions, Xception, and small nets of the first kind."""
import torch
from torch import nn
from torch.nn import functional as F

from common import CLASSES, Residual, classifier, conv_norm, net


class Branches(nn.Module):
    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def conv(i, o, k=1, s=1, pad=None):
    """Kernels of two extents, padded to keep the size unless told."""
    k = (k, k) if isinstance(k, int) else k
    pad = tuple(n // 2 for n in k) if pad is None else pad
    return nn.Sequential(nn.Conv2d(i, o, k, s, pad, bias=False), nn.BatchNorm2d(o, eps=0.001), nn.ReLU(inplace=True))


class Mean(nn.Module):
    """Average pool without change of size; padding counts, as in Inception-v3."""

    def forward(self, x):
        return F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)


@net('inception_v3', opset=9, shape=(3, 47, 47))
class InceptionV3(nn.Module):
    def __init__(self):
        super().__init__()
        a = Branches(
            conv(12, 6),
            nn.Sequential(conv(12, 4), conv(4, 6, 5)),
            nn.Sequential(conv(12, 4), conv(4, 6, 3), conv(6, 6, 3)),
            nn.Sequential(Mean(), conv(12, 4)),
        )
        b = Branches(
            conv(22, 8, 3, 2, 0), nn.Sequential(conv(22, 4), conv(4, 6, 3), conv(6, 6, 3, 2, 0)), nn.MaxPool2d(3, 2)
        )
        c = Branches(
            conv(36, 8),
            nn.Sequential(conv(36, 6), conv(6, 6, (1, 7)), conv(6, 8, (7, 1))),
            nn.Sequential(Mean(), conv(36, 8)),
        )
        e = Branches(
            conv(24, 8),
            nn.Sequential(conv(24, 6), Branches(conv(6, 6, (1, 3)), conv(6, 6, (3, 1)))),
            nn.Sequential(Mean(), conv(24, 6)),
        )
        self.body = nn.Sequential(conv(3, 8, 3, 2, 0), conv(8, 8, 3, 1, 0), nn.MaxPool2d(3, 2), conv(8, 12), a, b, c, e)
        self.head = classifier(26)

    def forward(self, x):
        # as torchvision does with its published weights: from one normalisation to another
        channels = [
            torch.unsqueeze(x[:, k], 1) * scale + shift
            for k, (scale, shift) in enumerate(((0.458, -0.03), (0.448, -0.088), (0.45, -0.188)))
        ]
        return self.head(self.body(torch.cat(channels, 1)))


@net('inception_v4', opset=13, shape=(3, 47, 47))
class InceptionV4(nn.Sequential):
    def __init__(self):
        even = lambda: nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        super().__init__(
            conv(3, 8, 3, 2, 0),
            conv(8, 8, 3, 1, 0),
            Branches(nn.MaxPool2d(3, stride=2), conv(8, 8, 3, 2, 0)),
            Branches(
                nn.Sequential(conv(16, 6), conv(6, 8, 3, 1, 0)),
                nn.Sequential(conv(16, 6), conv(6, 6, (1, 7)), conv(6, 6, (7, 1)), conv(6, 8, 3, 1, 0)),
            ),
            Branches(
                conv(16, 6),
                nn.Sequential(conv(16, 6), conv(6, 6, 3)),
                nn.Sequential(conv(16, 4), conv(4, 6, 3), conv(6, 6, 3)),
                nn.Sequential(even(), conv(16, 6)),
            ),
            Branches(conv(24, 8, 3, 2, 0), nn.MaxPool2d(3, 2)),
            classifier(32),
        )


@net('inception_resnet_v2', opset=12, free=False)
class InceptionResNetV2(nn.Module):
    class Block(nn.Module):
        def __init__(self, c, scale, *branches):
            super().__init__()
            self.scale, self.branches, self.up = scale, Branches(*branches), nn.Conv2d(12, c, 1)

        def forward(self, x):
            return F.relu(self.up(self.branches(x)) * self.scale + x)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 8, 3, 2, 0), conv(8, 16, 3), nn.MaxPool2d(3, 2))
        self.blocks = nn.Sequential(
            self.Block(
                16,
                0.17,
                conv(16, 4),
                nn.Sequential(conv(16, 4), conv(4, 4, 3)),
                nn.Sequential(conv(16, 4), conv(4, 4, 3), conv(4, 4, 3)),
            ),
            self.Block(16, 0.10, conv(16, 6), nn.Sequential(conv(16, 6), conv(6, 6, (1, 7)), conv(6, 6, (7, 1)))),
        )
        self.head = classifier(16)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


@net('xception', opset=11)
class Xception(nn.Module):
    @staticmethod
    def block(i, o, s):
        separable = lambda a, b: [
            nn.ReLU(),
            nn.Conv2d(a, a, 3, padding=1, groups=a, bias=False),
            nn.Conv2d(a, b, 1, bias=False),
            nn.BatchNorm2d(b),
        ]
        body = nn.Sequential(*separable(i, o), *separable(o, o), *([nn.MaxPool2d(3, s, 1)] if s > 1 else []))
        return Residual(body, conv_norm(i, o, 1, s, act=None) if s > 1 or i != o else None)

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(3, 8, 3, 2, pad=0),
            conv_norm(8, 12, 3, pad=0),
            self.block(12, 16, 2),
            self.block(16, 24, 2),
            self.block(24, 24, 1),
        )
        self.head = nn.Sequential(nn.ReLU(), classifier(24))

    def forward(self, x):
        return self.head(self.body(x))


@net('pnasnet_cell', opset=13)
class PNASCell(nn.Module):
    """Separable convolutions, pools, and sums of pairs; a shortcut that takes every second pixel, one pixel apart."""

    def __init__(self):
        super().__init__()
        self.stem = conv_norm(3, 12, 3, 2)
        separable = lambda k: nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(12, 12, k, 1, k // 2, groups=12, bias=False),
            nn.Conv2d(12, 12, 1, bias=False),
            nn.BatchNorm2d(12),
        )
        self.parts = nn.ModuleList([separable(k) for k in (5, 7, 3, 5, 3)])
        self.reduce = nn.ModuleList([nn.Conv2d(12, 12, 1, bias=False) for _ in range(2)])
        self.norm, self.head = nn.BatchNorm2d(24), classifier(24)

    def forward(self, x):
        x = self.stem(x)
        pool = lambda v: F.max_pool2d(v, 3, stride=1, padding=1)
        pairs = [
            self.parts[0](x) + pool(x),
            self.parts[1](x) + self.parts[2](x),
            self.parts[3](x) + self.parts[4](x) + x,
        ]
        y = pairs[0] + pairs[1] * pairs[2]
        x = F.relu(y)
        a = self.reduce[0](F.avg_pool2d(x, 1, stride=2, count_include_pad=False))
        b = self.reduce[1](F.avg_pool2d(F.pad(x, (-1, 1, -1, 1)), 1, stride=2, count_include_pad=False))
        return self.head(F.relu(self.norm(torch.cat([a, b], 1))))


@net('lightcnn', opset=9, shape=(1, 32, 32))
class LightCNN(nn.Module):
    """Max-feature-map: the larger of two halves of the channels."""

    class MFM(nn.Module):
        def __init__(self, i, o, k=1, linear=False):
            super().__init__()
            self.o = o
            self.layer = nn.Linear(i, 2 * o) if linear else nn.Conv2d(i, 2 * o, k, 1, k // 2)

        def forward(self, x):
            a, b = torch.split(self.layer(x), self.o, 1)
            return torch.max(a, b)

    def __init__(self):
        super().__init__()
        m = self.MFM
        self.features = nn.Sequential(
            m(1, 8, 5),
            nn.MaxPool2d(2, ceil_mode=True),
            m(8, 8),
            m(8, 12, 3),
            nn.MaxPool2d(2, ceil_mode=True),
            m(12, 12),
            m(12, 8, 3),
            nn.MaxPool2d(2, ceil_mode=True),
        )
        self.fc1, self.fc2 = m(8 * 4 * 4, 16, linear=True), nn.Linear(16, CLASSES)

    def forward(self, x):
        x = self.features(x)
        x = x + 0.5 * (F.max_pool2d(x, 3, 1, 1) + F.avg_pool2d(x, 3, 1, 1))
        return self.fc2(self.fc1(x.view(x.size(0), -1)))


@net('densenet121_chest', opset=10, shape=(1, 32, 32), keep_norm=True)
class ChestDenseNet(nn.Module):
    """Fourteen findings, each with its own sigmoid, from one channel; the scores are those before the sigmoid."""

    class Layer(nn.Module):
        def __init__(self, i, growth=4):
            super().__init__()
            self.body = nn.Sequential(
                nn.BatchNorm2d(i),
                nn.ReLU(),
                nn.Conv2d(i, 2 * growth, 1, bias=False),
                nn.BatchNorm2d(2 * growth),
                nn.ReLU(),
                nn.Conv2d(2 * growth, growth, 3, padding=1, bias=False),
            )

        def forward(self, x):
            return torch.cat([x, self.body(x)], 1)

    def __init__(self):
        super().__init__()
        layers, i = [conv_norm(1, 8, 7, 2), nn.MaxPool2d(3, 2, 1)], 8
        for stage in range(2):
            for _ in range(3):
                layers.append(self.Layer(i))
                i += 4
            if stage == 0:
                layers += [nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, i // 2, 1, bias=False), nn.AvgPool2d(2, 2)]
                i //= 2
        self.body, self.fc = nn.Sequential(*layers, nn.BatchNorm2d(i)), nn.Linear(i, 14)

    def scores(self, x):
        return self.fc(F.adaptive_avg_pool2d(F.relu(self.body(x)), (1, 1)).view(x.size(0), -1))

    def forward(self, x):
        return torch.sigmoid(self.scores(x))


@net('mnist_pytorch', opset=10, shape=(1, 28, 28))
class MNIST(nn.Module):
    """The example that everybody starts from: a log-soft-max at the end, before which the scores stand."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 3, 1), nn.Conv2d(6, 6, 3, 1)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(6 * 12 * 12, 12), nn.Linear(12, 10)

    def scores(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = torch.flatten(self.dropout1(F.max_pool2d(x, 2)), 1)
        return self.fc2(self.dropout2(F.relu(self.fc1(x))))

    def forward(self, x):
        return F.log_softmax(self.scores(x), dim=1)


@net('lenet_tanh', opset=9, shape=(1, 28, 28), free=False, tolerance=5e-5)
class LeNet(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 8, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(8 * 5 * 5, 24),
            nn.Tanh(),
            nn.Linear(24, CLASSES),
        )


@net('selu_snn', opset=13, tolerance=5e-5)
class SelfNormalising(nn.Sequential):
    """SELU and its kin, with a logit at the end of alpha-dropout."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.SELU(),
            nn.Conv2d(8, 12, 3, 2, 1),
            nn.CELU(0.7),
            nn.Conv2d(12, 12, 3, padding=1),
            nn.Softsign(),
            nn.Conv2d(12, 16, 3, padding=1),
            nn.Softplus(),
            nn.AlphaDropout(),
            classifier(16),
        )
