import { expect, test } from 'vitest';
import { readNpy, writeNpy } from '../../src/formats/npy';
import { refusal } from './errors';

function file(header: string, data: Uint8Array = new Uint8Array(), version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const sizeBytes = version === 1 ? 2 : 4;
  const bytes = new Uint8Array(8 + sizeBytes + text.length + data.length);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(text, 8 + sizeBytes);
  bytes.set(data, 8 + sizeBytes + text.length);
  return bytes;
}
const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

test.each([[[]], [[6]], [[1, 2, 3]], [[2, 0]]])('an array of shape %j is read back', (shape) => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 3);
  expect(readNpy(writeNpy(shape, data))).toEqual({ shape, data });
});

test('what is written is what NumPy writes: version 1, data aligned to 64, a newline before them', () => {
  const bytes = writeNpy([2], Float32Array.of(1, 2));
  expect(new TextDecoder('latin1').decode(bytes.subarray(10, 128))).toBe(
    `{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }`.padEnd(117) + '\n',
  );
  expect(bytes.length).toBe(128 + 8);
});

test.each([
  ['<f2', new Uint8Array(Uint16Array.of(0x3c00, 0xc000).buffer), [1, -2]],
  ['<f4', new Uint8Array(Float32Array.of(1, -2).buffer), [1, -2]],
  ['<f8', new Uint8Array(Float64Array.of(0.1, -2).buffer), [Math.fround(0.1), -2]],
  ['|u1', Uint8Array.of(0, 255), [0, 255]],
])('%s is read as float32, in every version', (descr, data, values) => {
  for (const version of [1, 2, 3])
    expect([...readNpy(file(header(descr, '(2,)'), data, version)).data]).toEqual(values);
});

test('the keys of the header may come in any order', () => {
  expect(readNpy(file(`{"shape": (1,2), "fortran_order": False, "descr": '|u1'}`, Uint8Array.of(7, 8)))).toEqual({
    shape: [1, 2],
    data: Float32Array.of(7, 8),
  });
});

test.each<[string, Uint8Array, RegExp]>([
  ['no bytes', new Uint8Array(), /does not start with/],
  ['a file that ends in its magic', file('').subarray(0, 7), /version 1 and 7 bytes/],
  ['version 4', file('', new Uint8Array(8), 4), /version 4/],
  ['a header beyond the file', file(header('<f4', '(1,)')).subarray(0, 40), /claims a header of/],
  [
    'a header of 4 GB',
    (() => {
      const bytes = file('{}', new Uint8Array(9), 2);
      new DataView(bytes.buffer).setUint32(8, 2 ** 32 - 1, true);
      return bytes;
    })(),
    /4294967295 bytes/,
  ],
  ['Fortran order', file(header('<f4', '(1, 2)', 'True'), new Uint8Array(8)), /Fortran order; save it in C order/],
  [
    'big-endian numbers',
    file(header('>f4', '(1,)'), new Uint8Array(4)),
    /holds ">f4"; readable are <f2, <f4, <f8, \|u1/,
  ],
  ['pickled objects', file(header('|O', '(1,)'), new Uint8Array(8)), /holds "\|O"/],
  ['a record type', file(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }`), /no readable 'descr'/],
  ['a shape that is no tuple', file(header('<f4', '[1]')), /no readable 'shape'/],
  ['a shape below 0', file(header('<f4', '(-1,)')), /no readable 'shape'/],
  ['too few bytes', file(header('<f4', '(2,)'), new Uint8Array(7)), /has 7 bytes of data; <f4 of shape \(2\) takes 8/],
  ['too many bytes', file(header('<f4', '(2,)'), new Uint8Array(9)), /has 9 bytes/],
  ['an overflowing shape', file(header('<f4', '(4294967296, 4294967296)')), /more than 4294967296 elements/],
  ['an extent above 2⁵³', file(header('<f4', '(9007199254740993,)')), /has the extent/],
])('%s is refused', (_, bytes, message) => {
  refusal(() => readNpy(bytes), 'model-format', message);
});

test('data that do not fill the shape are not written', () => {
  refusal(() => writeNpy([2, 2], new Float32Array(3)), 'shape', /3 elements; shape \(2,2\) takes 4/);
  refusal(() => writeNpy(Array(65).fill(1), new Float32Array(1)), 'model-format', /65 dimensions/);
});
