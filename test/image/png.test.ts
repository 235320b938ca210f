import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { textsOf, withText } from '../../src/image/png';
import { refusal } from '../formats/errors';

let plain: Uint8Array;
beforeAll(async () => {
  plain = await sharp({ create: { width: 9, height: 5, channels: 3, background: '#4080c0' } })
    .png()
    .toBuffer();
});

/** By the letter of the standard, apart from the code under test: type, data, and whether the CRC is right. */
function read(png: Uint8Array): { type: string; data: Buffer; sound: boolean }[] {
  const chunks = [];
  for (let rest = Buffer.from(png.subarray(8)); rest.length > 0; ) {
    const length = rest.readUInt32BE(0);
    chunks.push({
      type: rest.toString('latin1', 4, 8),
      data: rest.subarray(8, 8 + length),
      sound: rest.readUInt32BE(8 + length) === crc32(rest.subarray(4, 8 + length)),
    });
    rest = rest.subarray(12 + length);
  }
  return chunks;
}

test(
  'text stands in a chunk of its own behind the header, and sharp still reads the picture and the ' + 'text',
  async () => {
    const parameters = JSON.stringify({ class: 'Blässhuhn 骨頂雞 🦆', relu: 'guided' });
    const png = withText(plain, { gradlens: parameters, Software: 'gradlens' });
    const chunks = read(png);
    expect(chunks.every(({ sound }) => sound)).toBe(true);
    expect(chunks.slice(0, 3).map(({ type }) => type)).toEqual(['IHDR', 'iTXt', 'iTXt']);
    expect(chunks[1]!.data.toString()).toBe(`gradlens\0\0\0\0\0${parameters}`);
    expect(chunks.filter(({ type }) => type !== 'iTXt')).toEqual(read(plain));
    expect(await sharp(png).raw().toBuffer()).toEqual(await sharp(plain).raw().toBuffer());
    expect((await sharp(png).metadata()).comments).toEqual(
      expect.arrayContaining([{ keyword: 'gradlens', text: parameters }]),
    );
  },
);

test('whatever is written is read again, and what has the same keyword is replaced', () => {
  const keyword = fc
    .string({ minLength: 1, maxLength: 79, unit: 'grapheme-ascii' })
    .filter((word) => word.trim() === word && word !== '__proto__');
  const text = fc.string({ unit: 'grapheme', maxLength: 300 }).filter((word) => !word.includes('\0'));
  fc.assert(
    fc.property(fc.dictionary(keyword, text, { maxKeys: 4, noNullPrototype: true }), text, (texts, other) => {
      const png = withText(plain, texts);
      expect(textsOf(png)).toEqual(texts);
      expect(withText(png, texts)).toEqual(png);
      expect(textsOf(withText(png, { gradlens: other }))).toEqual({ ...texts, gradlens: other });
    }),
    { numRuns: 200 },
  );
});

test('plain texts of other programs are read, compressed ones passed over', () => {
  const chunk = (type: string, data: string): Buffer => {
    const content = Buffer.from(type + data, 'latin1');
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.length - 4);
    sum.writeUInt32BE(crc32(content));
    return Buffer.concat([length, content, sum]);
  };
  const png = Buffer.concat([
    plain.subarray(0, 33),
    chunk('tEXt', 'Author\0Zoë'),
    chunk('iTXt', 'Packed\0\x01\0\0\0x'),
    chunk('zTXt', 'Comment\0\0x'),
    chunk('tEXt', 'no end'),
    plain.subarray(33),
  ]);
  expect(textsOf(png)).toEqual({ Author: 'Zoë' });
});

test('what is no whole PNG is refused, and what no reader would take', () => {
  refusal(() => textsOf(Uint8Array.of(1, 2, 3)), 'model-format', /no whole PNG: it does not begin as one/);
  refusal(() => textsOf(plain.subarray(0, plain.length - 1)), 'model-format', /ends within the chunk at byte \d+/);
  refusal(
    () =>
      withText(
        plain.map((value, i) => (i === 20 ? value ^ 1 : value)),
        {},
      ),
    'model-format',
    /checksum of its chunk IHDR at byte 8 is wrong/,
  );
  refusal(() => withText(plain, { '': 'x' }), 'validation', /no keyword/);
  refusal(() => withText(plain, { ' padded': 'x' }), 'validation', /no keyword/);
  refusal(() => withText(plain, { grün: 'x' }), 'validation', /no keyword/);
  refusal(() => withText(plain, { gradlens: 'a\0b' }), 'validation', /NUL/);
});
