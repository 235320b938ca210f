/** What a file is, by its content, never by its name: a model, its weights, or what came instead of it. */
export type ModelFormat = 'onnx' | 'manifest' | 'safetensors' | 'lfs-pointer' | 'html' | 'unknown';

/** Enough for everything but an ONNX model with long texts before its graph. */
const HEAD_BYTES = 2 ** 16;
/** More than a tag and a length take. */
const FIELD_BYTES = 20;

/**
 * Recognises a file by its bytes. Any JSON object counts as a manifest, so that its reader can say what is wrong with
 * it. Recognition promises nothing more: the reader of that format checks the rest.
 */
export function recogniseFormat(file: ArrayBuffer | Uint8Array): ModelFormat {
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  const walk = onnxWalk(bytes.length);
  let step = walk.next();
  while (!step.done) step = walk.next(bytes.subarray(step.value, step.value + FIELD_BYTES));
  return recogniseHead(bytes) ?? (step.value ? 'onnx' : 'unknown');
}

/** The same of a file that is not read for it: of a large one only the places that tell. */
export async function recogniseFile(file: Blob): Promise<ModelFormat> {
  const read = async (at: number, length: number): Promise<Uint8Array> =>
    new Uint8Array(await file.slice(at, at + length).arrayBuffer());
  const head = await read(0, HEAD_BYTES);
  const known = recogniseHead(head);
  if (known) return known;
  const walk = onnxWalk(file.size);
  let step = walk.next();
  while (!step.done) {
    const at = step.value;
    const isInHead = at + FIELD_BYTES <= head.length;
    step = walk.next(isInHead ? head.subarray(at, at + FIELD_BYTES) : await read(at, FIELD_BYTES));
  }
  return step.value ? 'onnx' : 'unknown';
}

/** What a file is that is not a model, for messages: "this …". */
export const DESCRIPTIONS: Readonly<Record<Exclude<ModelFormat, 'onnx' | 'manifest'>, string>> = {
  safetensors: 'is a safetensors file, which holds weights only; choose its model.json, together with it',
  'lfs-pointer':
    'is a Git LFS pointer, which stands for a file that was not fetched with the repository; get it with git lfs pull',
  html: 'is an HTML page, not a model: the address may lead to a page about the file, or ask for a login',
  unknown: 'is neither an ONNX model nor a gradlens model.json',
};

/** Everything but ONNX. */
function recogniseHead(bytes: Uint8Array): ModelFormat | undefined {
  if (isSafetensors(bytes)) return 'safetensors'; // before JSON: a header of 123 bytes makes { the first byte
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, 1024));
  if (/^\uFEFF?\s*\{/.test(text)) return 'manifest';
  if (text.startsWith('version https://git-lfs.github.com/spec/')) return 'lfs-pointer';
  if (/^\uFEFF?\s*<(!doctype|!--|html|head|body|\?xml)/i.test(text)) return 'html';
  return undefined;
}

/** A header below 4 GiB. */
function isSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);
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
 * Asks for the {@link FIELD_BYTES} bytes at a place, over and over, and returns whether it is a model.
 */
function* onnxWalk(size: number): Generator<number, boolean, Uint8Array> {
  let at = 0;
  for (let field = 0; field < MOST_FIELDS && at < size; field++) {
    const bytes = yield at;
    let read = 0;
    const varint = (): number => {
      let value = 0;
      for (let shift = 0; shift < 70 && read < bytes.length; shift += 7) {
        const byte = bytes[read++]!;
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      return value;
    };
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (MODEL_FIELDS.get(number) !== tag % 8) return false;
    if (number === GRAPH_FIELD) return true;
    const value = varint();
    at += read + (tag % 8 === 2 ? value : 0);
  }
  return false;
}
