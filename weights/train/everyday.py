"""Trains the net of 200 everyday classes on CPUs, a thread for each core:

  everyday.py PHOTOS RUN --epochs E [--start CHECKPOINT]

PHOTOS is mosaics.py's folder. RUN gets checkpoint.pt every few minutes, log.txt, and at the end net.pt, which
export.py makes a model of. The same command goes on from the checkpoint, whenever it was stopped.

The schedule is by photos seen, not by the clock: the rate warms up, stays, and falls to zero over the last --decay
epochs. Until then nothing depends on --epochs, so that a run can be lengthened when it is resumed, or brought to its
end from where it is. Crops have --small pixels for the first --young epochs, then --middle, and the net's own for the
last third of the fall.

--radius R trains against perturbations (adversarial in pictures.py, one step): within L2 balls of radii from 0 to R,
in units where a channel runs from 0 to 1. Such a run starts from an ordinary one.

Every thread copies the weights, works out the gradient of a batch of its own, and takes one step of the shared
weights. So a gradient is of weights that are a step or two old, and no thread waits for another: one whose core is
taken by other work is late alone. A gradient that is too late is thrown away. The same bits are not to be had again.
"""
import argparse
import copy
import json
import os
import threading
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')  # the threads are ours

import numpy as np
import torch
import torch.nn.functional as F

from net import EVERYDAY, Net, descent, folded
from pictures import accuracy, adversarial, augment, scaled, scaling

WEIGHT_DECAY = 5e-4
LATE = 6         # steps that a gradient may be behind
AVERAGED = 4     # steps between two of the moving average
AVERAGE = 0.995  # kept at each of them, once it has run for long
TOLD = 100       # steps between two lines of the log


def load(folder, split, device):
    """Pictures [N, 3, H, W] as bytes, and labels."""
    arrays = (np.load(os.path.join(folder, f'{split}_{part}.npy')) for part in ('photos', 'labels'))
    return tuple(torch.from_numpy(array).to(device) for array in arrays)


class Run:
    """The shared weights, their moving average, and how far the schedule is."""

    def __init__(self, options):
        self.options = options
        self.device = torch.device(options.device)
        self.half = torch.bfloat16 if self.device.type == 'cuda' else torch.float32
        self.photos, self.labels = load(options.photos, 'train', self.device)
        self.val = load(options.photos, 'val', self.device)
        self.mean, self.std = scaling(self.photos[::17])
        self.lock = threading.Lock()
        self.per_epoch = len(self.photos) // options.batch
        self.steps = self.taken = 0
        torch.manual_seed(options.seed)
        self.net = Net(EVERYDAY).to(self.device, memory_format=torch.channels_last)
        if options.start:
            self.net.load_state_dict(torch.load(options.start, map_location=self.device)['net'])
        self.average = copy.deepcopy(self.net)
        self.optimiser = descent(self.net, options.peak, WEIGHT_DECAY)
        self.checkpoint = os.path.join(options.run, 'checkpoint.pt')
        if os.path.exists(self.checkpoint):
            self.resume()
        self.losses, self.hits, self.orders = [], [], {}

    def resume(self):
        kept = torch.load(self.checkpoint, map_location=self.device)
        self.net.load_state_dict(kept['net'])
        self.average.load_state_dict(kept['average'])
        self.optimiser.load_state_dict(kept['optimiser'])
        self.steps = self.taken = kept['steps']
        self.say(f'resumed at epoch {self.epoch:.2f}')

    def save(self):
        """Whole or not at all, whenever this is stopped. The batches follow from `steps` and the seed: no state of
        randomness."""
        with self.lock:
            kept = {'net': self.net.state_dict(), 'average': self.average.state_dict(),
                    'optimiser': self.optimiser.state_dict(), 'steps': self.steps}
            torch.save(kept, self.checkpoint + '.new')
        os.replace(self.checkpoint + '.new', self.checkpoint)

    def say(self, text):
        with open(os.path.join(self.options.run, 'log.txt'), 'a') as log:
            log.write(f'{time.strftime("%H:%M:%S")} {text}\n')

    @property
    def epoch(self):
        return self.steps / self.per_epoch

    def schedule(self, epoch):
        """Rate, size of the crops, calm of the augmentation, and share of the radius, at so many epochs."""
        o = self.options
        left = min(1, max(0, (o.epochs - epoch) / o.decay)) if o.decay else 1
        rate = o.peak * min(1, epoch / o.warm + 0.01) * left
        size = EVERYDAY.input if left < 1 / 3 else o.small if epoch < o.young else o.middle
        return rate, size, o.calm + (1 - o.calm) * (1 - left), min(1, epoch / o.warm)

    def random(self, number):
        return torch.Generator(self.device).manual_seed(self.options.seed * 10 ** 8 + number)

    def order(self, epoch):
        if epoch not in self.orders:
            self.orders = {epoch: torch.randperm(len(self.photos), generator=self.random(epoch), device=self.device)}
        return self.orders[epoch]

    def batch(self, index, net):
        """The `index`-th batch of the run, augmented; against a perturbation where there is a radius."""
        _, size, calm, share = self.schedule(index / self.per_epoch)
        at = index % self.per_epoch * self.options.batch
        chosen = self.order(index // self.per_epoch)[at:at + self.options.batch]
        generator = self.random(10 ** 6 + index)
        x, labels = scaled(self.photos[chosen], self.mean, self.std), self.labels[chosen]
        x = augment(x, size, calm, generator)
        if self.options.radius:
            most = share * self.options.radius / self.std * size / EVERYDAY.input
            radii = most * torch.rand(len(x), 1, 1, 1, device=self.device, generator=generator)
            x = adversarial(EVERYDAY, folded(net, self.half), x, labels, radii, 1, generator)
        return x.contiguous(memory_format=torch.channels_last), labels

    def work(self):
        torch.set_num_threads(1)
        net = copy.deepcopy(self.net)
        parameters = list(net.parameters())
        while True:
            with self.lock:
                if self.epoch >= self.options.epochs:
                    return
                index, began, self.taken = self.taken, self.steps, self.taken + 1
                net.load_state_dict(self.net.state_dict())
            x, labels = self.batch(index, net)
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == 'cuda'):
                scores = net(x)
            loss = F.cross_entropy(scores.float(), labels, label_smoothing=0.1)
            gradients = torch.autograd.grad(loss, parameters)
            with self.lock:
                if self.steps - began <= LATE:
                    self.step(gradients, net)
                    self.losses.append(loss.detach())
                    self.hits.append((scores.argmax(1) == labels).float().mean())

    @torch.no_grad()
    def step(self, gradients, net):
        for parameter, gradient in zip(self.net.parameters(), gradients):
            parameter.grad = gradient
        for group in self.optimiser.param_groups:
            group['lr'] = self.schedule(self.epoch)[0]
        self.optimiser.step()
        for buffer, new in zip(self.net.buffers(), net.buffers()):
            buffer.copy_(new)
        self.steps += 1
        if self.steps % AVERAGED == 0:
            kept = min(AVERAGE, 1 - 8 / (8 + self.steps / AVERAGED))
            for mean, new in zip(self.average.state_dict().values(), self.net.state_dict().values()):
                mean.lerp_(new, 1 - kept) if mean.is_floating_point() else mean.copy_(new)

    def measure(self, photos):
        """Top-1 and top-5 of the moving average, on the first `photos` of the validation photos."""
        with self.lock:
            tensors = folded(copy.deepcopy(self.average))
        return accuracy(EVERYDAY, tensors, scaled(self.val[0][:photos], self.mean, self.std), self.val[1][:photos])

    def tell(self, wall, cpu, done):
        with self.lock:
            losses, hits, self.losses, self.hits = self.losses, self.hits, [], []
            rate, size, *_ = self.schedule(self.epoch)
            epoch, thrown = self.epoch, self.taken - self.steps
        loss, hit = (torch.stack(of).mean().item() for of in (losses, hits))
        self.say(f'epoch {epoch:.3f} size {size} rate {rate:.4f} loss {loss:.3f} train {hit:.4f}; '
                 f'{done * self.options.batch / wall:.0f} photos/s, {cpu / wall:.2f} cores, '
                 f'{thrown} batches thrown away or under way')


def follow(run, threads):
    """Tells, measures and saves while the threads work."""
    clocks = lambda: (time.perf_counter(), time.process_time(), run.steps)
    told = saved = clocks()
    measured = int(run.epoch)
    while any(thread.is_alive() for thread in threads):
        time.sleep(1)
        now = clocks()
        if now[2] - told[2] >= TOLD:
            run.tell(*(b - a for a, b in zip(told, now)))
            told = now
        if int(run.epoch) > measured:
            measured = int(run.epoch)
            top1, top5 = run.measure(run.options.check)
            run.say(f'epoch {measured}: val top-1 {top1:.4f} top-5 {top5:.4f} of {run.options.check} photos')
        if now[0] - saved[0] >= run.options.save:
            run.save()
            saved = now


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('photos')
    parser.add_argument('run')
    parser.add_argument('--epochs', type=float, required=True, help='in all')
    parser.add_argument('--decay', type=float, default=6, help='the last epochs, over which the rate falls to zero')
    parser.add_argument('--warm', type=float, default=0.5, help='the first epochs: the rate and the radius rise')
    parser.add_argument('--peak', type=float, default=0.08, help='rate')
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--small', type=int, default=32, help='pixels of the first crops')
    parser.add_argument('--young', type=float, default=3, help='epochs of them')
    parser.add_argument('--middle', type=int, default=48, help='pixels of the crops after them')
    parser.add_argument('--calm', type=float, default=0.5, help='of the augmentation before the decay, 0 to 1')
    parser.add_argument('--radius', type=float, default=0)
    parser.add_argument('--start', help='net.pt or checkpoint.pt of another run, whose weights are taken')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='threads; 1 with --device cuda')
    parser.add_argument('--check', type=int, default=3000, help='validation photos at the end of each epoch')
    parser.add_argument('--save', type=float, default=180, help='seconds between checkpoints')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    os.makedirs(options.run, exist_ok=True)
    run = Run(options)
    run.say(json.dumps(vars(options)))
    threads = [threading.Thread(target=run.work, daemon=True) for _ in range(options.workers)]
    for thread in threads:
        thread.start()
    follow(run, threads)
    run.save()
    top1, top5 = run.measure(len(run.val[0]))
    run.say(f'end at epoch {run.epoch:.2f}: val top-1 {top1:.4f} top-5 {top5:.4f}')
    trained = {'net': run.average.state_dict(), 'mean': run.mean.tolist(), 'std': run.std.item(), 'epochs': run.epoch,
               'photos': len(run.photos), 'options': vars(options)}
    torch.save(trained, os.path.join(options.run, 'net.pt'))


if __name__ == '__main__':
    main()
