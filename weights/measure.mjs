/**
 * Top-1 and top-5 of a shipped model through gradlens itself:  node weights/measure.mjs DATA [--model NAME]
 * [--split val] [--batch 16]
 *
 * DATA is a folder of photos (photos.mjs). Writes accuracy.json beside the model.
 */
import { execSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from '../scripts/arguments.mjs';
import { DEFAULT_MODEL } from 'gradlens';
import { createNodeEngine } from 'gradlens/node';
import { photos } from './photos.mjs';

const {
  positionals: [data = '.'],
  values: { model: name, split, batch },
} = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: DEFAULT_MODEL },
    split: { type: 'string', default: 'val' },
    batch: { type: 'string', default: '16' },
  },
});

const N = Number(batch);
const folder = new URL(`${name}/`, import.meta.url);
const engine = await createNodeEngine({ onNotice: (message) => console.error(message) });
const model = await engine.load(new URL('model.json', folder), { batch: N });
/** @type {number[][]} */
const confusion = Array.from({ length: model.classes }, () => new Array(model.classes).fill(0)); // [true][answered]
let amongFive = 0;
/** @type {import('./photos.mjs').Photo[]} */
let pending = [];
/** @param {number[] | number[][]} rows */
const total = (rows) => rows.flat().reduce((a, b) => a + b, 0);
const rightOf = () => confusion.reduce((sum, row, label) => sum + row[label], 0);

async function flush() {
  if (pending.length === 0) return;
  const padded = Array.from({ length: N }, (_, n) => pending[Math.min(n, pending.length - 1)].image);
  const scores = await model.scores(padded);
  pending.forEach(({ label }, n) => {
    const own = scores.subarray(n * model.classes, (n + 1) * model.classes);
    confusion[label][own.indexOf(Math.max(...own))]++;
    if (own.filter((score) => score > own[label]).length < 5) amongFive++;
  });
  pending = [];
}

for await (const photo of photos(data, split)) {
  pending.push(photo);
  if (pending.length < N) continue;
  await flush();
  if (total(confusion) % (32 * N) === 0) console.error(`${rightOf()} of ${total(confusion)} right so far`);
}
await flush();

const { adapter } = engine.environment;
const [right, measured] = [rightOf(), total(confusion)];
const mistakes = confusion
  .flatMap((row, label) => row.map((count, answer) => ({ count, label, answer })))
  .filter(({ label, answer }) => label !== answer);
const result = {
  model: name,
  split,
  photos: measured,
  right,
  top1: Number((right / measured).toFixed(4)),
  top5: Number((amongFive / measured).toFixed(4)),
  perClass: Object.fromEntries(
    confusion.map((row, label) => [model.labelOf(label), Number((row[label] / total(row)).toFixed(3))]),
  ),
  commonestMistakes: mistakes
    .sort((a, b) => b.count - a.count)
    .slice(0, 5)
    .map(({ count, label, answer }) => `${model.labelOf(label)} taken for ${model.labelOf(answer)}: ${count}`),
  through: 'gradlens in Node',
  adapter: adapter.description || adapter.device,
  commit: execSync('git rev-parse --short HEAD', { cwd: folder }).toString().trim(),
  command: 'node weights/measure.mjs DATA',
};
writeFileSync(new URL('accuracy.json', folder), `${JSON.stringify(result, null, 1)}\n`);
console.log(JSON.stringify(result));
engine.dispose();
process.exit(0);
