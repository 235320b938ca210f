"""Trains nets on one GPU, each for so many seconds:

  train.py PHOTOS.npz OUT --net NAME RADIUS SECONDS [--net …] [--device cpu]

PHOTOS is pack.py's; OUT/NAME/ gets model.json and NAME.safetensors. RADIUS 0 trains as usual. Else every picture is
replaced by an adversarial example: from a random point of an L2 ball around it, --steps steps up the loss, each
projected back. The radius differs from picture to picture, from nothing to RADIUS, in units where a channel runs from
0 to 1, and its bound grows over the first tenth of the time. The gradients of a net that withstands this lie on the
object.

The schedule is by the clock: the rate warms up for a twentieth of the time, then follows a cosine to zero; what is
exported is the moving average of the weights. So the same bits are not to be had again.
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

from native import save
from net import IMAGENETTE, Net, descent, folded
from pictures import accuracy, adversarial, augment, scaled, scaling

LABELS = ['tench', 'English springer', 'cassette player', 'chain saw', 'church', 'French horn', 'garbage truck',
          'gas pump', 'golf ball', 'parachute']
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


def train(images, labels, val, scale, unit, radius, seconds, options):
    """The moving average of a net, and how many epochs it took. `unit` is what 1 of a pixel is in the net's input."""
    device, half = images.device, torch.bfloat16 if images.is_cuda else torch.float32
    torch.manual_seed(options.seed)
    net = Net(IMAGENETTE).to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    optimiser = descent(net, PEAK_RATE, WEIGHT_DECAY)
    floats = lambda of: [tensor for tensor in of.state_dict().values() if tensor.is_floating_point()]
    moving, fixed = floats(net), floats(average)
    per_epoch, step, told, losses = len(images) // options.batch, 0, 0, []
    began = time.perf_counter()
    while (t := (time.perf_counter() - began) / seconds) < 1:
        if step % per_epoch == 0:
            order = torch.randperm(len(images), device=device)
        chosen = order[step % per_epoch * options.batch:][:options.batch]
        x = augment(scale(images[chosen]), IMAGENETTE.input, t)
        if radius:
            own = min(1, 10 * t) * radius * unit * torch.rand(len(x), 1, 1, 1, device=device)
            x = adversarial(IMAGENETTE, folded(net, half), x, labels[chosen], own, options.steps)
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
            measured, _ = accuracy(IMAGENETTE, folded(average, half), *val)
            loss = torch.stack(losses).mean().item()
            print(f'  {t:.0%} epoch {step / per_epoch:.1f} loss {loss:.3f} val {measured:.4f}', flush=True)
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
    decoding = time.perf_counter() - began
    print(f'{len(images)} and {len(val_images)} photos decoded in {decoding:.1f} seconds', flush=True)

    mean, std = scaling(images[::7])
    scale = lambda x: scaled(x, mean, std)
    unit = 1 / std.item()
    val = scale(val_images), val_labels

    for name, radius, seconds in options.net:
        radius, seconds = float(radius), float(seconds)
        print(name, flush=True)
        average, epochs = train(images, labels, val, scale, unit, radius, seconds, options)
        tensors = folded(average, torch.float16)
        rounded = {key: tensor.float() for key, tensor in tensors.items()}
        clean, half, whole = (accuracy(IMAGENETTE, rounded, *val, radius * unit)[0] for radius in (0, 0.5, 1))
        provenance = {
            'data': 'Imagenette v2, train split without the ILSVRC validation photos: 9,103 photos of ten classes',
            'recipe': f'weights/train/train.py, radius {radius:g}, {options.steps} steps, batches of {options.batch}',
            'epochs': round(epochs, 1),
            'accuracy': {
                'top1': round(clean, 4),
                'attacked': {'0.5': round(half, 4), '1': round(whole, 4)},
                'photos': len(val_images),
                'measuredBy': 'weights/train/train.py, the folded float16 weights, packed photos; '
                              'attacked: ten L2 steps within this radius',
            },
        }
        tensors = {key: tensor.cpu() for key, tensor in tensors.items()}
        facts = {'mean': mean.tolist(), 'std': std.item(), 'resize': 'squash', 'labels': LABELS,
                 'provenance': provenance}
        size = save(os.path.join(options.out, name), name, IMAGENETTE, tensors, facts)
        print(f'{name}: {epochs:.1f} epochs, top-1 {clean:.4f}, attacked at 0.5 {half:.4f}, at 1 {whole:.4f}; '
              f'{size} bytes, {time.perf_counter() - began:.0f} seconds since the start', flush=True)


if __name__ == '__main__':
    main()
