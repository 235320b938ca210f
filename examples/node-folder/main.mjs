// The map of every picture in a folder: node main.mjs [FOLDER] [TO]
import { mkdir, readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { renderMap, saliency } from 'gradlens';
import { createNodeEngine, readImage } from 'gradlens/node';
import sharp from 'sharp';

const [from = '../../samples/imagenette', to = 'maps'] = process.argv.slice(2);
await mkdir(to, { recursive: true });
const engine = await createNodeEngine();
const model = await engine.load('imagenette-128-robust');
for (const file of (await readdir(from)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort()) {
  const picture = await readImage(join(from, file));
  const map = await saliency(model, picture, { class: 'top1' });
  const { data, width, height } = renderMap(map, { overlay: { picture, alpha: 0.7 } });
  await sharp(data, { raw: { width, height, channels: 4 } }).toFile(join(to, `${parse(file).name}.png`));
  console.log(`${file}: ${model.labelOf(map.class)}, score ${map.score.toFixed(2)}`);
}
engine.dispose();
