import { GradlensError } from '../errors';
import { elementCount, formatError, quote } from './checks';
import { bytesPerElement, decodeFloats, type StoredType } from './floats';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
/** So many bytes from the beginning hold the header. */
export const MOST_NPY_HEADER_BYTES = 65_536;
const TYPES: ReadonlyMap<string, StoredType> = new Map([
  ['<f2', 'F16'],
  ['<f4', 'F32'],
  ['<f8', 'F64'],
  ['|u1', 'U8'],
]);

/** An array in C (row-major) order. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Reads NumPy's `.npy`, versions 1 to 3: `<f2`, `<f4`, `<f8` (rounded to float32) and `|u1` (0…255, unscaled), in C
 * order.
 * @throws GradlensError `model-format`, naming what was found and what can be read.
 */
export function readNpy(file: ArrayBuffer | Uint8Array): NpyArray {
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  const { shape, type, descr, start } = npyHeader(bytes);
  const data = bytes.subarray(start);
  const need = elementCount(shape, 'npy') * bytesPerElement[type];
  if (data.length !== need)
    throw formatError(`npy: has ${data.length} bytes of data; ${descr} of shape (${shape}) takes ${need}`);
  return { shape, data: decodeFloats(type, data) };
}

export interface NpyHeader {
  readonly shape: readonly number[];
  readonly type: StoredType;
  /** The type as NumPy writes it. */
  readonly descr: string;
  /** Where the data begin. */
  readonly start: number;
}

/**
 * What the beginning of an `.npy` file says of it.
 * @throws GradlensError `model-format` as {@link readNpy}
 */
export function npyHeader(bytes: Uint8Array): NpyHeader {
  const { header, start } = splitHeader(bytes);
  const descr = field(header, 'descr', /^'([^']*)'/);
  const order = field(header, 'fortran_order', /^(True|False)/);
  const shape = (field(header, 'shape', /^\(([\d,\s]*)\)/).match(/\d+/g) ?? []).map(Number);

  const type = TYPES.get(descr);
  if (!type)
    throw formatError(`npy: holds ${quote(descr)}; readable are ${[...TYPES.keys()].join(', ')}: use .astype('<f4')`);
  if (order === 'True')
    throw formatError('npy: is in Fortran order; save it in C order: np.save(path, np.ascontiguousarray(x))');
  return { shape, type, descr, start };
}

function splitHeader(bytes: Uint8Array): { header: string; start: number } {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) throw formatError('npy: does not start with \\x93NUMPY');
  const version = bytes[6];
  if (bytes.length < 12 || !version || version > 3)
    throw formatError(`npy: has version ${version} and ${bytes.length} bytes; readable are versions 1 to 3`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [start, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > MOST_NPY_HEADER_BYTES || start + length > bytes.length) {
    throw formatError(
      `npy: claims a header of ${length} bytes; the file has ${bytes.length - start} left, ` +
        `and at most ${MOST_NPY_HEADER_BYTES} are allowed`,
    );
  }
  return {
    header: new TextDecoder().decode(bytes.subarray(start, start + length)),
    start: start + length,
  };
}

/** One value of the header, a Python dictionary literal; its keys may come in any order. */
function field(header: string, key: string, pattern: RegExp): string {
  const [, after] = header.split(new RegExp(`['"]${key}['"]\\s*:\\s*`), 2);
  const value = after?.match(pattern)?.[1];
  if (value === undefined) throw formatError(`npy: the header ${quote(header)} has no readable '${key}'`);
  return value;
}

/**
 * An `.npy` file (version 1, `<f4`, C order) that NumPy reads back with `np.load`.
 * @throws GradlensError `shape` where the data do not fill the shape; `model-format` where NumPy could not hold it.
 */
export function writeNpy(shape: readonly number[], data: Float32Array): Uint8Array<ArrayBuffer> {
  const count = elementCount(shape, 'npy');
  if (count !== data.length)
    throw new GradlensError('shape', `npy: ${data.length} elements; shape (${shape}) takes ${count}`);
  if (shape.length > 64) throw formatError(`npy: has ${shape.length} dimensions; NumPy allows 64`);
  const tuple = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const prefix = MAGIC.length + 4; // version and length, two bytes each
  // the data are aligned to 64, and a newline comes before them
  const start = Math.ceil((prefix + dictionary.length + 1) / 64) * 64;
  const file = new Uint8Array(start + data.byteLength);
  file.set([...MAGIC, 1, 0]);
  new DataView(file.buffer).setUint16(8, start - prefix, true);
  file.set(new TextEncoder().encode(`${dictionary.padEnd(start - prefix - 1)}\n`), prefix);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return file;
}
