/**
 * `node scripts/docsPictures.mjs [METHOD…]`: docs/methods/*.png, a map of each method on the same three samples, beside each
 * other over the pictures. Of the built package and the shipped network.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { METHODS, batchFor, mapBy, renderMap } from 'gradlens';
import { createNodeEngine, readImage } from 'gradlens/node';
import sharp from 'sharp';
import { root } from './system.mjs';

const SAMPLES = ['church', 'golf-ball', 'parachute'];
const [WIDTH, HEIGHT, GAP] = [240, 180, 8];

const asked = process.argv.slice(2);
const to = join(root, 'docs/methods');
mkdirSync(to, { recursive: true });
const engine = await createNodeEngine();
for (const { name } of METHODS.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  const model = await engine.load('imagenette-128-robust', { batch: batchFor(name) });
  const maps = [];
  for (const sample of SAMPLES) {
    const picture = await readImage(join(root, `samples/${sample}.jpg`));
    const map = await mapBy(name, model, picture, { class: 'top1' });
    const { data, width, height } = renderMap(map, { overlay: { picture, alpha: 0.75 } });
    maps.push(
      await sharp(data, { raw: { width, height, channels: 4 } })
        .resize(WIDTH, HEIGHT)
        .png()
        .toBuffer(),
    );
  }
  await sharp({
    create: { width: maps.length * (WIDTH + GAP) - GAP, height: HEIGHT, channels: 3, background: '#fff' },
  })
    .composite(maps.map((input, k) => ({ input, left: k * (WIDTH + GAP), top: 0 })))
    .png({ palette: true, colours: 128 })
    .toFile(join(to, `${name}.png`));
  console.log(name);
  model.dispose();
}
const photos = await Promise.all(
  SAMPLES.map((sample) =>
    sharp(join(root, `samples/${sample}.jpg`))
      .resize(WIDTH, HEIGHT)
      .toBuffer(),
  ),
);
await sharp({ create: { width: photos.length * (WIDTH + GAP) - GAP, height: HEIGHT, channels: 3, background: '#fff' } })
  .composite(photos.map((input, k) => ({ input, left: k * (WIDTH + GAP), top: 0 })))
  .png({ palette: true, colours: 128 })
  .toFile(join(to, 'pictures.png'));
engine.dispose();
