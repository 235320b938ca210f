"""What the recipes do to pictures, and how they count right answers. Pictures are inputs of a net, [N, 3, H, W]."""
import torch
import torch.nn.functional as F

from net import plain


def scaling(photos):
    """Mean by channel, and one deviation for all channels: a ball of pixels is a ball of inputs."""
    sample = photos.float() / 255
    mean = sample.mean((0, 2, 3))
    return mean, sample.sub(mean.view(1, 3, 1, 1)).std()


def scaled(photos, mean, std):
    return ((photos.float() / 255 - mean.view(1, 3, 1, 1)) / std).contiguous(memory_format=torch.channels_last)


def augment(x, size, calm, generator=None):
    """
    Random resized crop to `size`, mirror, contrast, saturation, colour cast, and a rectangle set to the mean. Weaker
    as `calm` goes from 0 to 1, so that the net settles on pictures like those it will see.
    """
    n, device = len(x), x.device
    uniform = lambda low, high, *shape: torch.rand(n, *shape, device=device, generator=generator) * (high - low) + low
    area, aspect = uniform(0.3 + 0.3 * calm, 1), torch.exp(uniform(-0.28, 0.28))
    sx, sy = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0] = sx * uniform(-1, 1).sign()
    theta[:, 1, 1] = sy
    theta[:, 0, 2] = uniform(-1, 1) * (1 - sx)
    theta[:, 1, 2] = uniform(-1, 1) * (1 - sy)
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    x = F.grid_sample(x, grid, align_corners=False, padding_mode='reflection')
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform(0.5, 1.5, 1, 1, 1)
    x = x * uniform(0.7, 1.3, 1, 1, 1) + uniform(-0.25, 0.25, 3, 1, 1)
    at = torch.arange(size, device=device)
    erased = uniform(0, 1, 1, 1) < 0.4 * (1 - calm)
    for shape in ((1, size), (size, 1)):
        extent = uniform(size / 6, size / 2, 1, 1)
        begin = uniform(0, 1, 1, 1) * (size - extent)
        erased = erased & ((at.view(shape) >= begin) & (at.view(shape) < begin + extent))
    return x.masked_fill(erased.unsqueeze(1), 0).contiguous(memory_format=torch.channels_last)


def adversarial(design, tensors, x, labels, radius, steps, generator=None):
    """`steps` steps up the loss of the plain net from a random point of each picture's ball of `radius` [N, 1, 1,
    1]."""
    norm = lambda d: d.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-12
    random = lambda like, of: of(like.shape, device=like.device, generator=generator)
    noise = random(x, torch.randn)
    start = x + noise * (radius * random(radius, torch.rand) / norm(noise))
    for _ in range(steps):
        start.requires_grad_()
        gradient, = torch.autograd.grad(F.cross_entropy(plain(design, tensors, start), labels, reduction='sum'), start)
        moved = start.detach() + gradient * (radius * min(1, 2 / steps) / norm(gradient)) - x
        start = x + moved * (radius / norm(moved)).clamp(max=1)
    return start


def accuracy(design, tensors, x, labels, radius=0, steps=10):
    """Top-1 and top-5, of pictures that were moved by up to `radius` where it is not 0."""
    right = torch.zeros(2)
    for own, sought in zip(x.split(128), labels.split(128)):
        if radius:
            radii = torch.full((len(own), 1, 1, 1), radius, device=own.device)
            own = adversarial(design, tensors, own, sought, radii, steps)
        with torch.no_grad():
            hit = (plain(design, tensors, own).topk(5).indices == sought[:, None]).cpu()
        right += torch.stack([hit[:, 0].sum(), hit.any(1).sum()])
    return (right / len(x)).tolist()
