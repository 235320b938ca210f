/** QuantizeLinear and DequantizeLinear: of constants, which are weights stored in eight bits, and of activations. */
import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType as DataType, TensorProtoSchema } from 'onnx-buf';
import { formatError, quote } from '../checks';
import { combined, spreadConstant } from './arithmetic';
import { unsupported, type Call, type Operators, type Translation } from './call';
import { decode, encode } from './fold/numbers';
import { readFloats, readQuantized, readShape, type Constant } from './tensors';
import { around } from './value';

export const quantizing: Operators = {
  DequantizeLinear: { attributes: ['axis', 'block_size', 'output_dtype'], inputs: [2, 3], translate: dequantized },
  QuantizeLinear: {
    attributes: ['axis', 'block_size', 'output_dtype', 'precision', 'saturate'],
    inputs: [2, 3],
    translate: quantized,
  },
};

/** Whether an operator computes with quantized activations. */
export const isQuantizing = (op: string): boolean =>
  /(^|\.)(QLinear\w*|QGemm|QAttention|DynamicQuantize\w*|MatMulNBits)$|Integer$/.test(op);

/** Scales and zero points: one of each, or one for each index of an axis. */
interface Steps {
  /** The axis; undefined where there is one scale for all. */
  readonly axis: number | undefined;
  readonly scales: ArrayLike<number>;
  readonly zeros: ArrayLike<number>;
}

/** @throws GradlensError `unsupported-op` for blocks; `model-format` where scale and zero point do not fit `shape`. */
function stepsOf(call: Call, shape: readonly number[]): Steps {
  const scale = call.needConstant(1);
  if (call.int('block_size', 0) !== 0)
    throw unsupported('it scales in blocks', 'one scale per tensor, or one per index of an axis');
  const stated = call.int('axis', 1);
  const axis = stated < 0 ? stated + shape.length : stated;
  const scales = readFloats(scale).data;
  const isWhole = scales.length === 1 && readShape(scale).length <= 1;
  if (!isWhole && (readShape(scale).length !== 1 || scales.length !== shape[axis])) {
    throw formatError(
      `${call.where}: its scale has the shape [${readShape(scale)}]; ` +
        `one number, or one per index of axis ${stated} of [${shape}], would be right`,
    );
  }
  const zeros = call.has(2) ? readQuantized(call.needConstant(2)) : new Int32Array(scales.length);
  if (zeros.length !== scales.length)
    throw formatError(`${call.where}: has ${scales.length} scales and ${zeros.length} zero points`);
  return { axis: isWhole ? undefined : axis, scales, zeros };
}

/** Which scale and zero point element `i` of a tensor has. */
function stepAt({ axis, scales }: Steps, shape: readonly number[]): (i: number) => number {
  if (axis === undefined) return () => 0;
  const [, , run] = around(shape, axis);
  return (i) => Math.floor(i / run) % scales.length;
}

// ── constants ──

/** What either writes where its input is a constant; undefined for other operators. */
export function quantizedConstant(call: Call, op: string): Constant | undefined {
  if (op === 'DequantizeLinear') return dequantizedConstant(call);
  return op === 'QuantizeLinear' ? quantizedOf(call) : undefined;
}

/** `y = (x − zero point) · scale`, as a float32 constant. */
function dequantizedConstant(call: Call): Constant {
  const x = call.needConstant(0);
  const shape = readShape(x);
  const steps = stepsOf(call, shape);
  if (call.has(2) && call.needConstant(2).tensor.dataType !== x.tensor.dataType)
    throw formatError(`${call.where}: its zero point ${quote(call.inputs[2])} has another type than what it shifts`);
  const at = stepAt(steps, shape);
  const data = Float32Array.from(readQuantized(x), (q, i) => (q - steps.zeros[at(i)]!) * steps.scales[at(i)]!);
  return stored(call, shape, DataType.FLOAT, data);
}

/** The codes of a constant, such as weights that were trained to be quantized. */
function quantizedOf(call: Call): Constant {
  const x = decode(call.needConstant(0));
  const steps = stepsOf(call, x.shape);
  const { type, low, high, Codes } = rangeOf(call);
  const at = stepAt(steps, x.shape);
  const codes = Array.from(x.data, (value, i) =>
    Math.max(low, Math.min(toEven(Math.fround(value / steps.scales[at(i)]!)) + steps.zeros[at(i)]!, high)),
  );
  return stored(call, x.shape, type, new Codes(codes));
}

/** To the even neighbour where it lies between two. */
function toEven(x: number): number {
  return Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
}

function stored(call: Call, shape: readonly number[], dataType: DataType, data: ArrayBufferView): Constant {
  const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return { name: call.name, tensor: create(TensorProtoSchema, { dims: shape.map(BigInt), dataType, rawData }) };
}

interface CodeRange {
  readonly type: DataType;
  readonly low: number;
  readonly high: number;
  readonly Codes: typeof Int8Array | typeof Uint8Array | typeof Int16Array | typeof Uint16Array;
}

const RANGES: readonly CodeRange[] = [
  { type: DataType.UINT8, low: 0, high: 255, Codes: Uint8Array },
  { type: DataType.INT8, low: -128, high: 127, Codes: Int8Array },
  { type: DataType.UINT16, low: 0, high: 65_535, Codes: Uint16Array },
  { type: DataType.INT16, low: -32_768, high: 32_767, Codes: Int16Array },
];

/** That of the zero point's type, else of `output_dtype`; without either, codes are UINT8. */
function rangeOf(call: Call): CodeRange {
  const stated = call.int('output_dtype', 0) || DataType.UINT8;
  const type = (call.has(2) ? call.needConstant(2).tensor.dataType : stated) as DataType;
  const range = RANGES.find((range) => range.type === type);
  if (!range) {
    const known = RANGES.map(({ type }) => DataType[type]).join(', ');
    throw unsupported(`it quantizes to ${DataType[type] ?? `type ${type}`}`, `${known}, or the float32 file`);
  }
  return range;
}

// ── activations ──

/** Numbers for all elements or along the axis, as a constant that broadcasts to the activation. */
function alongAxis(call: Call, role: string, { axis }: Steps, data: ArrayLike<number>): Constant {
  const shape = axis === undefined ? [] : call.value().shape.map((extent, k) => (k === axis ? extent : 1));
  return { name: `${call.name}/${role}`, tensor: encode({ shape, data, isWhole: false }) };
}

/** The one zero point that all elements have; undefined where they differ. */
function commonZero({ zeros }: Steps): number | undefined {
  const [first] = Array.from(zeros);
  return Array.from(zeros).every((zero) => zero === first) ? first : undefined;
}

/**
 * `y = clip(round(x / scale) + zero point)`, whose gradient goes straight through: where nothing is clipped it is that
 * of `x / scale`, else 0. What is rounded and clipped is the number without its zero point, so that what dequantizes it
 * multiplies whole numbers, of which 0 stays 0.
 */
function quantized(call: Call): Translation {
  const value = call.value();
  const steps = stepsOf(call, value.shape);
  const { low, high } = rangeOf(call);
  const zero = commonZero(steps);
  if (zero === undefined)
    throw unsupported('its zero points differ along an axis', 'one zero point, or the float32 file');
  call.model.note(
    'activations are quantised: the gradient goes straight through the rounding, as if there were none, and is 0 ' +
      'where a value is clipped',
  );
  const inverse = alongAxis(
    call,
    '1/scale',
    steps,
    Float64Array.from(steps.scales, (scale) => 1 / scale),
  );
  const scale = spreadConstant(call, inverse, value);
  const scaled = call.emit({ op: 'affine', inputs: [call.inputs[0]!], scale });
  const rounded = { op: 'quantize', inputs: [scaled], low: low - zero, high: high - zero } as const;
  if (zero === 0) return call.result(rounded, value.shape);
  const name = call.emit(rounded);
  call.model.codes.set(call.name, { name, zero });
  const bias = spreadConstant(call, alongAxis(call, 'zero point', steps, steps.zeros), value);
  return call.result({ op: 'affine', inputs: [name], bias }, value.shape);
}

/** `y = (x − zero point) · scale`, of what {@link quantized} rounded, or of any other whole numbers. */
function dequantized(call: Call): Translation {
  const value = call.value();
  const steps = stepsOf(call, value.shape);
  const scale = spreadConstant(call, alongAxis(call, 'scale', steps, steps.scales), value);
  return call.result({ op: 'affine', inputs: [withoutZero(call, steps)], scale }, value.shape);
}

/** The input less its zero point. */
function withoutZero(call: Call, steps: Steps): string {
  const codes = call.model.codes.get(call.inputs[0]!);
  const zero = commonZero(steps);
  if (zero !== undefined && codes?.zero === zero) return codes.name;
  if (zero === 0) return call.inputs[0]!;
  // a difference of whole numbers is exact, and 0 where it should be; x · scale − zero · scale need not be
  const shift = call.constantTensor(alongAxis(call, 'zero point', steps, steps.zeros));
  return call.emitted(combined(call, 'subtract', [call.operand(0), shift]))[0];
}
