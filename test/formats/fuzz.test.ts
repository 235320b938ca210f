/**
 * Structure-aware fuzzing: valid files with a few bytes, fields or lengths changed, and values of the right shape with the wrong
 * content. Whatever comes in, a model or a GradlensError comes out. A failure prints the seed, and FUZZ_SEED runs it again.
 */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { readNpy, writeNpy } from '../../src/formats/npy';
import { parseManifest } from '../../src/formats/native';
import { readOnnx } from '../../src/formats/onnx';
import { recogniseFormat } from '../../src/formats/recognise';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { modelOrRefusal } from './errors';
import { floats, integers, node, onnxFile } from './models';

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const runs = Number(process.env.FUZZ_RUNS ?? 300);
beforeAll(() => console.info(`fuzzing with FUZZ_SEED=${seed}, ${runs} runs`));

const holdsFor = (arbitrary: fc.Arbitrary<Uint8Array>, run: (bytes: Uint8Array) => unknown): void =>
  fc.assert(fc.property(arbitrary, (bytes) => modelOrRefusal(() => run(bytes))), { seed, numRuns: runs });

/** A valid file, with bytes replaced, a piece cut out, or a piece doubled. */
function mutated(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat(file.length - 1);
  const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
  const replaced = fc.array(fc.tuple(at, byte), { minLength: 1, maxLength: 6 }).map((changes) => {
    const bytes = file.slice();
    for (const [index, value] of changes) bytes[index] = value;
    return bytes;
  });
  const spliced = fc.tuple(at, at, at).map(([start, end, target]) => Uint8Array.of(...file.subarray(0, target), ...file.subarray(start, end), ...file.subarray(target)));
  const cut = fc.tuple(at, at).map(([start, end]) => Uint8Array.of(...file.subarray(0, start), ...file.subarray(end)));
  return fc.oneof(replaced, replaced, spliced, cut);
}

const safetensors = writeSafetensors(new Map([['a', { shape: [2, 2], data: new Float32Array(4) }], ['b', { shape: [3], data: new Float32Array(3) }]]), 'F32');
const npy = writeNpy([2, 3], new Float32Array(6));
const onnx = onnxFile({
  nodes: [
    node('Conv', ['x', 'w', 'b'], 'c', { kernel_shape: [3, 3], strides: [2, 1], auto_pad: 'SAME_UPPER' }), node('Relu', ['c'], 'r'),
    node('MaxPool', ['r'], 'p', { kernel_shape: [2, 2], ceil_mode: 1 }), node('Reshape', ['p', 's'], 'f'), node('Gemm', ['f', 'v'], 'g', { alpha: { f: 2 } }),
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
test('broken ONNX files end in a typed error', () => holdsFor(mutated(onnx), readOnnx));
test('any bytes at all end in a typed error', () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  for (const reader of [readSafetensors, readNpy, readOnnx, recogniseFormat]) holdsFor(bytes, reader);
});

test('safetensors headers of any dtype, shape and offsets end in a typed error', () => {
  const size = fc.oneof(fc.nat(16), fc.constantFrom(-1, 0.5, 2 ** 32, 2 ** 53, 1e300));
  const info = fc.record({ dtype: fc.constantFrom('F16', 'F32', 'F64', 'I8', 7), shape: fc.array(size, { maxLength: 4 }), data_offsets: fc.array(size, { maxLength: 3 }) }, { requiredKeys: [] });
  const header = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', '__metadata__'), fc.oneof(info, fc.jsonValue()));
  holdsFor(fc.tuple(header, fc.nat(64)).map(([json, data]) => {
    const text = new TextEncoder().encode(JSON.stringify(json));
    return Uint8Array.of(...new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer), ...text, ...new Uint8Array(data));
  }), readSafetensors);
});

test('ONNX nodes with any operator, wiring and attributes end in a typed error', () => {
  const name = fc.constantFrom('x', 'a', 'b', 'c', 'w', 'v', 's', '');
  const number = fc.oneof(fc.integer({ min: -2, max: 7 }), fc.constantFrom(2 ** 31, -(2 ** 31), 2 ** 50));
  const value = fc.oneof(number, fc.array(number, { maxLength: 5 }), fc.constantFrom('VALID', 'SAME_LOWER'), fc.float().map((f) => ({ f })));
  const attributes = fc.dictionary(fc.constantFrom('kernel_shape', 'strides', 'pads', 'auto_pad', 'axis', 'alpha', 'transB', 'ceil_mode', 'group', 'value', 'value_ints'), value, { maxKeys: 3 });
  const op = fc.constantFrom('Add', 'AveragePool', 'BatchNormalization', 'Concat', 'Conv', 'Dropout', 'Flatten', 'Gemm', 'MatMul', 'MaxPool', 'Relu', 'Reshape', 'Softmax', 'Constant', 'Identity', 'Sin');
  const someNode = (output: string) => fc.tuple(op, fc.array(name, { maxLength: 5 }), attributes).map(([type, inputs, given]) => node(type, inputs, output, given));
  const extents = fc.tuple(fc.constantFrom('N', 1, 2), fc.nat(4), fc.nat(6), fc.nat(6));
  holdsFor(fc.tuple(someNode('a'), someNode('b'), someNode('c'), extents).map(([a, b, c, input]) =>
    onnxFile({ nodes: [a, b, c], input, tensors: [floats('w', [2, 2, 2, 2]), floats('v', [2]), integers('s', [0, -1])] })), readOnnx);
});

test('any JSON as a manifest ends in a typed error', () => {
  const nodes = fc.array(fc.record({ op: fc.constantFrom('conv', 'relu', 'add', 7), name: fc.constantFrom('a', 'b', ''), inputs: fc.jsonValue() }, { requiredKeys: ['op'] }));
  const manifest = fc.record({ format: fc.constant('gradlens/1'), name: fc.string(), input: fc.jsonValue(), output: fc.string(), labels: fc.array(fc.string()), nodes, weights: fc.jsonValue(), provenance: fc.object() }, { requiredKeys: [] });
  fc.assert(fc.property(fc.oneof(manifest, fc.jsonValue()), (json) => modelOrRefusal(() => parseManifest(json))), { seed, numRuns: runs });
});
