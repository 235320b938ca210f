/**
 * Data for docs/evaluation.md, and its tables.
 *
 *   node scripts/evaluation.mjs photos DATA OUT [--count 500] [--seed 1]
 *       photos of Tiny-ImageNet-200's validation set, drawn by the seed, as PNG in OUT/photos, with OUT/boxes.json.
 *       DATA has them as weights/train/mosaics.py reads them
 *   node scripts/evaluation.mjs table NAME FILE… --command '…' [--commit X]
 *       what `gradlens evaluate --json` printed last into each FILE becomes docs/evaluation/NAME.json
 *   node scripts/evaluation.mjs page
 *       the tables of docs/evaluation.md from docs/evaluation/*.json
 */
import { execSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from './arguments.mjs';
import sharp from 'sharp';
import { random } from '../samples/lib/noise.mjs';

/**
 * @typedef {{ mean?: number, median?: number, standardError: number | null, pictures: number }} Cell
 * @typedef {Record<string, Record<string, Cell>>} Table by method, then by measure
 * @typedef {{ table: Table, adapter: { description?: string, device?: string } | null }} Printed
 * @typedef {{ command: string, commit: string, adapter: string, tables: Record<string, Table> }} Kept
 */

const root = join(import.meta.dirname, '..');
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    command: { type: 'string' },
    commit: { type: 'string' },
  },
});
const [what, ...given] = positionals;

/** @param {string} data @param {string} out */
async function photos(data, out) {
  const { classes, val, tile, columns } = JSON.parse(readFileSync(join(data, 'index.json'), 'utf8'));
  const mosaics = readdirSync(data)
    .filter((name) => /^val-\d+\.webp$/.test(name))
    .sort();
  const perMosaic = Math.ceil(val.length / mosaics.length);
  const draw = random(Number(values.seed));
  const numbers = Array.from({ length: val.length }, (_, k) => k);
  for (let k = 0; k < Number(values.count); k++) {
    const other = k + Math.floor(draw() * (numbers.length - k));
    [numbers[k], numbers[other]] = [numbers[other], numbers[k]];
  }
  const chosen = numbers.slice(0, Number(values.count)).sort((a, b) => a - b);
  mkdirSync(join(out, 'photos'), { recursive: true });
  const images = [];
  for (const number of chosen) {
    const place = number % perMosaic;
    const file = `val-${String(number).padStart(4, '0')}.png`;
    await sharp(join(data, mosaics[Math.floor(number / perMosaic)]))
      .extract({ left: (place % columns) * tile, top: Math.floor(place / columns) * tile, width: tile, height: tile })
      .png()
      .toFile(join(out, 'photos', file));
    const { class: index, box } = val[number];
    images.push({ file, class: index, label: classes[index].label, size: [tile, tile], boxes: [box] });
  }
  writeFileSync(join(out, 'boxes.json'), `${JSON.stringify({ images }, null, 1)}\n`);
}

const folder = join(root, 'docs/evaluation');

/** @param {string} name @param {string[]} files each of one question, by its name */
function keep(name, files) {
  const commit = values.commit ?? execSync('git rev-parse --short HEAD', { cwd: root, encoding: 'utf8' }).trim();
  let adapter;
  /** @type {Kept['tables']} */
  const tables = {};
  for (const file of files) {
    const printed = readFileSync(file, 'utf8').trim().split('\n');
    /** @type {Printed} */
    const last = JSON.parse(printed[printed.length - 1]);
    tables[basename(file, '.json')] = last.table;
    adapter ??= last.adapter?.description || last.adapter?.device;
  }
  mkdirSync(folder, { recursive: true });
  const kept = { command: values.command, commit, adapter, tables };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(kept, null, 1)}\n`);
}

/** A line for each method and control. @param {string[][]} rows */
const markdown = ([head = [], ...rows]) =>
  [head, head.map((_, k) => (k === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** Rank and mass in the boxes, for each question. @param {Kept} kept */
function knownTable({ command, commit, adapter, tables }) {
  const questions = Object.keys(tables);
  const [first = ''] = questions;
  const percent = (/** @type {Cell | undefined} */ cell) => (cell ? `${Math.round(100 * (cell.mean ?? NaN))}` : '');
  const rows = Object.keys(tables[first]).map((method) => [
    method,
    ...questions.map((question) => {
      const own = tables[question][method];
      return `${percent(own['rank in box'])} (${percent(own['mass in box'])})`;
    }),
  ]);
  const { pictures } = tables[first][Object.keys(tables[first])[0]]['rank in box'];
  return [
    markdown([['rank, % (mass, %)', ...questions.map((question) => `\`${question}\``)], ...rows]),
    `${pictures} pictures for each score, on ${adapter}, at ${commit}:`,
    `\`\`\`bash\n${command}\n\`\`\``,
  ].join('\n\n');
}

/** Those by scores, and those by boxes. */
const HALVES = [
  ['deletion', 'insertion', 'ROAD', 'infidelity', 'average drop', 'increase', 'max-sensitivity', 'sparseness'],
  ['pointing game', 'mass in box', 'rank in box', 'MaxBoxAccV2'],
];

/** All measures. @param {Kept} kept */
function photosTable({ command, commit, adapter, tables }) {
  const [table = {}] = Object.values(tables);
  const halves = HALVES.map((measures) => {
    const rows = Object.entries(table).map(([method, row]) => [
      method,
      ...measures.map((measure) => {
        const cell = row[measure];
        if (!cell) return '';
        return (
          (cell.median ?? cell.mean ?? NaN).toFixed(3) +
          (cell.standardError === null ? '' : ` ± ${cell.standardError.toFixed(3)}`)
        );
      }),
    ]);
    return markdown([['', ...measures], ...rows]);
  });
  const [first = {}] = Object.values(table);
  return [
    ...halves,
    `${first['deletion']?.pictures} pictures, on ${adapter}, at ${commit}:`,
    `\`\`\`bash\n${command}\n\`\`\``,
  ].join('\n\n');
}

function page() {
  const path = join(root, 'docs/evaluation.md');
  let text = readFileSync(path, 'utf8');
  for (const [name, tableOf] of /** @type {const} */ ([
    ['known', knownTable],
    ['photos', photosTable],
  ])) {
    const file = join(folder, `${name}.json`);
    if (!existsSync(file)) continue;
    const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/evaluation.md has no marks ${begin}`);
    const made = tableOf(JSON.parse(readFileSync(file, 'utf8')));
    text = `${text.slice(0, from + begin.length)}\n\n${made}\n\n${text.slice(to)}`;
  }
  writeFileSync(path, text);
}

if (what === 'photos' && given.length === 2) await photos(given[0], given[1]);
else if (what === 'table' && given.length > 1) keep(given[0], given.slice(1));
else if (what === 'page') page();
else throw new Error('photos DATA OUT, table NAME FILE…, or page');
