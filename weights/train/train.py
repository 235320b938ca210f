"""Trains nets on one GPU, each for so many seconds:  train.py PHOTOS.npz OUT --net NAME RADIUS SECONDS [--net …] [--device cpu]

PHOTOS is pack.py's; OUT/NAME/ gets model.json and NAME.safetensors. RADIUS 0 trains as usual. Else every picture is replaced
by an adversarial example: from a random point of an L2 ball around it, --steps steps up the loss, each projected back. The radius
differs from picture to picture, from nothing to RADIUS, in units where a channel runs from 0 to 1, and its bound grows over the
first tenth of the time. The gradients of a net that withstands this lie on the object.

The schedule is by the clock: the rate warms up for a twentieth of the time, then follows a cosine to zero; what is exported is
the moving average of the weights. So the same bits are not to be had again.
"""
import argparse
import copy
import io
import math
import os
import time
from multiprocessing import Pool

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from net import INPUT, Net, folded, nodes, plain
from native import save

PEAK_RATE = 0.15
WEIGHT_DECAY = 1e-3
AVERAGED = 4     # steps between two of the moving average
AVERAGE = 0.98   # kept at each of them


def decoded(photo):
    return np.array(Image.open(io.BytesIO(photo)).convert('RGB')).transpose(2, 0, 1)


def load(path, split, limit):
    """Pictures [N, 3, H, W] as bytes, and labels."""
    with np.load(path) as packed:
        blob, ends, labels = packed[f'{split}_bytes'].tobytes(), packed[f'{split}_ends'], packed[f'{split}_labels']
    every = slice(None, None, max(1, len(ends) // limit))
    photos = [blob[begin:end] for begin, end in zip([0, *ends], ends)][every]
    with Pool() as pool:  # not threads: Pillow decodes WebP one at a time
        return torch.from_numpy(np.stack(pool.map(decoded, photos, 64))), torch.from_numpy(labels[every])


def augment(x, t):
    """
    Random resized crop, mirror, contrast, saturation, colour cast, and a rectangle set to the mean. Weaker as the time `t` goes from
    0 to 1, so that the net settles on pictures like those it will see.
    """
    n, device = len(x), x.device
    uniform = lambda low, high, *shape: torch.rand(n, *shape, device=device) * (high - low) + low
    area, aspect = uniform(0.3 + 0.3 * t, 1), torch.exp(uniform(-0.28, 0.28))
    sx, sy = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0] = sx * uniform(-1, 1).sign()
    theta[:, 1, 1] = sy
    theta[:, 0, 2] = uniform(-1, 1) * (1 - sx)
    theta[:, 1, 2] = uniform(-1, 1) * (1 - sy)
    x = F.grid_sample(x, F.affine_grid(theta, [n, 3, INPUT, INPUT], align_corners=False), align_corners=False, padding_mode='reflection')
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform(0.5, 1.5, 1, 1, 1)
    x = x * uniform(0.7, 1.3, 1, 1, 1) + uniform(-0.25, 0.25, 3, 1, 1)
    at = torch.arange(INPUT, device=device)
    erased = uniform(0, 1, 1, 1) < 0.4 * (1 - t)
    for shape in ((1, INPUT), (INPUT, 1)):
        extent = uniform(INPUT / 6, INPUT / 2, 1, 1)
        begin = uniform(0, 1, 1, 1) * (INPUT - extent)
        erased = erased & ((at.view(shape) >= begin) & (at.view(shape) < begin + extent))
    return x.masked_fill(erased.unsqueeze(1), 0).contiguous(memory_format=torch.channels_last)


def adversarial(tensors, x, labels, radius, steps):
    """`steps` steps up the loss of the plain net from a random point of each picture's ball of `radius` [N, 1, 1, 1]."""
    norm = lambda d: d.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-12
    noise = torch.randn_like(x)
    start = x + noise * (radius * torch.rand_like(radius) / norm(noise))
    for _ in range(steps):
        start.requires_grad_()
        gradient, = torch.autograd.grad(F.cross_entropy(plain(tensors, start), labels, reduction='sum'), start)
        moved = start.detach() + gradient * (radius * min(1, 2 / steps) / norm(gradient)) - x
        start = x + moved * (radius / norm(moved)).clamp(max=1)
    return start


def accuracy(tensors, x, labels, radius=0, steps=10):
    """Top-1, of pictures that were moved by up to `radius` where it is not 0."""
    right = 0
    for own, sought in zip(x.split(128), labels.split(128)):
        own = adversarial(tensors, own, sought, torch.full((len(own), 1, 1, 1), radius, device=own.device), steps) if radius else own
        with torch.no_grad():
            right += (plain(tensors, own).argmax(1) == sought).sum().item()
    return right / len(x)


def train(images, labels, val, scale, unit, radius, seconds, options):
    """The moving average of a net, and how many epochs it took. `unit` is what 1 of a pixel is in the net's input."""
    device, half = images.device, torch.bfloat16 if images.is_cuda else torch.float32
    torch.manual_seed(options.seed)
    net = Net().to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    matrices, vectors = ([p for p in net.parameters() if (p.ndim > 1) == wide] for wide in (True, False))
    optimiser = torch.optim.SGD([{'params': matrices, 'weight_decay': WEIGHT_DECAY}, {'params': vectors, 'weight_decay': 0}],
                                lr=PEAK_RATE, momentum=0.9, nesterov=True)
    floats = lambda of: [tensor for tensor in of.state_dict().values() if tensor.is_floating_point()]
    moving, fixed = floats(net), floats(average)
    per_epoch, step, told, losses = len(images) // options.batch, 0, 0, []
    began = time.perf_counter()
    while (t := (time.perf_counter() - began) / seconds) < 1:
        if step % per_epoch == 0:
            order = torch.randperm(len(images), device=device)
        chosen = order[step % per_epoch * options.batch:][:options.batch]
        x = augment(scale(images[chosen]), t)
        if radius:
            own = min(1, 10 * t) * radius * unit * torch.rand(len(x), 1, 1, 1, device=device)
            x = adversarial(folded(net, half), x, labels[chosen], own, options.steps)
        for group in optimiser.param_groups:
            group['lr'] = PEAK_RATE * min(1, 20 * t + 0.01) * (1 + math.cos(math.pi * t)) / 2
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=images.is_cuda):
            output = net(x)
        loss = F.cross_entropy(output.float(), labels[chosen], label_smoothing=0.1)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
        step += 1
        if step % AVERAGED == 0:
            with torch.no_grad():
                for a, b in zip(fixed, moving):
                    a.lerp_(b, 1 - AVERAGE)
        if t * 10 >= told + 1:
            told = int(t * 10)
            measured = accuracy(folded(average, half), *val)
            print(f'  {t:.0%} epoch {step / per_epoch:.1f} loss {torch.stack(losses).mean().item():.3f} val {measured:.4f}', flush=True)
            losses.clear()
    return average, step / per_epoch


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('photos')
    parser.add_argument('out')
    parser.add_argument('--net', nargs=3, action='append', required=True, metavar=('NAME', 'RADIUS', 'SECONDS'))
    parser.add_argument('--steps', type=int, default=2, help='of the adversarial examples')
    parser.add_argument('--batch', type=int, default=128)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--device', default='cuda')
    parser.add_argument('--limit', type=int, default=1 << 30, help='about so many photos of each split, for a trial')
    options = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    began = time.perf_counter()
    loaded = [tensor for split in ('train', 'val') for tensor in load(options.photos, split, options.limit)]
    images, labels, val_images, val_labels = (tensor.to(options.device) for tensor in loaded)
    print(len(images), 'and', len(val_images), f'photos decoded in {time.perf_counter() - began:.1f} seconds', flush=True)

    # One deviation for all channels: a ball of pixels is a ball of inputs.
    sample = images[::7].float() / 255
    mean, std = sample.mean((0, 2, 3)), sample.sub(sample.mean((0, 2, 3), keepdim=True)).std()
    scale = lambda x: ((x.float() / 255 - mean.view(1, 3, 1, 1)) / std).contiguous(memory_format=torch.channels_last)
    unit = 1 / std.item()
    val = scale(val_images), val_labels

    for name, radius, seconds in options.net:
        radius, seconds = float(radius), float(seconds)
        print(name, flush=True)
        average, epochs = train(images, labels, val, scale, unit, radius, seconds, options)
        tensors = folded(average, torch.float16)
        rounded = {key: tensor.float() for key, tensor in tensors.items()}
        clean, half, whole = (accuracy(rounded, *val, radius * unit) for radius in (0, 0.5, 1))
        provenance = {
            'recipe': f'weights/train/train.py, radius {radius:g}, {options.steps} steps, batches of {options.batch}', 'epochs': round(epochs, 1),
            'accuracy': {'top1': round(clean, 4), 'attacked': {'0.5': round(half, 4), '1': round(whole, 4)}, 'photos': len(val_images),
                         'measuredBy': 'weights/train/train.py, the folded float16 weights, packed photos; attacked: ten L2 steps within this radius'},
        }
        tensors = {key: tensor.cpu() for key, tensor in tensors.items()}
        size = save(os.path.join(options.out, name), name, nodes(), tensors, INPUT, mean.tolist(), [std.item()] * 3, provenance)
        print(f'{name}: {epochs:.1f} epochs, top-1 {clean:.4f}, attacked at 0.5 {half:.4f}, at 1 {whole:.4f}; {size} bytes, '
              f'{time.perf_counter() - began:.0f} seconds since the start', flush=True)


if __name__ == '__main__':
    main()
