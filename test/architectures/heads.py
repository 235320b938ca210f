"""Other pools, other heads: embeddings, maps of scores, boxes."""
import torch
from torch import nn
from torch.nn import functional as F

from common import CLASSES, Residual, classifier, conv_norm, net


def features(o=24):
    return nn.Sequential(
        conv_norm(3, 8, 3, 2),
        conv_norm(8, 12, 3, 2),
        Residual(nn.Sequential(conv_norm(12, 12, 3), conv_norm(12, 12, 3, act=None)), act=nn.ReLU()),
        conv_norm(12, o, 3),
    )


@net('gem_retrieval', opset=11, tolerance=5e-5)
class GeM(nn.Module):
    """Generalised mean with a learned exponent, whitening, a unit vector, and cosines with those of the classes."""

    def __init__(self):
        super().__init__()
        self.body, self.p = features(), nn.Parameter(torch.ones(1) * 3)
        self.whiten, self.classes = nn.Linear(24, 16), nn.Parameter(torch.zeros(CLASSES, 16))

    def forward(self, x):
        x = self.body(x)
        x = F.adaptive_avg_pool2d(x.clamp(min=1e-2).pow(self.p), 1).pow(1.0 / self.p)
        x = F.normalize(self.whiten(x.flatten(1)), p=2, dim=1)
        return F.linear(x, F.normalize(self.classes, dim=1))


@net('arcface', opset=11, shape=(3, 28, 28), tolerance=5e-5)
class ArcFace(nn.Module):
    """A face recogniser's head: PReLU blocks, batch-norm, a flat linear layer, cosines with unit weights, times 30."""

    def __init__(self):
        super().__init__()
        block = lambda i, o, s: Residual(
            nn.Sequential(
                nn.BatchNorm2d(i),
                nn.Conv2d(i, o, 3, 1, 1, bias=False),
                nn.BatchNorm2d(o),
                nn.PReLU(o),
                nn.Conv2d(o, o, 3, s, 1, bias=False),
                nn.BatchNorm2d(o),
            ),
            conv_norm(i, o, 1, s, act=None),
        )
        self.body = nn.Sequential(
            conv_norm(3, 8, 3, act=lambda: nn.PReLU(8)), block(8, 12, 2), block(12, 12, 2), nn.BatchNorm2d(12)
        )
        self.fc, self.norm, self.weight = (
            nn.Linear(12 * 7 * 7, 12),
            nn.BatchNorm1d(12),
            nn.Parameter(torch.zeros(CLASSES, 12)),
        )

    def forward(self, x):
        x = self.norm(self.fc(torch.flatten(self.body(x), 1)))
        return F.linear(F.normalize(x), F.normalize(self.weight)) * 30.0


@net('bilinear_cnn', opset=12, tolerance=5e-5)
class Bilinear(nn.Module):
    """Products of all pairs of channels, signed roots, a unit vector."""

    def __init__(self):
        super().__init__()
        self.body, self.fc = features(12), nn.Linear(144, CLASSES)

    def forward(self, x):
        x = self.body(x)
        n, c, h, w = x.size()
        x = x.view(n, c, h * w)
        x = torch.bmm(x, x.transpose(1, 2)).div(h * w).view(n, c * c)
        x = F.normalize(torch.sign(x) * torch.sqrt(torch.abs(x) + 1e-3))
        return self.fc(x) * 4


@net('unet', opset=11, place=(2, 9, 14))
class UNet(nn.Module):
    """Down by max-pools, up by transposed convolutions, crossed by concatenations; a map of scores of three classes."""

    def __init__(self):
        super().__init__()
        double = lambda i, o: nn.Sequential(conv_norm(i, o, 3), conv_norm(o, o, 3))
        self.down = nn.ModuleList([double(3, 8), double(8, 8), double(8, 12)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(12, 8, 2, 2), nn.ConvTranspose2d(8, 8, 2, 2)])
        self.join, self.last = nn.ModuleList([double(16, 8), double(16, 8)]), nn.Conv2d(8, 3, 1)

    def forward(self, x):
        a = self.down[0](x)
        b = self.down[1](F.max_pool2d(a, 2))
        y = self.down[2](F.max_pool2d(b, 2))
        for skip, up, join in zip((b, a), self.up, self.join):
            y = up(y)
            dy, dx = skip.size()[2] - y.size()[2], skip.size()[3] - y.size()[3]
            y = join(torch.cat([skip, F.pad(y, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])], dim=1))
        return self.last(y)


@net('deeplab_v3', opset=13, place=(1, 25, 31), fold=False)
class DeepLab(nn.Module):
    """Atrous pyramid with a branch of the picture's mean, enlarged back, and scores enlarged to the picture's size."""

    def __init__(self):
        super().__init__()
        self.body = features(16)
        atrous = lambda r: nn.Sequential(
            nn.Conv2d(16, 8, 3, padding=r, dilation=r, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.branches = nn.ModuleList([conv_norm(16, 8), atrous(2), atrous(4)])
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv_norm(16, 8))
        self.project, self.last = nn.Sequential(conv_norm(32, 16), nn.Dropout(0.5)), nn.Conv2d(16, 4, 1)

    def forward(self, x):
        size = x.shape[-2:]
        x = self.body(x)
        pooled = F.interpolate(self.pool(x), size=x.shape[-2:], mode='bilinear', align_corners=False)
        x = self.last(self.project(torch.cat([*(branch(x) for branch in self.branches), pooled], dim=1)))
        return F.interpolate(x, size=size, mode='bilinear', align_corners=False)


class C2f(nn.Module):
    """Of YOLOv8: split in halves, a chain of bottlenecks, all of it beside each other."""

    def __init__(self, i, o, n=1):
        super().__init__()
        self.c, act = o // 2, nn.SiLU
        self.first, self.last = conv_norm(i, o, act=act), conv_norm((2 + n) * self.c, o, act=act)
        self.chain = nn.ModuleList(
            [
                Residual(nn.Sequential(conv_norm(self.c, self.c, 3, act=act), conv_norm(self.c, self.c, 3, act=act)))
                for _ in range(n)
            ]
        )

    def forward(self, x):
        y = list(self.first(x).chunk(2, 1))
        y.extend(m(y[-1]) for m in self.chain)
        return self.last(torch.cat(y, 1))


class SPPF(nn.Module):
    def __init__(self, c, k=5):
        super().__init__()
        self.first, self.last, self.pool = (
            conv_norm(c, c // 2, act=nn.SiLU),
            conv_norm(2 * c, c, act=nn.SiLU),
            nn.MaxPool2d(k, 1, k // 2),
        )

    def forward(self, x):
        x = self.first(x)
        a = self.pool(x)
        b = self.pool(a)
        return self.last(torch.cat((x, a, b, self.pool(b)), 1))


@net('yolov8_cls', opset=17, tolerance=5e-5)
class YOLOv8Cls(nn.Module):
    """A soft-max at the end, before which the scores stand."""

    def __init__(self):
        super().__init__()
        act = nn.SiLU
        self.body = nn.Sequential(
            conv_norm(3, 8, 3, 2, act=act),
            conv_norm(8, 12, 3, 2, act=act),
            C2f(12, 12),
            conv_norm(12, 16, 3, 2, act=act),
            C2f(16, 16),
        )
        self.conv, self.pool, self.linear = conv_norm(16, 32, act=act), nn.AdaptiveAvgPool2d(1), nn.Linear(32, CLASSES)

    def scores(self, x):
        return self.linear(self.pool(self.conv(self.body(x))).flatten(1))

    def forward(self, x):
        return self.scores(x).softmax(1)


@net('yolov8_det', opset=16, free=False, tolerance=5e-5, place=(6, 11))
class YOLOv8Det(nn.Module):
    """[1, 4 + K, anchors]: boxes as expected distances over a soft-max of bins; sigmoids of K classes."""

    bins, classes = 8, 4

    def __init__(self):
        super().__init__()
        act = nn.SiLU
        self.stem = nn.Sequential(conv_norm(3, 8, 3, 2, act=act), conv_norm(8, 12, 3, 2, act=act))
        self.p3, self.p4 = nn.Sequential(conv_norm(12, 16, 3, 2, act=act), C2f(16, 16)), nn.Sequential(
            conv_norm(16, 16, 3, 2, act=act), SPPF(16)
        )
        self.top_down = C2f(32, 16)
        head = lambda c, o: nn.Sequential(conv_norm(c, 8, 3, act=act), nn.Conv2d(8, o, 1))
        self.boxes = nn.ModuleList([head(16, 4 * self.bins), head(16, 4 * self.bins)])
        self.scores_of = nn.ModuleList([head(16, self.classes), head(16, self.classes)])
        self.dfl = nn.Conv2d(self.bins, 1, 1, bias=False)
        anchors, strides = [], []
        for size, stride in ((4, 8.0), (2, 16.0)):
            centres = torch.arange(size) + 0.5
            rows, columns = torch.meshgrid(centres, centres, indexing='ij')
            anchors.append(torch.stack((columns, rows), -1).view(-1, 2))
            strides.append(torch.full((size * size, 1), stride))
        self.register_buffer('anchors', torch.cat(anchors).transpose(0, 1).unsqueeze(0))
        self.register_buffer('strides', torch.cat(strides).transpose(0, 1))

    def forward(self, x):
        p3 = self.p3(self.stem(x))
        p4 = self.p4(p3)
        p3 = self.top_down(torch.cat([F.interpolate(p4, scale_factor=2.0, mode='nearest'), p3], 1))
        levels = [torch.cat((box(p), score(p)), 1) for p, box, score in zip((p3, p4), self.boxes, self.scores_of)]
        b = levels[0].shape[0]
        both = torch.cat([level.view(b, 4 * self.bins + self.classes, -1) for level in levels], 2)
        box, score = both.split((4 * self.bins, self.classes), 1)
        a = box.shape[-1]
        distances = self.dfl(box.view(b, 4, self.bins, a).transpose(2, 1).softmax(1)).view(b, 4, a)
        left, right = distances.chunk(2, 1)
        low, high = self.anchors - left, self.anchors + right
        boxes = torch.cat(((low + high) / 2, high - low), 1) * self.strides
        return torch.cat((boxes, score.sigmoid()), 1)


@net('yolov5_focus', opset=12, tolerance=5e-5)
class YOLOv5Cls(nn.Module):
    """The first YOLOv5: Focus by strided slices, CSP blocks with three convolutions, SPP of three sizes."""

    def __init__(self):
        super().__init__()
        act = nn.SiLU
        self.focus, self.down = conv_norm(12, 12, 3, act=act), conv_norm(12, 16, 3, 2, act=act)
        self.left, self.right, self.fuse = (
            conv_norm(16, 8, act=act),
            conv_norm(16, 8, act=act),
            conv_norm(16, 16, act=act),
        )
        self.chain = Residual(nn.Sequential(conv_norm(8, 8, act=act), conv_norm(8, 8, 3, act=act)))
        self.before, self.after = conv_norm(16, 8, act=act), conv_norm(32, 24, act=act)
        self.pools = nn.ModuleList([nn.MaxPool2d(k, 1, k // 2) for k in (5, 9, 13)])
        self.head = classifier(24)

    def forward(self, x):
        x = torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)
        x = self.down(self.focus(x))
        x = self.fuse(torch.cat((self.chain(self.left(x)), self.right(x)), 1))
        x = self.before(x)
        return self.head(self.after(torch.cat([x, *(pool(x) for pool in self.pools)], 1)))


@net('fpn_pan', opset=13)
class FeaturePyramid(nn.Module):
    """Lateral sums downwards by Upsample to a size, upwards by strided convolutions; a head on all levels' means."""

    def __init__(self):
        super().__init__()
        self.c = nn.ModuleList([conv_norm(3, 8, 3, 2), conv_norm(8, 12, 3, 2), conv_norm(12, 16, 3, 2)])
        self.lateral = nn.ModuleList([nn.Conv2d(i, 12, 1) for i in (8, 12, 16)])
        self.smooth = nn.ModuleList([nn.Conv2d(12, 12, 3, padding=1) for _ in range(3)])
        self.up, self.fc = conv_norm(12, 12, 3, 2), nn.Linear(36, CLASSES)

    def forward(self, x):
        levels = []
        for stage in self.c:
            x = stage(x)
            levels.append(x)
        tops = [self.lateral[2](levels[2])]
        for k in (1, 0):
            tops.insert(
                0, self.lateral[k](levels[k]) + F.interpolate(tops[0], size=levels[k].shape[-2:], mode='nearest')
            )
        tops = [F.relu(smooth(t)) for smooth, t in zip(self.smooth, tops)]
        tops[1] = tops[1] + self.up(tops[0])
        return self.fc(torch.cat([torch.flatten(F.adaptive_avg_pool2d(t, 1), 1) for t in tops], 1))


@net('psp_pool', opset=11, place=(0, 3, 4), free=False)
class PyramidPooling(nn.Module):
    """Means over 1×1, 2×2 and 4×4 parts of the picture, enlarged with aligned corners."""

    def __init__(self):
        super().__init__()
        self.body = features(16)
        self.stages = nn.ModuleList([nn.Sequential(nn.AdaptiveAvgPool2d(k), conv_norm(16, 4)) for k in (1, 2, 4)])
        self.last = nn.Sequential(conv_norm(28, 12, 3), nn.Conv2d(12, 3, 1))

    def forward(self, x):
        x = self.body(x)
        pooled = [
            F.interpolate(stage(x), size=x.shape[2:], mode='bilinear', align_corners=True) for stage in self.stages
        ]
        return self.last(torch.cat([x, *pooled], 1))
