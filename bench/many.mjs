/**
 * How fast the command line is beside a fast device: the whole of `gradlens saliency` over a folder of 224×224 JPEGs
 * (decoding, encoding, files, index), with a stub in the model's place whose gradient takes so many milliseconds a
 * picture.
 *
 *   npm run build:lib && node bench/many.mjs [--pictures 300] [--milliseconds 2] [--batch 1,8,32] [--workers N]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import sharp from 'sharp';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '300' },
    milliseconds: { type: 'string', default: '2' },
    batch: { type: 'string', default: '1,8,32' },
    workers: { type: 'string', default: String(availableParallelism()) },
  },
});
const [count, milliseconds] = [Number(values.pictures), Number(values.milliseconds)];
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

/** A photo's worth of detail: smooth, with some grain. @param {number} seed */
async function photo(seed) {
  const data = Buffer.alloc(SIDE * SIDE * 3);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
    data[i] = 128 + 90 * Math.sin((x * (seed % 7) + y * (i % 3)) / 40) + ((i * 2654435761 * (seed + 1)) >>> 28);
  }
  return sharp(data, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

const folder = mkdtempSync(join(tmpdir(), 'gradlens-bench-'));
const bundle = join(root, 'dist/bench-many.mjs');
try {
  mkdirSync(join(folder, 'photos'));
  const kinds = await Promise.all(Array.from({ length: 16 }, (_, k) => photo(k)));
  for (let k = 0; k < count; k++) writeFileSync(join(folder, `photos/${k}.jpg`), kinds[k % kinds.length]);
  await build({
    stdin: {
      contents: `export { saliency } from './src/cli/saliency.ts'; export { Files } from './src/cli/files.ts';
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
  const { saliency, Files, runCommand, normalise } = await import(pathToFileURL(bundle).href);

  for (const batch of values.batch.split(',').map(Number)) {
    const session = {
      signal: new AbortController().signal,
      onProgress() {},
      files: new Files(),
      openEngine: async () => ({
        environment: { adapter: { isFallbackAdapter: false, description: 'stub' } },
        load: async (/** @type {unknown} */ _file, /** @type {{ batch: number }} */ options) =>
          stubModel(options.batch),
      }),
      print() {},
      note() {},
      complain: (/** @type {unknown} */ error) => console.error(error),
    };
    const out = join(folder, `maps-${batch}/{stem}.png`);
    const args = [join(folder, 'photos'), '--out', out, '--batch', String(batch), '--workers', values.workers];
    const cpu = process.cpuUsage();
    const began = performance.now();
    const { result } = await runCommand(saliency, { rawArgs: normalise(args, saliency.args), data: session });
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    if (result !== 0) throw new Error(`exit code ${result}`);
    const busy = ((100 * count * milliseconds) / 1000 / seconds).toFixed(0);
    console.log(
      `batch ${batch}: ${(count / seconds).toFixed(1)} pictures/s, ${((user + system) / 1000 / count).toFixed(1)} ms ` +
        `of CPU a picture, the device busy ${busy} %`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(bundle, { force: true });
}
