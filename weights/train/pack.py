"""Packs the photos for train.py into one small file:  pack.py DATA FILE.npz [--quality 77]

DATA holds train-<wnid>.tar and val-<wnid>.tar of Imagenette v2, 224 px JPEG.

Training photos at 144 px (crops are taken from it), validation photos at the net's 128 px, as WebP. The loss of quality moves
the accuracy that train.py prints by a few photos; measure.mjs reads the photos themselves.
"""
import argparse
import glob
import io
import os
import tarfile

import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument('data')
parser.add_argument('file')
parser.add_argument('--quality', type=int, default=77)
options = parser.parse_args()
wnids = sorted(os.path.basename(path)[len('train-'):-len('.tar')] for path in glob.glob(os.path.join(options.data, 'train-*.tar')))

packed = {}
for split, size in (('train', 144), ('val', 128)):
    photos, labels = [], []
    for label, wnid in enumerate(wnids):
        with tarfile.open(os.path.join(options.data, f'{split}-{wnid}.tar')) as tar:
            for member in tar:
                if member.isfile():
                    image = Image.open(io.BytesIO(tar.extractfile(member).read())).convert('RGB')
                    file = io.BytesIO()
                    image.resize((size, size), Image.BILINEAR).save(file, 'WEBP', quality=options.quality, method=6)
                    photos.append(file.getvalue())
                    labels.append(label)
    packed[f'{split}_bytes'] = np.frombuffer(b''.join(photos), np.uint8)
    packed[f'{split}_ends'] = np.cumsum([len(photo) for photo in photos])
    packed[f'{split}_labels'] = np.array(labels)
    print(split, len(photos), 'photos', len(packed[f'{split}_bytes']), 'bytes', flush=True)
np.savez(options.file, **packed)
