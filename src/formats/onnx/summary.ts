/** What an ONNX file holds, said without understanding it: also of models that cannot be imported. */
import { TensorProto_DataType as DataType, type GraphProto, type TensorProto, type ValueInfoProto } from 'onnx-buf';
import { operatorName } from './call';

/** A tensor as the file states it. */
export interface StatedTensor {
  readonly name: string;
  /** ONNX's name, such as `FLOAT`; empty if it is none. */
  readonly type: string;
  /** Symbolic extents by name; null where the file does not say. */
  readonly shape: readonly (number | string)[] | null;
}

export interface OnnxSummary {
  readonly producer: string;
  readonly opset: number;
  /** Those that are no weights. */
  readonly inputs: readonly StatedTensor[];
  readonly outputs: readonly StatedTensor[];
  /** How many nodes of each operator, the most frequent first. */
  readonly operators: Readonly<Record<string, number>>;
  /** Elements of all constants of rank 1 or more, integers left out unless they are of 8 bits. */
  readonly parameters: number;
}

export function summaryOf(graph: GraphProto, producer: string, opset: number): OnnxSummary {
  const weights = new Set(graph.initializer.map(({ name }) => name));
  const counts = new Map<string, number>();
  for (const node of graph.node) counts.set(operatorName(node), (counts.get(operatorName(node)) ?? 0) + 1);
  const constants = graph.node.flatMap(({ opType, attribute }) =>
    opType === 'Constant' ? attribute.flatMap(({ t }) => t ?? []) : [],
  );
  return {
    producer,
    opset,
    inputs: graph.input.filter(({ name }) => !weights.has(name)).map(stated),
    outputs: graph.output.map(stated),
    operators: Object.fromEntries([...counts].sort(([, a], [, b]) => b - a)),
    parameters: [...graph.initializer, ...constants].reduce((sum, tensor) => sum + parametersOf(tensor), 0),
  };
}

const INTEGERS: readonly number[] = [DataType.INT64, DataType.INT32, DataType.BOOL, DataType.STRING];

function parametersOf({ dataType, dims }: TensorProto): number {
  return INTEGERS.includes(dataType) || dims.length === 0
    ? 0
    : dims.reduce((product, extent) => product * Number(extent), 1);
}

function stated({ name, type }: ValueInfoProto): StatedTensor {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  const dim = tensor?.shape?.dim;
  return {
    name,
    type: tensor ? (DataType[tensor.elemType] ?? `type ${tensor.elemType}`) : '',
    shape: dim ? dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : value.value || '?')) : null,
  };
}
