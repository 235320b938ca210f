"""3×3 convolutions with stride 1 and pad 1 by Winograd's algorithm (Lavin and Gray 2016), for training on CPUs.

Outputs are worked out in tiles of m×m, from (m + 2)×(m + 2) products for each pair of channels instead of 9·m²: a
quarter at m = 4. The products and the three transformations are matrix products, so PyTorch does all of it, at the
speed of its BLAS. In float32 the results differ from the direct ones by about 3e-6 (relative L2).
"""
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

POINTS = 0, 1, -1, 2, -2  # of the interpolation, and infinity


@lru_cache
def transformations(m):
    """
    A, G, B of y = A ((G w) · (B d)) for a tile of two dimensions: the Kronecker squares of Cook and Toom's matrices,
    which evaluate polynomials at the points (A, G) and multiply them out (B).
    """
    n = m + 2
    points = POINTS[:n - 1]
    a, g, b = np.zeros((m, n)), np.zeros((n, 3)), np.zeros((n, n))
    for j, point in enumerate(points):
        others = [other for other in points if other != point]
        a[:, j] = float(point) ** np.arange(m)
        g[j] = float(point) ** np.arange(3) / np.prod([point - other for other in others])
        b[j, :n - 1] = np.poly(others)[::-1]
    a[-1, -1] = g[-1, -1] = 1
    b[-1] = np.poly(points)[::-1]
    return [torch.from_numpy(np.kron(matrix, matrix)).float() for matrix in (a, g, b)]


class Winograd(torch.autograd.Function):
    """x [N, C, H, W] and w [O, C, 3, 3] to y [N, O, H, W], all channels-last; H and W are multiples of `m`."""

    @staticmethod
    def forward(ctx, x, w, m):
        (N, C, H, W), O, n = x.shape, w.shape[0], m + 2
        tall, wide = H // m, W // m
        A, G, B = transformations(m)
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).contiguous()
        image, row, column, _ = padded.stride()
        tiles = padded.as_strided((n, n, N, tall, wide, C), (row, column, image, m * row, m * column, 1))
        d = (B @ tiles.reshape(n * n, -1)).view(n * n, N * tall * wide, C)
        u = (G @ w.permute(2, 3, 1, 0).reshape(9, C * O)).view(n * n, C, O)
        y = (A @ torch.bmm(d, u).view(n * n, -1)).view(m, m, N, tall, wide, O)
        ctx.save_for_backward(d, u)
        ctx.sizes = N, C, H, W, O, m
        return y.permute(2, 3, 0, 4, 1, 5).reshape(N, H, W, O).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx, gradient):
        (d, u), (N, C, H, W, O, m) = ctx.saved_tensors, ctx.sizes
        n, tall, wide = m + 2, H // m, W // m
        A, G, B = transformations(m)
        dy = gradient.permute(0, 2, 3, 1).reshape(N, tall, m, wide, m, O).permute(2, 4, 0, 1, 3, 5).reshape(m * m, -1)
        dp = (A.t() @ dy).view(n * n, N * tall * wide, O)
        dx = dw = None
        if ctx.needs_input_grad[1]:
            du = torch.bmm(d.transpose(1, 2), dp)
            dw = (G.t() @ du.view(n * n, -1)).view(3, 3, C, O).permute(3, 2, 0, 1)
        if ctx.needs_input_grad[0]:
            dd = torch.bmm(dp, u.transpose(1, 2))
            tiles = (B.t() @ dd.view(n * n, -1)).view(n, n, N, tall, wide, C)
            padded = dd.new_zeros(N, H + 2, W + 2, C)
            for i in range(n):
                for j in range(n):
                    padded[:, i:i + H - m + 1:m, j:j + W - m + 1:m] += tiles[i, j]
            dx = padded[:, 1:-1, 1:-1].permute(0, 3, 1, 2)
        return dx, dw, None


def convolve(x, weight, bias, stride, pad):
    """F.conv2d, by Winograd's algorithm where that is faster: on a CPU, with many channels, and planes that tiles
    fill."""
    m = next((m for m in (4, 3, 2) if x.shape[2] % m == 0 and x.shape[3] % m == 0), None)
    if x.is_cuda or weight.shape[2:] != (3, 3) or (stride, pad) != (1, 1) or weight.shape[1] < 48 or m is None:
        return F.conv2d(x, weight, bias, stride, pad)
    y = Winograd.apply(x, weight, m)
    return y if bias is None else y + bias.view(1, -1, 1, 1)
