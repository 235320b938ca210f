/**
 * Boxes of feature maps beside those of layer maps, on photos with boxes:
 *
 *   node scripts/featureBoxes.mjs loc OUT [--part 0/8]       470 ILSVRC photos, SqueezeNet 1.1, feature maps alone
 *   node scripts/featureBoxes.mjs tiny OUT [--count 2000]    the first photos of Tiny ImageNet's validation set
 *
 * with $GRADLENS_DATA. The class is the true one. A line of OUT is a photo: its number, and the IoU of each box.
 */
import { execSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from './arguments.mjs';
import { centreBox, featureMap, intersectionOverUnion, layerMap, mapBox, presetSpec } from 'gradlens';
import { createNodeEngine, fileAddress, readImage } from 'gradlens/node';
import { SHARE } from '../weights/share.mjs';
import { entriesOf, photos } from '../weights/photos.mjs';
import { root } from './root.mjs';

/** @import { Box, Pixels } from '../src/index.ts' */
/** @typedef {{ number: number, image: Pixels, label: number, boxes: Box[] }} Boxed */

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { part: { type: 'string', default: '0/1' }, count: { type: 'string', default: '2000' } },
});
const [what = 'loc', out = 'boxes.jsonl'] = positionals;
const data = process.env.GRADLENS_DATA ?? '.';
const engine = await createNodeEngine({ onNotice: (message) => console.error(message) });
const isTiny = what === 'tiny';
const model = isTiny
  ? await engine.load(fileAddress(join(root, 'weights/everyday-64-robust/model.json')))
  : await engine.load(fileAddress(join(data, 'weights/squeezenet1.1.onnx')), {
      input: presetSpec('caffe-bgr', { C: 3, H: 227, W: 227 }),
    });
const commit = execSync('git rev-parse --short HEAD', { cwd: root }).toString().trim();
writeFileSync(out, `${JSON.stringify({ what, commit, adapter: engine.environment.adapter.description })}\n`);

for await (const { number, image, label, boxes } of isTiny ? tiny() : loc()) {
  /** @param {Box} box */
  const iou = (box) => Number(Math.max(...boxes.map((other) => intersectionOverUnion(box, other))).toFixed(4));
  const features = mapBox(await featureMap(model, image, { class: label }), image);
  const line = { number, features: iou(features.box), centre: iou(centreBox(image.width, image.height)) };
  if (isTiny) {
    const map = await layerMap(model, image, { class: label });
    Object.assign(line, { layers: iou(mapBox(map, image).box) });
    Object.assign(line, { layersAtShare: iou(mapBox(map, image, { share: SHARE }).box) });
  }
  appendFileSync(out, `${JSON.stringify(line)}\n`);
}
engine.dispose();
process.exit(0);

/** @returns {AsyncGenerator<Boxed>} */
async function* tiny() {
  const { val } = JSON.parse(readFileSync(join(data, 'tiny200/index.json'), 'utf8'));
  let number = -1;
  for await (const { label, image } of photos(join(data, 'tiny200'), 'val')) {
    if (++number >= Number(values.count)) return;
    const [x0, y0, x1, y1] = val[number].box;
    yield { number, image, label, boxes: [[x0, y0, x1 - x0 + 1, y1 - y0 + 1]] };
  }
}

/** @returns {AsyncGenerator<Boxed>} */
async function* loc() {
  const { images } = JSON.parse(readFileSync(join(data, 'imagenette224/loc-boxes.json'), 'utf8'));
  const [first, every] = values.part.split('/').map(Number);
  const tar = new Map(
    [...entriesOf(readFileSync(join(data, 'imagenette224/loc.tar')))].map(({ name, bytes }) => [name, bytes]),
  );
  for (const [number, { file, imagenet_index, original_size, boxes_original }] of images.entries()) {
    if (number % every !== first) continue;
    const image = await readImage(tar.get(file) ?? new Uint8Array());
    const [across, down] = [image.width / original_size[0], image.height / original_size[1]];
    /** @type {Box[]} */
    const boxes = boxes_original.map((/** @type {number[]} */ [x0, y0, x1, y1]) => [
      x0 * across,
      y0 * down,
      (x1 - x0 + 1) * across,
      (y1 - y0 + 1) * down,
    ]);
    yield { number, image, label: imagenet_index, boxes };
  }
}
