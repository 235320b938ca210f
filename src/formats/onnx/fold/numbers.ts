/** Constants while they are computed with: decoded to plain numbers, and written back as tensors. */
import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType as DataType, TensorProtoSchema, type TensorProto } from 'onnx-buf';
import { formatError } from '../../checks';
import type { Call } from '../call';
import { readFloats, readShape, readWhole, type Constant } from '../tensors';
import { product } from '../value';

/** A constant, decoded. */
export interface Numbers {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: ArrayLike<number>;
  readonly isWhole: boolean;
}

/** What an operator makes of constants; an input that was left out is undefined. */
export type Fold = (call: Call, inputs: readonly (Numbers | undefined)[]) => Numbers | readonly Numbers[];

/** By ONNX's operator name. */
export type Folds = readonly (readonly [name: string, fold: Fold])[];

const FLOATS = new Set<DataType>([DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE]);
export const isWholeType = (type: DataType): boolean => !FLOATS.has(type);

export function decode(constant: Constant): Numbers {
  if (isWholeType(constant.tensor.dataType))
    return { shape: readShape(constant), data: readWhole(constant), isWhole: true };
  const shape = readShape(constant);
  const data = shape.includes(0) ? new Float32Array() : readFloats(constant).data;
  return { shape, data, isWhole: false };
}

/** @throws GradlensError `model-format` where it is no number that a float32 or an int64 holds. */
export function encode({ shape, data, isWhole }: Numbers): TensorProto {
  const odd = shape.find((extent) => !Number.isSafeInteger(extent) || extent < 0);
  if (odd !== undefined)
    throw formatError(`onnx: arithmetic with constants gives the shape [${shape}]; extents are whole numbers from 0`);
  const dims = shape.map(BigInt);
  if (!isWhole) {
    const stored = data instanceof Float32Array ? (data as Float32Array<ArrayBuffer>) : Float32Array.from(data);
    const rawData = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    return create(TensorProtoSchema, { dataType: DataType.FLOAT, dims, rawData });
  }
  const wrong = Array.from(data).find((value) => !Number.isSafeInteger(value));
  if (wrong !== undefined)
    throw formatError(`onnx: shape arithmetic gives ${wrong}, which is no whole number within 53 bits`);
  return create(TensorProtoSchema, { dataType: DataType.INT64, dims, int64Data: Array.from(data, BigInt) });
}

/** @throws GradlensError `model-format` where the input was left out */
export function needed(call: Call, input: Numbers | undefined): Numbers {
  if (!input) throw formatError(`${call.where}: lacks an input`);
  return input;
}

/** An optional input as a list. */
export const listOf = (input: Numbers | undefined): number[] | undefined => input && Array.from(input.data);

// ── places ──

/** How far apart neighbours along each axis lie. */
export const stridesOf = (shape: readonly number[]): number[] => shape.map((_, axis) => product(shape.slice(axis + 1)));

/** Where the element at this place lies. */
export const offsetOf = (place: readonly number[], strides: readonly number[]): number =>
  strides.reduce((sum, stride, axis) => sum + place[axis]! * stride, 0);

/** A tensor of this shape with the value at each place. */
export function filled(shape: readonly number[], value: (place: readonly number[]) => number): Float64Array {
  const strides = stridesOf(shape);
  return Float64Array.from({ length: product(shape) }, (_, i) =>
    value(shape.map((extent, axis) => Math.floor(i / strides[axis]!) % extent)),
  );
}

/** A tensor of this shape whose element at each place is that of `x` at `source(place)`. */
export function gathered(
  x: Numbers,
  shape: readonly number[],
  source: (place: readonly number[]) => readonly number[],
): Numbers {
  const strides = stridesOf(x.shape);
  return { ...x, shape, data: filled(shape, (place) => x.data[offsetOf(source(place), strides)]!) };
}

/** Copied along its axes of extent 1 until it has this shape. */
export function broadcast(x: Numbers, shape: readonly number[]): Numbers {
  if (product(x.shape) === product(shape)) return { ...x, shape };
  if (x.data.length === 1) return { ...x, shape, data: new Float64Array(product(shape)).fill(x.data[0]!) };
  const behind = shape.length - x.shape.length;
  return gathered(x, shape, (place) => x.shape.map((extent, axis) => (extent === 1 ? 0 : place[axis + behind]!)));
}

/** @throws GradlensError `model-format` where the shape takes another number of elements */
export function reshaped(call: Call, x: Numbers, shape: readonly number[]): Numbers {
  if (product(shape) !== product(x.shape))
    throw formatError(`${call.where}: makes [${shape}] of [${x.shape}]; the number of elements must stay`);
  return { ...x, shape };
}
