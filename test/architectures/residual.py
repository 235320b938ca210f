"""ResNet and what became of it: grouped, split, attended, re-parametrised, normalised otherwise, fused over scales."""
import torch
from torch import nn
from torch.nn import functional as F

from common import CLASSES, Residual, SqueezeExcite, classifier, conv_norm, net


def bottleneck(i, width, o, s=1, groups=1, after=None, shortcut=None, middle=None):
    """1×1, 3×3, 1×1; `after` makes the attention on its result, `middle` another 3×3."""
    body = [
        conv_norm(i, width),
        middle(width, s) if middle else conv_norm(width, width, 3, s, groups),
        conv_norm(width, o, act=None),
    ]
    if after:
        body.append(after(o))
    if shortcut is None and (s > 1 or i != o):
        shortcut = conv_norm(i, o, 1, s, act=None)
    return Residual(nn.Sequential(*body), shortcut, nn.ReLU())


def resnet(block, stem=None):
    """A stem, three blocks in two stages, the mean and a linear layer."""
    stem = stem or nn.Sequential(conv_norm(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1))
    return nn.Sequential(
        stem, block(8, 8, 16, 1), block(16, 12, 24, 2), block(24, 12, 24, 1), classifier(24, dropout=False)
    )


net('resnext50', opset=11)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, groups=4)))
net('wide_resnet50', opset=15, free=False)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w + w // 2, o, s)))
net('se_resnet50', opset=10)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, after=LinearExcite)))
net('resnet50_d', opset=13)(
    lambda: resnet(
        deep_block, nn.Sequential(conv_norm(3, 6, 3, 2), conv_norm(6, 6, 3), conv_norm(6, 8, 3), nn.MaxPool2d(3, 2, 1))
    )
)
net('cbam_resnet50', opset=12)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, after=CBAM)))
net('bam_resnet50', opset=13)(lambda: resnet(lambda i, w, o, s: nn.Sequential(bottleneck(i, w, o, s), BAM(o))))
net('eca_resnet50', opset=13)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, after=ECA)))
net('sknet50', opset=13, tolerance=5e-5)(
    lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, middle=SelectiveKernel))
)
net('resnest50', opset=11, tolerance=5e-5)(
    lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, middle=SplitAttention))
)
net('res2net50', opset=12)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, middle=Res2)))
net('coordatt_resnet50', opset=14)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, after=CoordAttention)))
net('non_local_resnet50', opset=13, tolerance=5e-5)(
    lambda: resnet(lambda i, w, o, s: nn.Sequential(bottleneck(i, w, o, s), NonLocal(o)))
)
net('gcnet50', opset=16, tolerance=5e-5)(
    lambda: resnet(lambda i, w, o, s: nn.Sequential(bottleneck(i, w, o, s), GlobalContext(o)))
)
net('triplet_resnet50', opset=11)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, after=lambda _: Triplet())))
net('ibn_resnet50', opset=13)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, middle=InstanceBatch)))
net('blurpool_resnet50', opset=10)(lambda: resnet(lambda i, w, o, s: bottleneck(i, w, o, s, middle=Blurred)))
net('regnet_x', opset=9)(lambda: resnet(lambda i, w, o, s: bottleneck(i, o, o, s, groups=o // 4)))
net('regnet_y', opset=14)(
    lambda: resnet(
        lambda i, w, o, s: bottleneck(
            i, o, o, s, middle=lambda w, s: nn.Sequential(conv_norm(w, w, 3, s, w // 4), SqueezeExcite(w, 4))
        )
    )
)


class LinearExcite(nn.Module):
    """Excitation by linear layers and views, as the first ports had it."""

    def __init__(self, channels):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, 4, bias=False), nn.ReLU(inplace=True), nn.Linear(4, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, x):
        b, c, _, _ = x.size()
        return x * self.fc(self.pool(x).view(b, c)).view(b, c, 1, 1).expand_as(x)


def deep_block(i, w, o, s):
    shortcut = None
    if s > 1 or i != o:
        pool = nn.AvgPool2d(2, s, ceil_mode=True, count_include_pad=False) if s > 1 else nn.Identity()
        shortcut = nn.Sequential(pool, conv_norm(i, o, act=None))
    return bottleneck(i, w, o, s, shortcut=shortcut)


class CBAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, 4, 1, bias=False), nn.ReLU(), nn.Conv2d(4, channels, 1, bias=False)
        )
        self.space = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        x = x * torch.sigmoid(self.mlp(F.adaptive_avg_pool2d(x, 1)) + self.mlp(F.adaptive_max_pool2d(x, 1)))
        mean, largest = torch.mean(x, 1, keepdim=True), torch.max(x, 1, keepdim=True)[0]
        return x * torch.sigmoid(self.space(torch.cat([mean, largest], 1)))


class BAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.channel = nn.Sequential(
            nn.Flatten(), nn.Linear(channels, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, channels)
        )
        self.space = nn.Sequential(
            conv_norm(channels, 4),
            nn.Sequential(nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.BatchNorm2d(4), nn.ReLU()),
            nn.Conv2d(4, 1, 1),
        )

    def forward(self, x):
        pooled = F.avg_pool2d(x, int(x.size(2)), stride=int(x.size(2)))
        c = self.channel(pooled).unsqueeze(2).unsqueeze(3).expand_as(x)
        return x * (1 + torch.sigmoid(c * self.space(x).expand_as(x)))


class ECA(nn.Module):
    """A convolution along the channels: [N, C, 1, 1] turned to [N, 1, C] and back."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x):
        y = F.adaptive_avg_pool2d(x, 1)
        y = self.conv(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * torch.sigmoid(y).expand_as(x)


class SelectiveKernel(nn.Module):
    def __init__(self, width, s):
        super().__init__()
        dilated = nn.Sequential(
            nn.Conv2d(width, width, 3, s, 2, dilation=2, groups=4, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.branches = nn.ModuleList([conv_norm(width, width, 3, s, 4), dilated])
        self.squeeze = nn.Sequential(nn.Linear(width, 6), nn.ReLU())
        self.select = nn.ModuleList([nn.Linear(6, width), nn.Linear(6, width)])

    def forward(self, x):
        features = torch.stack([branch(x) for branch in self.branches], 1)
        z = self.squeeze(features.sum(1).mean(-1).mean(-1))
        weights = torch.softmax(torch.stack([fc(z) for fc in self.select], 1), 1).unsqueeze(-1).unsqueeze(-1)
        return (features * weights).sum(1)


class SplitAttention(nn.Module):
    """Of ResNeSt: radix 2, cardinality 2, the soft-max over the radix."""

    def __init__(self, width, s):
        super().__init__()
        self.width, self.cardinality = width, 2
        self.conv = conv_norm(width, 2 * width, 3, 1, 4)
        self.fc1, self.norm, self.fc2 = (
            nn.Conv2d(width, 8, 1, groups=2),
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 2 * width, 1, groups=2),
        )
        self.pool = nn.AvgPool2d(3, s, 1) if s > 1 else nn.Identity()

    def forward(self, x):
        x = self.conv(x)
        batch = x.size(0)
        splits = torch.split(x, self.width, dim=1)
        gap = F.adaptive_avg_pool2d(sum(splits), 1)
        attention = self.fc2(F.relu(self.norm(self.fc1(gap))))
        attention = F.softmax(attention.view(batch, self.cardinality, 2, -1).transpose(1, 2), dim=1).reshape(batch, -1)
        attentions = torch.split(attention.view(batch, -1, 1, 1), self.width, dim=1)
        return self.pool(sum(a * y for a, y in zip(attentions, splits)))


class Res2(nn.Module):
    def __init__(self, width, s):
        super().__init__()
        self.part = width // 4
        self.convs = nn.ModuleList([conv_norm(self.part, self.part, 3, s) for _ in range(3)])
        self.pool = nn.AvgPool2d(3, s, 1) if s > 1 else None

    def forward(self, x):
        parts = torch.split(x, self.part, 1)
        outs, y = [], None
        for k, conv in enumerate(self.convs):
            y = conv(parts[k] if y is None or self.pool else y + parts[k])
            outs.append(y)
        return torch.cat([*outs, self.pool(parts[3]) if self.pool else parts[3]], 1)


class CoordAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.squeeze = conv_norm(channels, 8, act=nn.Hardswish)
        self.tall, self.wide = nn.Conv2d(8, channels, 1), nn.Conv2d(8, channels, 1)

    def forward(self, x):
        _, _, h, w = x.size()
        rows = F.adaptive_avg_pool2d(x, (h, 1)) if not torch.onnx.is_in_onnx_export() else x.mean(3, keepdim=True)
        columns = (
            F.adaptive_avg_pool2d(x, (1, w)) if not torch.onnx.is_in_onnx_export() else x.mean(2, keepdim=True)
        ).permute(0, 1, 3, 2)
        y = self.squeeze(torch.cat([rows, columns], dim=2))
        rows, columns = torch.split(y, [h, w], dim=2)
        return x * self.wide(columns.permute(0, 1, 3, 2)).sigmoid() * self.tall(rows).sigmoid()


class NonLocal(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.inner = channels // 2
        self.theta, self.phi, self.g = (nn.Conv2d(channels, self.inner, 1) for _ in range(3))
        self.out = nn.Sequential(nn.Conv2d(self.inner, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, x):
        n = x.size(0)
        theta = self.theta(x).view(n, self.inner, -1).permute(0, 2, 1)
        phi = F.max_pool2d(self.phi(x), 2).view(n, self.inner, -1)
        g = F.max_pool2d(self.g(x), 2).view(n, self.inner, -1).permute(0, 2, 1)
        y = (
            torch.matmul(F.softmax(torch.matmul(theta, phi) * self.inner**-0.5, dim=-1), g)
            .permute(0, 2, 1)
            .contiguous()
        )
        return x + self.out(y.view(n, self.inner, *x.size()[2:]))


class GlobalContext(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.mask = nn.Conv2d(channels, 1, 1)
        self.transform = nn.Sequential(
            nn.Conv2d(channels, 6, 1), nn.LayerNorm([6, 1, 1]), nn.ReLU(inplace=True), nn.Conv2d(6, channels, 1)
        )

    def forward(self, x):
        n, c, h, w = x.size()
        mask = torch.softmax(self.mask(x).view(n, 1, h * w), 2).unsqueeze(-1)
        context = torch.matmul(x.view(n, c, h * w).unsqueeze(1), mask).view(n, c, 1, 1)
        return x + self.transform(context)


class Triplet(nn.Module):
    """Attention between each two of channels, rows and columns, by turning the axes."""

    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = conv_norm(2, 1, 7, act=None)

        def forward(self, x):
            pooled = torch.cat((torch.max(x, 1)[0].unsqueeze(1), torch.mean(x, 1).unsqueeze(1)), dim=1)
            return x * torch.sigmoid_(self.conv(pooled))

    def __init__(self):
        super().__init__()
        self.cw, self.hc, self.hw = self.Gate(), self.Gate(), self.Gate()

    def forward(self, x):
        a = self.cw(x.permute(0, 2, 1, 3).contiguous()).permute(0, 2, 1, 3).contiguous()
        b = self.hc(x.permute(0, 3, 2, 1).contiguous()).permute(0, 3, 2, 1).contiguous()
        return 1 / 3 * (self.hw(x) + a + b)


class InstanceBatch(nn.Module):
    def __init__(self, width, s):
        super().__init__()
        self.half = width // 2
        self.conv = nn.Conv2d(width, width, 3, s, 1, bias=False)
        self.instance, self.batch = nn.InstanceNorm2d(self.half, affine=True), nn.BatchNorm2d(width - self.half)

    def forward(self, x):
        a, b = torch.split(self.conv(x), [self.half, self.conv.out_channels - self.half], 1)
        return F.relu(torch.cat((self.instance(a.contiguous()), self.batch(b.contiguous())), 1))


class Blurred(nn.Module):
    """Anti-aliased: stride one, then a fixed binomial filter on a reflected border."""

    def __init__(self, width, s):
        super().__init__()
        self.conv, self.s, self.width = conv_norm(width, width, 3), s, width
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer('filter', (row[:, None] * row[None, :])[None, None].repeat(width, 1, 1, 1))
        self.pad = nn.ReflectionPad2d([1, 2, 1, 2])

    def forward(self, x):
        x = self.conv(x)
        return F.conv2d(self.pad(x), self.filter, stride=self.s, groups=self.width) if self.s > 1 else x


# ── other normalisations ──


class StandardConv(nn.Conv2d):
    """Weight standardisation: the file computes it from the constants."""

    def forward(self, x):
        w = self.weight
        mean, var = w.mean([1, 2, 3], keepdim=True), w.var([1, 2, 3], keepdim=True, unbiased=False)
        return F.conv2d(
            x, (w - mean) / torch.sqrt(var + 1e-10), self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class BiT(nn.Module):
    """ResNet-v2 with GroupNorm before every convolution."""

    class Block(nn.Module):
        def __init__(self, i, w, o, s):
            super().__init__()
            self.norms = nn.ModuleList([nn.GroupNorm(4, c) for c in (i, w, w)])
            self.convs = nn.ModuleList(
                [
                    StandardConv(i, w, 1, bias=False),
                    StandardConv(w, w, 3, s, 1, bias=False),
                    StandardConv(w, o, 1, bias=False),
                ]
            )
            self.down = StandardConv(i, o, 1, s, bias=False) if s > 1 or i != o else None

        def forward(self, x):
            first = F.relu(self.norms[0](x))
            y = self.convs[0](first)
            for norm, conv in list(zip(self.norms, self.convs))[1:]:
                y = conv(F.relu(norm(y)))
            return y / 4 + (self.down(first) if self.down is not None else x)

    def __init__(self):
        super().__init__()
        self.root = nn.Sequential(StandardConv(3, 8, 7, 2, 3, bias=False), nn.ConstantPad2d(1, 0), nn.MaxPool2d(3, 2))
        self.blocks = nn.Sequential(self.Block(8, 8, 16, 1), self.Block(16, 12, 24, 2))
        self.head = nn.Sequential(nn.GroupNorm(4, 24), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(24, CLASSES, 1))

    def forward(self, x):
        return self.head(self.blocks(self.root(x)))[..., 0, 0]


net('bit_resnet', opset=11)(BiT)
net('bit_resnet_folded', opset=21, free=False)(BiT)


class ScaledConv(nn.Conv2d):
    """NFNet's standardisation, with a gain, and the fan inside."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.gain = nn.Parameter(torch.ones(self.out_channels, 1, 1, 1))
        self.scale = self.weight[0].numel() ** -0.5

    def standardised(self):
        mean, var = self.weight.mean((1, 2, 3), keepdim=True), self.weight.var((1, 2, 3), keepdim=True, unbiased=False)
        return self.scale * self.gain * (self.weight - mean) / torch.sqrt(var + 1e-5)

    def forward(self, x):
        return F.conv2d(x, self.standardised(), self.bias, self.stride, self.padding, self.dilation, self.groups)


class NormedConv(ScaledConv):
    """The same by a batch-norm of the weights, as timm has it."""

    def standardised(self):
        return F.batch_norm(
            self.weight.reshape(1, self.out_channels, -1),
            None,
            None,
            weight=(self.gain * self.scale).view(-1),
            training=True,
            momentum=0.0,
            eps=1e-5,
        ).reshape_as(self.weight)


class NFNet(nn.Module):
    class Block(nn.Module):
        def __init__(self, i, o, s, beta, conv):
            super().__init__()
            self.beta = beta
            self.convs = nn.ModuleList([conv(i, 12, 1), conv(12, 12, 3, s, 1, groups=3), conv(12, o, 1)])
            self.shortcut = (
                nn.Sequential(nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False), conv(i, o, 1))
                if s > 1
                else None
            )
            self.excite, self.gain = SqueezeExcite(o, 4), nn.Parameter(torch.tensor(0.6))

        def forward(self, x):
            gelu = lambda v: F.gelu(v) * 1.7015043497085571
            y = gelu(x) * self.beta
            side = self.shortcut(y) if self.shortcut is not None else x
            y = self.convs[2](gelu(self.convs[1](gelu(self.convs[0](y)))))
            return 2.0 * self.excite(y) * self.gain * 0.2 + side

    def __init__(self, conv=ScaledConv):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 8, 3, 2, 1), nn.GELU(), conv(8, 16, 3, 2, 1))
        self.blocks = nn.Sequential(self.Block(16, 24, 2, 1.0, conv), self.Block(24, 24, 1, 0.98, conv))
        self.last, self.fc = conv(24, 40, 1), nn.Linear(40, CLASSES)

    def forward(self, x):
        x = F.gelu(self.last(self.blocks(self.stem(x)))) * 1.7015043497085571
        return self.fc(x.mean((2, 3)))


net('nfnet', opset=13, tolerance=5e-5)(NFNet)
net('nfnet_batch_norm', opset=13, tolerance=5e-5)(lambda: NFNet(NormedConv))
net('nfnet_gelu', opset=20, tolerance=5e-5)(NFNet)


# ── re-parametrised ──


class RepBlock(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.wide, self.narrow = conv_norm(i, o, 3, s, act=None), conv_norm(i, o, 1, s, act=None)
        self.identity = nn.BatchNorm2d(i) if s == 1 and i == o else None

    def forward(self, x):
        same = 0 if self.identity is None else self.identity(x)
        return F.relu(self.wide(x) + self.narrow(x) + same)


@net('repvgg_branches', opset=13, keep_norm=True)
def repvgg_branches():
    return nn.Sequential(
        RepBlock(3, 8, 2), RepBlock(8, 16, 2), RepBlock(16, 16, 1), RepBlock(16, 24, 2), classifier(24)
    )


@net('repvgg_deployed', opset=9, free=False)
def repvgg_deployed():
    block = lambda i, o, s: nn.Sequential(nn.Conv2d(i, o, 3, s, 1), nn.ReLU())
    return nn.Sequential(
        block(3, 8, 2), block(8, 16, 2), block(16, 16, 1), block(16, 24, 2), block(24, 24, 1), classifier(24)
    )


# ── aggregated and multi-scale ──


@net('cspdarknet_mish', opset=12, tolerance=5e-5)
class CSPDarknet(nn.Module):
    """YOLOv4's backbone: cross-stage partial blocks with Mish as x · tanh(softplus(x))."""

    class Mish(nn.Module):
        def forward(self, x):
            return x * torch.tanh(F.softplus(x))

    class Stage(nn.Module):
        def __init__(self, i, o, act):
            super().__init__()
            half = o // 2
            self.down, self.left, self.right = (
                conv_norm(i, o, 3, 2, act=act),
                conv_norm(o, half, act=act),
                conv_norm(o, half, act=act),
            )
            self.blocks = Residual(nn.Sequential(conv_norm(half, half, act=act), conv_norm(half, half, 3, act=act)))
            self.merge, self.fuse = conv_norm(half, half, act=act), conv_norm(o, o, act=act)

        def forward(self, x):
            x = self.down(x)
            return self.fuse(torch.cat([self.merge(self.blocks(self.right(x))), self.left(x)], 1))

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(3, 8, 3, act=self.Mish),
            self.Stage(8, 12, self.Mish),
            self.Stage(12, 16, self.Mish),
            self.Stage(16, 24, self.Mish),
        )
        self.head = classifier(24)

    def forward(self, x):
        return self.head(self.body(x))


@net('darknet53', opset=9, free=False)
class Darknet53(nn.Sequential):
    def __init__(self):
        act = lambda: nn.LeakyReLU(0.1, inplace=True)
        block = lambda c: Residual(nn.Sequential(conv_norm(c, c // 2, act=act), conv_norm(c // 2, c, 3, act=act)))
        super().__init__(
            conv_norm(3, 8, 3, act=act),
            conv_norm(8, 12, 3, 2, act=act),
            block(12),
            conv_norm(12, 16, 3, 2, act=act),
            block(16),
            block(16),
            conv_norm(16, 24, 3, 2, act=act),
            block(24),
            classifier(24),
        )


@net('vovnet', opset=13)
class VoVNet(nn.Module):
    """One-shot aggregation, with effective squeeze and excitation."""

    class Stage(nn.Module):
        def __init__(self, i, width, o):
            super().__init__()
            self.layers = nn.ModuleList([conv_norm(i if k == 0 else width, width, 3) for k in range(3)])
            self.concat, self.excite = conv_norm(i + 3 * width, o), nn.Conv2d(o, o, 1)

        def forward(self, x):
            outs = [x]
            for layer in self.layers:
                outs.append(layer(outs[-1]))
            y = self.concat(torch.cat(outs, 1))
            return y * F.hardsigmoid(self.excite(y.mean((2, 3), keepdim=True)))

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(3, 8, 3, 2), self.Stage(8, 6, 16), nn.MaxPool2d(3, 2, ceil_mode=True), self.Stage(16, 8, 24)
        )
        self.head = classifier(24)

    def forward(self, x):
        return self.head(self.body(x))


@net('dpn', opset=11)
class DualPath(nn.Module):
    """Half of a block's output is added, half is appended."""

    class Block(nn.Module):
        def __init__(self, i, kept, more):
            super().__init__()
            self.kept = kept
            self.body = nn.Sequential(
                nn.BatchNorm2d(i),
                nn.ReLU(),
                nn.Conv2d(i, 12, 1, bias=False),
                nn.BatchNorm2d(12),
                nn.ReLU(),
                nn.Conv2d(12, 12, 3, padding=1, groups=4, bias=False),
                nn.BatchNorm2d(12),
                nn.ReLU(),
                nn.Conv2d(12, kept + more, 1, bias=False),
            )

        def forward(self, x):
            x, path = x
            y = self.body(torch.cat([x, path], 1))
            return x + y[:, : self.kept], torch.cat([path, y[:, self.kept :]], 1)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 16, 3, 2), nn.MaxPool2d(3, 2, 1))
        self.blocks = nn.ModuleList([self.Block(16, 12, 4), self.Block(20, 12, 4), self.Block(24, 12, 4)])
        self.last, self.fc = nn.BatchNorm2d(28), nn.Conv2d(28, CLASSES, 1)

    def forward(self, x):
        x = self.stem(x)
        pair = (x[:, :12], x[:, 12:])
        for block in self.blocks:
            pair = block(pair)
        x = F.relu(self.last(torch.cat(pair, 1)))
        return self.fc(F.adaptive_avg_pool2d(x, 1)).flatten(1)


@net('dla34', opset=13)
class DLA(nn.Module):
    """Deep layer aggregation: a tree of two basic blocks and the node that joins them."""

    class Tree(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            basic = lambda a, s: Residual(
                nn.Sequential(conv_norm(a, o, 3, s), conv_norm(o, o, 3, act=None)),
                nn.Sequential(*([nn.MaxPool2d(2)] if s > 1 else []), *([conv_norm(a, o, act=None)] if a != o else [])),
                nn.ReLU(),
            )
            self.first, self.second, self.root = basic(i, 2), basic(o, 1), conv_norm(2 * o, o)

        def forward(self, x):
            a = self.first(x)
            return self.root(torch.cat([self.second(a), a], 1))

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv_norm(3, 8, 7), self.Tree(8, 10), self.Tree(10, 14))
        self.fc = nn.Conv2d(14, CLASSES, 1)

    def forward(self, x):
        return self.fc(self.body(x).mean((2, 3), keepdim=True)).flatten(1)


@net('hrnet', opset=11, fold=False)
class HRNet(nn.Module):
    """Parallel resolutions that are fused: upsampled by nearest neighbours, downsampled by strided convolutions."""

    class Fuse(nn.Module):
        def __init__(self, widths):
            super().__init__()
            self.branches = nn.ModuleList(
                [
                    Residual(nn.Sequential(conv_norm(c, c, 3), conv_norm(c, c, 3, act=None)), act=nn.ReLU())
                    for c in widths
                ]
            )
            rows = []
            for i, o in enumerate(widths):
                row = []
                for j, c in enumerate(widths):
                    if j > i:
                        row.append(
                            nn.Sequential(
                                conv_norm(c, o, act=None), nn.Upsample(scale_factor=2 ** (j - i), mode='nearest')
                            )
                        )
                    elif j == i:
                        row.append(nn.Identity())
                    else:
                        steps = [conv_norm(c, c, 3, 2) for _ in range(i - j - 1)]
                        row.append(nn.Sequential(*steps, conv_norm(c, o, 3, 2, act=None)))
                rows.append(nn.ModuleList(row))
            self.rows = nn.ModuleList(rows)

        def forward(self, xs):
            xs = [branch(x) for branch, x in zip(self.branches, xs)]
            outs = []
            for row in self.rows:
                y = row[0](xs[0])
                for layer, x in zip(list(row)[1:], xs[1:]):
                    y = y + layer(x)
                outs.append(F.relu(y))
            return outs

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 8, 3, 2), conv_norm(8, 6, 3))
        self.down1, self.fuse1 = conv_norm(6, 8, 3, 2), self.Fuse([6, 8])
        self.down2, self.fuse2 = conv_norm(8, 12, 3, 2), self.Fuse([6, 8, 12])
        self.increase = nn.ModuleList([conv_norm(c, 20, act=nn.ReLU) for c in (6, 8, 12)])
        self.reduce = nn.ModuleList([conv_norm(20, 20, 3, 2) for _ in range(2)])
        self.head = classifier(20)

    def forward(self, x):
        x = self.stem(x)
        xs = self.fuse1([x, self.down1(x)])
        xs = self.fuse2([*xs, self.down2(xs[1])])
        y = self.increase[0](xs[0])
        for k in range(2):
            y = self.increase[k + 1](xs[k + 1]) + self.reduce[k](y)
        return self.head(y)


@net('pyconv_hsnet', opset=17)
class PyramidConv(nn.Module):
    """Pyramidal convolution: kernels of several sizes and groups side by side, then a tied maximum of two planes."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 12, 7, 2), nn.MaxPool2d(3, 2, 1))
        self.convs = nn.ModuleList(
            [nn.Conv2d(12, 6, k, padding=k // 2, groups=g, bias=False) for k, g in ((3, 1), (5, 2), (7, 3), (9, 6))]
        )
        self.norm, self.condition = nn.BatchNorm2d(24), nn.Sequential(
            nn.Conv2d(24, 24, 3, padding=1, groups=24), nn.BatchNorm2d(24)
        )
        self.head = classifier(24)

    def forward(self, x):
        x = self.stem(x)
        x = self.norm(torch.cat([conv(x) for conv in self.convs], 1))
        return self.head(torch.max(x, self.condition(x)))  # FReLU
