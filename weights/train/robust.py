"""Trains the robust net, from the ordinary one:  robust.py WORK ORDINARY.safetensors --epochs N --decay D [--radius 2.5] [--threads 2]

Every picture is replaced by a one-step adversarial example: a random point of a ball around it, then one step up the loss,
projected back. The ball is L2 and its radius differs from picture to picture, from almost nothing to --radius, in units where
a channel runs from 0 to 1; so the net sees nearly clean pictures too. The gradients of a net that withstands this lie on the object.

Schedule, restarts and the moving average are train.py's. Convolutions run in bfloat16 where the processor has it.
"""
import argparse
import json
import os
import struct
import time

import numpy as np
import torch
import torch.nn.functional as F

from net import CONVOLUTIONS, Net
from train import accuracy, augment

BATCH = 64
PEAK_RATE = 0.02
WEIGHT_DECAY = 1e-3
AVERAGE = 0.99   # per step; a longer memory would hold on to the ordinary net
HIDDEN = 224     # of the ordinary net's 256, so that the file stays below 6 MB
GROWTH = 0.75    # of the radius, per epoch, until it is full


def tensors(path):
    """The float16 tensors of a safetensors file, as float32."""
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        blob = file.read()
    return {name: torch.from_numpy(np.frombuffer(blob[slice(*entry['data_offsets'])], np.float16).astype(np.float32)).view(entry['shape'])
            for name, entry in header.items() if name != '__metadata__'}


def unfolded(net, folded, x):
    """
    Gives `net` the function of the folded tensors: each batch-norm gets the mean and variance that its layer has on the
    pictures `x`, and undoes them. The hidden units that move the scores least are left out.
    """
    def restore(layer, normalise, weight, bias, y):
        dims = [d for d in range(y.ndim) if d != 1]
        mean, variance = y.mean(dims), y.var(dims) + 1e-5
        scale = layer.weight.std() / weight.std()  # of no effect behind a batch-norm, but it sets how far a step goes
        layer.weight.copy_(weight * scale)
        normalise.running_mean.copy_(mean * scale)
        normalise.running_var.copy_(variance * scale ** 2)
        normalise.weight.copy_(variance.sqrt())
        normalise.bias.copy_(mean + bias)
        return F.relu(y + bias.view(1, -1, *[1] * (y.ndim - 2)))

    with torch.no_grad():
        for layer, *_, stride, pad, pooled in CONVOLUTIONS:
            weight, bias = folded[f'{layer}.weight'], folded[f'{layer}.bias']
            x = restore(getattr(net, layer), getattr(net, f'{layer}_bn'), weight, bias, F.conv2d(x, weight, None, stride, pad))
            x = F.max_pool2d(x, 2) if pooled else x
        x, weight, bias = x.flatten(1), folded['fc6.weight'], folded['fc6.bias']
        moved = F.relu(F.linear(x, weight, bias)).std(0) * folded['fc7.weight'].norm(dim=0)
        kept = moved.topk(HIDDEN).indices.sort().values
        restore(net.fc6, net.fc6_bn, weight[kept], bias[kept], F.linear(x, weight[kept]))
        net.fc7.weight.copy_(folded['fc7.weight'][:, kept])
        net.fc7.bias.copy_(folded['fc7.bias'])


def adversarial(net, x, labels, radius):
    """One step up the loss from a random point of each picture's ball of `radius` [N, 1, 1, 1], back into the ball; batch-norm as in use."""
    norm = lambda d: d.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-12
    noise = torch.randn_like(x)
    start = (x + noise * (radius * torch.rand(len(x), 1, 1, 1) / norm(noise))).requires_grad_()
    net.eval().requires_grad_(False)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        output = net(start)
    gradient, = torch.autograd.grad(F.cross_entropy(output.float(), labels, reduction='sum'), start)
    net.train().requires_grad_(True)
    step = start.detach() + gradient * (radius / norm(gradient)) - x
    return (x + step * (radius / norm(step)).clamp(max=1)).contiguous(memory_format=torch.channels_last)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('work')
    parser.add_argument('ordinary')
    parser.add_argument('--epochs', type=int, required=True)
    parser.add_argument('--decay', type=int, required=True)
    parser.add_argument('--radius', type=float, default=2.5)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--threads', type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    load = lambda name: torch.from_numpy(np.load(os.path.join(options.work, name)))
    images, labels, val_images, val_labels = load('train_x.npy'), load('train_y.npy'), load('val_x.npy'), load('val_y.npy')
    sample = images[::7].float()
    mean, std = sample.mean((0, 2, 3)).view(1, 3, 1, 1), sample.transpose(0, 1).reshape(3, -1).std(1).view(1, 3, 1, 1)

    net = Net(HIDDEN).to(memory_format=torch.channels_last)
    average = Net(HIDDEN).to(memory_format=torch.channels_last)
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.SGD([{'params': matrices, 'weight_decay': WEIGHT_DECAY}, {'params': vectors, 'weight_decay': 0}],
                                lr=PEAK_RATE, momentum=0.9, nesterov=True)
    per_epoch = len(images) // BATCH
    checkpoint = os.path.join(options.work, 'robust.pt')
    first = 0
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        net.load_state_dict(state['net'])
        average.load_state_dict(state['average'])
        optimiser.load_state_dict(state['optimiser'])
        first = state['epoch'] + 1
    else:
        unfolded(net, tensors(options.ordinary), augment(images[torch.randperm(len(images))[:512]], mean, std, strong=False))
        average.load_state_dict(net.state_dict())
        print(f'the ordinary net, {HIDDEN} hidden units: val {accuracy(net, val_images, val_labels, mean, std):.4f}', flush=True)

    for epoch in range(first, options.epochs):
        began = time.time()
        torch.manual_seed(options.seed * 100003 + epoch)
        order = torch.randperm(len(images))
        total_loss, total_right = 0.0, 0
        for k in range(per_epoch):
            position = epoch + k / per_epoch
            rate = PEAK_RATE * min(1.0, (position + 0.02), (options.epochs - position) / options.decay)
            for group in optimiser.param_groups:
                group['lr'] = rate
            chosen = order[k * BATCH:(k + 1) * BATCH]
            radius = min(options.radius, GROWTH * position) * 255 / std.mean() * torch.rand(BATCH, 1, 1, 1)
            x = adversarial(net, augment(images[chosen], mean, std, strong=False), labels[chosen], radius)
            with torch.autocast('cpu', dtype=torch.bfloat16):
                output = net(x)
            loss = F.cross_entropy(output.float(), labels[chosen], label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                for a, b in zip(average.state_dict().values(), net.state_dict().values()):
                    a.lerp_(b, 1 - AVERAGE) if a.is_floating_point() else a.copy_(b)
            total_loss += loss.item()
            total_right += (output.argmax(1) == labels[chosen]).sum().item()
        measured = accuracy(average, val_images, val_labels, mean, std)
        torch.save({'net': net.state_dict(), 'average': average.state_dict(), 'optimiser': optimiser.state_dict(), 'epoch': epoch,
                    'mean': mean.view(3) / 255, 'std': std.view(3) / 255, 'val': measured,
                    'recipe': f'weights/train/robust.py, radius {options.radius}, from the ordinary net'}, checkpoint + '.new')
        os.replace(checkpoint + '.new', checkpoint)
        print(f'epoch {epoch} rate {rate:.4f} loss {total_loss / per_epoch:.3f} train {total_right / per_epoch / BATCH:.3f} '
              f'val {measured:.4f} seconds {time.time() - began:.0f} processor {time.process_time():.0f}', flush=True)


if __name__ == '__main__':
    main()
