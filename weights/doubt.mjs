/**
 * When a net's answers are doubtful:  node weights/doubt.mjs NET KNOWN OTHER… [--split val] [--most 800]
 *
 * KNOWN is a folder of photos of the net's classes, which it was not trained on, OTHER folders of photos of anything
 * else (photos.mjs); of each --most are taken, evenly. Photos of OTHER whose wnid occurs in KNOWN are left out. Two
 * thresholds go into `provenance.doubt` of the net's model.json, with their error rates; the page says what lies below
 * them:
 *
 * - energy, log Σ exp(score) (Liu et al. 2020, there with the other sign): below it lie 5 % of KNOWN. "Unlike what the
 *   net was trained on."
 * - probability of the best class: of KNOWN that have it, or up to a tenth less, no more than half are right. "Not
 * sure."
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from '../scripts/arguments.mjs';
import { createNodeEngine } from 'gradlens/node';
import { photos } from './photos.mjs';

const {
  positionals: [name = '', knownFolder = '', ...otherFolders],
  values: { split, most },
} = parseArgs({
  allowPositionals: true,
  options: { split: { type: 'string', default: 'val' }, most: { type: 'string', default: '800' } },
});
if (name === '' || otherFolders.length === 0) {
  console.error('node weights/doubt.mjs NET KNOWN OTHER… [--split val] [--most 800]');
  process.exit(2);
}

/** Of KNOWN that are called unlike it. */
const FALSE_ALARMS = 0.05;
/** Answers that a share is told of. */
const LEAST = 20;
const BATCH = 8;

/** @typedef {{ energy: number, probability: number, isRight: boolean }} Answer */

const manifest = new URL(`${name}/model.json`, import.meta.url);
const engine = await createNodeEngine({ onNotice: (message) => console.error(message) });
const model = await engine.load(manifest, { batch: BATCH });
/** @type {Set<string | undefined>} */
const wnids = new Set();
const known = await answersOf(knownFolder, (photo) => wnids.add(photo.wnid) !== undefined);
/** @type {Record<string, Answer[]>} */
const others = {};
for (const folder of otherFolders) others[nameOf(folder)] = await answersOf(folder, ({ wnid }) => !wnids.has(wnid));
engine.dispose();

const energies = known.map(({ energy }) => energy).sort((a, b) => a - b);
const energy = energies[Math.floor(FALSE_ALARMS * energies.length)];
const probability = unsureBelow(known);
const doubtful = (/** @type {Answer} */ answer) => answer.energy < energy || answer.probability < probability;
const doubt = {
  energy: {
    below: round(energy),
    ofKnown: share(known, (answer) => answer.energy < energy),
    ofOthers: forEach((answers) => share(answers, (answer) => answer.energy < energy)),
    auroc: forEach((answers) => auroc(known, answers)),
  },
  probability: {
    below: probability,
    ofKnown: share(known, (answer) => answer.probability < probability),
    rightBelow: share(
      known.filter((answer) => answer.probability < probability),
      ({ isRight }) => isRight,
    ),
    rightAbove: share(
      known.filter((answer) => answer.probability >= probability),
      ({ isRight }) => isRight,
    ),
  },
  either: { ofKnown: share(known, doubtful), ofOthers: forEach((answers) => share(answers, doubtful)) },
  photos: { known: known.length, ...forEach((answers) => answers.length) },
  measuredBy: 'weights/doubt.mjs',
};
console.log(JSON.stringify(doubt, null, 1));
const file = JSON.parse(readFileSync(manifest, 'utf8'));
file.provenance.doubt = doubt;
writeFileSync(manifest, `${JSON.stringify(file, null, 1)}\n`);

/**
 * @param {string} folder
 * @param {(photo: import('./photos.mjs').Photo) => boolean} isWanted
 */
async function answersOf(folder, isWanted) {
  let count = 0;
  for await (const photo of photos(folder, split)) if (isWanted(photo)) count++;
  const every = Math.max(1, count / Number(most));
  const wanted = new Set(Array.from({ length: Math.floor(count / every) }, (_, k) => Math.floor(k * every)));
  /** @type {import('./photos.mjs').Photo[]} */
  const taken = [];
  count = 0;
  for await (const photo of photos(folder, split)) if (isWanted(photo) && wanted.has(count++)) taken.push(photo);
  /** @type {Answer[]} */
  const answers = [];
  for (let at = 0; at < taken.length; at += BATCH) {
    const batch = taken.slice(at, at + BATCH);
    const scores = await model.scores(Array.from({ length: BATCH }, (_, n) => (batch[n] ?? batch[0]).image));
    answers.push(
      ...batch.map(({ label }, n) => answerOf([...scores.subarray(n * model.classes, (n + 1) * model.classes)], label)),
    );
  }
  console.error(`${nameOf(folder)}: ${answers.length} of ${count} photos`);
  return answers;
}

/**
 * @param {number[]} scores
 * @param {number} label
 * @returns {Answer}
 */
function answerOf(scores, label) {
  const best = Math.max(...scores);
  const sum = scores.reduce((total, score) => total + Math.exp(score - best), 0);
  return { energy: best + Math.log(sum), probability: 1 / sum, isRight: scores.indexOf(best) === label };
}

/**
 * The largest hundredth at which at most half of the answers are right, of those that are as probable or up to a tenth
 * less; 0 if there is none.
 *
 * @param {Answer[]} answers
 */
function unsureBelow(answers) {
  for (let percent = 99; percent > 0; percent--) {
    const near = answers.filter(({ probability: p }) => p < percent / 100 && p >= percent / 100 - 0.1);
    if (near.length >= LEAST && share(near, ({ isRight }) => isRight) <= 0.5) return percent / 100;
  }
  return 0;
}

/**
 * How probable it is that one of the others has less energy than one of the known.
 *
 * @param {Answer[]} those
 * @param {Answer[]} others
 */
function auroc(those, others) {
  const pairs = others.flatMap((a) => those.map((b) => (a.energy < b.energy ? 1 : a.energy === b.energy ? 0.5 : 0)));
  return round(pairs.reduce((/** @type {number} */ total, won) => total + won, 0) / pairs.length);
}

/**
 * @template T
 * @param {(answers: Answer[]) => T} of
 * @returns {Record<string, T>}
 */
function forEach(of) {
  return Object.fromEntries(Object.entries(others).map(([folder, answers]) => [folder, of(answers)]));
}

/**
 * @param {Answer[]} answers
 * @param {(answer: Answer) => boolean} is
 */
function share(answers, is) {
  return round(answers.filter(is).length / Math.max(1, answers.length));
}

/** @param {number} value */
function round(value) {
  return Number(value.toFixed(3));
}

/** @param {string} folder */
function nameOf(folder) {
  return folder.replace(/\/+$/, '').split('/').at(-1) ?? folder;
}
