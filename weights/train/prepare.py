"""Decodes the photos once:  prepare.py DATA WORK   (DATA holds train-<wnid>.tar and val-<wnid>.tar, 224 px JPEG).

Writes WORK/{train,val}_{x,y}.npy: train at 160 px (crops are taken from it), val at the net's 128 px.
"""
import glob
import io
import os
import sys
import tarfile

import numpy as np
from PIL import Image

data, work = sys.argv[1:3]
wnids = sorted(os.path.basename(path)[len('train-'):-len('.tar')] for path in glob.glob(os.path.join(data, 'train-*.tar')))
os.makedirs(work, exist_ok=True)
for split, size in (('train', 160), ('val', 128)):
    images, labels = [], []
    for label, wnid in enumerate(wnids):
        with tarfile.open(os.path.join(data, f'{split}-{wnid}.tar')) as tar:
            for member in tar:
                if member.isfile():
                    image = Image.open(io.BytesIO(tar.extractfile(member).read())).convert('RGB')
                    images.append(np.asarray(image.resize((size, size), Image.BILINEAR)).transpose(2, 0, 1))
                    labels.append(label)
    np.save(os.path.join(work, f'{split}_x.npy'), np.stack(images))
    np.save(os.path.join(work, f'{split}_y.npy'), np.array(labels))
    print(split, len(images), flush=True)
