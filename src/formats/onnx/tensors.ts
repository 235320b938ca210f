import { TensorProto_DataType as DataType, type TensorProto } from 'onnx-buf';
import type { Weight } from '../../graph';
import { elementCount, formatError, quote } from '../checks';
import { bytesPerElement, decodeBrainFloats, decodeFloats, decodeHalves, type StoredType } from '../floats';

/** A constant of the graph: an initializer, or what a Constant node writes. */
export interface Constant {
  readonly name: string;
  readonly tensor: TensorProto;
}

const FLOATS: ReadonlyMap<number, StoredType> = new Map([
  [DataType.FLOAT, 'F32'],
  [DataType.FLOAT16, 'F16'],
  [DataType.BFLOAT16, 'BF16'],
  [DataType.DOUBLE, 'F64'],
]);
const FLOAT_NAMES = [...FLOATS.keys()].map((type) => DataType[type]).join(', ');
/** Attributes such as a Reshape's shape; larger ones are no ConvNet's. */
const MOST_INTEGERS = 64;
/** A ConvNet's tensors have four or fewer. */
const MOST_DIMENSIONS = 8;

/**
 * A floating point constant as float32, row-major.
 * @throws GradlensError `model-format` naming the tensor where its type, its size or its shape is not readable.
 */
export function readFloats({ name, tensor }: Constant): Weight {
  const type = FLOATS.get(tensor.dataType);
  if (!type) throw formatError(`${where(name)}: holds ${typeName(tensor)}; weights are ${FLOAT_NAMES}`);
  const { shape, count } = checkedShape(name, tensor);
  if (count === 0) throw formatError(`${where(name)}: is empty, of shape [${shape}]`);
  if (tensor.rawData.length > 0) {
    checkSize(name, tensor.rawData.length, count * bytesPerElement[type], 'bytes', shape);
    return { shape, data: decodeFloats(type, tensor.rawData) };
  }
  const typed = {
    F32: tensor.floatData,
    F64: tensor.doubleData,
    F16: tensor.int32Data,
    BF16: tensor.int32Data,
    U8: [],
  }[type];
  checkSize(name, typed.length, count, 'numbers', shape);
  const decode =
    type === 'F16'
      ? decodeHalves
      : type === 'BF16'
        ? decodeBrainFloats
        : (numbers: number[]) => new Float32Array(numbers);
  return { shape, data: decode(typed) };
}

const CODES = {
  [DataType.INT8]: Int8Array,
  [DataType.UINT8]: Uint8Array,
  [DataType.INT16]: Int16Array,
  [DataType.UINT16]: Uint16Array,
  [DataType.INT32]: Int32Array,
};
export type Codes = InstanceType<(typeof CODES)[keyof typeof CODES]>;

/**
 * The codes of a quantized constant of 8 or 16 bits, or (of a bias) INT32, row-major.
 * @throws GradlensError `model-format`, as `readFloats`.
 */
export function readQuantized({ name, tensor }: Constant): Codes {
  const { dataType, rawData, int32Data } = tensor;
  const Codes = CODES[dataType as keyof typeof CODES];
  if (!Codes)
    throw formatError(
      `${where(name)}: holds ${typeName(tensor)}; quantized weights are INT8, UINT8, INT16, UINT16 or INT32`,
    );
  const { shape, count } = checkedShape(name, tensor);
  if (count === 0) throw formatError(`${where(name)}: is empty, of shape [${shape}]`);
  if (rawData.length > 0) {
    checkSize(name, rawData.length, count * Codes.BYTES_PER_ELEMENT, 'bytes', shape);
    return new Codes(new Uint8Array(rawData).buffer);
  }
  checkSize(name, int32Data.length, count, 'numbers', shape);
  const codes = Codes.from(int32Data);
  const wrapped = codes.findIndex((code, i) => code !== int32Data[i]);
  if (wrapped >= 0)
    throw formatError(`${where(name)}: element ${wrapped} is ${int32Data[wrapped]}, which is no ${typeName(tensor)}`);
  return codes;
}

/**
 * A small constant of whole numbers, such as a Reshape's shape.
 * @throws GradlensError `model-format`, as `readFloats`.
 */
export function readIntegers(constant: Constant): number[] {
  const { count } = checkedShape(constant.name, constant.tensor);
  if (count > MOST_INTEGERS)
    throw formatError(`${where(constant.name)}: has ${count} integers; at most ${MOST_INTEGERS} make sense here`);
  return readWhole(constant);
}

/** How one whole number lies in raw bytes. */
interface WholeType {
  readonly size: number;
  readonly raw: (view: DataView, at: number) => number;
}
const WHOLE: Partial<Record<DataType, WholeType>> = {
  [DataType.INT64]: { size: 8, raw: (view, at) => Number(view.getBigInt64(at, true)) },
  [DataType.UINT64]: { size: 8, raw: (view, at) => Number(view.getBigUint64(at, true)) },
  [DataType.INT32]: { size: 4, raw: (view, at) => view.getInt32(at, true) },
  [DataType.UINT32]: { size: 4, raw: (view, at) => view.getUint32(at, true) },
  [DataType.INT16]: { size: 2, raw: (view, at) => view.getInt16(at, true) },
  [DataType.UINT16]: { size: 2, raw: (view, at) => view.getUint16(at, true) },
  [DataType.INT8]: { size: 1, raw: (view, at) => view.getInt8(at) },
  [DataType.UINT8]: { size: 1, raw: (view, at) => view.getUint8(at) },
  [DataType.BOOL]: { size: 1, raw: (view, at) => view.getUint8(at) },
};

/**
 * A constant of whole numbers or BOOL, row-major.
 * @throws GradlensError `model-format`, as `readFloats`.
 */
export function readWhole({ name, tensor }: Constant): number[] {
  const { shape, count } = checkedShape(name, tensor);
  const { rawData, dataType } = tensor;
  const type = WHOLE[dataType as DataType];
  if (!type) throw formatError(`${where(name)}: holds ${typeName(tensor)}; integers here are INT64, INT32 or BOOL`);
  if (rawData.length > 0) {
    checkSize(name, rawData.length, count * type.size, 'bytes', shape);
    const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.length);
    return Array.from({ length: count }, (_, i) => type.raw(view, i * type.size));
  }
  const typed =
    dataType === DataType.INT64
      ? tensor.int64Data.map(Number)
      : dataType === DataType.UINT64 || dataType === DataType.UINT32
        ? tensor.uint64Data.map(Number)
        : tensor.int32Data;
  checkSize(name, typed.length, count, 'numbers', shape);
  return typed;
}

/**
 * A constant's shape, without decoding its data.
 * @throws GradlensError `model-format`, as `readFloats`.
 */
export function readShape({ name, tensor }: Constant): number[] {
  return checkedShape(name, tensor).shape;
}

/** Its shape, and the product of that. */
function checkedShape(name: string, tensor: TensorProto): { shape: number[]; count: number } {
  if (tensor.dims.length > MOST_DIMENSIONS)
    throw formatError(`${where(name)}: has ${tensor.dims.length} dimensions; at most ${MOST_DIMENSIONS} make sense`, {
      tensor: name,
    });
  if (tensor.segment)
    throw formatError(`${where(name)}: is split into segments, which only whole tensors are read from`);
  const shape = tensor.dims.map(Number);
  const count = elementCount(shape, where(name));
  return { shape, count };
}

function checkSize(name: string, have: number, need: number, unit: string, shape: readonly number[]): void {
  if (have !== need)
    throw formatError(`${where(name)}: has ${have} ${unit}; its shape [${shape}] takes ${need}`, { tensor: name });
}

const where = (name: string): string => `onnx: tensor ${quote(name)}`;
const typeName = ({ dataType }: TensorProto): string => DataType[dataType] ?? `type ${dataType}`;
