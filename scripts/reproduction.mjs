/**
 * Makes docs/REPRODUCTION.md from docs/reproduction/*.json, or measures what these hold.
 *
 *   node scripts/reproduction.mjs                                   the page alone, from what was measured
 *   node scripts/reproduction.mjs --measure pictures,maps,speed     on the samples: no data needed
 *   node scripts/reproduction.mjs --measure masks,certainty         with $GRADLENS_DATA: the hand masks; six photos
 *   node scripts/reproduction.mjs --localisation boxes=a.jsonl,b.jsonl --localisation paper=c.jsonl
 *                                                               from what `gradlens localise --json` printed, in any
 *                                                               parts; a photo that comes twice counts once.
 *                                                               --commit X: what it was measured at, if that is not the
 *                                                               newest
 *
 * @import { Box, Heatmap, Model, Pixels } from '../src/index.ts'
 * @typedef {{ picture: import('sharp').Sharp, column: number, row: number }} Tile of a sheet
 * @typedef {import('../src/index.ts').Localised & { image: string, width: number, height: number }} Photo
 *   as `gradlens localise` printed it
 * @typedef {(model: Model, picture: Pixels) => Promise<Heatmap & { gap?: number }>} Make
 */
import { execFileSync, execSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from './arguments.mjs';
import sharp from 'sharp';
import * as gradlens from 'gradlens';
import { createNodeEngine, fileAddress, readImage } from 'gradlens/node';
import { SHARE } from '../weights/share.mjs';
import { pageOf } from './reproductionPage.mjs';

const { values } = parseArgs({
  options: {
    measure: { type: 'string', default: '' },
    localisation: { type: 'string', multiple: true, default: [] },
    commit: { type: 'string' },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'docs/reproduction');
const data = process.env.GRADLENS_DATA;
/** Every fifth photo from number 1 on, and from number 3 on: what presets were chosen on. */
/** @param {number} number */
const isTuning = (number) => number % 5 === 1 || number % 5 === 3;
const ROBUST = 'imagenette-128-robust';
/** The ten-class nets, those that are there: the ordinary one, and the one trained against small perturbations. */
const NETS = ['imagenette-128', ROBUST].filter((name) => existsSync(join(root, 'weights', name, 'model.json')));
/** Of a picture in a sheet, in pixels. */
const SIDE = 128;
/** Steps of integrated gradients, whose gap the table tells. */
const STEPS = 64;
const INTEGRATED = 'integrated-gradients';
/** The maps of a sheet, and of the table of what they are worth: each method, and its variants. */
/** @type {{ title: string, name: string, make: Make }[]} */
const COLUMNS = gradlens.METHODS.flatMap(({ name, title, variants = {} }) => {
  /** @type {(title: string, values: object) => typeof COLUMNS[number]} */
  const column = (title, values) => ({
    title,
    name,
    make: (model, picture) => gradlens.mapBy(name, model, picture, values),
  });
  return [
    column(title, name === INTEGRATED ? { samples: STEPS } : {}),
    ...Object.entries(variants).map(([variant, values]) => column(variant, values)),
  ];
});
/** How class models are climbed to: the paper's objective, its counter-example, and what later work found. */
/** @type {Record<string, Partial<import('../src/index.ts').ClassModelOptions>>} */
const WAYS = { paper: {}, probability: { score: 'probability' }, vivid: { preset: 'vivid' } };
mkdirSync(folder, { recursive: true });

/** @type {Record<string, () => Promise<object>>} */
const MEASURES = { pictures, maps, masks, speed, certainty };
const wanted = values.measure.split(',').filter((name) => name !== '');
const unknown = wanted.find((name) => !(name in MEASURES));
if (unknown) throw new Error(`--measure ${unknown}: there are ${Object.keys(MEASURES).join(', ')}`);
if ((wanted.includes('masks') || wanted.includes('certainty') || values.localisation.length > 0) && !data)
  throw new Error('masks, certainty and localisation are about the folder $GRADLENS_DATA');

/** @type {import('../src/index.ts').Engine | null} */
let engine = null;
if (wanted.length > 0) {
  engine = await createNodeEngine({ onNotice: (message) => console.error(message) });
  for (const name of wanted) save(name, await MEASURES[name]());
}
for (const entry of values.localisation) {
  const [, preset, files] = /^(\w+)=(.+)$/.exec(entry) ?? fail(`--localisation ${entry}: NAME=FILES would be right`);
  save(`localisation-${preset}`, localisation(files.split(',')));
}
const results = Object.fromEntries(
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => [basename(file, '.json'), read(join(folder, file))]),
);
const judgement = join(root, 'weights/judgement.json');
const page = join(root, 'docs/REPRODUCTION.md');
writeFileSync(page, pageOf(results, existsSync(judgement) ? read(judgement) : null, gradlens));
execFileSync('npx', ['biome', 'format', '--write', page], { cwd: root, shell: process.platform === 'win32' });
engine?.dispose();
process.exit(0);

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  throw new Error(message);
}

/** @param {string} path */
function read(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/**
 * @param {string} name
 * @param {object} result
 */
function save(name, result) {
  const adapter = engine
    ? { adapter: engine.environment.adapter.description || engine.environment.adapter.device }
    : {};
  const commit = values.commit ?? execSync('git rev-parse --short HEAD', { cwd: root }).toString().trim();
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ ...adapter, commit, ...result }, null, 1)}\n`);
  console.error(`docs/reproduction/${name}.json`);
}

function shipped(batch = 1, name = ROBUST) {
  return running().load(fileAddress(join(root, `weights/${name}/model.json`)), { batch });
}

/** The engine, which there is whenever something is measured. */
function running() {
  return engine ?? fail('nothing is to be measured');
}

/** The folder of the data, in which `path` lies. */
function inData(/** @type {string} */ path) {
  return join(data ?? fail(`${path} is in the folder $GRADLENS_DATA, which is not set`), path);
}

function sampleFiles() {
  return readdirSync(join(root, 'samples/imagenette'))
    .filter((file) => file.endsWith('.jpg'))
    .sort();
}

async function samples() {
  return Promise.all(
    sampleFiles().map(async (file) => ({ file, picture: await readImage(join(root, 'samples/imagenette', file)) })),
  );
}

// ——— pictures ———

async function pictures() {
  /** @type {Record<string, object>} */
  const classModels = {};
  for (const net of NETS) {
    classModels[net] = await classModelSheet(net, net === ROBUST ? WAYS : { vivid: WAYS.vivid });
    await mapSheet(net);
  }
  await segmentationSheet();
  return { classModels, columns: COLUMNS.map(({ title }) => title) };
}

/**
 * A row for each way to climb; a column for each class.
 *
 * @param {string} net
 * @param {typeof WAYS} ways
 */
async function classModelSheet(net, ways) {
  const classes = (await shipped(1, net)).classes;
  const model = await shipped(classes, net);
  const chosen = Array.from({ length: classes }, (_, index) => index);
  /** @type {Record<string, (number | undefined)[]>} */
  const scores = {};
  /** @type {Tile[]} */
  const tiles = [];
  for (const [row, [name, options]] of Object.entries(ways).entries()) {
    const run = gradlens.classModel(model, { class: chosen, ...options });
    let next = await run.next();
    while (!next.done) next = await run.next();
    scores[name] = next.value.scores.map((curve) => curve.at(-1));
    for (const n of chosen) tiles.push(tile(next.value.picture(n), n, row));
    console.error(`class models of ${net}: ${name}`);
  }
  await sheet(`class-models-${net}.png`, tiles);
  model.dispose();
  return { labels: model.labels, scores };
}

/**
 * The sample, then its maps.
 *
 * @param {string} net
 */
async function mapSheet(net) {
  const model = await shipped(1, net);
  /** @type {Tile[]} */
  const tiles = [];
  for (const [row, { picture }] of (await samples()).entries()) {
    tiles.push(tile(picture, 0, row));
    for (const [column, { make }] of COLUMNS.entries()) {
      const map = await make(model, picture);
      tiles.push(tile(gradlens.renderMap(map, { colours: map.signed ? 'coolwarm' : 'viridis' }), column + 1, row));
    }
  }
  await sheet(`maps-${net}.png`, tiles);
  model.dispose();
}

/**
 * The sample darkened beside the mask: by the paper's quantiles, by the preset `boxes`, by the command line's preset
 * `layers`.
 */
async function segmentationSheet() {
  const model = await shipped();
  /** @type {Tile[]} */
  const tiles = [];
  for (const [column, { picture }] of (await samples()).entries()) {
    const map = await gradlens.saliency(model, picture);
    for (const [row, preset] of /** @type {const} */ (['paper', 'boxes']).entries()) {
      const { mask, box } = await gradlens.segment(picture, map, { preset });
      tiles.push(tile(highlighted(picture, mask, box), column, row));
    }
    const layers = await gradlens.layerMap(model, picture);
    const { mask } = await gradlens.segment(picture, layers);
    tiles.push(tile(highlighted(picture, mask, gradlens.mapBox(layers, picture, { share: SHARE }).box), column, 2));
  }
  await sheet('segmentation.png', tiles);
}

/** @type {(picture: Pixels, mask: Uint8Array, box: Box) => Pixels} */
function highlighted({ data: pixels, width, height }, mask, [left, top, across, down]) {
  const drawn = Uint8ClampedArray.from(pixels, (value, i) => (i % 4 === 3 || mask[i >> 2] ? value : value * 0.35));
  const line = Math.ceil(Math.min(width, height) / 60);
  for (let y = top; y < top + down; y++) {
    for (let x = left; x < left + across; x++) {
      if (Math.min(x - left, y - top, left + across - 1 - x, top + down - 1 - y) < line)
        drawn.set([255, 220, 0, 255], (y * width + x) * 4);
    }
  }
  return { data: drawn, width, height };
}

/** @type {(picture: Pixels, column: number, row: number) => Tile} */
function tile({ data: pixels, width, height }, column, row) {
  return {
    picture: sharp(Buffer.from(pixels.buffer, pixels.byteOffset, pixels.length), {
      raw: { width, height, channels: 4 },
    }).resize(SIDE, SIDE, { fit: 'fill' }),
    column,
    row,
  };
}

/**
 * @param {string} file
 * @param {Tile[]} tiles
 */
async function sheet(file, tiles) {
  const [columns, rows] = [
    Math.max(...tiles.map(({ column }) => column)) + 1,
    Math.max(...tiles.map(({ row }) => row)) + 1,
  ];
  const layers = await Promise.all(
    tiles.map(async ({ picture, column, row }) => ({
      input: await picture.png().toBuffer(),
      left: column * (SIDE + 4),
      top: row * (SIDE + 4),
    })),
  );
  await sharp({
    create: { width: columns * (SIDE + 4) - 4, height: rows * (SIDE + 4) - 4, channels: 3, background: '#fff' },
  })
    .composite(layers)
    .png({ palette: true, colours: 192, effort: 10 })
    .toFile(join(folder, file));
  console.error(`docs/reproduction/${file}`);
}

// ——— what maps are worth ———

/** Means over the samples: deletion and insertion, and how much of a map is left when layers are randomised. */
async function maps() {
  const model = await shipped(8);
  const single = await shipped();
  const { file } = single;
  const last = await running().load(gradlens.randomised(file, 1));
  const all = await running().load(gradlens.randomised(file, Infinity));
  /** @type {Record<string, Record<string, number[]>>} */
  const sums = {};
  let gap = 0;
  const pictures = (await samples()).filter((_, k) => k % 3 === 0); // minutes each, on a software adapter
  for (const { file: name, picture } of pictures) {
    const plain = await gradlens.saliency(single, picture);
    const random = { ...plain, data: plain.data.map((_, i) => Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1) };
    const control = { title: 'random (control)', name: 'random', make: async () => random };
    for (const { title, name: method, make } of [...COLUMNS, control]) {
      const map = await make(single, picture);
      const curves = await gradlens.perturbationCurves(model, picture, map);
      // 0: the score of the mean colour alone; 1: of the whole picture
      const [whole, none] = [curves.deletion[0], curves.deletion[curves.deletion.length - 1]];
      /** @param {number} area */
      const share = (area) => (area - none) / (whole - none);
      /** @param {Model} other */
      const kept = async (other) => gradlens.rankCorrelation(map, { ...(await make(other, picture)) });
      const row = {
        deletion: share(curves.deletionArea),
        insertion: share(curves.insertionArea),
        lastLayer: await kept(last),
        allLayers: await kept(all),
        likeness: gradlens.rankCorrelation(map, plain),
      };
      if (method === INTEGRATED) gap += ('gap' in map ? (map.gap ?? 0) : 0) / pictures.length;
      for (const [key, value] of Object.entries(row)) ((sums[title] ??= {})[key] ??= []).push(value);
    }
    console.error(name);
  }
  /** @param {number[]} list */
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  return {
    samples: pictures.length,
    gap,
    steps: STEPS,
    methods: Object.fromEntries(
      Object.entries(sums).map(([method, row]) => [
        method,
        Object.fromEntries(Object.entries(row).map(([key, list]) => [key, mean(list)])),
      ]),
    ),
  };
}

// ——— speed ———

/**
 * Milliseconds of one thread for a segmentation at 500×375, each sample's median of three after a first that compiles.
 */
async function speed() {
  const model = await shipped();
  /** @type {Record<string, number>} */
  const milliseconds = {};
  for (const file of sampleFiles()) {
    const {
      data: bytes,
      info: { width, height },
    } = await sharp(join(root, 'samples/imagenette', file))
      .resize(500, 375, { fit: 'fill' })
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const picture = { data: new Uint8ClampedArray(bytes), width, height };
    const map = await gradlens.saliency(model, picture);
    const times = [];
    for (let run = 0; run < 4; run++) {
      const before = process.cpuUsage();
      await gradlens.segment(picture, map);
      const { user, system } = process.cpuUsage(before);
      times.push((user + system) / 1000);
    }
    milliseconds[file] = times.slice(1).sort((a, b) => a - b)[1];
  }
  return { milliseconds };
}

// ——— how far a gradient can be trusted ———

/** SqueezeNet 1.1 on six photos whose gradients are known in float64. */
async function certainty() {
  const folder = join(/** @type {string} */ (data), 'reference');
  const model = await running().load(fileAddress(join(/** @type {string} */ (data), 'weights/squeezenet1.1.onnx')), {
    prep: 'caffe-bgr',
    size: [227, 227],
  });
  /** @type {{ cases: { image: string, gradient: string, class: number }[] }} */
  const { cases } = read(join(folder, 'index.json'));
  const photos = [];
  for (const { image, gradient: file, class: chosen } of cases) {
    const right = new Float32Array(Uint8Array.from(readFileSync(join(folder, file))).buffer);
    const picture = await readImage(join(folder, image));
    const found = await model.inputGradient(picture, { class: chosen, certainty: true });
    const plane = right.length / 3;
    let [off, all] = [0, 0];
    found.gradient.forEach((value, i) => {
      const wanted = right[(i % plane) * 3 + Math.floor(i / plane)];
      off += (value - wanted) ** 2;
      all += wanted ** 2;
    });
    const { places, unwatched, ...certain } = /** @type {import('../src/index.ts').Certainty[]} */ (found.certainty)[0];
    photos.push({ photo: basename(image, '.png'), error: Math.sqrt(off / all), ...certain });
  }
  return { photos };
}

// ——— hand masks ———

/**
 * IoU of the foreground by the model's own best class; beside it the same cut, its map 1 in the true mask's box and 0
 * outside.
 */
async function masks() {
  const model = await running().load(fileAddress(inData('weights/squeezenet1.1.onnx')), {
    input: gradlens.presetSpec('caffe-bgr', { C: 3, H: 227, W: 227 }),
  });
  const names = read(inData('labels/imagenet1000.json')).classes;
  const rows = [];
  for (const { id, content } of read(inData('segmentation/index.json')).images) {
    const picture = await readImage(inData(`segmentation/images/${id}.jpg`));
    const mask = await readImage(inData(`segmentation/masks/${id}.png`));
    const truth = Uint8Array.from({ length: mask.width * mask.height }, (_, i) => mask.data[4 * i]);
    const map = await gradlens.saliency(model, picture);
    const layers = await gradlens.layerMap(model, picture, { class: map.class });
    /** @type {(from: Heatmap, preset: import('../src/index.ts').SegmentPreset) => Promise<number>} */
    const score = async (from, preset) => overlap((await gradlens.segment(picture, from, { preset })).mask, truth);
    const name = names[map.class];
    rows.push({
      id,
      content,
      top1: typeof name === 'string' ? name : (name.label ?? String(map.class)),
      paper: await score(map, 'paper'),
      boxes: await score(map, 'boxes'),
      layers: await score(layers, 'paper'),
      trueBox: await score(boxMap(truth, mask, map), 'paper'),
    });
    console.error(id);
  }
  return { rows };
}

/** @type {(mask: Uint8Array, truth: Uint8Array) => number} */
function overlap(mask, truth) {
  let [both, either] = [0, 0];
  truth.forEach((value, i) => {
    if (value === 128) return; // unknown
    both += mask[i] && value === 255 ? 1 : 0;
    either += mask[i] || value === 255 ? 1 : 0;
  });
  return both / either;
}

/** @type {(truth: Uint8Array, mask: Pixels, map: Heatmap) => Heatmap} */
function boxMap(truth, { width, height }, map) {
  const inside = [...truth.keys()].filter((i) => truth[i] === 255);
  const [xs, ys] = [inside.map((i) => i % width), inside.map((i) => Math.floor(i / width))];
  /** @param {number[]} list */
  const least = (list) => list.reduce((a, b) => Math.min(a, b));
  /** @param {number[]} list */
  const most = (list) => list.reduce((a, b) => Math.max(a, b));
  const [left, right, top, bottom] = [least(xs), most(xs), least(ys), most(ys)];
  return {
    ...map,
    width,
    height,
    data: Float32Array.from(truth, (_, i) =>
      i % width >= left && i % width <= right && Math.floor(i / width) >= top && Math.floor(i / width) <= bottom
        ? 1
        : 0,
    ),
  };
}

// ——— localisation ———

/**
 * The tuning part and the rest, as far as they are there, and all if both are whole. Photos are numbered as the box
 * file has them.
 *
 * @param {string[]} files
 */
function localisation(files) {
  const lines = files
    .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line));
  const {
    parameters: { part: _part, allBut: _allBut, ...parameters },
    adapter,
  } = lines.find((line) => line.parameters !== undefined);
  const photos = new Map(lines.filter(({ image }) => image !== undefined).map((photo) => [photo.image, photo]));
  /** @type {{ number: number, photo: Photo | undefined }[]} */
  const numbered = read(inData('imagenette224/loc-boxes.json')).images.map(
    (/** @type {{ file: string }} */ { file }, /** @type {number} */ number) => ({
      number,
      photo: photos.get(file),
    }),
  );
  const parts = {
    tuning: numbered.filter(({ number }) => isTuning(number)),
    rest: numbered.filter(({ number }) => !isTuning(number)),
    all: numbered,
  };
  const there = Object.entries(parts)
    .map(([name, part]) => /** @type {const} */ ([name, part.length, part.flatMap(({ photo }) => photo ?? [])]))
    .filter(([name, of, part]) => part.length > 0 && (name !== 'all' || part.length === of));
  /** @type {(of: number, part: Photo[]) => object} */
  const measured = (of, part) => ({
    of,
    segmentation: gradlens.localisationMeasures(part),
    centreBox: gradlens.localisationMeasures(gradlens.controlOf(part, gradlens.centreBox)),
    wholeImage: gradlens.localisationMeasures(gradlens.controlOf(part, gradlens.wholeImage)),
  });
  return {
    parameters,
    adapter: adapter.description || adapter.device,
    command: 'gradlens localise loc.tar --boxes loc-boxes.json --model squeezenet1.1.onnx --prep caffe-bgr --json',
    ...Object.fromEntries(there.map(([name, of, part]) => [name, measured(of, part)])),
  };
}
