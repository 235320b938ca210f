/**
 * ONNX's own tests of single operators in gradlens: the first float input is the picture, the others are constants, the
 * first output is compared. The tests come with the package onnx: `backend-test-tools generate-data -o FOLDER` writes
 * them (Debian: python3-onnx, or ready in libonnx-testdata). Needs the built package (npm run build:lib).
 *
 *   node scripts/nodeTests.mjs FOLDER [PATTERN]
 *
 * Where the input is no [N, C, H, W] whose N stays, a picture of as many numbers is reshaped to it inside the graph;
 * the output is reshaped to a list of scores. Prints a line per operator, and per test that is wrong, with `--refused`
 * per test that is refused, too.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, NodeProtoSchema, TensorProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { GradlensError } from 'gradlens';
import { createNodeEngine } from 'gradlens/node';

const SCORES = 'the scores';
const FLOAT = 1;
const INT64 = 7;
const LIMIT = 5e-5;
/** Its answers have four digits. */
const ROUNDED = { pattern: /roialign/, limit: 1e-4 };
/**
 * The last pixel stands at the end of `scales · size` there, at the end of the whole number of pixels in the Runtime.
 */
const OTHERWISE = /downsample_scales_(linear|cubic)_align_corners/;

const flags = process.argv.slice(2);
const showRefused = flags.includes('--refused');
const [folder, pattern = ''] = flags.filter((flag) => !flag.startsWith('--'));
if (!folder) throw new Error('node scripts/nodeTests.mjs FOLDER [PATTERN]');
const root = existsSync(join(folder, 'node')) ? join(folder, 'node') : folder;
const engine = await createNodeEngine({ allowSoftware: true });
/** @type {Map<string, { right: number, refused: number, wrong: number }>} */
const byOperator = new Map();

for (const name of readdirSync(root).filter((name) => new RegExp(pattern).test(name) && !OTHERWISE.test(name))) {
  const test = read(join(root, name));
  if (!test) continue;
  const { verdict, words } = await judge(test, name);
  const counts = byOperator.get(test.operator) ?? { right: 0, refused: 0, wrong: 0 };
  counts[verdict]++;
  byOperator.set(test.operator, counts);
  if (verdict === 'wrong' || (showRefused && verdict === 'refused'))
    console.log(`${verdict.padEnd(8)} ${name}: ${words}`);
}
const sum = { right: 0, refused: 0, wrong: 0 };
for (const [operator, { right, refused, wrong }] of [...byOperator].sort(([a], [b]) => (a < b ? -1 : 1))) {
  sum.right += right;
  sum.refused += refused;
  sum.wrong += wrong;
  console.log(`${operator.padEnd(24)} ${right} right, ${refused} refused, ${wrong} wrong`);
}
console.log(`${sum.right} right, ${sum.refused} refused, ${sum.wrong} wrong`);
process.exit();

/**
 * @typedef {import('onnx-buf').ModelProto} ModelProto
 * @typedef {import('onnx-buf').TensorProto} TensorProto
 * @typedef {{ operator: string, model: ModelProto, inputs: TensorProto[], output: TensorProto }} Test
 */

/**
 * A test of floats from a float; undefined for the others.
 *
 * @param {string} path
 * @returns {Test | undefined}
 */
function read(path) {
  const data = join(path, 'test_data_set_0');
  if (!existsSync(join(data, 'output_0.pb'))) return undefined;
  const model = fromBinary(ModelProtoSchema, new Uint8Array(readFileSync(join(path, 'model.onnx'))));
  /** @param {string} file */
  const tensor = (file) => fromBinary(TensorProtoSchema, new Uint8Array(readFileSync(join(data, file))));
  const count = model.graph?.input.length ?? 0;
  try {
    const inputs = Array.from({ length: count }, (_, i) => tensor(`input_${i}.pb`));
    const output = tensor('output_0.pb');
    const operator = model.graph?.node.find(({ opType }) => opType !== 'Constant')?.opType ?? '';
    if (inputs[0]?.dataType !== FLOAT || output.dataType !== FLOAT) return undefined;
    if (model.opsetImport.some(({ domain }) => domain.includes('training'))) return undefined;
    return { operator, model, inputs, output };
  } catch {
    return undefined; // sequences and optionals are no tensors
  }
}

/**
 * @param {Test} test
 * @param {string} name
 * @returns {Promise<{ verdict: 'right' | 'refused' | 'wrong', words: string }>}
 */
async function judge(test, name) {
  const expected = numbersOf(test.output);
  const data = numbersOf(test.inputs[0]);
  if (data.length === 0 || expected.length === 0) return { verdict: 'refused', words: 'is empty' };
  const { bytes, shape } = asNet(test);
  try {
    // named, since it would be what a choice at the end chooses from
    const model = await engine.load(bytes, { batch: shape[0], output: SCORES });
    const scores = await model.scores({ data, shape });
    model.dispose();
    // a soft-max or sigmoid at the end is the head: scores are those before it
    const after = {
      Softmax: softmax,
      Sigmoid: sigmoid,
      LogSoftmax: (/** @type {Float32Array} */ x) => softmax(x).map(Math.log),
    };
    const { [test.operator]: head } = /** @type {Record<string, typeof softmax>} */ (after);
    const error = Math.min(relativeL2(scores, expected), head ? relativeL2(head(scores), expected) : Infinity);
    return {
      verdict: error < (ROUNDED.pattern.test(name) ? ROUNDED.limit : LIMIT) ? 'right' : 'wrong',
      words: `error ${error.toExponential(1)}`,
    };
  } catch (error) {
    if (!(error instanceof GradlensError)) return { verdict: 'wrong', words: String(error) };
    const [first, second = first] = error.message.split('\n');
    return { verdict: 'refused', words: second.trim() };
  }
}

/**
 * The test's graph between a picture and scores.
 *
 * @param {Test} test
 */
function asNet({ model, inputs, output }) {
  const { graph } = model;
  if (!graph) throw new Error('holds no graph');
  const dims = inputs[0].dims.map(Number);
  const outDims = output.dims.map(Number);
  const [image, ...others] = graph.input;
  others.forEach(({ name }, i) => graph.initializer.push({ ...inputs[i + 1], name }));
  // the batch goes through where the first axis does
  const asItIs = dims.length === 4 && outDims[0] === dims[0];
  const picture = asItIs ? dims : [1, 1, 1, product(dims)];
  graph.input = [valueInfo(asItIs ? image.name : 'the picture', picture)];
  if (!asItIs) graph.node.unshift(reshape('the picture', image.name, graph, dims));
  const scores = [picture[0], product(outDims) / picture[0]];
  graph.node.push(reshape(graph.output[0].name, SCORES, graph, scores));
  graph.output = [valueInfo(SCORES, scores)];
  graph.valueInfo = [];
  return { bytes: toBinary(ModelProtoSchema, model), shape: picture };
}

/** @param {number[]} dims */
function product(dims) {
  return dims.reduce((a, b) => a * b, 1);
}

/**
 * @param {string} from
 * @param {string} to
 * @param {import('onnx-buf').GraphProto} graph
 * @param {number[]} dims
 */
function reshape(from, to, graph, dims) {
  const name = `the shape of ${to}`;
  graph.initializer.push(
    create(TensorProtoSchema, { name, dataType: INT64, dims: [BigInt(dims.length)], int64Data: dims.map(BigInt) }),
  );
  return create(NodeProtoSchema, { opType: 'Reshape', name: `reshape to ${to}`, input: [from, name], output: [to] });
}

/**
 * @param {string} name
 * @param {number[]} dims
 */
function valueInfo(name, dims) {
  const dim = dims.map((n) => ({ value: { case: /** @type {const} */ ('dimValue'), value: BigInt(n) } }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: FLOAT, shape: { dim } } } },
  });
}

/** @param {TensorProto} tensor */
function numbersOf({ rawData, floatData }) {
  if (floatData.length > 0) return Float32Array.from(floatData);
  return new Float32Array(Uint8Array.from(rawData).buffer);
}

/** @param {Float32Array} scores */
function sigmoid(scores) {
  return scores.map((score) => 1 / (1 + Math.exp(-score)));
}

/** @param {Float32Array} scores */
function softmax(scores) {
  const largest = scores.reduce((a, b) => Math.max(a, b));
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/**
 * @param {ArrayLike<number>} actual
 * @param {ArrayLike<number>} expected
 */
function relativeL2(actual, expected) {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}
