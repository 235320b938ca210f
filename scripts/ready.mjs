/**
 * Makes samples/ready/: what the page shows to visitors whose browser has no WebGPU. For every sample the map, the map
 * over the picture and the segmentation, by the net that the page opens with; for every net that ships class models;
 * and index.json, which says what each shows and how it was made. All of it as the command line makes it.
 *
 *   npm run build:lib && node scripts/ready.mjs [NET…]
 *
 * of all nets, or of these only: class models take minutes on a software adapter
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { DEFAULT_MODEL } from 'gradlens';
import { root } from './system.mjs';

const MOST_BYTES = 300_000;
/** Of nets with more classes than a gallery shows: animals, vehicles, things and food that people know. */
const SHOWN = [
  'goldfish',
  'king penguin',
  'golden retriever',
  'lion',
  'ladybug',
  'monarch',
  'school bus',
  'computer keyboard',
  'orange',
  'pizza',
];
const WIDTH = 320;

const ready = join(root, 'samples/ready');
const indexFile = join(ready, 'index.json');
const drawn = mkdtempSync(join(tmpdir(), 'gradlens-ready-'));
mkdirSync(ready, { recursive: true });

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
const shipped = readdirSync(join(root, 'weights')).filter((name) =>
  existsSync(join(root, 'weights', name, 'model.json')),
);
const nets = process.argv.length > 2 ? process.argv.slice(2) : shipped;
/** @type {{ samples: any[], classModels: any[] }} */
const before = existsSync(indexFile) ? JSON.parse(readFileSync(indexFile, 'utf8')) : { samples: [], classModels: [] };

const samples = nets.includes(DEFAULT_MODEL) ? await ofSamples() : before.samples;
/** @type {any[]} */
const classModels = [];
for (const net of shipped)
  classModels.push(
    ...(nets.includes(net) ? await classModelsOf(net) : before.classModels.filter(({ model }) => model === net)),
  );
writeFileSync(indexFile, `${JSON.stringify({ by: 'node scripts/ready.mjs', samples, classModels }, null, 1)}\n`);
rmSync(drawn, { recursive: true });

const named = new Set([
  'index.json',
  ...samples.flatMap(({ map, overlay, segmentation }) => [map.file, overlay.file, segmentation.file]),
  ...classModels.map(({ file }) => file),
]);
for (const file of readdirSync(ready)) if (!named.has(file)) rmSync(join(ready, file));
const bytes = [...named].reduce((sum, file) => sum + statSync(join(ready, file)).size, 0);
console.log(`samples/ready: ${named.size} files, ${(bytes / 1000).toFixed(1)} kB`);
if (bytes > MOST_BYTES) throw new Error(`at most ${MOST_BYTES / 1000} kB would be right`);

async function ofSamples() {
  const pictures = readdirSync(join(root, 'samples'))
    .filter((file) => file.endsWith('.jpg'))
    .sort()
    .map((file) => join('samples', file));
  /** @param {string} what */
  const out = (what) => ['--model', DEFAULT_MODEL, '--out', join(drawn, `{stem}-${what}.png`)];
  const maps = gradlens('saliency', ...pictures, ...out('map'));
  const overlays = gradlens('saliency', ...pictures, '--overlay', ...out('overlay'));
  const segmentations = gradlens('segment', ...pictures, '--overlay', '0.7', ...out('segmentation'));
  return Promise.all(
    pictures.map(async (path, k) => {
      const { class: index, label, score, parameters, adapter } = maps[k];
      const { box, width, height, parameters: cut } = segmentations[k];
      return {
        sample: basename(path, '.jpg'),
        model: DEFAULT_MODEL,
        class: index,
        label,
        score,
        commit,
        adapter: adapter.description,
        map: { file: await small(maps[k].out, 78), parameters },
        overlay: { file: await small(overlays[k].out, 72), parameters: overlays[k].parameters },
        segmentation: { file: await small(segmentations[k].out, 72), box, of: [width, height], parameters: cut },
      };
    }),
  );
}

/** @param {string} net */
async function classModelsOf(net) {
  const { adapter } = gradlens('info')[0];
  const { labels } = JSON.parse(readFileSync(join(root, 'weights', net, 'model.json'), 'utf8'));
  const made = gradlens(
    'class-model',
    '--model',
    net,
    '--class',
    labels.length > SHOWN.length
      ? SHOWN.map((label) => labels.indexOf(label))
          .sort((a, b) => a - b)
          .join(',')
      : 'all',
    '--preset',
    'vivid',
    '--out',
    join(drawn, `${net}-{class}.png`),
  );
  return Promise.all(
    made.map(async ({ out, class: index, label, scores, parameters }) => ({
      model: net,
      class: index,
      label,
      score: scores.at(-1),
      commit,
      adapter: adapter.description,
      file: await small(out, 80),
      parameters,
    })),
  );
}

/**
 * Runs a command and returns what it says of each picture.
 *
 * @param {string[]} args
 * @returns {any[]}
 */
function gradlens(...args) {
  const text = execFileSync(process.execPath, [join(root, 'bin/gradlens.js'), ...args, '--json'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1e8,
  });
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/**
 * As WebP, no wider than the page shows it; its name.
 *
 * @param {string} png
 * @param {number} quality
 */
async function small(png, quality) {
  const file = `${basename(png, '.png').toLowerCase()}.webp`;
  await sharp(png)
    .resize({ width: WIDTH, withoutEnlargement: true })
    .webp({ quality, effort: 6 })
    .toFile(join(ready, file));
  return file;
}
