/**
 * Structure-aware fuzzing: valid files with a few bytes, fields or lengths changed, and values of the right shape with
 * the wrong content. Whatever comes in, a model that compiles or a GradlensError comes out, within five seconds and 256
 * MB. Another FUZZ_SEED gives other cases; a failure prints it. What was found lies in fixtures/fuzz. All of it:
 *
 *     FUZZ_RUNS=100000 FUZZ_SEED=$RANDOM npx vitest run test/formats/fuzz.test.ts
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { compile } from '../../src/compile';
import { folds } from '../../src/formats/onnx/fold';
import { operators } from '../../src/formats/onnx/operators';
import { sha256Of } from '../../src/formats/native';
import type { ModelFile } from '../../src/graph';
import { readNpy, writeNpy } from '../../src/formats/npy';
import { parseManifest, readNative } from '../../src/formats/native';
import { readOnnx } from '../../src/formats/onnx';
import { recogniseFormat } from '../../src/formats/recognise';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { GradlensError } from '../../src/errors';
import { guarded, startWatch } from './guard';
import { changedJson, changedOnnx } from './mutate';
import { floats, integers, node, onnxFile } from './models';

// the same cases in every run, so that a gate does not fail by chance
const seed = Number(process.env['FUZZ_SEED'] ?? 1);
/** Of all targets together. */
const total = Number(process.env['FUZZ_RUNS'] ?? 1500);
const TARGETS = 14;
const runs = Math.ceil(total / TARGETS);
const FIXTURES = join(import.meta.dirname, '../fixtures');
vi.setConfig({ testTimeout: 60_000 + runs * 200 });

let endWatch: () => Promise<number>;
beforeAll(() => {
  console.info(`fuzzing with FUZZ_SEED=${seed}, ${TARGETS} times ${runs} cases`);
  endWatch = startWatch();
});
afterAll(() => endWatch());

/** What every reader promises of any bytes at all: a model, or a typed error. */
async function modelOrRefusal(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof GradlensError)) throw error;
    expect(['model-format', 'unsupported-op', 'shape', 'limit']).toContain(error.code);
  }
}

/** A case that fails leaves its bytes in a file. */
async function holdsFor<T extends Uint8Array>(arbitrary: fc.Arbitrary<T>, run: (bytes: T) => unknown): Promise<void> {
  let left = 'no file';
  await fc.assert(
    fc.asyncProperty(arbitrary, async (bytes) => {
      try {
        await guarded(bytes, () => modelOrRefusal(() => run(bytes)));
      } catch (error) {
        const folder = join(tmpdir(), 'gradlens-fuzz');
        mkdirSync(folder, { recursive: true });
        left = join(folder, `${bytes.length}-${(await sha256Of(bytes)).slice(0, 8)}`);
        writeFileSync(left, bytes);
        throw error;
      }
    }),
    {
      seed,
      numRuns: runs,
      // not the default one, which prints all bytes
      async asyncReporter(outcome) {
        if (outcome.failed)
          throw new Error(`FUZZ_SEED=${seed}: after ${outcome.numRuns} cases, its bytes are in ${left}`, {
            cause: outcome.errorInstance,
          });
      },
    },
  );
}

const compiled = ({ graph }: ModelFile): unknown => compile(graph, { batch: 1, bindingBytes: 2 ** 27 });
const readAndCompile = (bytes: Uint8Array): unknown => compiled(readOnnx(bytes));

/** A valid file, with bytes replaced, a piece cut out, or a piece doubled. */
function mutated(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat(file.length - 1);
  const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
  const replaced = fc.array(fc.tuple(at, byte), { minLength: 1, maxLength: 6 }).map((changes) => {
    const bytes = file.slice();
    for (const [index, value] of changes) bytes[index] = value;
    return bytes;
  });
  const spliced = fc
    .tuple(at, at, at)
    .map(([start, end, target]) =>
      Uint8Array.of(...file.subarray(0, target), ...file.subarray(start, end), ...file.subarray(target)),
    );
  const cut = fc.tuple(at, at).map(([start, end]) => Uint8Array.of(...file.subarray(0, start), ...file.subarray(end)));
  return fc.oneof(replaced, replaced, spliced, cut);
}

const safetensors = writeSafetensors(
  new Map([
    ['a', { shape: [2, 2], data: new Float32Array(4) }],
    ['b', { shape: [3], data: new Float32Array(3) }],
  ]),
  'F32',
);
const npy = writeNpy([2, 3], new Float32Array(6));
const onnx = onnxFile({
  nodes: [
    node('Conv', ['x', 'w', 'b'], 'c', { kernel_shape: [3, 3], strides: [2, 1], auto_pad: 'SAME_UPPER' }),
    node('Relu', ['c'], 'r'),
    node('MaxPool', ['r'], 'p', { kernel_shape: [2, 2], ceil_mode: 1 }),
    node('Reshape', ['p', 's'], 'f'),
    node('Gemm', ['f', 'v'], 'g', { alpha: { f: 2 } }),
    node('Softmax', ['g'], 'y', { axis: 1 }),
  ],
  tensors: [floats('w', [2, 2, 3, 3]), floats('b', [2]), integers('s', [0, -1]), floats('v', [20, 3])],
});

test('the files that fuzzing starts from are valid', () => {
  expect(readSafetensors(safetensors).size).toBe(2);
  expect(readNpy(npy).shape).toEqual([2, 3]);
  expect(readOnnx(onnx).graph.nodes).toHaveLength(6);
});

test('broken safetensors end in a typed error', () => holdsFor(mutated(safetensors), readSafetensors));
test('broken npy files end in a typed error', () => holdsFor(mutated(npy), readNpy));
test('broken ONNX files end in a typed error', () => holdsFor(mutated(onnx), readAndCompile));
test.each([readSafetensors, readNpy, readOnnx, recogniseFormat])(
  'any bytes at all end in a typed error: %o',
  (reader) => holdsFor(fc.uint8Array({ maxLength: 200 }), reader),
);

// between them these have most operators, and constants that are computed as the file is read
test.each(['excited', 'normalized', 'alexnet', ''])(
  'an ONNX file whose fields are changed ends in a typed error: %s',
  (name) => holdsFor(changedOnnx(name === '' ? onnx : readFileSync(join(FIXTURES, `${name}.onnx`))), readAndCompile),
);

test('safetensors headers of any dtype, shape and offsets end in a typed error', () => {
  const size = fc.oneof(fc.nat(16), fc.constantFrom(-1, 0.5, 2 ** 32, 2 ** 53, 1e300));
  const info = fc.record(
    {
      dtype: fc.constantFrom('F16', 'F32', 'F64', 'I8', 7),
      shape: fc.array(size, { maxLength: 4 }),
      data_offsets: fc.array(size, { maxLength: 3 }),
    },
    { requiredKeys: [] },
  );
  const header = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', '__metadata__'), fc.oneof(info, fc.jsonValue()));
  return holdsFor(
    fc.tuple(header, fc.nat(64)).map(([json, data]) => {
      const text = new TextEncoder().encode(JSON.stringify(json));
      return Uint8Array.of(
        ...new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer),
        ...text,
        ...new Uint8Array(data),
      );
    }),
    readSafetensors,
  );
});

test('ONNX nodes with any operator, wiring and attributes end in a typed error', () => {
  const name = fc.constantFrom('x', 'a', 'b', 'c', 'w', 'v', 's', '');
  const number = fc.oneof(fc.integer({ min: -2, max: 7 }), fc.constantFrom(2 ** 31, -(2 ** 31), 2 ** 50));
  const value = fc.oneof(
    number,
    fc.array(number, { maxLength: 5 }),
    fc.constantFrom('VALID', 'SAME_LOWER'),
    fc.float().map((f) => ({ f })),
  );
  const attributes = fc.dictionary(
    fc.constantFrom(
      'kernel_shape',
      'strides',
      'pads',
      'auto_pad',
      'axis',
      'alpha',
      'transB',
      'ceil_mode',
      'group',
      'value',
      'value_ints',
      'axes',
      'perm',
      'mode',
      'to',
      'starts',
      'ends',
      'scales',
      'size',
      'split',
      'keepdims',
      'transA',
      'min',
      'max',
    ),
    value,
    { maxKeys: 3 },
  );
  const op = fc.constantFrom(...operators.keys(), ...folds.keys(), 'Constant', 'Identity', 'Sin');
  const someNode = (output: string) =>
    fc
      .tuple(op, fc.array(name, { maxLength: 5 }), attributes)
      .map(([type, inputs, given]) => node(type, inputs, output, given));
  const extents = fc.tuple(fc.constantFrom('N', 1, 2), fc.nat(4), fc.nat(6), fc.nat(6));
  return holdsFor(
    fc.tuple(someNode('a'), someNode('b'), someNode('c'), extents).map(([a, b, c, input]) =>
      onnxFile({
        nodes: [a, b, c],
        input,
        tensors: [floats('w', [2, 2, 2, 2]), floats('v', [2]), integers('s', [0, -1])],
      }),
    ),
    readAndCompile,
  );
});

/** The shipped net with weights of seven in each direction, and its manifest. */
async function narrowNet() {
  const folder = join(import.meta.dirname, '../../weights/imagenette-128');
  const shipped = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  const weights = [...readSafetensors(readFileSync(join(folder, shipped.weights.file)))].map(([name, { shape }]) => {
    const narrow = shape.map((extent) => Math.min(extent, 7)); // of a net that is small
    return [
      name,
      { shape: narrow, data: new Float32Array(narrow.reduce((product, extent) => product * extent, 1)) },
    ] as const;
  });
  const bytes = writeSafetensors(new Map(weights), 'F32');
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const manifest = { ...shipped, weights: { ...shipped.weights, bytes: bytes.length, sha256: await sha256Of(bytes) } };
  return { manifest, header, bytes, length };
}

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const parsed = (json: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(json));

test('a manifest and weights whose fields are changed end in a typed error', async () => {
  const { manifest, header, bytes, length } = await narrowNet();
  expect((await readNative(parseManifest(manifest), bytes)).graph.nodes.length).toBeGreaterThan(5);
  await holdsFor(changedJson(manifest).map(text), async (json) =>
    compiled(await readNative(parseManifest(parsed(json)), bytes)),
  );
  await holdsFor(changedJson(header).map(text), async (json) => {
    const changed = Uint8Array.of(
      ...new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer),
      ...json,
      ...bytes.subarray(8 + length),
    );
    const sized = {
      ...manifest,
      weights: { ...manifest.weights, bytes: changed.length, sha256: await sha256Of(changed) },
    };
    compiled(await readNative(parseManifest(sized), changed));
  });
});

test('what fuzzing found before ends in a typed error', async () => {
  const folder = join(FIXTURES, 'fuzz');
  const found = existsSync(folder) ? readdirSync(folder) : [];
  const { bytes: weights } = await narrowNet();
  for (const name of found) {
    const bytes = readFileSync(join(folder, name));
    const read = name.endsWith('.onnx')
      ? () => readAndCompile(bytes)
      : async () => compiled(await readNative(parseManifest(parsed(bytes)), weights));
    await guarded(bytes, () => modelOrRefusal(read));
  }
  expect(found.length).toBeGreaterThan(4);
});

test('any JSON as a manifest ends in a typed error', () => {
  const nodes = fc.array(
    fc.record(
      { op: fc.constantFrom('conv', 'relu', 'add', 7), name: fc.constantFrom('a', 'b', ''), inputs: fc.jsonValue() },
      { requiredKeys: ['op'] },
    ),
  );
  const manifest = fc.record(
    {
      format: fc.constant('gradlens/1'),
      name: fc.string(),
      input: fc.jsonValue(),
      output: fc.string(),
      labels: fc.array(fc.string()),
      nodes,
      weights: fc.jsonValue(),
      provenance: fc.object(),
    },
    { requiredKeys: [] },
  );
  return fc.assert(
    fc.asyncProperty(fc.oneof(manifest, fc.jsonValue()), (json) => modelOrRefusal(() => parseManifest(json))),
    { seed, numRuns: runs },
  );
});
