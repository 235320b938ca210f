/**
 * What the thresholds of src/methods/verdict.ts can be held against: for pictures, how far chance alone moves the gain
 * of a map, and how like the maps of two classes, and of a trained net and a shuffled one, are by each method.
 *
 *   npm run build:lib && node scripts/verdict.mjs MODEL PICTURE…
 */
import { areasOf, controlMap, gainOf, mapBy, perturbationCurves, randomised, rankCorrelation } from 'gradlens';
import { createNodeEngine, readImage } from 'gradlens/node';

const SEEDS = 3;
const STEPS = 8;
/** @type {readonly (readonly [string, import('gradlens').MethodName, import('gradlens').MapOptions])[]} */
const METHODS = [
  ['saliency', 'saliency', {}],
  ['guided', 'saliency', { relu: 'guided' }],
  ['deconvnet', 'saliency', { relu: 'deconvnet' }],
  ['grad-cam', 'grad-cam', {}],
];

const [name, ...pictures] = process.argv.slice(2);
if (!name || pictures.length === 0) throw new Error('MODEL and at least one PICTURE would be right');
const engine = await createNodeEngine();
const model = await engine.load(name, { prep: 'guess' });
const batched = await engine.load(name, { prep: 'guess', batch: 8 });
const shuffled = await engine.load(randomised(model.file, 1000), model.input ? { input: model.input } : {});
/** @type {Map<string, number[]>} */
const found = new Map();
/** @param {string} what @param {number} value */
const note = (what, value) => found.set(what, [...(found.get(what) ?? []), value]);

for (const path of pictures) {
  const picture = await readImage(path);
  const scores = await model.scores(picture);
  const other = scores.indexOf(Math.min(...scores));
  const best = scores.indexOf(Math.max(...scores));
  /** @param {import('gradlens').Heatmap} map */
  const gain = async (map) => gainOf(areasOf(await perturbationCurves(batched, picture, map, { steps: STEPS })));
  const first = await mapBy('saliency', model, picture, { class: best });
  const chance = [];
  for (let seed = 1; seed <= SEEDS; seed++) chance.push(await gain(controlMap(first, 'random', seed)));
  note('chance: mean', mean(chance));
  note('chance: deviation', deviation(chance));
  note('centre: gain', await gain(controlMap(first, 'centre')));
  for (const [title, method, options] of METHODS) {
    const map = await mapBy(method, model, picture, { ...options, class: best });
    if (map.flat) continue;
    note(`${title}: gain`, await gain(map));
    note(
      `${title}: other class`,
      rankCorrelation(map, await mapBy(method, model, picture, { ...options, class: other })),
    );
    note(
      `${title}: shuffled`,
      rankCorrelation(map, await mapBy(method, shuffled, picture, { ...options, class: best })),
    );
  }
  console.error(path);
}
for (const [what, values] of found) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => sorted[Math.round(share * (sorted.length - 1))]?.toFixed(3);
  console.log(`${what.padEnd(30)} ${[0, 0.25, 0.5, 0.75, 1].map(at).join('  ')}`);
}
engine.dispose();

/** @param {readonly number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @param {readonly number[]} values */
function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
