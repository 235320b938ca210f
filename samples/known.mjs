/**
 * Pictures of which it is known what matters, and the net that proves it:  node samples/known.mjs OUT [--count 10]
 *
 * Every picture has four glyphs, 9×9 pixels each, on noise: a, b, c and d. The net, built by hand, looks for each glyph
 * with its template; the threshold lies above whatever noise and the edges of glyphs can bring, so the templates' ReLUs
 * are 0 everywhere but on the glyphs themselves. The scores are made of what the templates of a and b find:
 *
 *   one    = a                       only a matters
 *   both   = max(0, a + b − 1)       a and b matter, each
 *   more   = a − b / 2               a matters for it, b against it
 *   either = min(1, 1.5 (a + b))     a and b matter, but each alone would do: the gradient is 0
 *   other  = c                       not asked about
 *
 * So the score depends on the pixels of those glyphs, and on no other: all others may be any other noise, to the same
 * bits. c and d are there to be mistaken.
 *
 * OUT gets model.json with known.safetensors, photos/<score>-NN.png, and boxes.json: for each picture the class to ask
 * about, and the boxes of the glyphs that matter.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from '../scripts/arguments.mjs';
import sharp from 'sharp';
import { random } from './lib/noise.mjs';

export const SIDE = 64;
export const GLYPH = 9;
const AREA = GLYPH * GLYPH;
/** Between corners of glyphs, so that no template covers parts of two of them. */
const APART = 2 * GLYPH;
/** Of bytes, about 127.5, which the net takes for 0. */
const CONTRAST = 96.5;
const NOISE = 24.5;
const THRESHOLD = 0.5;
/** By class: the glyphs that matter. */
export const QUESTIONS = { one: 'a', both: 'ab', more: 'ab', either: 'ab' };

/** @typedef {{ glyph: string, x: number, y: number }} Placed */

/** ±1 for every pixel and colour, [colour][row][column]. @param {number} seed */
function templatesBy(seed) {
  const draw = random(seed);
  return Array.from({ length: 4 }, () => Array.from({ length: 3 * AREA }, () => (draw() < 0.5 ? -1 : 1)));
}

/**
 * The largest answer of any template that is not on its own glyph, over all places and all noise; a glyph's own is its
 * contrast.
 *
 * @param {number[][]} templates
 */
export function worstOf(templates) {
  const [contrast, noise] = [CONTRAST / 127.5, NOISE / 127.5];
  let worst = 0;
  for (const [k, template] of templates.entries())
    for (const [other, glyph] of templates.entries())
      for (let dy = 1 - GLYPH; dy < GLYPH; dy++)
        for (let dx = 1 - GLYPH; dx < GLYPH; dx++) {
          if (k === other && dx === 0 && dy === 0) continue;
          let [sum, covered] = [0, 0];
          for (let i = 0; i < 3 * AREA; i++) {
            const [c, y, x] = [Math.floor(i / AREA), Math.floor((i % AREA) / GLYPH) + dy, (i % GLYPH) + dx];
            if (y < 0 || y >= GLYPH || x < 0 || x >= GLYPH) continue;
            sum += template[i] * glyph[c * AREA + y * GLYPH + x];
            covered++;
          }
          worst = Math.max(worst, (contrast * sum + noise * (3 * AREA - covered)) / (3 * AREA));
        }
  return worst;
}

/** The first templates that the threshold tells apart with room to spare. */
export function templates() {
  for (let seed = 1; ; seed++) {
    const found = templatesBy(seed);
    if (worstOf(found) < THRESHOLD - 0.05) return found;
  }
}

/** Where the glyphs are. @param {() => number} draw @returns {Placed[]} */
function placed(draw) {
  /** @type {Placed[]} */
  const all = [];
  while (all.length < 4) {
    const [x, y] = [draw(), draw()].map((at) => Math.floor(at * (SIDE - GLYPH + 1)));
    const isFree = all.every((other) => Math.max(Math.abs(other.x - x), Math.abs(other.y - y)) >= APART);
    if (isFree) all.push({ glyph: 'abcd'[all.length], x, y });
  }
  return all;
}

/**
 * RGB bytes.
 *
 * @param {number[][]} all
 * @param {Placed[]} glyphs
 * @param {() => number} draw for the noise
 */
export function pictureOf(all, glyphs, draw) {
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, () => Math.round(127.5 + NOISE * (2 * draw() - 1)));
  for (const { glyph, x, y } of glyphs)
    for (let i = 0; i < 3 * AREA; i++) {
      const [c, row, column] = [Math.floor(i / AREA), Math.floor((i % AREA) / GLYPH), i % GLYPH];
      const sign = all['abcd'.indexOf(glyph)][i];
      data[((y + row) * SIDE + x + column) * 3 + c] = 127.5 + sign * CONTRAST;
    }
  return data;
}

/** @type {(scale: number, ...rows: number[][]) => [shape: number[], data: number[]]} */
const matrix = (scale, ...rows) => [[rows.length, rows[0].length], rows.flat().map((value) => scale * value)];

/** The net. @param {number[][]} all */
function netOf(all) {
  const scale = 1 / (CONTRAST / 127.5 - THRESHOLD); // a glyph makes 1
  const planes = 64; // places that the mean is of
  /** @type {Record<string, [shape: number[], data: number[]]>} */
  const weights = {
    'find.weight': [[4, 3, GLYPH, GLYPH], all.flat().map((sign) => (sign * scale) / (3 * AREA))],
    'find.bias': [[4], [0, 0, 0, 0].map(() => -THRESHOLD * scale)],
    'parts.weight': matrix(planes, [1, 0, 0, 0], [1, 1, 0, 0], [-1.5, -1.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]),
    'parts.bias': [[5], [0, -1, 1, 0, 0]],
    'scores.weight': matrix(1, [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [1, 0, 0, -0.5, 0], [0, 0, -1, 0, 0], [0, 0, 0, 0, 1]),
    'scores.bias': [[5], [0, 0, 0, 1, 0]],
  };
  const pads = [1, 1, 1, 1].map(() => (GLYPH - 1) / 2);
  const nodes = [
    { op: 'conv', name: 'find', inputs: ['image'], kernel: [GLYPH, GLYPH], pads },
    { op: 'relu', name: 'found', inputs: ['find'] },
    { op: 'maxPool', name: 'pool', inputs: ['found'], kernel: [8, 8], stride: [8, 8] },
    { op: 'averagePool', name: 'mean', inputs: ['pool'], kernel: [8, 8] },
    { op: 'fullyConnected', name: 'parts', inputs: ['mean'] },
    { op: 'relu', name: 'positive', inputs: ['parts'] },
    { op: 'fullyConnected', name: 'scores', inputs: ['positive'] },
  ];
  const named = nodes.map((node) =>
    `${node.name}.weight` in weights ? { ...node, weight: `${node.name}.weight`, bias: `${node.name}.bias` } : node,
  );
  return { nodes: named, weights };
}

/** @param {Record<string, [shape: number[], data: number[]]>} weights */
function safetensorsOf(weights) {
  let offset = 0;
  const header = Object.entries(weights).map(([name, [shape, { length }]]) => {
    const entry = { dtype: 'F32', shape, data_offsets: [offset, offset + 4 * length] };
    offset += 4 * length;
    return [name, entry];
  });
  const text = JSON.stringify(Object.fromEntries(header));
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([
    length,
    json,
    ...Object.values(weights).map(([, data]) => Buffer.from(Float32Array.from(data).buffer)),
  ]);
}

/** @param {string} out @param {number} count of pictures for each score */
export async function render(out, count) {
  mkdirSync(join(out, 'photos'), { recursive: true });
  const all = templates();
  const { nodes, weights } = netOf(all);
  const bytes = safetensorsOf(weights);
  const file = 'known.safetensors';
  writeFileSync(join(out, file), bytes);
  const half = [0.5, 0.5, 0.5];
  const model = {
    format: 'gradlens/1',
    name: 'known',
    input: {
      ...{
        tensor: 'image',
        width: SIDE,
        height: SIDE,
        channels: 3,
        order: 'RGB',
        scale: 1 / 255,
        mean: half,
        std: half,
      },
      resize: 'squash',
    },
    output: 'scores',
    labels: [...Object.keys(QUESTIONS), 'other'],
    nodes,
    weights: { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
    provenance: { recipe: 'samples/known.mjs: built by hand, not trained', licence: 'MIT' },
  };
  writeFileSync(join(out, 'model.json'), `${JSON.stringify(model, null, 1)}\n`);
  const draw = random(1);
  const images = [];
  for (const [index, [question, matter]] of Object.entries(QUESTIONS).entries())
    for (let k = 0; k < count; k++) {
      const glyphs = placed(draw);
      const name = `${question}-${String(k).padStart(2, '0')}.png`;
      await sharp(pictureOf(all, glyphs, draw), { raw: { width: SIDE, height: SIDE, channels: 3 } })
        .png()
        .toFile(join(out, 'photos', name));
      const boxes = glyphs
        .filter(({ glyph }) => matter.includes(glyph))
        .map(({ x, y }) => [x, y, x + GLYPH - 1, y + GLYPH - 1]);
      images.push({ file: name, class: index, label: question, size: [SIDE, SIDE], boxes });
    }
  writeFileSync(join(out, 'boxes.json'), `${JSON.stringify({ images }, null, 1)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { count: { type: 'string', default: '10' } },
  });
  if (positionals.length !== 1) throw new Error('node samples/known.mjs OUT');
  await render(positionals[0], Number(values.count));
}
