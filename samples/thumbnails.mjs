/** Small copies of the samples for the page's row of them:  node samples/thumbnails.mjs  (after render.mjs) */
import { mkdirSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import sharp from 'sharp';

const folder = fileURLToPath(new URL('.', import.meta.url));
mkdirSync(join(folder, 'thumbnails/imagenette'), { recursive: true });
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.jpg'));
for (const file of files) {
  await sharp(join(folder, file))
    .resize(152, 114, { fit: 'cover' })
    .webp({ quality: 70, effort: 6 })
    .toFile(join(folder, 'thumbnails', file.replace('.jpg', '.webp')));
}
