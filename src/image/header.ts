/**
 * What the first bytes of a picture say of its size, before anything is decoded: a small file may claim to be a very
 * large picture.
 */
import { GradlensError } from '../errors';

/** No picture may have more pixels. */
export const MOST_DECODED = 64e6;
/** Where a header may lie: behind what cameras and printers put before it, thumbnails and colour profiles. */
export const HEAD_BYTES = 1 << 20;

export interface Header {
  readonly format: 'PNG' | 'JPEG' | 'GIF' | 'WebP';
  readonly width: number;
  readonly height: number;
}

/** Null for other formats, and for what ends before it says. */
export function headerOf(bytes: Uint8Array): Header | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, HEAD_BYTES));
  const text = (at: number, length: number): string => String.fromCharCode(...bytes.subarray(at, at + length));
  try {
    if (text(1, 3) === 'PNG' && text(12, 4) === 'IHDR')
      return { format: 'PNG', width: view.getUint32(16), height: view.getUint32(20) };
    if (text(0, 4) === 'GIF8')
      return { format: 'GIF', width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (text(0, 4) === 'RIFF' && text(8, 4) === 'WEBP') return webp(view, text(12, 4));
    if (view.getUint16(0) === 0xffd8) return jpeg(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // it ends before it says
  }
  return null;
}

/**
 * Call before a picture is decoded, with its first {@link HEAD_BYTES} or more.
 *
 * @throws GradlensError `model-format` for more than {@link MOST_DECODED} pixels
 */
export function assertDecodable(bytes: Uint8Array, name = 'the picture'): void {
  const header = headerOf(bytes);
  if (!header || header.width * header.height <= MOST_DECODED) return;
  const { format, width, height } = header;
  throw new GradlensError(
    'model-format',
    `${name} is a ${format} of ${width}×${height}, ${Math.round((width * height) / 1e6)} megapixels; at most ` +
      `${MOST_DECODED / 1e6} would be right: scale it down first`,
    { width, height, most: MOST_DECODED },
  );
}

/** The first frame header (SOF, of any coding) among the segments. */
function jpeg(view: DataView): Header | null {
  for (let at = 2; ; ) {
    const marker = view.getUint16(at);
    if (marker === 0xffff) {
      at++; // filling
    } else if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) {
      return { format: 'JPEG', height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    } else if (marker < 0xffc0 || marker === 0xffda || marker === 0xffd9) {
      return null; // no segments, or the picture begins without a frame header
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
}

function webp(view: DataView, kind: string): Header | null {
  const size = (width: number, height: number): Header => ({ format: 'WebP', width, height });
  if (kind === 'VP8 ') return size(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff);
  if (kind === 'VP8X') return size((view.getUint32(24, true) & 0xffffff) + 1, (view.getUint32(26, true) >>> 8) + 1);
  if (kind !== 'VP8L') return null;
  const bits = view.getUint32(21, true);
  return size((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
}
