/**
 * How soon class models tell their class to a net that had no part in them: for the table in docs/REPRODUCTION.md.
 *
 *   node scripts/telling.mjs DATA                    the ways below, of the 20 classes; what is measured stays
 *   node scripts/telling.mjs DATA --ways 'a;b'       some of them
 *   node scripts/telling.mjs DATA --try '{"a": {}}'  other ways, of 5 other classes, to choose by; nothing is written
 *
 * Class models of SqueezeNet 1.1, named by SqueezeNet 1.0, whose weights are others: at each of some iterations the
 * rank of the class among the judge's 1000. DATA holds weights/squeezenet1.1.onnx and squeezenet1.0.onnx.
 *
 * @import { AscentState, ClassModelOptions } from '../src/index.ts'
 */
import { execSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from './arguments.mjs';
import sharp from 'sharp';
import { classModel } from 'gradlens';
import { createNodeEngine, fileAddress } from 'gradlens/node';

const {
  positionals: [data = '.'],
  values,
} = parseArgs({
  allowPositionals: true,
  options: {
    try: { type: 'string' },
    ways: { type: 'string' },
    iterations: { type: 'string' },
    pictures: { type: 'string' },
  },
});

/** Of 1000, in an order that nobody chose: by the SHA-256 of their numbers. 20 of them count, the next 5 are tried. */
const DRAWN = Array.from({ length: 1000 }, (_, index) => index)
  .map((index) => /** @type {const} */ ([createHash('sha256').update(String(index)).digest('hex'), index]))
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([, index]) => index);
const CLASSES = values.try === undefined ? DRAWN.slice(0, 20) : DRAWN.slice(20, 25);
/** At once, in one batch. */
const BATCH = 5;
/** When the judge is asked. */
const ASKED = [8, 16, 24, 32, 48, 64].filter((iteration) => iteration <= Number(values.iterations ?? 64));

/** From the paper's on, one thing after the other. */
/** @type {Record<string, Partial<ClassModelOptions>>} */
const WAYS = (() => {
  /** @type {Partial<ClassModelOptions>} */
  const fourier = { preset: 'vivid', parametrisation: 'fourier', blur: 0, step: 0.15 };
  const turned = { ...fourier, jitter: 8, rotate: 8, zoom: 0.1 };
  return {
    paper: { preset: 'paper' },
    vivid: { preset: 'vivid' },
    'cosines, jitter': { ...fourier, jitter: 8 },
    'cosines, jitter, turns, zooms': turned,
    'the same, from noise': { ...turned, noise: 0.01 },
  };
})();

const path = new URL('../docs/reproduction/telling.json', import.meta.url);
const engine = await createNodeEngine({ onNotice: (message) => console.error(message) });
const { adapter } = engine.environment;
const of = (/** @type {string} */ name) => fileAddress(join(data, 'weights', name));
const net = await engine.load(of('squeezenet1.1.onnx'), { prep: 'caffe-bgr', batch: BATCH });
const judge = await engine.load(of('squeezenet1.0.onnx'), { prep: 'caffe-bgr' });
/** @type {Record<string, Record<string, number[]>>} of each way, of each class the ranks */
const ranks = existsSync(path) && values.try === undefined ? JSON.parse(readFileSync(path, 'utf8')).ranks : {};
const ways = values.try === undefined ? WAYS : JSON.parse(values.try);
for (const way of values.ways?.split(';') ?? Object.keys(ways)) {
  ranks[way] ??= {};
  for (let begin = 0; begin < CLASSES.length; begin += BATCH) {
    const classes = CLASSES.slice(begin, begin + BATCH).filter((index) => !ranks[way][index]);
    if (classes.length < BATCH) continue; // they were measured together
    Object.assign(ranks[way], await ranksOf(way, ways[way], classes));
    console.error(way, summary(ranks[way]));
    if (values.try === undefined) save();
  }
}
engine.dispose();
process.exit(0);

function save() {
  const commit = execSync('git rev-parse --short HEAD', { cwd: new URL('.', import.meta.url) })
    .toString()
    .trim();
  const origin = { adapter: adapter.description || adapter.device, commit, command: 'node scripts/telling.mjs DATA' };
  writeFileSync(path, `${JSON.stringify({ ...origin, asked: ASKED, classes: CLASSES, ranks }, null, 1)}\n`);
}

/**
 * @param {string} way
 * @param {Partial<ClassModelOptions>} options
 * @param {number[]} classes
 */
async function ranksOf(way, options, classes) {
  /** @type {Record<string, number[]>} */
  const found = {};
  /** @type {AscentState | undefined} */
  let start;
  for (const iteration of ASKED) {
    const iterations = iteration - (start?.iteration ?? 0);
    const run = classModel(net, { ...options, class: classes, iterations, ...(start && { start }) });
    let next = await run.next();
    while (!next.done) next = await run.next();
    start = next.value.state;
    for (const [n, index] of classes.entries()) {
      const picture = next.value.picture(n); // in 8 bits, as people see it
      const scores = await judge.scores(picture);
      (found[index] ??= []).push(1 + scores.filter((score) => score > scores[index]).length);
      if (values.pictures === undefined || iteration !== ASKED.at(-1)) continue;
      mkdirSync(values.pictures, { recursive: true });
      await sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: 4 } })
        .png()
        .toFile(join(values.pictures, `${way}-${index}.png`));
    }
  }
  return found;
}

/** @param {Record<string, number[]>} ranks */
function summary(ranks) {
  const all = Object.values(ranks);
  return [
    ASKED.map((asked, k) => `${asked}: ${all.filter((own) => own[k] <= 5).length}`).join(', '),
    `of ${all.length};`,
    all.map((own) => own.join('/')).join(' '),
  ].join(' ');
}
