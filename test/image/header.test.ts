import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { HEAD_BYTES, headerOf } from '../../src/image/header';

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
