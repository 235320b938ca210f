/** Constants that nodes write: by themselves, or from the shapes of activations. */
import type { NodeProto, TensorProto } from 'onnx-buf';
import { operatorName, unsupported, type Call, type Operators } from './call';
import { foldNode } from './fold';
import { encode } from './fold/numbers';
import { quantizedConstant } from './quantizing';
import type { Constant } from './tensors';
import { product } from './value';

export const constants: Operators = {
  Constant: { attributes: ['value', 'value_int', 'value_ints', 'value_float', 'value_floats'], inputs: [0, 0] },
  Shape: { attributes: ['start', 'end'], inputs: [1, 1] },
  Size: { inputs: [1, 1] },
};

/** The constants that a node writes, where it depends on no activation but for their shapes. */
export function constantsOf(node: NodeProto, call: Call): readonly Constant[] | undefined {
  const name = operatorName(node);
  const behind = call.constant(0);
  // exporters share weights through Identity nodes, and store them in eight bits behind DequantizeLinear
  if (behind && name === 'Identity') return [behind];
  const quantized = behind && quantizedConstant(call, name);
  if (quantized) return [quantized];
  const tensors =
    name === 'Constant'
      ? [tensorOf(call)]
      : name === 'Shape' || name === 'Size'
        ? [encode(shapeOf(name, call, behind))]
        : foldNode(call, name);
  return tensors?.map((tensor, k) => ({ name: node.output[k] ?? '', tensor }));
}

/** What Shape and Size write. A free batch counts as one: items do not depend on each other. */
function shapeOf(
  name: 'Shape' | 'Size',
  call: Call,
  constant: Constant | undefined,
): { shape: number[]; data: number[]; isWhole: true } {
  const shape = constant ? constant.tensor.dims.map(Number) : statedShape(call);
  if (name === 'Size') return { shape: [], data: [product(shape)], isWhole: true };
  const data = shape.slice(call.int('start', 0), call.int('end', shape.length));
  return { shape: [data.length], data, isWhole: true };
}

/** The shape of the input as the file has it: with the batch that it fixes. */
const statedShape = (call: Call): number[] =>
  call.value().shape.map((extent, axis) => (axis === 0 && call.fixesBatch ? call.model.batch! : extent));

/** What a Constant node holds. */
function tensorOf(call: Call): TensorProto {
  const tensor = call.tensor('value');
  if (tensor) return tensor;
  const [ints, floats] = [call.ints('value_ints'), call.floats('value_floats')];
  if (ints) return encode({ shape: [ints.length], data: ints, isWhole: true });
  if (floats) return encode({ shape: [floats.length], data: floats, isWhole: false });
  if (call.hasAttribute('value_int')) return encode({ shape: [], data: [call.int('value_int', 0)], isWhole: true });
  if (call.hasAttribute('value_float'))
    return encode({ shape: [], data: [call.float('value_float', 0)], isWhole: false });
  throw unsupported('it has no value that can be read', 'a tensor, or numbers');
}
