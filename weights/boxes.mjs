/**
 * How well the boxes of layer maps fit, on small photos with one box each:  node weights/boxes.mjs PHOTOS BOXES
 * [--model NAME] [--tuned 1000] [--measured 2000]
 *
 * PHOTOS holds arrays (photos.mjs); BOXES is a JSON file with "train_boxes" {wnid: [[x0, y0, x1, y1], …]} in the
 * photos' order, and "val" [{"box"}]. The share of a map's largest value above which the object lies is chosen on
 * training photos, as many of each class, and nothing else is. Writes boxes.json beside the model.
 */
import { execSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from '../scripts/arguments.mjs';
import { DEFAULT_MODEL, centreBox, intersectionOverUnion, layerMap, mapBox } from 'gradlens';
import { createNodeEngine } from 'gradlens/node';
import { photos } from './photos.mjs';

/** @import { Box, Heatmap, Pixels } from '../src/index.ts' */
/** @typedef {{ map: Heatmap, image: Pixels, box: Box }} Mapped */

const {
  positionals: [folder = '.', boxesFile = 'index.json'],
  values,
} = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: DEFAULT_MODEL },
    tuned: { type: 'string', default: '1000' },
    measured: { type: 'string', default: '2000' },
  },
});
const SHARES = Array.from({ length: 29 }, (_, i) => (i + 2) / 40); // 0.05 to 0.75

/** @type {{ train_boxes: Record<string, number[][]>, val: { box: number[] }[] }} */
const { train_boxes, val } = JSON.parse(readFileSync(boxesFile, 'utf8'));
const trainBoxes = Object.values(train_boxes).flat();

const engine = await createNodeEngine({ onNotice: (message) => console.error(message) });
const home = new URL(`${values.model}/`, import.meta.url);
const model = await engine.load(new URL('model.json', home));

const every = Math.floor(trainBoxes.length / Number(values.tuned));
const tuning = await mapped(photos(folder, 'train'), trainBoxes, (n) => n % every === 0, Infinity);
const share = SHARES.reduce((best, other) => (meanIou(tuning, other) > meanIou(tuning, best) ? other : best));
const held = await mapped(
  photos(folder, 'val'),
  val.map(({ box }) => box),
  () => true,
  Number(values.measured),
);

const ious = held.map(({ map, image, box }) => intersectionOverUnion(mapBox(map, image, { share }).box, box));
const controls = held.map(({ image, box }) => intersectionOverUnion(centreBox(image.width, image.height), box));
const { adapter } = engine.environment;
const result = {
  model: values.model,
  share,
  chosenOn: { split: 'train', photos: tuning.length, meanIou: round(meanIou(tuning, share)) },
  measuredOn: { split: 'val', photos: held.length },
  layers: measures(ious),
  centreBox: measures(controls),
  // pairs on which only one of the two is above 0.5
  onlyLayers: ious.filter((iou, n) => iou > 0.5 && controls[n] <= 0.5).length,
  onlyCentreBox: ious.filter((iou, n) => iou <= 0.5 && controls[n] > 0.5).length,
  adapter: adapter.description || adapter.device,
  commit: execSync('git rev-parse --short HEAD', { cwd: home }).toString().trim(),
  command: `node weights/boxes.mjs PHOTOS BOXES --model ${values.model}`,
};
writeFileSync(new URL('boxes.json', home), `${JSON.stringify(result, null, 1)}\n`);
console.log(JSON.stringify(result));
engine.dispose();
process.exit(0);

/**
 * The maps of the true classes of some photos.
 *
 * @param {AsyncGenerator<import('./photos.mjs').Photo>} source
 * @param {number[][]} corners of the boxes, in pixels from 0
 * @param {(n: number) => boolean} chosen
 * @param {number} most
 */
async function mapped(source, corners, chosen, most) {
  /** @type {Mapped[]} */
  const found = [];
  let n = -1;
  for await (const { label, image } of source) {
    if (found.length >= most) break;
    if (!chosen(++n)) continue;
    const [x0, y0, x1, y1] = corners[n];
    const map = await layerMap(model, image, { class: label });
    found.push({ map, image, box: [x0, y0, x1 - x0 + 1, y1 - y0 + 1] });
    if (found.length % 200 === 0) console.error(`${found.length} maps`);
  }
  return found;
}

/**
 * @param {Mapped[]} photographs
 * @param {number} of
 */
function meanIou(photographs, of) {
  const sum = photographs.reduce(
    (total, { map, image, box }) => total + intersectionOverUnion(mapBox(map, image, { share: of }).box, box),
    0,
  );
  return sum / photographs.length;
}

/** @param {number[]} values */
function measures(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { meanIou: round(mean), above: round(values.filter((iou) => iou > 0.5).length / values.length) };
}

/** @param {number} value */
function round(value) {
  return Number(value.toFixed(4));
}
