/** All pictures of a layer on one sheet, each with its channel's number. */
import { join } from 'node:path';
import type { Layer } from './layers';
import { unitFile } from './pictures';

export const sheetFile = ({ folder }: Layer): string => `${folder}/sheet.png`;

/** Of a picture on a sheet, in pixels. */
const SIDE = 96;
/** Below each picture, for its number. */
const LINE = 14;
const GAP = 4;

/** As wide as it is high, about. */
export async function sheetOf(folder: string, layer: Layer, channels: readonly number[]): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  const columns = Math.ceil(Math.sqrt((channels.length * (SIDE + LINE + GAP)) / (SIDE + GAP)));
  const rows = Math.ceil(channels.length / columns);
  const placed = channels.map((channel, k) => ({
    channel,
    left: GAP + (k % columns) * (SIDE + GAP),
    top: GAP + Math.floor(k / columns) * (SIDE + LINE + GAP),
  }));
  const [width, height] = [GAP + columns * (SIDE + GAP), GAP + rows * (SIDE + LINE + GAP)];
  const tiles = await Promise.all(
    placed.map(async ({ channel, left, top }) => ({
      input: await sharp(join(folder, unitFile(layer, channel)))
        .resize(SIDE, SIDE, { fit: 'fill' })
        .png()
        .toBuffer(),
      left,
      top,
    })),
  );
  const numbers = placed.map(
    ({ channel, left, top }) => `<text x="${left + SIDE / 2}" y="${top + SIDE + LINE - 3}">${channel}</text>`,
  );
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" ` +
    `font-size="11" text-anchor="middle" fill="#586467">${numbers.join('')}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .composite([...tiles, { input: Buffer.from(svg), left: 0, top: 0 }])
    .png()
    .toBuffer();
}
