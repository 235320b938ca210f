import { GradlensError } from '../errors';
import type { Weight } from '../graph';
import { elementCount, formatError, quote } from './checks';
import { bytesPerElement, decodeFloats, encodeHalf, type StoredType } from './floats';
import { parseStrictJson } from './strictJson';

const LENGTH_BYTES = 8;
const MOST_HEADER_BYTES = 100_000_000;
const HEADER_LIMITS = { bytes: MOST_HEADER_BYTES, depth: 3, values: 1_000_000 };
const READABLE: readonly StoredType[] = ['F16', 'BF16', 'F32', 'F64'];

/**
 * The tensors of a safetensors file, in file order, as float32 (F16 and BF16 exactly, F64 rounded to nearest).
 *
 * The rules are those of the format's reference reader: a header of at most 100 MB that starts with `{`; no key twice;
 * every tensor as long as its shape says; no overlap, no hole, nothing left over.
 *
 * @throws GradlensError `model-format`, naming the tensor and the two numbers that disagree.
 */
export function readSafetensors(file: ArrayBuffer | Uint8Array): Map<string, Weight> {
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  const { entries, data } = splitHeader(bytes);
  const tensors = entries.map(([name, info]) => readInfo(name, info));
  checkCoverage(tensors, data.length);
  return new Map(
    tensors.map(({ name, type, shape, begin, end }) => [
      name,
      { shape, data: decodeFloats(type, data.subarray(begin, end)) },
    ]),
  );
}

interface TensorInfo {
  readonly name: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function splitHeader(bytes: Uint8Array): { entries: [string, unknown][]; data: Uint8Array } {
  if (bytes.length < LENGTH_BYTES)
    throw formatError(`safetensors: ${bytes.length} bytes; the header's length alone takes ${LENGTH_BYTES}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > MOST_HEADER_BYTES)
    throw formatError(`safetensors: claims a header of ${length} bytes; at most ${MOST_HEADER_BYTES} are allowed`);
  const end = LENGTH_BYTES + length;
  if (end > bytes.length)
    throw formatError(
      `safetensors: claims a header of ${length} bytes, of which the file has ${bytes.length - LENGTH_BYTES}`,
    );
  if (bytes[LENGTH_BYTES] !== 0x7b || length === 0) throw formatError('safetensors: the header does not start with {');

  const header = parseStrictJson(
    decodeText(bytes.subarray(LENGTH_BYTES, end)),
    'safetensors header',
    HEADER_LIMITS,
  ) as object;
  const entries = Object.entries(header).filter(([name, value]) => name !== '__metadata__' || !isMetadata(value));
  return { entries, data: bytes.subarray(end) };
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw formatError('safetensors header: is not UTF-8', {}, { cause });
  }
}

/** Names and texts beside the tensors: checked and passed over. */
function isMetadata(value: unknown): true {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap || !Object.values(value).every((text) => typeof text === 'string')) {
    throw formatError(`safetensors: __metadata__ is ${quote(value)}; it maps names to strings`);
  }
  return true;
}

function readInfo(name: string, info: unknown): TensorInfo {
  const where = `safetensors: tensor ${quote(name)}`;
  const fields = new Map(typeof info === 'object' && info !== null ? Object.entries(info) : []);
  const type = READABLE.find((known) => known === fields.get('dtype'));
  const shape: unknown = fields.get('shape');
  const offsets: unknown = fields.get('data_offsets');

  if (fields.size !== 3 || !fields.has('dtype') || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw formatError(
      `${where}: is ${quote(info)}; ` +
        'it must be { dtype, shape, data_offsets: [begin, end] }, in whole numbers below 2⁵³',
    );
  }
  if (!type)
    throw formatError(`${where}: has dtype ${quote(fields.get('dtype'))}; readable are ${READABLE.join(', ')}`);
  const [begin, end] = offsets as [number, number];
  const need = elementCount(shape, where) * bytesPerElement[type];
  if (end - begin !== need) {
    throw formatError(
      `${where}: has ${end - begin} bytes (${begin} to ${end}); ${type} of shape [${shape}] takes ${need}`,
      { tensor: name },
    );
  }
  return { name, type, shape, begin, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Sorted by place, each tensor must begin where the last one ended, and the last must end with the file. */
function checkCoverage(tensors: readonly TensorInfo[], dataBytes: number): void {
  let covered = 0;
  for (const { name, begin, end } of [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      const fault = begin < covered ? 'overlaps the one before' : 'leaves a hole';
      throw formatError(
        `safetensors: tensor ${quote(name)} ${fault}: it begins at ${begin}; it should begin at ${covered}`,
        { tensor: name },
      );
    }
    covered = end;
  }
  if (covered !== dataBytes)
    throw formatError(`safetensors: the tensors take ${covered} bytes; the file has ${dataBytes} after its header`);
}

/**
 * A safetensors file of these weights, in map order. F16 rounds to nearest, ties to even.
 *
 * @throws GradlensError `shape` where a weight's data do not fill its shape; `model-format` where a value is too large
 *   for F16 or the
 *   name is the reserved `__metadata__`.
 */
export function writeSafetensors(weights: ReadonlyMap<string, Weight>, type: 'F32' | 'F16'): Uint8Array<ArrayBuffer> {
  let size = 0;
  const infos = [...weights].map(([name, { shape, data }]) => {
    checkWritable(name, shape, data);
    const begin = size;
    size += data.length * bytesPerElement[type];
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype: type, shape, data_offsets: [begin, size] })}`;
  });
  const json = new TextEncoder().encode(`{${infos.join(',')}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8; // so that the data are aligned

  const file = new Uint8Array(LENGTH_BYTES + headerBytes + size).fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  for (const [name, { data }] of weights) {
    const stored = type === 'F32' ? data : encodeHalves(name, data);
    file.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), at);
    at += stored.byteLength;
  }
  return file;
}

function checkWritable(name: string, shape: readonly number[], data: Float32Array): void {
  if (name === '__metadata__')
    throw formatError('safetensors: a tensor cannot be called __metadata__; the format reserves the name');
  const count = elementCount(shape, `weight ${quote(name)}`);
  if (count !== data.length) {
    throw new GradlensError(
      'shape',
      `weight ${quote(name)}: has ${data.length} elements; its shape [${shape}] takes ${count}`,
      { weight: name },
    );
  }
}

function encodeHalves(name: string, data: Float32Array): Uint16Array {
  return Uint16Array.from(data, (value) => {
    const code = encodeHalf(value);
    if ((code & 0x7fff) === 0x7c00 && Number.isFinite(value)) {
      throw formatError(`weight ${quote(name)}: ${value} is beyond F16's largest, 65504; write F32`, { weight: name });
    }
    return code;
  });
}
