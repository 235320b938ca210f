/**
 * What an ONNX file may bring beside its nodes: weights in other files, weights in eight bits, and shapes that it
 * states.
 */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { openOnnx, readOnnx } from '../../src/formats/onnx';
import type { Weight } from '../../src/graph';
import { refusal } from './errors';
import { external, floats, node, onnxFile, valueInfo, type Tensor } from './models';

const conv = node('Conv', ['x', 'w', 'b'], 'y');
const bytes = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

describe('external data', () => {
  const file = (...tensors: Tensor[]): Uint8Array => onnxFile({ nodes: [conv], tensors });
  const ends = (entries: Record<string, string | number>): Uint8Array =>
    file(external('w', [1, 2, 1, 1], entries), floats('b', [1]));

  test('tensors lie at their offsets in files that the reader names first', () => {
    const both = file(
      external('w', [1, 2, 1, 1], { location: 'net.bin', offset: 4, length: 8 }),
      external('b', [1], { location: './more/bias.bin' }),
    );
    const opened = openOnnx(both);
    expect(opened.externalFiles).toEqual(['net.bin', 'more/bias.bin']);
    const { graph } = opened.read(
      new Map([
        ['net.bin', bytes(9, 2, 3, 9)],
        ['more/bias.bin', bytes(4)],
      ]),
    );
    expect([...graph.weights.get('w')!.data, ...graph.weights.get('b')!.data]).toEqual([2, 3, 4]);
  });

  test('a Constant node’s tensor may lie elsewhere too', () => {
    const constant = node('Constant', [], 'w', { value: external('', [1, 2, 1, 1], { location: 'net.bin' }) });
    const whole = onnxFile({ nodes: [constant, node('Conv', ['x', 'w'], 'y')] });
    expect(readOnnx(whole, new Map([['net.bin', bytes(5, 6)]])).graph.weights.get('w')!.data).toEqual(
      Float32Array.of(5, 6),
    );
  });

  test.each([
    '../net.bin',
    'a/../../net.bin',
    '/etc/passwd',
    'C:\\net.bin',
    '..\\net.bin',
    'file:///etc/passwd',
    'a//b',
    'a/./b',
    '',
    '.',
    'a\0b',
    'http://example.org/w',
  ])('a file at %j is outside of the model’s folder, and refused before anything is opened', (location) => {
    refusal(() => openOnnx(ends({ location })), 'model-format', /must be a path inside the model's own folder/);
  });

  test.each<[string, Record<string, string | number>, RegExp]>([
    ['a file that is not there', { location: 'other.bin' }, /"other\.bin", which was not given with the model/],
    [
      'an end beyond the file',
      { location: 'net.bin', offset: 8, length: 8 },
      /are the bytes 8 to 16 of "net\.bin", which has 12/,
    ],
    ['a start beyond the file', { location: 'net.bin', offset: 13 }, /are the bytes 13 to 12/],
    ['a negative offset', { location: 'net.bin', offset: -4 }, /the offset of its data is "-4"/],
    ['a length that is no number', { location: 'net.bin', length: '8e0' }, /the length of its data is "8e0"/],
    [
      'another length than the shape takes',
      { location: 'net.bin', length: 4 },
      /has 4 bytes; its shape \[1,2,1,1\] takes 8/,
    ],
    ['what is not known', { location: 'net.bin', basepath: '/' }, /known are location, offset, length, checksum/],
  ])('%s is refused', (_, entries, message) => {
    refusal(() => readOnnx(ends(entries), new Map([['net.bin', bytes(1, 2, 3)]])), 'model-format', message);
  });

  test('data in two places at once are refused', () => {
    refusal(
      () =>
        readOnnx(
          file({
            ...external('w', [1, 2, 1, 1], { location: 'net.bin' }),
            rawData: bytes(1, 2) as Uint8Array<ArrayBuffer>,
          }),
        ),
      'model-format',
      /both in this file and in another/,
    );
    refusal(
      () => readOnnx(file({ ...external('w', [1, 2, 1, 1], { location: 'net.bin' }), dataLocation: 0 })),
      'model-format',
      /both in this file and in another/,
    );
  });
});

describe('weights in eight bits', () => {
  const codes = (
    name: string,
    type: DataType,
    dims: readonly number[],
    values: readonly number[],
    raw = true,
  ): Tensor => ({
    name,
    dims: dims.map(BigInt),
    dataType: type,
    ...(raw ? { rawData: Uint8Array.from(values, (value) => value & 255) } : { int32Data: [...values] }),
  });
  const read = (tensors: readonly Tensor[], attributes = {}, inputs = ['q', 's', 'z']): Weight => {
    const nodes = [node('DequantizeLinear', inputs, 'w', attributes), node('Conv', ['x', 'w'], 'y')];
    return readOnnx(onnxFile({ nodes, tensors })).graph.weights.get('w')!;
  };
  const q = codes('q', DataType.INT8, [2, 2, 1, 1], [-128, 0, 1, 127]);

  test('one scale for all, by the definition (x − zero point) · scale', () => {
    const weight = read([q, floats('s', [], [0.5]), codes('z', DataType.INT8, [], [-2])]);
    expect(weight).toEqual({ shape: [2, 2, 1, 1], data: Float32Array.of(-63, 1, 1.5, 64.5) });
  });

  test('a scale per output channel; no zero point; bytes without sign, typed', () => {
    const weight = read(
      [codes('q', DataType.UINT8, [2, 2, 1, 1], [0, 255, 1, 2], false), floats('s', [2], [1, 10])],
      { axis: 0 },
      ['q', 's'],
    );
    expect([...weight.data]).toEqual([0, 255, 10, 20]);
  });

  test('a scale per index of a middle axis, counted from either end', () => {
    for (const axis of [1, -3]) {
      expect([...read([q, floats('s', [2], [1, 10]), codes('z', DataType.INT8, [2], [0, 1])], { axis }).data]).toEqual([
        -128, -10, 1, 1260,
      ]);
    }
  });

  test('a bias of 32 bits', () => {
    const nodes = [node('DequantizeLinear', ['q', 's'], 'b'), node('Conv', ['x', 'w', 'b'], 'y')];
    const bias = { name: 'q', dims: [2n], dataType: DataType.INT32, int32Data: [70_000, -3] };
    const { weights } = readOnnx(
      onnxFile({ nodes, tensors: [bias, floats('s', [], [0.25]), floats('w', [2, 2, 1, 1])] }),
    ).graph;
    expect([...weights.get('b')!.data]).toEqual([17_500, -0.75]);
  });

  test.each<[string, readonly Tensor[], object, RegExp]>([
    ['scales for another axis', [q, floats('s', [3])], {}, /its scale has the shape \[3\].* axis 1 of \[2,2,1,1\]/],
    [
      'too few zero points',
      [q, floats('s', [2]), codes('z', DataType.INT8, [], [0])],
      { axis: 0 },
      /2 scales and 1 zero points/,
    ],
    [
      'a zero point of another type',
      [q, floats('s', []), codes('z', DataType.UINT8, [], [0])],
      {},
      /another type than what it shifts/,
    ],
    [
      'too few codes',
      [codes('q', DataType.INT8, [2, 2, 1, 1], [1]), floats('s', [])],
      {},
      /has 1 bytes; its shape \[2,2,1,1\] takes 4/,
    ],
    [
      'codes beyond their type',
      [codes('q', DataType.INT8, [2, 2, 1, 1], [1, 2, 3, 200], false), floats('s', [])],
      {},
      /element 3 is 200, which is no INT8/,
    ],
    [
      'codes of four bits',
      [{ ...q, dataType: DataType.INT4 }, floats('s', [])],
      {},
      /holds INT4; quantized weights are INT8, UINT8, INT16, UINT16 or INT32/,
    ],
    ['a scale that is not finite', [q, floats('s', [], [Infinity])], {}, /is (-?Infinity|NaN)/],
  ])('%s are refused', (_, tensors, attributes, message) => {
    refusal(
      () => read(tensors, attributes, tensors.length === 2 ? ['q', 's'] : ['q', 's', 'z']),
      'model-format',
      message,
    );
  });

  test('sixteen bits, with and without sign', () => {
    const wide = (type: DataType, value: number): Tensor => ({
      name: 'q',
      dims: [1n, 2n, 1n, 1n],
      dataType: type,
      rawData: Uint8Array.of(value & 255, value >> 8, 1, 0),
    });
    expect([...read([wide(DataType.INT16, 0xfffe), floats('s', [], [0.5])], {}, ['q', 's']).data]).toEqual([-1, 0.5]);
    expect([...read([wide(DataType.UINT16, 0xfffe), floats('s', [], [0.5])], {}, ['q', 's']).data]).toEqual([
      32_767, 0.5,
    ]);
  });

  test('floats that the file itself quantizes and dequantizes, as after quantization-aware training', () => {
    const nodes = [
      node('QuantizeLinear', ['f', 's', 'z'], 'q', { axis: 0 }),
      node('DequantizeLinear', ['q', 's', 'z'], 'w', { axis: 0 }),
      node('Conv', ['x', 'w'], 'y'),
    ];
    // halves to the even neighbour; 100 is beyond 127 steps of 0.5
    const tensors = [
      floats('f', [2, 2, 1, 1], [0.25, 0.75, 100, -3]),
      floats('s', [2], [0.5, 0.5]),
      codes('z', DataType.INT8, [2], [0, 0]),
    ];
    const { weights } = readOnnx(onnxFile({ nodes, tensors })).graph;
    expect([...weights.get('w')!.data]).toEqual([0, 1, 63.5, -3]);
  });

  test('blocks are unsupported', () => {
    refusal(() => read([q, floats('s', [1])], { block_size: 2 }, ['q', 's']), 'unsupported-op', /scales in blocks/);
  });
});

describe('stated shapes', () => {
  const relu = [node('Relu', ['x'], 'r'), node('Flatten', ['r'], 'y')];
  const stated = (name: string, dims: readonly (number | string)[]) => () =>
    readOnnx(onnxFile({ nodes: relu, valueInfo: [valueInfo(name, dims)] }));

  test.each<[string, (number | string)[]]>([
    ['r', [1, 2, 5, 6]],
    ['r', ['N', 2, 5, 6]],
    ['r', [7, 2, 5, 6]],
    ['r', ['N', 'C', 0, -1]],
    ['r', []],
    ['y', ['N', 60]],
    ['x', [1, 2, 5, 6]],
    ['elsewhere', [3]],
  ])('%s as %j agrees', (name, dims) => {
    expect(stated(name, dims)().graph.nodes).toHaveLength(2);
  });

  test.each<[string, (number | string)[], RegExp]>([
    ['r', [1, 2, 5, 7], /^r: the file says \[1, 2, 5, 7\]; from its operators follows \[1, 2, 5, 6\]/],
    ['r', ['N', 2, 30], /says \[\?, 2, 30\]/],
    ['y', ['N', 'any', 1, 1], /says \[\?, \?, 1, 1\]; from its operators follows \[1, 60\]/],
  ])('%s as %j disagrees, and is refused', (name, dims, message) => {
    refusal(stated(name, dims), 'shape', message);
  });
});

test('two versions of one operator set are refused, the same one twice is not', () => {
  const nodes = [node('Relu', ['x'], 'y')];
  const opsets = (...versions: number[]): Uint8Array => {
    const file = onnxFile({ nodes, opset: versions[0]! });
    const more = versions.slice(1).flatMap((version) => [0x42, 2, 0x10, version]); // opset_import { version }
    return Uint8Array.of(...file, ...more);
  };
  expect(readOnnx(opsets(13, 13)).provenance['opset']).toBe(13);
  refusal(() => readOnnx(opsets(13, 17)), 'model-format', /of opset 13 and of 17 at once/);
});

test('a tensor of nine dimensions is refused, without printing thousands', () => {
  const many = { name: 'w', dims: new Array<bigint>(5000).fill(1n), dataType: DataType.FLOAT, floatData: [1] };
  const { message } = refusal(
    () => readOnnx(onnxFile({ nodes: [node('Conv', ['x', 'w'], 'y')], tensors: [many] })),
    'model-format',
    /has 5000 dimensions; at most 8/,
  );
  expect(message.length).toBeLessThan(100);
});
