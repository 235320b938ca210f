"""The same networks in PyTorch, for GPUs that have it: what the input gradient costs there, beside `gradlens bench` on the same card.

    python3 bench/pytorch.py OUT.json [--net paper,alexnet,vgg16,squeezenet] [--batch 1,8,32] [--mode f32,tf32,f16,compile] [--seconds 1]

Modes: f32 is eager float32 with TF32 switched off, what gradlens computes; tf32 rounds products to ten bits; f16 is the network in half
precision; compile is torch.compile in float32. Three times, in milliseconds per gradient:

    round    the batch goes to the GPU, scores and gradient come back to the CPU: what the benchmark of gradlens times
    device   everything stays on the GPU, which is waited for after each gradient
    stream   twenty gradients one after the other, waited for at the end
"""
import argparse
import json
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

def features(*layers):
    """conv: (channels, size, stride, padding); pool: a size, with stride 2."""
    modules, channels = [], 3
    for layer in layers:
        if isinstance(layer, int):
            modules.append(nn.MaxPool2d(layer, 2))
        else:
            out, size, stride, padding = layer
            modules += [nn.Conv2d(channels, out, size, stride, padding), nn.ReLU(inplace=True)]
            channels = out
    return modules


def classifier(inputs):
    return [nn.Flatten(), nn.Linear(inputs, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 1000)]


def three(channels):
    return (channels, 3, 1, 1)


class Fire(nn.Module):
    def __init__(self, inputs, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(inputs, squeeze, 1), nn.ReLU(inplace=True))
        self.one = nn.Sequential(nn.Conv2d(squeeze, expand, 1), nn.ReLU(inplace=True))
        self.three = nn.Sequential(nn.Conv2d(squeeze, expand, 3, padding=1), nn.ReLU(inplace=True))

    def forward(self, x):
        x = self.squeeze(x)
        return torch.cat([self.one(x), self.three(x)], 1)


def squeezenet():
    pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
    return [nn.Conv2d(3, 64, 3, 2), nn.ReLU(inplace=True), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool(), Fire(128, 32, 128), Fire(256, 32, 128), pool(),
            Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256), nn.Conv2d(512, 1000, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]


# as in bench/networks.ts
NETWORKS = {
    'paper': lambda: features((64, 11, 4, 2), 3, (256, 5, 1, 2), 3, three(256), three(256), three(256), 3) + classifier(256 * 36),
    'alexnet': lambda: features((64, 11, 4, 2), 3, (192, 5, 1, 2), 3, three(384), three(256), three(256), 3) + classifier(256 * 36),
    'vgg16': lambda: features(three(64), three(64), 2, three(128), three(128), 2, *[three(256)] * 3, 2, *[three(512)] * 3, 2, *[three(512)] * 3, 2) + classifier(512 * 49),
    'squeezenet': squeezenet,
}


def timed(run, seconds):
    for _ in range(5):
        run()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or (time.perf_counter() < end and len(times) < 100):
        begin = time.perf_counter()
        run()
        times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    return {'median': statistics.median(times), 'p10': times[len(times) // 10], 'p90': times[len(times) * 9 // 10], 'n': len(times)}


def measure(net, batch, mode, seconds):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = mode == 'tf32'
    kind = torch.float16 if mode == 'f16' else torch.float32
    model = nn.Sequential(*NETWORKS[net]()).cuda().to(kind).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    scored = torch.compile(model) if mode == 'compile' else model
    image = torch.randn(batch, 3, 224, 224, dtype=kind).pin_memory()
    here = image.cuda()
    classes = (torch.arange(batch) * 7 % 1000).cuda()

    def gradient(x):
        x = x.detach().requires_grad_()
        scores = scored(x)
        return scores, torch.autograd.grad(scores.gather(1, classes[:, None]).sum(), x)[0]

    def there_and_back():
        scores, grad = gradient(image.cuda(non_blocking=True))
        return scores.detach().cpu(), grad.cpu()

    def on_device():
        gradient(here)
        torch.cuda.synchronize()

    def stream():
        for _ in range(20):
            gradient(here)
        torch.cuda.synchronize()

    result = {'net': net, 'batch': batch, 'mode': mode, 'round': timed(there_and_back, seconds), 'device': timed(on_device, seconds)}
    result['stream'] = {key: value / 20 if key != 'n' else value for key, value in timed(stream, seconds).items()}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out')
    parser.add_argument('--net', default='paper,alexnet,vgg16,squeezenet')
    parser.add_argument('--batch', default='1,8,32')
    parser.add_argument('--mode', default='f32,tf32,f16')
    parser.add_argument('--seconds', type=float, default=1)
    args = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    smi = subprocess.run(['nvidia-smi', '--query-gpu=driver_version', '--format=csv,noheader'], capture_output=True, text=True).stdout.strip()
    report = {'device': torch.cuda.get_device_name(), 'driver': smi, 'torch': torch.__version__, 'cudnn': torch.backends.cudnn.version(),
              'command': ' '.join(['python3', *sys.argv]), 'date': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()), 'rows': []}
    for mode in args.mode.split(','):
        for net in args.net.split(','):
            for batch in map(int, args.batch.split(',')):
                row = measure(net, batch, mode, args.seconds)
                report['rows'].append(row)
                print(net, f'b{batch}', mode, *(f"{key} {row[key]['median']:.3f} ms" for key in ('round', 'device', 'stream')), flush=True)
                with open(args.out, 'w') as file:
                    json.dump(report, file, indent=1)


main()
