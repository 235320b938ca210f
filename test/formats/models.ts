import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType as DataType,
  type AttributeProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';

export type Node = MessageInitShape<typeof NodeProtoSchema>;
export type Tensor = MessageInitShape<typeof TensorProtoSchema>;
type Attribute = MessageInitShape<typeof AttributeProtoSchema>;

/** An attribute's type follows from its value: whole numbers are ints, `{ f }` a float. */
export type AttributeValue =
  | number
  | readonly (number | bigint)[]
  | string
  | { readonly f: number }
  | { readonly floats: readonly number[] }
  | Tensor;

export function attribute(name: string, value: AttributeValue): Attribute {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (Array.isArray(value))
    return { name, type: AttributeType.INTS, ints: (value as readonly (number | bigint)[]).map(BigInt) };
  if ('floats' in value) return { name, type: AttributeType.FLOATS, floats: [...value.floats] };
  if ('f' in value) return { name, type: AttributeType.FLOAT, f: value.f };
  return { name, type: AttributeType.TENSOR, t: value as Tensor };
}

/** `y = op(inputs…)`; the node's own name is left empty, as many exporters do. */
export function node(
  opType: string,
  input: readonly string[],
  output: string,
  attributes: Readonly<Record<string, AttributeValue>> = {},
): Node {
  return {
    opType,
    input: [...input],
    output: [output],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  };
}

/** A float32 constant in raw_data; without data it counts 1, 2, 3 … */
export function floats(name: string, dims: readonly number[], data?: readonly number[]): Tensor {
  const count = dims.reduce((product, extent) => product * extent, 1);
  const values = Float32Array.from(data ?? Array.from({ length: count }, (_, i) => i + 1));
  return { name, dims: dims.map(BigInt), dataType: DataType.FLOAT, rawData: new Uint8Array(values.buffer) };
}

export function integers(name: string, data: readonly number[]): Tensor {
  return { name, dims: [BigInt(data.length)], dataType: DataType.INT64, int64Data: data.map(BigInt) };
}

export function valueInfo(
  name: string,
  dims: readonly (number | string)[],
  elemType: number = DataType.FLOAT,
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = dims.map((extent) => ({
    value:
      typeof extent === 'number'
        ? { case: 'dimValue' as const, value: BigInt(extent) }
        : { case: 'dimParam' as const, value: extent },
  }));
  return { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } };
}

export interface ModelSpec {
  /** Shapes that the file states. */
  readonly valueInfo?: readonly MessageInitShape<typeof ValueInfoProtoSchema>[];
  readonly producer?: string;
  readonly nodes: readonly Node[];
  readonly tensors?: readonly Tensor[];
  readonly input?: readonly (number | string)[];
  readonly output?: string;
  readonly opset?: number;
  /** Domains beside ONNX's own, in version 1. */
  readonly domains?: readonly string[];
  /** Weights are listed among the inputs too, as files before IR version 4 have to. */
  readonly listed?: boolean;
}

/** A tensor whose data lie in another file. */
export function external(
  name: string,
  dims: readonly number[],
  entries: Readonly<Record<string, string | number>>,
): Tensor {
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value: String(value) }));
  return {
    name,
    dims: dims.map(BigInt),
    dataType: DataType.FLOAT,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData,
  };
}

/** A tensor of any shape. */
const shapeless = (name: string): MessageInitShape<typeof ValueInfoProtoSchema> => ({
  name,
  type: { value: { case: 'tensorType', value: { elemType: DataType.FLOAT } } },
});

/** An ONNX file whose input is `x` and whose output is the last node's. */
export function onnxFile({
  nodes,
  tensors = [],
  input = ['N', 2, 5, 6],
  output = nodes.at(-1)?.output?.[0] ?? 'y',
  opset = 17,
  valueInfo: stated = [],
  producer = 'test',
  listed = false,
  domains = [],
}: ModelSpec): Uint8Array<ArrayBuffer> {
  const weights = listed
    ? tensors.map(({ name, dims, dataType }) => valueInfo(name!, dims!.map(Number), dataType))
    : [];
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: listed ? 3n : 8n,
      producerName: producer,
      opsetImport: [{ domain: '', version: BigInt(opset) }, ...domains.map((domain) => ({ domain, version: 1n }))],
      graph: {
        name: 'net',
        valueInfo: [...stated],
        node: [...nodes],
        initializer: [...tensors],
        input: [valueInfo('x', input), ...weights],
        output: [shapeless(output)],
      },
    }),
  );
}
