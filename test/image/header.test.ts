import * as fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { expect, test } from 'vitest';
import { HEAD_BYTES, type Header, headerOf } from '../../src/image/header';

const signatures = [
  '\x89PNG\r\n\x1a\n\0\0\0\rIHDR',
  '\xff\xd8',
  '\xff\xd8\xff\xe1',
  '\xff\xd8\xff\xff\xff',
  'GIF89a',
  'RIFF\0\0\0\0WEBPVP8 ',
  'RIFF\0\0\0\0WEBPVP8L',
  'RIFF\0\0\0\0WEBPVP8X',
  '',
];

test('whatever follows a signature, there is an answer, and its numbers are whole', () => {
  fc.assert(
    fc.property(fc.constantFrom(...signatures), fc.uint8Array({ maxLength: 200 }), (signature, rest) => {
      const header = headerOf(Buffer.concat([Buffer.from(signature, 'latin1'), rest]));
      if (header)
        for (const extent of [header.width, header.height])
          expect(Number.isInteger(extent) && extent >= 0 && extent < 2 ** 32).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test('the bytes of another buffer are not read, and no more than the head', () => {
  const whole = Buffer.from(`xxGIF89a${'\x03\0\x02\0'}`, 'latin1');
  expect(headerOf(whole.subarray(2))).toEqual({ format: 'GIF', width: 3, height: 2 });
  expect(headerOf(whole.subarray(2, 10))).toBeNull();
  const endless = new Uint8Array(HEAD_BYTES * 2).fill(0xff);
  endless[1] = 0xd8;
  expect(headerOf(endless)).toBeNull();
});

const WIDTH = 301; // more than a byte holds
const HEIGHT = 270;
const picture = (alpha = 1): Sharp =>
  sharp({ create: { width: WIDTH, height: HEIGHT, channels: 4, background: { r: 200, g: 40, b: 90, alpha } } });

test.each<[string, Header['format'], () => Sharp]>([
  ['PNG', 'PNG', () => picture().png()],
  ['JPEG', 'JPEG', () => picture().jpeg()],
  ['JPEG in several scans', 'JPEG', () => picture().jpeg({ progressive: true })],
  ['GIF', 'GIF', () => picture().gif()],
  ['WebP with losses', 'WebP', () => picture().removeAlpha().webp()],
  ['WebP without losses', 'WebP', () => picture().webp({ lossless: true })],
  ['WebP with transparency', 'WebP', () => picture(0.5).webp()],
])('of a %s the format, the width and the height are read', async (_, format, encode) => {
  const bytes = await encode().toBuffer();
  expect(headerOf(bytes)).toEqual({ format, width: WIDTH, height: HEIGHT });
  expect(headerOf(bytes.subarray(0, 9)), 'cut off').toBeNull();
});
