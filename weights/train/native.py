"""Writes a net as gradlens reads it: model.json, and its weights beside it as safetensors, float16."""
import hashlib
import json
import os
import struct

from net import nodes

LICENCE = 'MIT (the weights); the training photos carry ImageNet’s terms and are not included'


def save(out, name, design, tensors, facts):
    """
    `tensors` are float16 and on the CPU. `facts` are 'mean' by channel and 'std', of pixels from 0 to 1; 'resize',
    'squash' or 'crop', how a picture becomes a square; 'labels'; and 'provenance', without the licence. Returns the
    bytes of the weights.
    """
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
    listed = nodes(design)
    manifest = {
        'format': 'gradlens/1',
        'name': name,
        'input': {'tensor': 'image', 'width': design.input, 'height': design.input, 'channels': 3, 'order': 'RGB',
                  'scale': 1 / 255, 'mean': [round(v, 6) for v in facts['mean']], 'std': [round(facts['std'], 6)] * 3,
                  'resize': facts['resize']},
        'output': listed[-1]['name'],
        'labels': facts['labels'],
        'nodes': listed,
        'weights': {'file': f'{name}.safetensors', 'bytes': len(weights),
                    'sha256': hashlib.sha256(weights).hexdigest()},
        'provenance': {**facts['provenance'], 'licence': LICENCE},
    }
    with open(os.path.join(out, 'model.json'), 'w') as file:
        json.dump(manifest, file, indent=1, ensure_ascii=False)
        file.write('\n')
    return len(weights)
