"""Trains the default net:  train.py WORK --epochs N --decay D [--seed 0] [--threads 2]

The learning rate warms up for one epoch, stays, and falls linearly to zero over the last D epochs. A run continues from
WORK/checkpoint.pt, and each epoch seeds itself, so stopping and going on changes nothing; nor does naming a larger N
as long as the decay has not begun. The exported weights are the exponential moving average.
"""
import argparse
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from net import INPUT, Net

BATCH = 64
PEAK_RATE = 0.05
WEIGHT_DECAY = 1e-3
AVERAGE = 0.998  # per step


def augment(batch, mean, std, strong):
    """
    Random resized crop, mirror, contrast, colour cast, and a rectangle set to the mean (as the paper's authors did). Weaker while
    the rate decays, so that the net settles on pictures like those it will see.
    """
    n = len(batch)
    x = (batch.float() - mean) / std
    area = torch.empty(n).uniform_(0.35 if strong else 0.5, 1.0)
    aspect = torch.exp(torch.empty(n).uniform_(-0.28, 0.28))
    sx, sy = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = sx * torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    theta[:, 1, 1] = sy
    theta[:, 0, 2] = (torch.rand(n) * 2 - 1) * (1 - sx)
    theta[:, 1, 2] = (torch.rand(n) * 2 - 1) * (1 - sy)
    grid = F.affine_grid(theta, (n, 3, INPUT, INPUT), align_corners=False)
    x = F.grid_sample(x, grid, align_corners=False, padding_mode='reflection')
    x = x * torch.empty(n, 1, 1, 1).uniform_(0.7, 1.3) + torch.empty(n, 3, 1, 1).uniform_(-0.25, 0.25)
    for k in range(n):
        if torch.rand(1).item() < (0.4 if strong else 0.1):
            h, w = torch.randint(INPUT // 6, INPUT // 2, (2,)).tolist()
            top, left = torch.randint(0, INPUT - h, (1,)).item(), torch.randint(0, INPUT - w, (1,)).item()
            x[k, :, top:top + h, left:left + w] = 0
    return x.contiguous(memory_format=torch.channels_last)


def accuracy(net, images, labels, mean, std):
    net.eval()
    right = 0
    with torch.no_grad():
        for i in range(0, len(images), 128):
            x = ((images[i:i + 128].float() - mean) / std).contiguous(memory_format=torch.channels_last)
            right += (net(x).argmax(1) == labels[i:i + 128]).sum().item()
    return right / len(images)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('work')
    parser.add_argument('--epochs', type=int, required=True)
    parser.add_argument('--decay', type=int, required=True)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--threads', type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    load = lambda name: torch.from_numpy(np.load(os.path.join(options.work, name)))
    images, labels, val_images, val_labels = load('train_x.npy'), load('train_y.npy'), load('val_x.npy'), load('val_y.npy')
    sample = images[::7].float()
    mean, std = sample.mean((0, 2, 3)).view(1, 3, 1, 1), sample.transpose(0, 1).reshape(3, -1).std(1).view(1, 3, 1, 1)

    net = Net().to(memory_format=torch.channels_last)
    average = Net().to(memory_format=torch.channels_last)
    average.load_state_dict(net.state_dict())
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.SGD([{'params': matrices, 'weight_decay': WEIGHT_DECAY}, {'params': vectors, 'weight_decay': 0}],
                                lr=PEAK_RATE, momentum=0.9, nesterov=True)
    per_epoch = len(images) // BATCH
    checkpoint = os.path.join(options.work, 'checkpoint.pt')
    first = 0
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        net.load_state_dict(state['net'])
        average.load_state_dict(state['average'])
        optimiser.load_state_dict(state['optimiser'])
        first = state['epoch'] + 1

    for epoch in range(first, options.epochs):
        began = time.time()
        torch.manual_seed(options.seed * 100003 + epoch)
        order = torch.randperm(len(images))
        total_loss, total_right = 0.0, 0
        net.train()
        for k in range(per_epoch):
            position = epoch + k / per_epoch
            rate = PEAK_RATE * min(1.0, (position + 0.02), (options.epochs - position) / options.decay)
            for group in optimiser.param_groups:
                group['lr'] = rate
            chosen = order[k * BATCH:(k + 1) * BATCH]
            output = net(augment(images[chosen], mean, std, strong=options.epochs - epoch > options.decay))
            loss = F.cross_entropy(output, labels[chosen], label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                for a, b in zip(average.state_dict().values(), net.state_dict().values()):
                    a.lerp_(b, 1 - AVERAGE) if a.is_floating_point() else a.copy_(b)
            total_loss += loss.item()
            total_right += (output.argmax(1) == labels[chosen]).sum().item()
        last = options.epochs - epoch
        measured = accuracy(average, val_images, val_labels, mean, std) if last <= 3 or last % 5 == 0 else float('nan')
        torch.save({'net': net.state_dict(), 'average': average.state_dict(), 'optimiser': optimiser.state_dict(), 'epoch': epoch,
                    'mean': mean.view(3) / 255, 'std': std.view(3) / 255, 'val': measured}, checkpoint + '.new')
        os.replace(checkpoint + '.new', checkpoint)
        print(f'epoch {epoch} rate {rate:.4f} loss {total_loss / per_epoch:.3f} train {total_right / per_epoch / BATCH:.3f} '
              f'val {measured:.4f} seconds {time.time() - began:.0f}', flush=True)


if __name__ == '__main__':
    main()
