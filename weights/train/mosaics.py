"""Decodes the photos for everyday.py, once:  mosaics.py DATA PHOTOS

DATA holds Tiny-ImageNet-200 as mosaics of tiles, row by row: train-<wnid>.webp for each class, val-00.webp and so on,
and index.json: "tile" (64 pixels) and "columns" (tiles in a row), "classes" [{"wnid", "label"}], "val" [{"class"}]
for each tile in order, and "train_boxes" {wnid: a box for each tile}.

PHOTOS gets train_photos.npy and val_photos.npy [N, 3, 64, 64] as bytes, train_labels.npy and val_labels.npy [N], and
labels.json.
"""
import argparse
import glob
import json
import os

import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument('data')
parser.add_argument('photos')
options = parser.parse_args()
with open(os.path.join(options.data, 'index.json')) as file:
    index = json.load(file)
tile, columns = index['tile'], index['columns']


def tiles(path):
    """All places of a mosaic, [N, 3, tile, tile]; the last ones may be empty."""
    image = np.asarray(Image.open(path).convert('RGB'))
    rows = image.shape[0] // tile
    return image.reshape(rows, tile, columns, tile, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 3, tile, tile)


def train(wnid):
    return tiles(os.path.join(options.data, f'train-{wnid}.webp'))[:len(index['train_boxes'][wnid])]


def val():
    paths = sorted(glob.glob(os.path.join(options.data, 'val-*.webp')))
    return np.concatenate([tiles(path) for path in paths])[:len(index['val'])]


classes = [train(of['wnid']) for of in index['classes']]
arrays = {
    'train_photos': np.concatenate(classes),
    'train_labels': np.repeat(np.arange(len(classes)), [len(photos) for photos in classes]),
    'val_photos': val(),
    'val_labels': np.array([photo['class'] for photo in index['val']]),
}
os.makedirs(options.photos, exist_ok=True)
for name, array in arrays.items():
    np.save(os.path.join(options.photos, f'{name}.npy'), array)
    print(name, *array.shape)
with open(os.path.join(options.photos, 'labels.json'), 'w') as file:
    json.dump([of['label'] for of in index['classes']], file, indent=1, ensure_ascii=False)
