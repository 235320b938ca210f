"""Makes a model of what everyday.py trained:  export.py PHOTOS RUN OUT NAME [--attacked N]

OUT/NAME/ gets model.json and NAME.safetensors. The accuracy that it prints and notes is that of the rounded weights
on all validation photos; --attacked N adds that of the first N against ten L2 steps within 0.25 and 0.5, in units
where a channel runs from 0 to 1.
"""
import argparse
import json
import os

import torch

from everyday import load
from native import save
from net import EVERYDAY, Net, folded
from pictures import accuracy, scaled


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('photos')
    parser.add_argument('run')
    parser.add_argument('out')
    parser.add_argument('name')
    parser.add_argument('--attacked', type=int, default=600)
    options = parser.parse_args()
    trained = torch.load(os.path.join(options.run, 'net.pt'), map_location='cpu')
    with open(os.path.join(options.photos, 'labels.json')) as file:
        labels = json.load(file)
    photos, sought = load(options.photos, 'val', 'cpu')
    std = trained['std']
    x = scaled(photos, torch.tensor(trained['mean']), std)

    net = Net(EVERYDAY)
    net.load_state_dict(trained['net'])
    tensors = folded(net, torch.float16)
    rounded = {key: tensor.float() for key, tensor in tensors.items()}
    top1, top5 = accuracy(EVERYDAY, rounded, x, sought)
    n = options.attacked
    withstood = lambda radius: round(accuracy(EVERYDAY, rounded, x[:n], sought[:n], radius / std)[0], 4)
    attacked = {str(radius): withstood(radius) for radius in (0.25, 0.5)} if n else {}

    recipe = trained['options']
    provenance = {
        'data': f'Tiny-ImageNet-200, {trained["photos"]:,} of its training photos, 64×64',
        'recipe': f'weights/train/everyday.py, radius {recipe["radius"]:g}, batches of {recipe["batch"]}',
        'epochs': round(trained['epochs'], 1),
        'accuracy': {
            'top1': round(top1, 4),
            'top5': round(top5, 4),
            'photos': len(x),
            'attacked': {**attacked, 'photos': n},
            'measuredBy': 'weights/train/export.py, the folded float16 weights; '
                          'attacked: ten L2 steps within this radius',
        },
    }
    facts = {'mean': trained['mean'], 'std': std, 'resize': 'crop', 'labels': labels, 'provenance': provenance}
    size = save(os.path.join(options.out, options.name), options.name, EVERYDAY, tensors, facts)
    print(f'{options.name}: top-1 {top1:.4f} top-5 {top5:.4f} of {len(x)}, attacked {attacked} of {n}; {size} bytes')


if __name__ == '__main__':
    main()
