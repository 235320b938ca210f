/** Labelled photos, as measure.mjs and doubt.mjs read them. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readImage } from 'gradlens/node';

/**
 * @typedef {{ label: number, wnid?: string, image: import('../src/index.ts').Pixels }} Photo
 */

/**
 * The photos of `<split>_photos.npy` and `<split>_labels.npy`, where the folder has them (train/mosaics.py); else of
 * `<split>-<wnid>.tar`, whose labels are the places of the wnids in order.
 *
 * @param {string} folder
 * @param {string} split
 * @returns {AsyncGenerator<Photo>}
 */
export async function* photos(folder, split) {
  const files = readdirSync(folder);
  if (files.includes(`${split}_photos.npy`)) yield* arrays(folder, split);
  else if (files.includes(`${split}-00.webp`)) yield* mosaics(folder, split);
  else if (files.some((file) => file.endsWith('.jpg'))) yield* pictures(folder, files);
  else yield* archives(folder, files.filter((file) => file.startsWith(`${split}-`) && file.endsWith('.tar')).sort());
}

/**
 * @param {string} folder
 * @param {string} split
 * @returns {Generator<Photo>}
 */
function* arrays(folder, split) {
  const [planes, labels] = ['photos', 'labels'].map((part) => npy(join(folder, `${split}_${part}.npy`)));
  const [count, channels, height, width] = planes.shape;
  const size = height * width;
  for (let n = 0; n < count; n++) {
    const data = new Uint8ClampedArray(4 * size).fill(255);
    for (let c = 0; c < channels; c++) {
      for (let at = 0; at < size; at++) data[4 * at + c] = planes.bytes[(n * channels + c) * size + at];
    }
    yield { label: Number(labels.bytes.readBigInt64LE(8 * n)), image: { data, width, height } };
  }
}

/**
 * Photos as train/mosaics.py reads them: tiles, row by row; index.json has their classes.
 *
 * @param {string} folder
 * @param {string} split
 * @returns {AsyncGenerator<Photo>}
 */
async function* mosaics(folder, split) {
  const { tile, columns, classes, [split]: tiles } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  const files = readdirSync(folder)
    .filter((name) => name.startsWith(`${split}-`))
    .sort();
  let n = 0;
  for (const file of files) {
    const whole = await readImage(readFileSync(join(folder, file)));
    for (let k = 0; n < tiles.length && k < columns * Math.floor(whole.height / tile); k++, n++) {
      const [left, top] = [(k % columns) * tile, Math.floor(k / columns) * tile];
      const data = new Uint8ClampedArray(4 * tile * tile);
      for (let y = 0; y < tile; y++) {
        const at = 4 * ((top + y) * whole.width + left);
        data.set(whole.data.subarray(at, at + 4 * tile), 4 * y * tile);
      }
      const label = tiles[n].class;
      yield { label, wnid: classes[label].wnid, image: { data, width: tile, height: tile } };
    }
  }
}

/**
 * Photos without places among a net's classes. Their names begin with their wnids.
 *
 * @param {string} folder
 * @param {string[]} files
 * @returns {AsyncGenerator<Photo>}
 */
async function* pictures(folder, files) {
  for (const file of files.filter((name) => name.endsWith('.jpg')).sort())
    yield { label: -1, wnid: file.slice(0, 9), image: await readImage(readFileSync(join(folder, file))) };
}

/**
 * @param {string} folder
 * @param {string[]} files
 * @returns {AsyncGenerator<Photo>}
 */
async function* archives(folder, files) {
  for (const [label, file] of files.entries()) {
    const wnid = file.slice(file.indexOf('-') + 1, -'.tar'.length);
    for (const { bytes } of entriesOf(readFileSync(join(folder, file))))
      yield { label, wnid, image: await readImage(bytes) };
  }
}

/**
 * Shape and bytes of a NumPy array of format 1.
 *
 * @param {string} path
 */
function npy(path) {
  const file = readFileSync(path);
  const begin = 10 + file.readUInt16LE(8);
  const [, shape] = /'shape': \(([^)]*)\)/.exec(file.toString('latin1', 10, begin)) ?? [];
  return { shape: shape.split(',').filter(Boolean).map(Number), bytes: file.subarray(begin) };
}

/**
 * Files of an uncompressed USTAR archive.
 *
 * @param {Buffer} tar
 */
export function* entriesOf(tar) {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/, '');
    if (String.fromCharCode(tar[at + 156]) !== '5' && size > 0)
      yield { name, bytes: tar.subarray(at + 512, at + 512 + size) };
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
