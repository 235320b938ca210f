/** Nodes that other nodes stand for, and how they are made. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
} from 'onnx-buf';
import type { Call } from './call';
import { encode } from './fold/numbers';

/** Nodes that stand for another one, and constants of their own. */
export interface Replacement {
  readonly nodes: readonly NodeProto[];
  readonly initializers?: readonly TensorProto[];
}

/** What a node that is written out counts among the numbers made: a few bytes must not become millions of nodes. */
export const NODE = 64;

type Value = number | string | readonly number[] | { readonly f: number };

/** A node, whose attributes are whole numbers, lists of them, texts or `{ f }`. */
export function nodeOf(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, Value>> = {},
): NodeProto {
  const attribute = Object.entries(attributes).map(([name, value]) =>
    create(AttributeProtoSchema, attributeOf(name, value)),
  );
  return create(NodeProtoSchema, { opType, input: [...input], output: [...output], attribute });
}

function attributeOf(name: string, value: Value) {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if ('f' in value) return { name, type: AttributeType.FLOAT, f: value.f };
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}

/** A constant of the replacement's own. */
export function tensorOf(
  name: string,
  shape: readonly number[],
  data: ArrayLike<number>,
  isWhole = false,
): TensorProto {
  const tensor = encode({ shape, data, isWhole });
  tensor.name = name;
  return tensor;
}

/** Tensors joined along an axis that none of them has yet. */
export function stacked(
  { model }: Call,
  parts: readonly string[],
  axis: number,
  [output = '', ...others]: readonly string[],
): Required<Replacement> {
  const isInput = model.opset >= 13; // where Unsqueeze has its axes
  const axes = tensorOf(`${output}/axes`, [1], [axis], true);
  const raised = parts.map((part, k) =>
    isInput
      ? nodeOf('Unsqueeze', [part, axes.name], [`${output}/raised ${k}`])
      : nodeOf('Unsqueeze', [part], [`${output}/raised ${k}`], { axes: [axis] }),
  );
  const names = raised.map(({ output: [name] }) => name!);
  return {
    nodes: [...raised, nodeOf('Concat', names, [output, ...others], { axis })],
    initializers: isInput ? [axes] : [],
  };
}

/** The node with other attributes. */
export const withAttributes = ({ opType, input, output }: NodeProto, attribute: readonly AttributeProto[]): NodeProto =>
  create(NodeProtoSchema, { opType, input, output, attribute: [...attribute] });

/** How a node is replaced. */
export type StandIn = (node: NodeProto, call: Call) => Replacement;

/** The node under another name, without the attributes that are said. */
export const renamed =
  (opType: string, without: readonly string[] = []): StandIn =>
  ({ input, output, attribute }) => ({
    nodes: [
      create(NodeProtoSchema, {
        opType,
        input,
        output,
        attribute: attribute.filter(({ name }) => !without.includes(name)),
      }),
    ],
  });
