#!/usr/bin/env python3
"""Seventy architectures at a fraction of their width, as exporters write them, with float64 answers.

    python3 test/architectures/generate.py [NAME ...]

writes into files/ beside itself NAME.onnx, NAME.json (the class, the scores, what the file is like), NAME.input (NCHW,
signed bytes, in units of 1/32) and NAME.gradient (of the class's score, float32). Needs torch 1.13 and onnx. Every
block is written from its paper; widths, depths and pictures are small. Weights come from a seed that is the name's
checksum.

The answers are those of float64 PyTorch. An input is searched for whose gradient stays put when the output of every
part of the net is moved by NOISE of its root mean square: near the corner of a ReLU, or at a tie of a max-pool, float32
may rightly go the other way.
"""
import copy
import json
import pathlib
import sys

import torch

import attention  # noqa: F401  (each registers its nets)
import convolutional  # noqa: F401
import frameworks  # noqa: F401
import heads  # noqa: F401
import mobile  # noqa: F401
import residual  # noqa: F401
from common import REGISTRY, export, random_weights, seed_of
from evaluate import Evaluator

NOISE = 1e-6
#: the gradient's own relative change under that noise; where it is above, a corner is near
STEADY = 3e-5
FOLDER = pathlib.Path(__file__).parent / 'files'


class Noise:
    """Moves the output of every leaf of a module, or of every node of a file, while it is on."""

    def __init__(self):
        self.generator = None

    def __call__(self, x):
        if self.generator is None or not x.is_floating_point():
            return x
        size = NOISE * x.detach().pow(2).mean().sqrt()
        return x + torch.randn(x.shape, generator=self.generator, dtype=x.dtype) * size


def differentiated(run, architecture, x):
    """Scores, class and gradient of the float64 net at x. Of a map of scores one place is taken."""
    leaf = x.double().requires_grad_()
    scores = run(leaf)
    if architecture.place:
        scores[(0, *architecture.place)].backward()
        return scores.detach(), architecture.place[0], leaf.grad
    k = int(scores.flatten().argmax())
    scores.flatten()[k].backward()
    return scores.detach(), k, leaf.grad


def steadiest(run, noise, architecture, attempts=60):
    best = None
    for seed in range(attempts):
        generator = torch.Generator().manual_seed(seed)
        x = (torch.randn((1, *architecture.shape), generator=generator).clamp(-3, 3) * 32).round() / 32
        noise.generator = None
        scores, k, gradient = differentiated(run, architecture, x)
        change = 0.0
        for trial in range(4):
            noise.generator = torch.Generator().manual_seed(trial)
            moved = differentiated(run, architecture, x)
            change = max(change, float((moved[2] - gradient).norm() / gradient.norm()) if moved[1] == k else 1.0)
        if best is None or change < best[0]:
            best = (change, x, scores, k, gradient)
        if change < STEADY:
            break
    noise.generator = None
    return best


def plain_norm(norm):
    """Batch-norm from its formula: PyTorch 1.13's own is wrong in the gradient where that comes from a transpose."""

    def forward(x):
        shape = (1, -1, *[1] * (x.dim() - 2))
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        return x * scale.view(shape) + (norm.bias - norm.running_mean * scale).view(shape)

    return forward


def write(architecture):
    torch.manual_seed(seed_of(architecture.name))
    built = architecture.build()
    noise = Noise()
    if isinstance(built, torch.nn.Module):
        random_weights(built, seed_of(architecture.name)).eval()
        with torch.no_grad():
            file = export(copy.deepcopy(built), architecture)
        module = built.double()
        for part in module.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
                part.forward = plain_norm(part)
            if not list(part.children()):
                part.register_forward_hook(lambda _, __, y: noise(y) if isinstance(y, torch.Tensor) else y)
        run = getattr(module, 'scores', module)
    else:
        file = built.SerializeToString()
        run = Evaluator(built, noise)
    change, x, scores, k, gradient = steadiest(run, noise, architecture)
    size = float(gradient.norm())
    assert change < STEADY and size > 1e-3, f'{architecture.name}: gradient {size:.1e}, moves by {change:.1e}'
    answer = {
        'shape': [1, *architecture.shape],
        'opset': architecture.opset,
        'class': k,
        **({'place': list(architecture.place[1:])} if architecture.place else {}),
        'tolerance': architecture.tolerance,
        'scoresShape': list(scores.shape),
        'scores': [float(f'{v:.9g}') for v in scores.flatten().tolist()],
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f'{architecture.name}.onnx').write_bytes(file)
    (FOLDER / f'{architecture.name}.input').write_bytes((x * 32).to(torch.int8).numpy().tobytes())
    (FOLDER / f'{architecture.name}.gradient').write_bytes(gradient.float().numpy().tobytes())
    (FOLDER / f'{architecture.name}.json').write_text(json.dumps(answer) + '\n')
    spread = float(scores.flatten().std()) if scores.numel() > 1 else 0
    print(
        f'{architecture.name}: {len(file)} bytes, spread {spread:.2f}, gradient {size:.1e}, moves by {change:.1e}',
        flush=True,
    )


if __name__ == '__main__':
    failed = []
    for name in sys.argv[1:] or REGISTRY:
        try:
            write(REGISTRY[name])
        except Exception as error:  # the others are still written
            failed.append(name)
            print(f'{name}: {type(error).__name__}: {str(error)[:300]}', flush=True)
    print(f'{len(REGISTRY)} architectures, failed: {", ".join(failed) or "none"}')
    sys.exit(bool(failed))
