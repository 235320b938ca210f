/** Files as they come, made on the fly: Node and Chromium see the same pixels in them, and refuse the same ones. */
import sharp, { type Sharp } from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { headerOf } from '../../src/image/header';
import { readImage } from '../../src/node/index';
import { type ChromiumPage, chromiumPage } from '../chromium';
import { asyncRefusal } from '../formats/errors';

const [WIDTH, HEIGHT] = [48, 32];
/** Decoders may round otherwise. */
const LEVELS = 2;

let opened: ChromiumPage;
beforeAll(async () => {
  opened = await chromiumPage('test/browser/harness.html');
  await opened.page.waitForFunction(() => 'decode' in window);
});

const inChromium = (file: Uint8Array) =>
  opened.page.evaluate((base64) => window.decode(base64), Buffer.from(file).toString('base64'));

/** Smooth, so that JPEG keeps it, and without symmetry. */
const colours = (x: number, y: number): [number, number, number] => [40 + 4 * x, 30 + 6 * y, 200 - 3 * x];
const drawn = (channels: 3 | 4, pixel: (x: number, y: number) => readonly number[] = colours): Sharp =>
  sharp(Buffer.from(Array.from({ length: WIDTH * HEIGHT }, (_, i) => pixel(i % WIDTH, Math.floor(i / WIDTH))).flat()), {
    raw: { width: WIDTH, height: HEIGHT, channels },
  });
const seeThrough = (x: number, y: number): number[] => [...colours(x, y), x < 12 ? 0 : x < 24 ? 100 : 255];
const grey16 = (): Sharp =>
  sharp(
    Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => 1000 * (i % WIDTH) + 300 * Math.floor(i / WIDTH)),
    { raw: { width: WIDTH, height: HEIGHT, channels: 1 } },
  );
const colour16 = (): Sharp =>
  sharp(
    Uint16Array.from(
      { length: WIDTH * HEIGHT * 3 },
      (_, i) => colours(Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH))[(i % 3) as 0] * 257 + 60,
    ),
    { raw: { width: WIDTH, height: HEIGHT, channels: 3 } },
  );
const frames = (channels: 3 | 4): Promise<Buffer> =>
  Promise.all(
    [
      drawn(channels, channels === 4 ? seeThrough : colours),
      drawn(channels, () => [255, 0, 0, 255].slice(0, channels)),
    ].map((frame) => frame.png().toBuffer()),
  ).then((both) =>
    sharp(both, { join: { animated: true } })
      .webp({ lossless: true })
      .toBuffer(),
  );
const best = { quality: 100, chromaSubsampling: '4:4:4' } as const;

const files: [string, () => Promise<Buffer>][] = [
  ['a PNG', () => drawn(3).png().toBuffer()],
  ['a PNG of a palette', () => drawn(3).png({ palette: true, colours: 16 }).toBuffer()],
  [
    'a PNG of a palette with see-through entries',
    () => drawn(4, seeThrough).png({ palette: true, colours: 32 }).toBuffer(),
  ],
  ['a see-through PNG', () => drawn(4, seeThrough).png().toBuffer()],
  ['a grey PNG', () => drawn(3).toColourspace('b-w').png().toBuffer()],
  ['a grey PNG of 16 bits', () => grey16().toColourspace('grey16').png().toBuffer()],
  ['a PNG of 16 bits', () => colour16().toColourspace('rgb16').png().toBuffer()],
  ['a JPEG', () => drawn(3).jpeg(best).toBuffer()],
  [
    'a JPEG with fewer colours than pixels',
    () => drawn(3).jpeg({ quality: 90, chromaSubsampling: '4:2:0' }).toBuffer(),
  ],
  [
    'a progressive JPEG',
    () =>
      drawn(3)
        .jpeg({ ...best, progressive: true })
        .toBuffer(),
  ],
  ['a grey JPEG', () => drawn(3).toColourspace('b-w').jpeg(best).toBuffer()],
  ['a CMYK JPEG', () => drawn(3).toColourspace('cmyk').jpeg(best).toBuffer()],
  ['a JPEG in another colour space', () => drawn(3).withIccProfile('p3').jpeg(best).toBuffer()],
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation): [string, () => Promise<Buffer>] => [
    `a JPEG of EXIF orientation ${orientation}`,
    () => drawn(3).withMetadata({ orientation }).jpeg(best).toBuffer(),
  ]),
  ['a PNG of EXIF orientation 6', () => drawn(3).withMetadata({ orientation: 6 }).png().toBuffer()],
  [
    'a see-through WebP of EXIF orientation 6, which is not turned',
    () => drawn(4, seeThrough).withMetadata({ orientation: 6 }).webp({ lossless: true }).toBuffer(),
  ],
  ['a lossy WebP', () => drawn(3).webp({ quality: 90 }).toBuffer()],
  ['an animated WebP', () => frames(3)],
  ['an animated and see-through WebP', () => frames(4)],
  ['a GIF', () => drawn(3).gif().toBuffer()],
  [
    'a picture of one pixel',
    () =>
      sharp({ create: { width: 1, height: 1, channels: 3, background: '#4080c0' } })
        .png()
        .toBuffer(),
  ],
];

test.each(files)('%s is the same in Node and in Chromium', async (_, make) => {
  const file = await make();
  const node = await readImage(file);
  const header = headerOf(file)!;
  expect(header.width * header.height).toBe(node.width * node.height);
  const chromium = await inChromium(file);
  if (!('data' in chromium)) throw new Error(chromium.message);
  expect([chromium.width, chromium.height]).toEqual([node.width, node.height]);
  const data = Buffer.from(chromium.data, 'base64');
  const worst = data.reduce((most, value, i) => Math.max(most, Math.abs(value - node.data[i]!)), 0);
  expect(worst).toBeLessThanOrEqual(LEVELS);
  expect(data.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
});

test('transparent pixels lie on white', async () => {
  const { data } = await readImage(await drawn(4, seeThrough).png().toBuffer());
  expect([...data.subarray(0, 4)]).toEqual([255, 255, 255, 255]);
});

test('an orientation turns the picture', async () => {
  const upright = await readImage(await drawn(3).png().toBuffer());
  const turned = await readImage(await drawn(3).withMetadata({ orientation: 6 }).png().toBuffer());
  expect([turned.width, turned.height]).toEqual([HEIGHT, WIDTH]);
  const pixel = ({ data, width }: typeof turned, x: number, y: number): number[] => [
    ...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3),
  ];
  expect(pixel(turned, HEIGHT - 1, 5)).toEqual(pixel(upright, 5, 0)); // the upper edge stands at the right
});

const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));
const huge: [string, Uint8Array, string][] = [
  [
    'PNG',
    bytes('\x89PNG\r\n\x1a\n', [0, 0, 0, 13], 'IHDR', [0, 0, 0x80, 0, 0, 0, 0x80, 0], [8, 2, 0, 0, 0]),
    '32768×32768, 1074 megapixels',
  ],
  [
    'JPEG',
    bytes(
      [0xff, 0xd8, 0xff, 0xe1, 0x20, 0],
      new Array<number>(0x1ffe).fill(7),
      [0xff, 0xff, 0xc2, 0, 17, 8, 0xff, 0xdc, 0xff, 0xdc, 3],
    ),
    '65500×65500, 4290 megapixels',
  ],
  ['GIF', bytes('GIF89a', [0xff, 0xff, 0xff, 0xff, 0, 0, 0]), '65535×65535, 4295 megapixels'],
  [
    'WebP',
    bytes('RIFF', [0, 1, 0, 0], 'WEBPVP8X', [10, 0, 0, 0, 0, 0, 0, 0, 0xff, 0x3f, 0, 0xff, 0x3f, 0]),
    '16384×16384, 268 megapixels',
  ],
  [
    'WebP',
    bytes('RIFF', [0, 1, 0, 0], 'WEBPVP8L', [20, 0, 0, 0, 0x2f, 0xff, 0xff, 0xff, 0x0f]),
    '16384×16384, 268 megapixels',
  ],
  [
    'WebP',
    bytes('RIFF', [0, 1, 0, 0], 'WEBPVP8 ', [20, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a, 0xff, 0x3f, 0xff, 0x3f]),
    '16383×16383, 268 megapixels',
  ],
];
test.each(huge)('a %s that claims to be huge is refused before it is decoded', async (format, file, said) => {
  const message = `the picture is a ${format} of ${said}; at most 64 would be right: scale it down first`;
  await asyncRefusal(() => readImage(file), 'model-format', new RegExp(message));
  expect(await inChromium(file)).toEqual({ code: 'model-format', message });
});

test('broken files are refused with a code, in Node and in Chromium', async () => {
  const [png, jpeg] = [await drawn(3).png().toBuffer(), await drawn(3).jpeg(best).toBuffer()];
  for (const [what, file] of Object.entries({
    nothing: bytes(),
    text: bytes('not a picture'),
    'a signature': png.subarray(0, 8),
    'a header': png.subarray(0, 33),
    'the beginning of a JPEG': jpeg.subarray(0, 200),
  })) {
    expect(headerOf(file), what).toSatisfy(
      (header) => header === null || what.startsWith('a header') || what.startsWith('the beginning'),
    );
    await asyncRefusal(() => readImage(file), 'model-format', /^the picture cannot be read as a picture: /);
    expect(await inChromium(file), what).toMatchObject({
      code: 'model-format',
      message: expect.stringContaining('the picture cannot be decoded'),
    });
  }
});
