import { describe, expect, test } from 'vitest';
import type { Weight } from '../../src/graph';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { refusal } from './errors';

/** A file of this header, as text or as an object, and so many bytes of data. */
function file(header: string | object, data: number | Uint8Array = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const body = typeof data === 'number' ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + text.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(body, 8 + text.length);
  return bytes;
}

const tensor = (shape: unknown, begin: unknown, end: unknown, dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});
const refused = (bytes: Uint8Array, message: RegExp) => refusal(() => readSafetensors(bytes), 'model-format', message);

describe('round trips', () => {
  const weights = new Map<string, Weight>([
    ['conv.weight', { shape: [2, 1, 1, 2], data: Float32Array.of(1, -0.5, 65504, 2 ** -24) }],
    ['__proto__', { shape: [1], data: Float32Array.of(3) }],
    ['schön "quoted"', { shape: [], data: Float32Array.of(-0) }],
    ['empty', { shape: [0, 3], data: new Float32Array() }],
  ]);

  test.each(['F32', 'F16'] as const)('what is written in %s is read back, names, order and bits', (type) => {
    expect([...readSafetensors(writeSafetensors(weights, type))]).toEqual([...weights]);
  });

  test('an ArrayBuffer does as well, and a file without tensors', () => {
    expect(readSafetensors(writeSafetensors(new Map(), 'F32').buffer).size).toBe(0);
  });

  test.each([
    ['F64', new Uint8Array(Float64Array.of(0.1, -2).buffer), [Math.fround(0.1), -2]],
    ['BF16', new Uint8Array(Uint16Array.of(0x3f80, 0xc000).buffer), [1, -2]],
    ['F16', new Uint8Array(Uint16Array.of(0x3c00, 0xc000).buffer), [1, -2]],
  ])('%s is read as float32', (type, data, values) => {
    const weight = readSafetensors(
      file({ __metadata__: { format: 'pt' }, a: tensor([2], 0, data.length, type) }, data),
    ).get('a');
    expect(weight).toEqual({ shape: [2], data: Float32Array.from(values) });
  });

  test('tensors may lie in another order than the header lists them', () => {
    const data = new Uint8Array(Float32Array.of(1, 2).buffer);
    expect(
      [...readSafetensors(file({ b: tensor([1], 4, 8), a: tensor([1], 0, 4) }, data)).values()].map(
        (weight) => weight.data[0],
      ),
    ).toEqual([2, 1]);
  });

  test('what F16 cannot hold is refused, and so is a shape that does not fit', () => {
    const one = (shape: number[], ...values: number[]) => new Map([['w', { shape, data: Float32Array.from(values) }]]);
    refusal(
      () => writeSafetensors(one([1], 65520), 'F16'),
      'model-format',
      /"w": 65520 is beyond F16's largest, 65504/,
    );
    refusal(() => writeSafetensors(one([3], 1), 'F32'), 'shape', /has 1 elements; its shape \[3\] takes 3/);
    refusal(
      () => writeSafetensors(new Map([['__metadata__', { shape: [], data: Float32Array.of(0) }]]), 'F32'),
      'model-format',
      /reserves/,
    );
  });
});

describe('attacks', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['no bytes', new Uint8Array(), /0 bytes; the header's length alone takes 8/],
    ['a header that is cut off', file('{}').subarray(0, 9), /header of 2 bytes, of which the file has 1/],
    [
      'a header of 2⁶⁴ − 1 bytes',
      new Uint8Array(64).fill(255),
      /header of 18446744073709552000 bytes; at most 100000000/,
    ],
    [
      'a header of 100 MB and one',
      (() => {
        const bytes = file('{}');
        new DataView(bytes.buffer).setBigUint64(0, 100_000_001n, true);
        return bytes;
      })(),
      /100000001 bytes; at most/,
    ],
    ['an empty header', new Uint8Array(8), /does not start with {/],
    ['a header that starts with a space', file(' {}'), /does not start with {/],
    ['a header that is a list', file('[]'), /does not start with {/],
    ['a header that is not JSON', file('{"a":}'), /is not JSON/],
    [
      'a header that is not UTF-8',
      (() => {
        const bytes = file('{"a":0}');
        bytes[10] = 0xff;
        return bytes;
      })(),
      /not UTF-8/,
    ],
    ['something after the header', file('{} {}'), /is not JSON/],
    [
      'a tensor given twice',
      file(`{"a":${JSON.stringify(tensor([1], 0, 4))},"a":${JSON.stringify(tensor([1], 4, 8))}}`, 8),
      /has the key "a" twice/,
    ],
    [
      'a tensor given twice, once escaped',
      file(`{"a":${JSON.stringify(tensor([1], 0, 4))},"\\u0061":${JSON.stringify(tensor([1], 4, 8))}}`, 8),
      /has the key "a" twice/,
    ],
    [
      'a dtype given twice',
      file('{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}', 4),
      /has the key "dtype" twice/,
    ],
    [
      'a prototype instead of fields',
      file('{"a":{"__proto__":{"dtype":"F32"},"data_offsets":[0,4],"shape":[1]}}', 4),
      /tensor "a": is/,
    ],
    [
      'an overlap',
      file({ a: tensor([2], 0, 8), b: tensor([2], 4, 12) }, 12),
      /"b" overlaps the one before: it begins at 4; it should begin at 8/,
    ],
    ['two tensors in one place', file({ a: tensor([1], 0, 4), b: tensor([1], 0, 4) }, 4), /overlaps/],
    [
      'a hole',
      file({ a: tensor([1], 0, 4), b: tensor([1], 8, 12) }, 12),
      /"b" leaves a hole: it begins at 8; it should begin at 4/,
    ],
    ['a hole at the start', file({ a: tensor([1], 4, 8) }, 8), /leaves a hole/],
    ['bytes left over', file({ a: tensor([1], 0, 4) }, 5), /take 4 bytes; the file has 5/],
    ['a tensor beyond the end', file({ a: tensor([2], 0, 8) }, 4), /take 8 bytes; the file has 4/],
    [
      'a size that is not its shape',
      file({ a: tensor([3], 0, 8) }, 8),
      /has 8 bytes \(0 to 8\); F32 of shape \[3\] takes 12/,
    ],
    ['an end before its begin', file({ a: tensor([1], 4, 0) }, 4), /has -4 bytes/],
    ['a product that overflows', file({ a: tensor([2 ** 32, 2 ** 32], 0, 0) }), /more than 4294967296 elements/],
    [
      'a product that overflows to 0 in 64 bits',
      file({ a: tensor([2 ** 33, 2 ** 31], 0, 0) }),
      /more than 4294967296 elements/,
    ],
    [
      'an offset above 2⁵³',
      file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[9007199254740993,9007199254740997]}}', 4),
      /whole numbers below 2⁵³/,
    ],
    ['a negative extent', file({ a: tensor([-1], 0, 4) }, 4), /whole numbers/],
    ['a fractional extent', file({ a: tensor([0.5], 0, 2) }, 2), /whole numbers/],
    ['an infinite extent', file('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}', 4), /whole numbers/],
    ['three offsets', file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}', 4), /\[begin, end\]/],
    [
      'an unknown dtype',
      file({ a: tensor([4], 0, 4, 'F8_E4M3') }, 4),
      /dtype "F8_E4M3"; readable are F16, BF16, F32, F64/,
    ],
    ['a dtype from the prototype', file({ a: tensor([1], 0, 4, 'constructor') }, 4), /dtype "constructor"/],
    ['an extra field', file({ a: { ...tensor([1], 0, 4), more: 1 } }, 4), /it must be \{ dtype/],
    ['a tensor that is null', file({ a: null }), /tensor "a": is null/],
    ['metadata that is no map', file({ __metadata__: ['a'] }), /__metadata__ is \["a"\]/],
    ['metadata that is no text', file({ __metadata__: { a: 1 } }), /__metadata__ is/],
    ['deep nesting', file(`{"a":${'['.repeat(100_000)}`), /nests deeper than 3/],
    ['millions of values', file(`{"a":{"shape":[${'0,'.repeat(2_000_000)}0]}}`), /more than 1000000 values/],
  ])('%s is refused', (_, bytes, message) => {
    refused(bytes, message);
  });

  test('a message stays short however long the name', () => {
    const { message } = refused(file({ ['x'.repeat(1_000_000)]: tensor([1], 0, 3) }, 3), /…/);
    expect(message.length).toBeLessThan(300);
  });
});
