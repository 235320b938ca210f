import { expect, test } from 'vitest';
import { decodeBrainFloats, decodeFloats, decodeHalves, encodeHalf } from '../../src/formats/floats';

const everyCode = Uint16Array.from({ length: 65536 }, (_, code) => code);

/** The textbook conversion, on the bits: shift the fraction up, rebias the exponent, normalise subnormals. */
function bitsOfHalf(code: number): number {
  const sign = (code & 0x8000) << 16;
  let exponent = (code >> 10) & 31;
  let fraction = code & 1023;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent === 0 && fraction === 0) return sign;
  if (exponent === 0) {
    exponent = 1;
    while (!(fraction & 1024)) {
      fraction <<= 1;
      exponent--;
    }
  }
  return sign | ((exponent + 112) << 23) | ((fraction & 1023) << 13);
}

test('every half is widened exactly, bit for bit, and every NaN is a NaN', () => {
  const widened = decodeHalves(everyCode);
  const expected = new Float32Array(Int32Array.from(everyCode, bitsOfHalf).buffer);
  const wrong = everyCode.filter((code) => !Object.is(widened[code], expected[code]));
  expect([...wrong]).toEqual([]);
});

test('every half comes back as itself', () => {
  const widened = decodeHalves(everyCode);
  const wrong = everyCode.filter((code) => !Number.isNaN(widened[code]) && encodeHalf(widened[code]!) !== code);
  expect([...wrong]).toEqual([]);
  expect(encodeHalf(NaN) & 0x7fff).toBeGreaterThan(0x7c00);
});

test('between two halves the nearer is taken, and the even one of a tie', () => {
  const finite = Array.from({ length: 0x7bff }, (_, code) => code);
  const widened = decodeHalves(everyCode);
  const wrong = finite.filter((code) => {
    const [low, high] = [widened[code]!, widened[code + 1]!];
    const middle = (low + high) / 2; // exact in float32
    const ulp = middle * 2 ** -23;
    const even = code % 2 === 0 ? code : code + 1;
    return encodeHalf(middle) !== even || encodeHalf(middle - ulp) !== code || encodeHalf(middle + ulp) !== code + 1;
  });
  expect(wrong).toEqual([]);
});

test('from 65520 on a half is infinity', () => {
  expect([65504, 65519.996, 65520, 65536, 3e38, -Infinity].map(encodeHalf)).toEqual([
    0x7bff, 0x7bff, 0x7c00, 0x7c00, 0x7c00, 0xfc00,
  ]);
});

test('a bfloat16 is the upper half of a float32', () => {
  expect([...decodeBrainFloats([0x3f80, 0xc000, 0x0001, 0x7f80])]).toEqual([1, -2, 2 ** -133, Infinity]);
});

test('stored numbers may lie at any offset, and are copied', () => {
  const bytes = new Uint8Array(9);
  bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
  const floats = decodeFloats('F32', bytes.subarray(1));
  bytes.fill(0);
  expect([...floats]).toEqual([1.5, -2]);
});
