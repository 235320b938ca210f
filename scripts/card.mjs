/**
 * Makes docs/card.jpg, what a link to the page shows where people share it: a sample, its map over it, and class
 * models, all of our own making (samples/methods, samples/ready).
 *
 *   node scripts/card.mjs
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { root } from './system.mjs';

const [WIDTH, HEIGHT] = [1200, 630];
const MOST_BYTES = 120_000;
const MODEL = 'imagenette-128-robust';

/** @type {{ classModels: { model: string, label: string, file: string }[] }} */
const { classModels } = JSON.parse(readFileSync(join(root, 'samples/ready/index.json'), 'utf8'));
const models = classModels.filter(({ model }) => model === MODEL).slice(0, 8);

/** @param {string} file @param {number} width @param {number} height @param {number} left @param {number} top */
const placed = async (file, width, height, left, top) => ({
  input: await sharp(join(root, file)).resize(width, height, { kernel: 'cubic' }).toBuffer(),
  left,
  top,
});
const texts = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"
  font-family="DejaVu Sans, sans-serif" fill="#1b2426">
  <text x="40" y="76" font-size="46" font-weight="700" fill="#0b6e75">gradlens</text>
  <text x="300" y="76" font-size="30">What does a neural network look at?</text>
  <text x="40" y="505" font-size="25" fill="#586467">
      Your picture, any network, on your own graphics processor: in the browser.
    </text>
</svg>`);
const file = join(root, 'docs/card.jpg');
await sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: '#ffffff' } })
  .composite([
    await placed('samples/imagenette/church.jpg', 420, 315, 40, 120),
    await placed('samples/methods/layers.webp', 420, 315, 480, 120),
    ...(await Promise.all(
      models.map(({ file }, k) => {
        const [column, row] = [k % 2, Math.floor(k / 2)];
        return placed(`samples/ready/${file}`, 112, 112, 930 + column * 120, 88 + row * 120);
      }),
    )),
    { input: texts, left: 0, top: 0 },
  ])
  .jpeg({ quality: 82 })
  .toFile(file);
const bytes = statSync(file).size;
console.log(`docs/card.jpg: ${(bytes / 1000).toFixed(1)} kB`);
if (bytes > MOST_BYTES) throw new Error(`at most ${MOST_BYTES / 1000} kB would be right`);
