"""Folds batch-norm, writes float16 weights and model.json, and measures exactly those weights:  export.py CHECKPOINT OUT NAME

CHECKPOINT is train.py's checkpoint.pt or robust.py's robust.pt, with val_x.npy and val_y.npy beside it; OUT/model.json and
OUT/NAME.safetensors are written. The epochs that are noted are those of the checkpoint.
"""
import hashlib
import json
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

from net import CLASSES, CONVOLUTIONS, INPUT

LABELS = ['tench', 'English springer', 'cassette player', 'chain saw', 'church', 'French horn', 'garbage truck', 'gas pump',
          'golf ball', 'parachute']

path, out, name = sys.argv[1:4]
work = os.path.dirname(path)
torch.set_num_threads(1)
checkpoint = torch.load(path)
state, mean, std = checkpoint['average'], checkpoint['mean'], checkpoint['std']


def folded(layer):
    gain = state[f'{layer}_bn.weight'] / torch.sqrt(state[f'{layer}_bn.running_var'] + 1e-5)
    weight = state[f'{layer}.weight']
    return (weight * gain.view(-1, *[1] * (weight.ndim - 1))).half(), (state[f'{layer}_bn.bias'] - state[f'{layer}_bn.running_mean'] * gain).half()


tensors, nodes, previous = {}, [], 'image'
for layer, _, _, kernel, stride, pad, pooled in CONVOLUTIONS:
    tensors[f'{layer}.weight'], tensors[f'{layer}.bias'] = folded(layer)
    k = layer[len('conv'):]
    nodes.append({'op': 'conv', 'name': layer, 'inputs': [previous], 'kernel': [kernel, kernel], 'stride': [stride, stride],
                  'pads': [pad] * 4, 'weight': f'{layer}.weight', 'bias': f'{layer}.bias'})
    nodes.append({'op': 'relu', 'name': f'relu{k}', 'inputs': [layer]})
    previous = f'relu{k}'
    if pooled:
        nodes.append({'op': 'maxPool', 'name': f'pool{k}', 'inputs': [previous], 'kernel': [2, 2], 'stride': [2, 2]})
        previous = f'pool{k}'
tensors['fc6.weight'], tensors['fc6.bias'] = folded('fc6')
tensors['fc7.weight'], tensors['fc7.bias'] = state['fc7.weight'].half(), state['fc7.bias'].half()
for layer, after in (('fc6', 'relu6'), ('fc7', None)):
    nodes.append({'op': 'fullyConnected', 'name': layer, 'inputs': [previous], 'weight': f'{layer}.weight', 'bias': f'{layer}.bias'})
    previous = layer
    if after:
        nodes.append({'op': 'relu', 'name': after, 'inputs': [layer]})
        previous = after


def network(x):
    for layer, _, _, _, stride, pad, pooled in CONVOLUTIONS:
        x = F.relu(F.conv2d(x, tensors[f'{layer}.weight'].float(), tensors[f'{layer}.bias'].float(), stride, pad))
        x = F.max_pool2d(x, 2) if pooled else x
    x = F.relu(F.linear(x.flatten(1), tensors['fc6.weight'].float(), tensors['fc6.bias'].float()))
    return F.linear(x, tensors['fc7.weight'].float(), tensors['fc7.bias'].float())


images = torch.from_numpy(np.load(os.path.join(work, 'val_x.npy')))
labels = torch.from_numpy(np.load(os.path.join(work, 'val_y.npy')))
scale = lambda x: (x.float() / 255 - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
with torch.no_grad():
    right = sum((network(scale(images[i:i + 128])).argmax(1) == labels[i:i + 128]).sum().item() for i in range(0, len(images), 128))
accuracy = round(right / len(images), 4)

header, blob = {}, b''
for key, value in tensors.items():
    data = value.contiguous().numpy().tobytes()
    header[key] = {'dtype': 'F16', 'shape': list(value.shape), 'data_offsets': [len(blob), len(blob) + len(data)]}
    blob += data
text = json.dumps(header, separators=(',', ':')).encode()
text += b' ' * (-len(text) % 8)
weights = struct.pack('<Q', len(text)) + text + blob
os.makedirs(out, exist_ok=True)
with open(os.path.join(out, f'{name}.safetensors'), 'wb') as file:
    file.write(weights)
manifest = {
    'format': 'gradlens/1',
    'name': name,
    'input': {'tensor': 'image', 'width': INPUT, 'height': INPUT, 'channels': 3, 'order': 'RGB', 'scale': 1 / 255,
              'mean': [round(v, 6) for v in mean.tolist()], 'std': [round(v, 6) for v in std.tolist()], 'resize': 'squash'},
    'output': previous,
    'labels': LABELS,
    'nodes': nodes,
    'weights': {'file': f'{name}.safetensors', 'bytes': len(weights), 'sha256': hashlib.sha256(weights).hexdigest()},
    'provenance': {
        'data': 'Imagenette v2, train split without the ILSVRC validation photos: 9,103 photos of ten classes',
        'recipe': checkpoint.get('recipe', 'weights/train/train.py'), 'epochs': checkpoint['epoch'] + 1,
        'accuracy': {'top1': accuracy, 'photos': len(images), 'measuredBy': 'weights/train/export.py, the folded float16 weights'},
        'licence': 'MIT (the weights); the training photos carry ImageNet’s terms and are not included',
    },
}
with open(os.path.join(out, 'model.json'), 'w') as file:
    json.dump(manifest, file, indent=1, ensure_ascii=False)
    file.write('\n')
print(len(weights), 'bytes, top-1', accuracy, 'of', len(images), 'classes', CLASSES)
