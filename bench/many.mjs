/**
 * How fast `gradlens saliency` is over a folder of 224×224 JPEGs, to PNGs with an index: from end to end, and what of
 * it the stages take. With a stub in the model's place, whose gradient takes so many milliseconds a picture: that shows
 * the processor's share beside a fast device. With --net on this machine's adapter.
 *
 *   npm run build:lib && node bench/many.mjs [--pictures 300] [--batch 1,8,32] [--workers N] [--milliseconds 2]
 *       [--net NAME] [--write NAME]
 *
 * --write puts the table into bench/README.md, between the marks of that name: stub or software.
 */
import { execSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from '../scripts/arguments.mjs';
import { build } from 'esbuild';
import sharp from 'sharp';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '300' },
    milliseconds: { type: 'string', default: '2' },
    batch: { type: 'string', default: '1,8,32' },
    workers: { type: 'string' },
    net: { type: 'string' },
    write: { type: 'string' },
  },
});
const [count, milliseconds] = [Number(values.pictures), Number(values.milliseconds)];
const cores = availableParallelism();
const SIDE = 224;
const CLASSES = 10;

/** @param {number} batch */
function stubModel(batch) {
  const gradient = Float32Array.from({ length: batch * 3 * SIDE * SIDE }, (_, i) => Math.sin(i * 0.37) ** 3);
  let busy = Promise.resolve();
  return {
    inputShape: [batch, 3, SIDE, SIDE],
    classes: CLASSES,
    name: 'stub',
    precision: 'f32',
    memory: { activations: 0, saved: 0, scratch: 0 },
    labelOf: String,
    withBatch: async (/** @type {number} */ other) => stubModel(other),
    dispose() {},
    /** One after the other, as a device has it. */
    inputGradient() {
      const done = busy.then(() => new Promise((resolve) => setTimeout(resolve, milliseconds * batch)));
      busy = done.then(() => {});
      return done.then(() => ({
        scores: new Float32Array(batch * CLASSES),
        gradient,
        classes: new Array(batch).fill(0),
        precision: 'f32',
      }));
    },
  };
}

const stubEngine = {
  environment: { adapter: { isFallbackAdapter: false, description: `stub of ${milliseconds} ms a picture` } },
  load: async (/** @type {unknown} */ _file, /** @type {{ batch: number }} */ options) => stubModel(options.batch),
};

/** A photo's worth of detail: smooth, with some grain. @param {number} seed */
async function photo(seed) {
  const data = Buffer.alloc(SIDE * SIDE * 3);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
    const grain = Math.imul(i, 2654435761 * (seed + 1)) >>> 28;
    data[i] = 128 + 90 * Math.sin((x * (seed % 7) + y * (i % 3)) / 40) + grain;
  }
  return sharp(data, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

/** Milliseconds of processor time, of all threads. */
const cpuNow = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** @param {number} value @param {number} digits */
const shown = (value, digits = 1) => value.toFixed(digits);
/** @param {readonly (readonly string[])[]} rows */
const tableOf = ([head = [], ...rows]) =>
  [head, head.map((_, k) => (k === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const folder = mkdtempSync(join(tmpdir(), 'gradlens-bench-'));
const bundle = join(root, 'dist/bench-many.mjs');
try {
  mkdirSync(join(folder, 'photos'));
  const kinds = await Promise.all(Array.from({ length: 16 }, (_, k) => photo(k)));
  for (let k = 0; k < count; k++) writeFileSync(join(folder, `photos/${k}.jpg`), kinds[k % kinds.length]);
  await build({
    stdin: {
      contents: `export { saliency } from './src/cli/saliency.ts'; export { Files } from './src/cli/files.ts';
        export { jobs } from './src/cli/many/jobs.ts';
        export { threadsHere } from './src/cli/many/pool.ts'; export { writeWhole } from './src/node/writeWhole.ts';
        export { createNodeEngine } from './src/node/index.ts';
        export { runCommand } from 'citty'; export { normalise } from './src/cli/args.ts';`,
      resolveDir: root,
    },
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['sharp', 'webgpu'],
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    logLevel: 'error',
  });
  const { saliency, Files, jobs, threadsHere, writeWhole, createNodeEngine, runCommand, normalise } = await import(
    pathToFileURL(bundle).href
  );

  const workers = values.workers ?? String(threadsHere());
  const engine = values.net === undefined ? stubEngine : await createNodeEngine();
  const device = engine.environment.adapter.description || engine.environment.adapter.device;

  /** Each batch from end to end. @type {string[][]} */
  const rows = [['batch', 'pictures/s', 'CPU ms a picture', `${cores} cores busy`, 'device busy']];
  for (const batch of values.batch.split(',')) {
    const session = {
      signal: new AbortController().signal,
      onProgress() {},
      files: new Files(),
      openEngine: async () => engine,
      print() {},
      note() {},
      complain: (/** @type {unknown} */ error) => console.error(error),
    };
    const args = [join(folder, 'photos'), '--out', join(folder, `maps-${batch}/{stem}.png`), '--batch', batch];
    args.push('--workers', workers, ...(values.net === undefined ? [] : ['--model', values.net]));
    const [cpu, began] = [cpuNow(), performance.now()];
    const { result } = await runCommand(saliency, { rawArgs: normalise(args, saliency.args), data: session });
    const [used, wall] = [cpuNow() - cpu, performance.now() - began];
    if (result !== 0) throw new Error(`exit code ${result}`);
    rows.push([
      batch,
      shown((1000 * count) / wall),
      shown(used / count),
      `${shown((100 * used) / wall / cores, 0)} %`,
      values.net === undefined ? `${shown((100 * count * milliseconds) / wall, 0)} %` : '',
    ]);
  }

  /** The processor's stages, one after the other. @type {string[][]} */
  const stages = [['stage', 'CPU ms a picture']];
  /** @param {string} name @param {(k: number) => Promise<unknown>} work */
  const stage = async (name, work) => {
    for (let k = 0; k < 10; k++) await work(k);
    const cpu = cpuNow();
    for (let k = 0; k < 100; k++) await work(k);
    stages.push([name, shown((cpuNow() - cpu) / 100)]);
  };
  const map = Float32Array.from({ length: SIDE * SIDE }, (_, i) => Math.abs(Math.sin(i * 0.37) ** 3));
  const drawing = {
    map: { data: map, width: SIDE, height: SIDE, signed: false, class: 0, score: 0 },
    ...{ kinds: ['png'], width: SIDE, height: SIDE, colours: 'viridis', percentile: 99, text: { parameters: {} } },
  };
  const { contents } = await jobs.draw(drawing);
  await stage('decode a JPEG', (k) => jobs.decode(join(folder, `photos/${k % count}.jpg`)));
  await stage('draw and encode a PNG', () => jobs.draw(drawing));
  await stage('write it', (k) => writeWhole(join(folder, `written/${k}.png`), contents.png));

  const commit = execSync('git rev-parse --short HEAD', { cwd: root, encoding: 'utf8' }).trim();
  const ofNet = values.net === undefined ? '' : ` --net ${values.net}`;
  const command = `node bench/many.mjs${ofNet} --pictures ${count} --batch ${values.batch}`;
  const timed =
    values.net === undefined ? `A stub that takes ${milliseconds} ms a picture` : `${values.net} on ${device}`;
  const text = [
    `${timed}; ${count} pictures, ${workers} worker threads, ` +
      `${cpus()[0]?.model.trim()}, ${cores} cores, Node ${process.versions.node}, at ${commit}. \`${command}\``,
    tableOf(rows),
    tableOf(stages),
  ].join('\n\n');
  console.log(text);
  if (values.write !== undefined) {
    const readme = join(root, 'bench/README.md');
    const [begin, end] = [`<!-- begin many ${values.write} -->`, `<!-- end many ${values.write} -->`];
    const old = readFileSync(readme, 'utf8');
    const [from, to] = [old.indexOf(begin), old.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`bench/README.md has no marks ${begin}`);
    writeFileSync(readme, `${old.slice(0, from + begin.length)}\n\n${text}\n\n${old.slice(to)}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(bundle, { force: true });
}
process.exit(0);
