/**
 * Makes samples/methods/: for each method of attribution its map of one sample, over it, which the page shows beside
 * the words on how to read it. As the command line makes it.
 *
 *   npm run build:lib && node scripts/methodPictures.mjs
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { METHODS } from 'gradlens';
import { root } from './system.mjs';

const SAMPLE = 'ladybug';
const [WIDTH, HEIGHT] = [320, 240];
const MOST_BYTES = 100_000;

const folder = join(root, 'samples/methods');
const drawn = mkdtempSync(join(tmpdir(), 'gradlens-methods-'));
mkdirSync(folder, { recursive: true });
let bytes = 0;
for (const { name } of METHODS) {
  const out = join(drawn, `${name}.png`);
  const map = ['saliency', join(root, `samples/${SAMPLE}.jpg`), '--method', name, '--overlay', '0.8', '--out', out];
  execFileSync(process.execPath, [join(root, 'bin/gradlens.js'), ...map], { cwd: root, stdio: 'inherit' });
  const file = join(folder, `${name}.webp`);
  await sharp(out).resize(WIDTH, HEIGHT).webp({ quality: 78 }).toFile(file);
  bytes += statSync(file).size;
}
rmSync(drawn, { recursive: true });
console.log(`samples/methods: ${METHODS.length} pictures, ${(bytes / 1000).toFixed(1)} kB`);
if (bytes > MOST_BYTES) throw new Error(`at most ${MOST_BYTES / 1000} kB would be right`);
