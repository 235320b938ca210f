/** DequantizeLinear of constants: weights that were stored in eight bits. */
import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType as DataType, TensorProtoSchema } from 'onnx-buf';
import { formatError, quote } from '../checks';
import { unsupported, type Call, type Operators, type Translation } from './call';
import { readFloats, readQuantized, readShape, type Constant } from './tensors';

export const dequantizing: Operators = {
  DequantizeLinear: { attributes: ['axis', 'block_size'], inputs: [2, 3], translate: dequantizeComputed },
};

/**
 * `y = (x − zero point) · scale`, with one scale for the whole tensor or one per index of `axis`, as a float32
 * constant.
 * @throws GradlensError `unsupported-op` for blocks; `model-format` where the three do not fit together.
 */
export function dequantize(call: Call): Constant {
  const x = call.needConstant(0);
  const scale = call.needConstant(1);
  if (call.int('block_size', 0) !== 0)
    throw unsupported('it scales in blocks', 'one scale per tensor, or one per index of an axis');
  const shape = readShape(x);
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
  if (call.has(2) && call.needConstant(2).tensor.dataType !== x.tensor.dataType)
    throw formatError(`${call.where}: its zero point ${quote(call.inputs[2])} has another type than what it shifts`);

  const run = isWhole ? Infinity : shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  const data = Float32Array.from(readQuantized(x), (q, i) => {
    const at = isWhole ? 0 : Math.floor(i / run) % scales.length;
    return (q - zeros[at]!) * scales[at]!;
  });
  const tensor = create(TensorProtoSchema, {
    dims: shape.map(BigInt),
    dataType: DataType.FLOAT,
    rawData: new Uint8Array(data.buffer),
  });
  return { name: call.name, tensor };
}

/** Whether an operator quantizes activations, or computes with quantized ones. */
export const isQuantizing = (op: string): boolean =>
  /(^|\.)(QLinear\w*|QGemm|QAttention|QuantizeLinear|DynamicQuantize\w*|MatMulNBits)$|Integer$/.test(op);

/** Of constants it is a constant, by {@link dequantize}. */
function dequantizeComputed(call: Call): Translation {
  throw unsupported(`its input ${quote(call.inputs[0])} is computed from the image`, 'a constant');
}
