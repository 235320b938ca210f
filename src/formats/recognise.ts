/** What a model file is, by its first bytes. */
export type ModelFormat = 'onnx' | 'manifest' | 'safetensors' | 'unknown';

/**
 * Recognises a model file by content, never by name. Any JSON object counts as a manifest, so that its reader can say
 * what is wrong with it. Recognition promises nothing more: the reader of that format checks the rest.
 */
export function recogniseFormat(file: ArrayBuffer | Uint8Array): ModelFormat {
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  if (isSafetensors(bytes)) return 'safetensors'; // before JSON: a header of 123 bytes makes { the first byte
  if (isJsonObject(bytes)) return 'manifest';
  return isOnnx(bytes) ? 'onnx' : 'unknown';
}

function isSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0); // a header below 4 GiB
}

function isJsonObject(bytes: Uint8Array): boolean {
  return /^\uFEFF?\s*\{/.test(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, 1024)));
}

/** ModelProto's fields by number, and whether each is length-delimited (2) or a varint (0). */
const MODEL_FIELDS: ReadonlyMap<number, number> = new Map([
  [1, 0],
  [2, 2],
  [3, 2],
  [4, 2],
  [5, 0],
  [6, 2],
  [7, 2],
  [8, 2],
  [14, 2],
  [20, 2],
  [25, 2],
  [26, 2],
]);
const GRAPH_FIELD = 7;
/** Writers put few fields before the graph. */
const MOST_FIELDS = 256;

/**
 * Walks protobuf's outermost fields until the graph: a model has one, and nothing but ModelProto's fields before it.
 */
function isOnnx(bytes: Uint8Array): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70 && at < bytes.length; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  for (let field = 0; field < MOST_FIELDS && at < bytes.length; field++) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (MODEL_FIELDS.get(number) !== tag % 8) return false;
    if (number === GRAPH_FIELD) return true;
    const value = varint();
    if (tag % 8 === 2) at += value;
  }
  return false;
}
