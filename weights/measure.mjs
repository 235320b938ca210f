/**
 * Top-1 of a shipped model through gradlens itself:  node weights/measure.mjs DATA [--model NAME] [--split val]
 * [--batch 16]
 *
 * DATA holds `<split>-<wnid>.tar`; classes are the wnids in order. Writes accuracy.json beside the model.
 */
import { execSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_MODEL } from 'gradlens';
import { createNodeEngine, readImage } from 'gradlens/node';

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

/**
 * Entries of an uncompressed USTAR archive.
 *
 * @param {Buffer} tar
 */
function* entries(tar) {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    if (String.fromCharCode(tar[at + 156]) !== '5' && size > 0) yield tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

const N = Number(batch);
const folder = new URL(`${name}/`, import.meta.url);
const engine = await createNodeEngine({ onNotice: (message) => console.error(message) });
const model = await engine.load(new URL('model.json', folder), { batch: N });
const archives = readdirSync(data)
  .filter((file) => file.startsWith(`${split}-`) && file.endsWith('.tar'))
  .sort();
/** @type {number[][]} */
const confusion = archives.map(() => new Array(archives.length).fill(0)); // [true][answered]
/** @type {{ label: number, image: import('../src/index.ts').Pixels }[]} */
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
  });
  pending = [];
}

for (const [label, file] of archives.entries()) {
  for (const jpeg of entries(readFileSync(join(data, file)))) {
    pending.push({ label, image: await readImage(jpeg) });
    if (pending.length === N) await flush();
  }
  console.error(`${model.labelOf(label)}: ${rightOf()} of ${total(confusion)} right so far`);
}
await flush();

const { adapter } = engine.environment;
const [right, photos] = [rightOf(), total(confusion)];
const mistakes = confusion
  .flatMap((row, label) => row.map((count, answer) => ({ count, label, answer })))
  .filter(({ label, answer }) => label !== answer);
const result = {
  model: name,
  split,
  photos,
  right,
  top1: Number((right / photos).toFixed(4)),
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
