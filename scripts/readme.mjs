/**
 * Makes what the README shows: docs/saliency.png from the samples, and the table between its marks.
 *
 *   node scripts/readme.mjs                  with $GRADLENS_DATA also the comparison with the reference gradients
 *
 * @typedef {{ image: string, label: string, scores: string, gradient: string, class: number,
 *   float32_cpu_relative_error: number }} Case a picture of the reference, and the files of its numbers
 */
import { execSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { DEFAULT_MODEL, SHIPPED_MODELS, renderMap, saliency } from 'gradlens';
import { createNodeEngine, fileAddress, readImage } from 'gradlens/node';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = process.env.GRADLENS_DATA;
const WIDTH = 225; // the middle square, which the default net sees
const HEIGHT = 225;

const engine = await createNodeEngine({ onNotice: (message) => console.error(message) });
const adapter = engine.environment.adapter.description || engine.environment.adapter.device;
const commit = execSync('git rev-parse --short HEAD', { cwd: root }).toString().trim();

await picture();
const rows = [
  await selfTest(),
  ...Object.keys(SHIPPED_MODELS).map(accuracy),
  ...(data ? await references(join(data, 'reference'), join(data, 'weights/squeezenet1.1.onnx')) : keptReferences()),
];
const text = readFileSync(join(root, 'README.md'), 'utf8');
const [begin, end] = ['<!-- measured:begin -->', '<!-- measured:end -->'];
const table = ['| what | measured | on | by |', '| --- | --- | --- | --- |', ...rows].join('\n');
writeFileSync(
  join(root, 'README.md'),
  `${text.slice(0, text.indexOf(begin) + begin.length)}\n${table}\n${text.slice(text.indexOf(end))}`,
);
engine.dispose();
process.exit(0);

/** Samples above, their maps below. */
async function picture() {
  const model = await engine.load(fileAddress(join(root, `weights/${DEFAULT_MODEL}/model.json`)));
  const files = readdirSync(join(root, 'samples'))
    .filter((file) => file.endsWith('.jpg'))
    .sort();
  /** @type {import('sharp').OverlayOptions[]} */
  const tiles = [];
  for (const [column, file] of files.entries()) {
    const jpeg = await sharp(join(root, 'samples', file))
      .resize(WIDTH, HEIGHT, { fit: 'cover' })
      .png()
      .toBuffer();
    const pixels = await readImage(jpeg);
    const map = await saliency(model, pixels);
    const rendered = renderMap(map, { width: WIDTH, height: HEIGHT });
    console.error(`${file}: ${model.labelOf(map.class)}`);
    tiles.push(
      { input: jpeg, left: column * WIDTH, top: 0 },
      {
        input: Buffer.from(rendered.data),
        raw: { width: WIDTH, height: HEIGHT, channels: 4 },
        left: column * WIDTH,
        top: HEIGHT,
      },
    );
  }
  await sharp({
    create: { width: files.length * WIDTH, height: 2 * HEIGHT, channels: 3, background: '#fff' },
  })
    .composite(tiles)
    .png({ palette: true, colours: 192, effort: 10 })
    .toFile(join(root, 'docs/saliency.png'));
  model.dispose();
}

async function selfTest() {
  const { message } = await engine.check();
  return row('self-test of this device', message, 'npx gradlens check');
}

/** @param {string} name */
function accuracy(name) {
  const path = join(root, `weights/${name}/accuracy.json`);
  const { top1, right, photos, adapter: on, commit: at, command } = JSON.parse(readFileSync(path, 'utf8'));
  const what = `top-1 of \`${name}\`, ${photos.toLocaleString('en')} validation photos`;
  return `| ${what} | **${(100 * top1).toFixed(1)} %** (${right}) | ${on}, ${at} | \`${command}\` |`;
}

/**
 * SqueezeNet 1.1 against scores and gradients that were computed in float64 by an independent implementation.
 *
 * @param {string} folder
 * @param {string} weights
 */
async function references(folder, weights) {
  /** @type {{ cases: Case[] }} */
  const { cases } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  const mean = [103.939, 116.779, 123.68];
  const model = await engine.load(fileAddress(weights), {
    input: { width: 227, height: 227, channels: 3, order: 'BGR', scale: 1, mean, std: [1, 1, 1], resize: 'squash' },
  });
  /** @param {string} file */
  const floats = (file) => new Float32Array(Uint8Array.from(readFileSync(join(folder, file))).buffer);
  /** @param {Float32Array} interleaved */
  const planes = (interleaved) =>
    Float32Array.from(interleaved, (_, i) => interleaved[(i % (227 * 227)) * 3 + Math.floor(i / (227 * 227))]);
  const lines = [];
  for (const { image, label, scores, gradient, class: chosen, float32_cpu_relative_error: float32 } of cases) {
    const pixels = await readImage(join(folder, image));
    const run = await model.inputGradient(pixels, { class: chosen });
    const [s, g] = [relativeL2(run.scores, floats(scores)), relativeL2(run.gradient, planes(floats(gradient)))];
    const note = float32 > 1e-5 ? ` (flat areas: ${float32.toExponential(0)} for float32 on a CPU too)` : '';
    lines.push(
      row(
        `SqueezeNet 1.1, ${label}: error of scores; of the gradient`,
        `${s.toExponential(1)}; ${g.toExponential(1)}${note}`,
        'node scripts/readme.mjs',
      ),
    );
  }
  model.dispose();
  return lines;
}

/** Without the data, the rows that stand there stay. */
function keptReferences() {
  return existsSync(join(root, 'README.md'))
    ? readFileSync(join(root, 'README.md'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('| SqueezeNet 1.1,'))
    : [];
}

/** @type {(actual: Float32Array, expected: Float32Array) => number} */
function relativeL2(actual, expected) {
  let [difference, norm] = [0, 0];
  expected.forEach((value, i) => {
    difference += (actual[i] - value) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(difference / norm);
}

/** @type {(what: string, measured: string, command: string) => string} */
function row(what, measured, command) {
  return `| ${what} | ${measured} | ${adapter}, ${commit} | \`${command}\` |`;
}
