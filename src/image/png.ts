/** Text in PNG files (iTXt, PNG §11.3.3.4): what a picture was made with travels in it. Pure: bytes in, bytes out. */
import { GradlensError } from '../errors';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** Length, type, data and CRC. */
  readonly bytes: Uint8Array;
}

/**
 * The PNG with these texts behind its header, in place of those that have the same keywords. Pixels and other chunks
 * stay as they are.
 *
 * @param texts by keyword: 1 to 79 characters of printable ASCII, without a space at either end
 * @throws GradlensError `model-format` if it is no whole PNG, `validation` for a wrong keyword or a NUL in a text
 */
export function withText(png: Uint8Array, texts: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const [header, ...rest] = chunksOf(png);
  const kept = rest.filter((chunk) => !Object.hasOwn(texts, textOf(chunk)?.keyword ?? ''));
  return joined([SIGNATURE, header!.bytes, ...Object.entries(texts).map(textChunk), ...kept.map(({ bytes }) => bytes)]);
}

/**
 * The texts of a PNG, by keyword: those that are not compressed (iTXt and tEXt).
 *
 * @throws GradlensError `model-format` if it is no whole PNG, or a chunk's checksum is wrong
 */
export function textsOf(png: Uint8Array): Record<string, string> {
  return Object.fromEntries(
    chunksOf(png)
      .map(textOf)
      .filter((found) => found !== null)
      .map(({ keyword, text }) => [keyword, text]),
  );
}

function textChunk([keyword, text]: [string, string]): Uint8Array {
  if (!/^(?! )[ -~]{1,79}(?<! )$/.test(keyword))
    throw new GradlensError(
      'validation',
      `'${keyword}' is no keyword of a PNG text: 1 to 79 characters of printable ASCII, without a space at ` +
        'either end, would be right',
      { keyword },
    );
  if (text.includes('\0'))
    throw new GradlensError('validation', `the PNG text '${keyword}' holds a NUL, which would end it`, { keyword });
  // after the keyword: not compressed, by method 0, in no language, with no other keyword
  const content = new TextEncoder().encode(`iTXt${keyword}\0\0\0\0\0${text}`);
  const bytes = new Uint8Array(content.length + 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length - 4);
  bytes.set(content, 4);
  view.setUint32(content.length + 4, crc32(content));
  return bytes;
}

function textOf({ type, data }: Chunk): { readonly keyword: string; readonly text: string } | null {
  if (type !== 'iTXt' && type !== 'tEXt') return null;
  const end = data.indexOf(0);
  if (end < 1) return null;
  const keyword = latin1(data.subarray(0, end));
  if (type === 'tEXt') return { keyword, text: latin1(data.subarray(end + 1)) };
  const language = data.indexOf(0, end + 3);
  const translated = data.indexOf(0, language + 1);
  if (data[end + 1] !== 0 || language < 0 || translated < 0) return null; // compressed, or cut off
  return { keyword, text: new TextDecoder().decode(data.subarray(translated + 1)) };
}

function chunksOf(png: Uint8Array): Chunk[] {
  if (SIGNATURE.some((byte, i) => png[i] !== byte)) throw broken('it does not begin as one');
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE.length; chunks.at(-1)?.type !== 'IEND'; ) {
    const length = at + 12 <= png.length ? view.getUint32(at) : Infinity;
    if (at + 12 + length > png.length) throw broken(`it ends within the chunk at byte ${at}`);
    const content = png.subarray(at + 4, at + 8 + length);
    const type = latin1(content.subarray(0, 4));
    if (view.getUint32(at + 8 + length) !== crc32(content))
      throw broken(`the checksum of its chunk ${type} at byte ${at} is wrong`);
    chunks.push({ type, data: content.subarray(4), bytes: png.subarray(at, at + 12 + length) });
    at += 12 + length;
  }
  if (chunks[0]!.type !== 'IHDR') throw broken(`its first chunk is ${chunks[0]!.type}; IHDR would be right`);
  return chunks;
}

const broken = (why: string): GradlensError => new GradlensError('model-format', `this is no whole PNG: ${why}`);

const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Of ISO 3309, a byte at a time by a table. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
