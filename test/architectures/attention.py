"""Nets with attention or with the layout of nets with attention: ViT and its kin, Swin, mixers, ConvNeXt."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from common import CLASSES, LayerNorm2d, Residual, classifier, conv_norm, net

EXP = 5e-5


class Attention(nn.Module):
    """timm's: one linear layer for queries, keys and values, a five-dimensional reshape, unbind."""

    def __init__(self, dim, heads=2):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        attention = ((q * self.scale) @ k.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((attention @ v).transpose(1, 2).reshape(b, n, c))


def mlp(dim, hidden, act=nn.GELU):
    return nn.Sequential(nn.Linear(dim, hidden), act(), nn.Dropout(0.1), nn.Linear(hidden, dim))


def encoder(dim, attention=Attention, act=nn.GELU):
    return nn.Sequential(
        Residual(nn.Sequential(nn.LayerNorm(dim), attention(dim))),
        Residual(nn.Sequential(nn.LayerNorm(dim), mlp(dim, 2 * dim, act))),
    )


class ViT(nn.Module):
    """As timm writes it; `tokens` is two where a distillation token stands beside the class token."""

    def __init__(self, tokens=1, attention=Attention, dim=16):
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 8, 8)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.dist = nn.Parameter(torch.zeros(1, 1, dim)) if tokens == 2 else None
        self.position = nn.Parameter(torch.zeros(1, 16 + tokens, dim))
        self.blocks, self.norm = nn.Sequential(encoder(dim, attention), encoder(dim, attention)), nn.LayerNorm(dim)
        self.head, self.head_dist = nn.Linear(dim, CLASSES), nn.Linear(dim, CLASSES) if tokens == 2 else None

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        tokens = [self.cls] if self.dist is None else [self.cls, self.dist]
        x = torch.cat([*(token.expand(x.shape[0], -1, -1) for token in tokens), x], dim=1) + self.position
        x = self.norm(self.blocks(x))
        if self.dist is None:
            return self.head(x[:, 0])
        return (self.head(x[:, 0]) + self.head_dist(x[:, 1])) / 2


net('vit_tiny', opset=13, tolerance=EXP)(ViT)
net('vit_tiny_gelu', opset=20, tolerance=EXP)(ViT)
net('deit_tiny', opset=14, tolerance=EXP)(lambda: ViT(tokens=2))


class TorchAttention(nn.MultiheadAttention):
    def __init__(self, dim):
        super().__init__(dim, 2, batch_first=True)

    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]

    def train(self, mode=True):
        """Never in evaluation: its fast path is one operator of PyTorch's own. Nothing in it depends on the mode."""
        return super().train(True)


class SequenceFirst(nn.MultiheadAttention):
    def __init__(self, dim):
        super().__init__(dim, 2)

    def forward(self, x):
        x = x.transpose(0, 1)
        return super().forward(x, x, x, need_weights=False)[0].transpose(0, 1)


net('vit_torchvision', opset=17, tolerance=EXP)(lambda: ViT(attention=TorchAttention))
net('vit_sequence_first', opset=12, free=False, tolerance=EXP)(lambda: ViT(attention=SequenceFirst))


class SplitHeads(nn.Module):
    """Hugging Face's: three linear layers, views with -1, scores divided by a root, a context that is viewed back."""

    def __init__(self, dim, heads=2):
        super().__init__()
        self.heads, self.size = heads, dim // heads
        self.query, self.key, self.value, self.dense = (nn.Linear(dim, dim) for _ in range(4))

    def turned(self, x):
        return x.view(x.size()[:-1] + (self.heads, self.size)).permute(0, 2, 1, 3)

    def forward(self, x):
        q, k, v = self.turned(self.query(x)), self.turned(self.key(x)), self.turned(self.value(x))
        probabilities = F.softmax(torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(self.size), dim=-1)
        context = torch.matmul(probabilities, v).permute(0, 2, 1, 3).contiguous()
        return self.dense(context.view(context.size()[:-2] + (self.heads * self.size,)))


net('vit_huggingface', opset=11, fold=False, tolerance=EXP)(lambda: ViT(attention=SplitHeads))


class CrossCovariance(nn.Module):
    """XCiT: attention between channels, of queries and keys with unit norm, and a temperature."""

    def __init__(self, dim, heads=2):
        super().__init__()
        self.heads, self.temperature = heads, nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 4, 1).unbind(0)
        attention = (F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * self.temperature).softmax(
            dim=-1
        )
        return self.proj((attention @ v).permute(0, 3, 1, 2).reshape(b, n, c))


net('xcit', opset=13, tolerance=EXP)(lambda: ViT(attention=CrossCovariance))


class CaiT(nn.Module):
    """Layer scale, talking heads, and a class token that joins late and alone asks."""

    class Talking(Attention):
        def __init__(self, dim):
            super().__init__(dim)
            self.before, self.after = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            b, n, c = x.shape
            qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
            q, k, v = qkv[0] * self.scale, qkv[1], qkv[2]
            attention = self.before((q @ k.transpose(-2, -1)).permute(0, 2, 3, 1)).permute(0, 3, 1, 2).softmax(dim=-1)
            attention = self.after(attention.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            return self.proj((attention @ v).transpose(1, 2).reshape(b, n, c))

    class ClassAttention(nn.Module):
        def __init__(self, dim, heads=2):
            super().__init__()
            self.heads, self.scale = heads, (dim // heads) ** -0.5
            self.q, self.k, self.v, self.proj = (nn.Linear(dim, dim) for _ in range(4))

        def forward(self, x):
            b, n, c = x.shape
            split = lambda y: y.reshape(b, -1, self.heads, c // self.heads).permute(0, 2, 1, 3)
            q, k, v = split(self.q(x[:, 0]).unsqueeze(1)) * self.scale, split(self.k(x)), split(self.v(x))
            return self.proj(((q @ k.transpose(-2, -1)).softmax(dim=-1) @ v).transpose(1, 2).reshape(b, 1, c))

    def __init__(self, dim=16):
        super().__init__()
        self.patch, self.cls = nn.Conv2d(3, dim, 8, 8), nn.Parameter(torch.zeros(1, 1, dim))
        self.position = nn.Parameter(torch.zeros(1, 16, dim))
        self.norms = nn.ModuleList([nn.LayerNorm(dim) for _ in range(5)])
        self.gammas = nn.ParameterList([nn.Parameter(torch.full((dim,), 0.6)) for _ in range(4)])
        self.attention, self.mlp, self.ask, self.mlp_cls = (
            self.Talking(dim),
            mlp(dim, 32),
            self.ClassAttention(dim),
            mlp(dim, 32),
        )
        self.head = nn.Linear(dim, CLASSES)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2) + self.position
        x = x + self.gammas[0] * self.attention(self.norms[0](x))
        x = x + self.gammas[1] * self.mlp(self.norms[1](x))
        cls = self.cls.expand(x.shape[0], -1, -1)
        u = torch.cat((cls, x), dim=1)
        cls = cls + self.gammas[2] * self.ask(self.norms[2](u))
        cls = cls + self.gammas[3] * self.mlp_cls(self.norms[3](cls))
        return self.head(self.norms[4](torch.cat((cls, x), dim=1))[:, 0])


net('cait', opset=13, tolerance=EXP)(CaiT)


# ── windows ──


def partition(x, w):
    b, h, v, c = x.shape
    return x.view(b, h // w, w, v // w, w, c).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, w * w, c)


def reverse(windows, w, h, v):
    b = int(windows.shape[0] / (h * v / w / w))
    return windows.view(b, h // w, v // w, w, w, -1).permute(0, 1, 3, 2, 4, 5).contiguous().view(b, h, v, -1)


def relative_index(w):
    coordinates = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(w), indexing='ij')).flatten(1)
    relative = (coordinates[:, :, None] - coordinates[:, None, :]).permute(1, 2, 0) + w - 1
    return relative[:, :, 0] * (2 * w - 1) + relative[:, :, 1]


class WindowAttention(nn.Module):
    def __init__(self, dim, w, heads=2):
        super().__init__()
        self.heads, self.scale, self.n = heads, (dim // heads) ** -0.5, w * w
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.table = nn.Parameter(torch.zeros((2 * w - 1) ** 2, heads))
        self.register_buffer('index', relative_index(w))

    def bias(self):
        return self.table[self.index.view(-1)].view(self.n, self.n, -1).permute(2, 0, 1).contiguous().unsqueeze(0)

    def products(self, q, k):
        return (q * self.scale) @ k.transpose(-2, -1)

    def forward(self, x, mask=None):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        attention = self.products(qkv[0], qkv[1]) + self.bias()
        if mask is not None:
            windows = mask.shape[0]
            attention = attention.view(b // windows, windows, self.heads, n, n) + mask.unsqueeze(1).unsqueeze(0)
            attention = attention.view(-1, self.heads, n, n)
        return self.proj((F.softmax(attention, dim=-1) @ qkv[2]).transpose(1, 2).reshape(b, n, c))


class CosineWindowAttention(WindowAttention):
    """Swin V2: cosine attention with a clamped temperature, and a bias by a small net of log-spaced coordinates."""

    def __init__(self, dim, w, heads=2):
        super().__init__(dim, w, heads)
        self.logit_scale = nn.Parameter(torch.log(4 * torch.ones(heads, 1, 1)))
        self.cpb = nn.Sequential(nn.Linear(2, 8), nn.ReLU(inplace=True), nn.Linear(8, heads, bias=False))
        offsets = torch.arange(-(w - 1), w, dtype=torch.float32)
        grid = torch.stack(torch.meshgrid(offsets, offsets, indexing='ij'), -1) / (w - 1) * 8
        self.register_buffer('coordinates', torch.sign(grid) * torch.log2(grid.abs() + 1) / math.log2(8))

    def bias(self):
        table = self.cpb(self.coordinates).view(-1, self.heads)
        return 16 * torch.sigmoid(
            table[self.index.view(-1)].view(self.n, self.n, -1).permute(2, 0, 1).contiguous()
        ).unsqueeze(0)

    def products(self, q, k):
        scale = torch.clamp(self.logit_scale, max=math.log(100.0)).exp()
        return F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * scale


class SwinBlock(nn.Module):
    def __init__(self, dim, size, w, shift, attention=WindowAttention, post_norm=False):
        super().__init__()
        self.size, self.w, self.shift, self.post_norm = size, w, shift, post_norm
        self.norm1, self.norm2, self.attention, self.mlp = (
            nn.LayerNorm(dim),
            nn.LayerNorm(dim),
            attention(dim, w),
            mlp(dim, 2 * dim),
        )
        if shift:
            regions, count = torch.zeros(1, size, size, 1), 0
            spans = (slice(0, -w), slice(-w, -shift), slice(-shift, None))
            for rows in spans:
                for columns in spans:
                    regions[:, rows, columns, :] = count
                    count += 1
            windows = partition(regions, w).squeeze(-1)
            different = windows.unsqueeze(1) - windows.unsqueeze(2)
            self.register_buffer('mask', different.masked_fill(different != 0, -100.0).masked_fill(different == 0, 0.0))

    def attend(self, x):
        b, n, c = x.shape
        x = x.view(b, self.size, self.size, c)
        if self.shift:
            x = torch.roll(x, shifts=(-self.shift, -self.shift), dims=(1, 2))
        x = self.attention(partition(x, self.w), self.mask if self.shift else None)
        x = reverse(x.view(-1, self.w, self.w, c), self.w, self.size, self.size)
        if self.shift:
            x = torch.roll(x, shifts=(self.shift, self.shift), dims=(1, 2))
        return x.view(b, n, c)

    def forward(self, x):
        if self.post_norm:
            x = x + self.norm1(self.attend(x))
            return x + self.norm2(self.mlp(x))
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Merging(nn.Module):
    """Every second row and column, four ways, beside each other."""

    def __init__(self, dim, size):
        super().__init__()
        self.size, self.norm, self.reduction = size, nn.LayerNorm(4 * dim), nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x):
        b, _, c = x.shape
        x = x.view(b, self.size, self.size, c)
        x = torch.cat([x[:, 0::2, 0::2, :], x[:, 1::2, 0::2, :], x[:, 0::2, 1::2, :], x[:, 1::2, 1::2, :]], -1)
        return self.reduction(self.norm(x.view(b, -1, 4 * c)))


class Swin(nn.Module):
    def __init__(self, attention=WindowAttention, post_norm=False):
        super().__init__()
        self.patch, self.norm0 = nn.Conv2d(3, 12, 4, 4), nn.LayerNorm(12)
        self.blocks = nn.Sequential(
            SwinBlock(12, 8, 4, 0, attention, post_norm),
            SwinBlock(12, 8, 4, 2, attention, post_norm),
            Merging(12, 8),
            SwinBlock(24, 4, 4, 0, attention, post_norm),
        )
        self.norm, self.head = nn.LayerNorm(24), nn.Linear(24, CLASSES)

    def forward(self, x):
        x = self.norm0(self.patch(x).flatten(2).transpose(1, 2))
        x = self.norm(self.blocks(x))
        return self.head(torch.flatten(F.adaptive_avg_pool1d(x.transpose(1, 2), 1), 1))


net('swin_tiny', opset=13, free=False, tolerance=EXP)(Swin)
net('swin_tiny_free', opset=17, tolerance=EXP)(Swin)
net('swin_v2', opset=16, free=False, tolerance=EXP)(lambda: Swin(CosineWindowAttention, post_norm=True))


# ── convolutions and attention ──


@net('mobilevit', opset=12, tolerance=EXP)
class MobileViT(nn.Module):
    """Patches unfolded by views and transposes, attended, folded back; SiLU everywhere."""

    def __init__(self, dim=16):
        super().__init__()
        act = nn.SiLU
        self.stem = nn.Sequential(conv_norm(3, 8, 3, 2, act=act), conv_norm(8, 12, 3, 2, act=act))
        self.local = nn.Sequential(conv_norm(12, 12, 3, act=act), nn.Conv2d(12, dim, 1, bias=False))
        self.transformer, self.norm = encoder(dim, act=act), nn.LayerNorm(dim)
        self.back, self.fuse, self.head = conv_norm(dim, 12, act=act), conv_norm(24, 16, 3, act=act), classifier(16)

    def forward(self, x):
        x = self.stem(x)
        y = self.local(x)
        b, c, h, w = y.shape
        p, rows, columns = 2, h // 2, w // 2
        y = y.reshape(b * c * rows, p, columns, p).transpose(1, 2).reshape(b, c, rows * columns, p * p).transpose(1, 3)
        y = self.norm(self.transformer(y.reshape(b * p * p, rows * columns, c)))
        y = y.contiguous().view(b, p * p, rows * columns, c).transpose(1, 3)
        y = y.reshape(b * c * rows, columns, p, p).transpose(1, 2).reshape(b, c, rows * p, columns * p)
        return self.head(self.fuse(torch.cat((x, self.back(y)), dim=1)))


@net('levit', opset=13, tolerance=EXP)
class LeViT(nn.Module):
    """Linear layers with batch-norm over flattened tokens, hard swish, an attention bias that is looked up."""

    class LinearNorm(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            self.linear, self.norm = nn.Linear(i, o, bias=False), nn.BatchNorm1d(o)

        def forward(self, x):
            x = self.linear(x)
            return self.norm(x.flatten(0, 1)).reshape_as(x)

    def __init__(self, dim=16, heads=2):
        super().__init__()
        self.heads, self.dim = heads, dim
        self.stem = nn.Sequential(
            conv_norm(3, 8, 3, 2, act=nn.Hardswish),
            conv_norm(8, 12, 3, 2, act=nn.Hardswish),
            conv_norm(12, dim, 3, 2, act=None),
        )
        self.qkv, self.proj = self.LinearNorm(dim, heads * (4 + 4 + 8)), nn.Sequential(
            nn.Hardswish(), self.LinearNorm(heads * 8, dim)
        )
        self.table = nn.Parameter(torch.zeros(heads, 16))
        points = [(y, x) for y in range(4) for x in range(4)]
        self.register_buffer(
            'index', torch.tensor([[abs(a[0] - b[0]) * 4 + abs(a[1] - b[1]) for b in points] for a in points])
        )
        self.mlp = nn.Sequential(self.LinearNorm(dim, 32), nn.Hardswish(), self.LinearNorm(32, dim))
        self.norm, self.head = nn.BatchNorm1d(dim), nn.Linear(dim, CLASSES)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        b, n, _ = x.shape
        q, k, v = self.qkv(x).view(b, n, self.heads, -1).split([4, 4, 8], dim=3)
        q, k, v = q.permute(0, 2, 1, 3), k.permute(0, 2, 3, 1), v.permute(0, 2, 1, 3)
        attention = (q @ k * 0.5 + self.table[:, self.index]).softmax(dim=-1)
        x = x + self.proj((attention @ v).transpose(1, 2).reshape(b, n, self.heads * 8))
        x = x + self.mlp(x)
        return self.head(self.norm(x.mean(1)))


@net('pvt', opset=11, tolerance=EXP)
class PVT(nn.Module):
    """Keys and values of a picture that a strided convolution has reduced."""

    class Reduced(nn.Module):
        def __init__(self, dim, size, heads=2):
            super().__init__()
            self.size, self.heads, self.scale = size, heads, (dim // heads) ** -0.5
            self.q, self.kv, self.proj = nn.Linear(dim, dim), nn.Linear(dim, 2 * dim), nn.Linear(dim, dim)
            self.sr, self.norm = nn.Conv2d(dim, dim, 2, 2), nn.LayerNorm(dim)

        def forward(self, x):
            b, n, c = x.shape
            q = self.q(x).reshape(b, n, self.heads, c // self.heads).permute(0, 2, 1, 3)
            y = self.sr(x.permute(0, 2, 1).reshape(b, c, self.size, self.size)).reshape(b, c, -1).permute(0, 2, 1)
            kv = self.kv(self.norm(y)).reshape(b, -1, 2, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
            attention = ((q @ kv[0].transpose(-2, -1)) * self.scale).softmax(dim=-1)
            return self.proj((attention @ kv[1]).transpose(1, 2).reshape(b, n, c))

    def __init__(self):
        super().__init__()
        self.patch1, self.patch2 = nn.Conv2d(3, 12, 4, 4), nn.Conv2d(12, 16, 2, 2)
        self.block1 = encoder(12, lambda d: self.Reduced(d, 8))
        self.block2 = encoder(16, lambda d: self.Reduced(d, 4))
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, CLASSES)

    def forward(self, x):
        x = self.patch1(x)
        x = self.block1(x.flatten(2).transpose(1, 2))
        x = self.patch2(x.reshape(x.shape[0], 8, 8, -1).permute(0, 3, 1, 2).contiguous())
        return self.head(self.norm(self.block2(x.flatten(2).transpose(1, 2))).mean(dim=1))


@net('clip_visual', opset=14, tolerance=EXP)
class ClipVisual(nn.Module):
    """Zero-shot classes: a unit vector, and its cosines with those of the classes' texts. QuickGELU."""

    class QuickGELU(nn.Module):
        def forward(self, x):
            return x * torch.sigmoid(1.702 * x)

    def __init__(self, dim=16):
        super().__init__()
        self.patch, self.cls = nn.Conv2d(3, dim, 8, 8, bias=False), nn.Parameter(torch.zeros(dim))
        self.position, self.before, self.after = (
            nn.Parameter(torch.zeros(17, dim)),
            nn.LayerNorm(dim),
            nn.LayerNorm(dim),
        )
        self.block = encoder(dim, SequenceFirst, self.QuickGELU)
        self.projection, self.texts, self.scale = (
            nn.Parameter(torch.zeros(dim, 12)),
            nn.Parameter(torch.zeros(CLASSES, 12)),
            nn.Parameter(torch.tensor(2.3)),
        )

    def forward(self, x):
        x = self.patch(x)
        x = x.reshape(x.shape[0], x.shape[1], -1).permute(0, 2, 1)
        x = torch.cat([self.cls + torch.zeros(x.shape[0], 1, x.shape[-1], dtype=x.dtype), x], dim=1) + self.position
        x = self.after(self.block(self.before(x))[:, 0, :]) @ self.projection
        x = x / x.norm(dim=1, keepdim=True)
        texts = self.texts / self.texts.norm(dim=1, keepdim=True)
        return self.scale.exp() * x @ texts.t()


# ── without attention ──


@net('convmixer', opset=13, tolerance=EXP)
class ConvMixer(nn.Sequential):
    def __init__(self, dim=16):
        block = lambda: nn.Sequential(
            Residual(nn.Sequential(nn.Conv2d(dim, dim, 5, groups=dim, padding=2), nn.GELU(), nn.BatchNorm2d(dim))),
            nn.Conv2d(dim, dim, 1),
            nn.GELU(),
            nn.BatchNorm2d(dim),
        )
        super().__init__(nn.Conv2d(3, dim, 4, 4), nn.GELU(), nn.BatchNorm2d(dim), block(), block(), classifier(dim))


@net('mlp_mixer', opset=14, tolerance=EXP)
class Mixer(nn.Module):
    class Block(nn.Module):
        def __init__(self, dim, tokens):
            super().__init__()
            self.norm1, self.norm2, self.tokens, self.channels = (
                nn.LayerNorm(dim),
                nn.LayerNorm(dim),
                mlp(tokens, 12),
                mlp(dim, 32),
            )

        def forward(self, x):
            x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
            return x + self.channels(self.norm2(x))

    def __init__(self, dim=16):
        super().__init__()
        self.patch, self.blocks = nn.Conv2d(3, dim, 8, 8), nn.Sequential(self.Block(dim, 16), self.Block(dim, 16))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, CLASSES)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.patch(x).flatten(2).transpose(1, 2))).mean(dim=1))


@net('poolformer', opset=13, tolerance=EXP)
class PoolFormer(nn.Module):
    """The average of the neighbourhood, less the pixel itself; GroupNorm of one group; layer scale as [C, 1, 1]."""

    class Block(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.norm1, self.norm2 = nn.GroupNorm(1, dim), nn.GroupNorm(1, dim)
            self.pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
            self.mlp = nn.Sequential(nn.Conv2d(dim, 2 * dim, 1), nn.GELU(), nn.Conv2d(2 * dim, dim, 1))
            self.scale1, self.scale2 = nn.Parameter(torch.full((dim,), 0.6)), nn.Parameter(torch.full((dim,), 0.6))

        def forward(self, x):
            y = self.norm1(x)
            x = x + self.scale1.unsqueeze(-1).unsqueeze(-1) * (self.pool(y) - y)
            return x + self.scale2.unsqueeze(-1).unsqueeze(-1) * self.mlp(self.norm2(x))

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 12, 7, 4, 2), self.Block(12), nn.Conv2d(12, 16, 3, 2, 1), self.Block(16))
        self.norm, self.head = nn.GroupNorm(1, 16), nn.Linear(16, CLASSES)

    def forward(self, x):
        return self.head(self.norm(self.body(x)).mean([-2, -1]))


class ConvNeXt(nn.Module):
    """Depthwise 7×7, LayerNorm over channels-last, an inverted bottleneck of linear layers, layer scale."""

    class Block(nn.Module):
        def __init__(self, dim, response):
            super().__init__()
            self.depth, self.norm = nn.Conv2d(dim, dim, 7, padding=3, groups=dim), nn.LayerNorm(dim, eps=1e-6)
            self.up, self.down = nn.Linear(dim, 3 * dim), nn.Linear(3 * dim, dim)
            self.gamma = None if response else nn.Parameter(torch.full((dim,), 0.6))
            self.grn = GlobalResponse(3 * dim) if response else nn.Identity()

        def forward(self, x):
            y = self.norm(self.depth(x).permute(0, 2, 3, 1))
            y = self.down(self.grn(F.gelu(self.up(y))))
            if self.gamma is not None:
                y = self.gamma * y
            return x + y.permute(0, 3, 1, 2)

    def __init__(self, response=False):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 4, 4), LayerNorm2d(12, eps=1e-6))
        self.block1, self.block2 = self.Block(12, response), self.Block(20, response)
        self.down = nn.Sequential(LayerNorm2d(12, eps=1e-6), nn.Conv2d(12, 20, 2, 2))
        self.norm, self.head = nn.LayerNorm(20, eps=1e-6), nn.Linear(20, CLASSES)

    def forward(self, x):
        x = self.block2(self.down(self.block1(self.stem(x))))
        return self.head(self.norm(x.mean([-2, -1])))


class GlobalResponse(nn.Module):
    """ConvNeXt V2: each channel's norm over the picture, against the mean of the channels'."""

    def __init__(self, dim):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(1, 1, 1, dim)), nn.Parameter(torch.zeros(1, 1, 1, dim))

    def forward(self, x):
        norm = torch.norm(x, p=2, dim=(1, 2), keepdim=True)
        return self.gamma * (x * (norm / (norm.mean(dim=-1, keepdim=True) + 1e-6))) + self.beta + x


net('convnext_tiny', opset=13, tolerance=EXP)(ConvNeXt)
net('convnext_layernorm', opset=17, free=False, tolerance=EXP)(ConvNeXt)
net('convnext_v2', opset=18, tolerance=EXP)(lambda: ConvNeXt(response=True))


@net('van', opset=15, tolerance=EXP)
class VisualAttention(nn.Module):
    """Large kernels as a depthwise, a dilated and a pointwise convolution, times their input."""

    class Block(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.norm1, self.norm2 = nn.BatchNorm2d(dim), nn.BatchNorm2d(dim)
            self.before, self.after = nn.Sequential(nn.Conv2d(dim, dim, 1), nn.GELU()), nn.Conv2d(dim, dim, 1)
            self.gate = nn.Sequential(
                nn.Conv2d(dim, dim, 5, padding=2, groups=dim),
                nn.Conv2d(dim, dim, 7, padding=9, dilation=3, groups=dim),
                nn.Conv2d(dim, dim, 1),
            )
            self.mlp = nn.Sequential(
                nn.Conv2d(dim, 2 * dim, 1),
                nn.Conv2d(2 * dim, 2 * dim, 3, padding=1, groups=2 * dim),
                nn.GELU(),
                nn.Conv2d(2 * dim, dim, 1),
            )
            self.scale = nn.Parameter(torch.full((dim,), 0.5))

        def forward(self, x):
            u = self.before(self.norm1(x))
            x = x + self.scale.unsqueeze(-1).unsqueeze(-1) * (self.after(u * self.gate(u)) + x)
            return x + self.scale.unsqueeze(-1).unsqueeze(-1) * self.mlp(self.norm2(x))

    def __init__(self):
        super().__init__()
        self.stem, self.block, self.norm, self.head = (
            conv_norm(3, 12, 7, 4, act=None),
            self.Block(12),
            nn.LayerNorm(12),
            nn.Linear(12, CLASSES),
        )

    def forward(self, x):
        x = self.block(self.stem(x)).flatten(2).transpose(1, 2)
        return self.head(self.norm(x).mean(dim=1))


@net('gmlp', opset=13, tolerance=EXP)
class GatedMLP(nn.Module):
    """A half of the channels is mixed over the tokens and gates the other."""

    class Block(nn.Module):
        def __init__(self, dim, tokens):
            super().__init__()
            self.norm, self.inner, self.up, self.down = (
                nn.LayerNorm(dim),
                nn.LayerNorm(dim),
                nn.Linear(dim, 2 * dim),
                nn.Linear(dim, dim),
            )
            self.mix = nn.Conv1d(tokens, tokens, 1)

        def forward(self, x):
            u, v = F.gelu(self.up(self.norm(x))).chunk(2, dim=-1)
            return x + self.down(u * self.mix(self.inner(v)))

    def __init__(self, dim=16):
        super().__init__()
        self.patch, self.blocks = nn.Conv2d(3, dim, 8, 8), nn.Sequential(self.Block(dim, 16), self.Block(dim, 16))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, CLASSES)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.patch(x).flatten(2).transpose(1, 2))).mean(1))
