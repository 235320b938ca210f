"""Writes a net as gradlens reads it: model.json, and its weights beside it as safetensors, float16."""
import hashlib
import json
import os
import struct

LABELS = ['tench', 'English springer', 'cassette player', 'chain saw', 'church', 'French horn', 'garbage truck', 'gas pump',
          'golf ball', 'parachute']


def save(out, name, nodes, tensors, size, mean, std, provenance):
    """`tensors` are float16 and on the CPU; `mean` and `std` are lists, of pixels from 0 to 1."""
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
        'input': {'tensor': 'image', 'width': size, 'height': size, 'channels': 3, 'order': 'RGB', 'scale': 1 / 255,
                  'mean': [round(v, 6) for v in mean], 'std': [round(v, 6) for v in std], 'resize': 'squash'},
        'output': nodes[-1]['name'],
        'labels': LABELS,
        'nodes': nodes,
        'weights': {'file': f'{name}.safetensors', 'bytes': len(weights), 'sha256': hashlib.sha256(weights).hexdigest()},
        'provenance': {
            'data': 'Imagenette v2, train split without the ILSVRC validation photos: 9,103 photos of ten classes',
            **provenance,
            'licence': 'MIT (the weights); the training photos carry ImageNet’s terms and are not included',
        },
    }
    with open(os.path.join(out, 'model.json'), 'w') as file:
        json.dump(manifest, file, indent=1, ensure_ascii=False)
        file.write('\n')
    return len(weights)
