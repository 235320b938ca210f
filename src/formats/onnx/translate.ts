import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType as DataType, TensorProtoSchema, type NodeProto, type TensorProto } from 'onnx-buf';
import { GradlensError } from '../../errors';
import type { GraphNode } from '../../graph';
import { quote } from '../checks';
import { Call, unsupported, type Surroundings, type Value } from './call';
import { dequantize } from './dequantize';
import type { GraphInput } from './input';
import { operators } from './operators';
import type { Constant } from './tensors';

/** A node that cannot be imported, as `detail.nodes` lists it. */
export interface UnsupportedNode {
  /** The tensor that it writes. */
  readonly name: string;
  readonly op: string;
  readonly reason: string;
}

/**
 * Our nodes, by name and in order, for ONNX nodes in topological order.
 *
 * @throws GradlensError `unsupported-op` listing every node that cannot be imported; only where there is none, the first other fault.
 */
export function translate(
  nodes: readonly NodeProto[],
  input: GraphInput,
  initializers: readonly TensorProto[],
  model: Pick<Surroundings, 'opset' | 'output' | 'weight' | 'checkShape'>,
): ReadonlyMap<string, GraphNode> {
  const values = new Map<string, Value>([[input.name, input.value]]);
  const constants = new Map<string, Constant>(initializers.map((tensor) => [tensor.name, { name: tensor.name, tensor }]));
  const translated = new Map<string, GraphNode>();
  const surroundings: Surroundings = { ...model, batch: input.batch, values, constants, translated };
  const read = new Set(nodes.flatMap((node) => node.input));
  const refused: UnsupportedNode[] = [];
  const lost = new Set<string>(); // tensors behind a fault: their nodes are only looked up
  let fault: unknown;

  for (const node of nodes) {
    const call = new Call(node, surroundings);
    try {
      const operator = lookUp(node, call, read);
      if (fault || node.input.some((name) => lost.has(name))) {
        node.output.forEach((name) => lost.add(name));
        continue;
      }
      const constant = operator ? constantBehind(node, call) : constantOf(call);
      if (constant) constants.set(call.name, constant);
      else {
        const [translation, value] = operator!.translate(call);
        translated.set(call.name, translation);
        values.set(call.name, value);
        model.checkShape(call.name, value);
      }
    } catch (error) {
      if (error instanceof GradlensError && error.code === 'unsupported-op') refused.push({ name: call.name, op: operatorName(node), reason: error.message });
      else fault ??= error;
      node.output.forEach((name) => lost.add(name));
    }
  }
  if (refused.length > 0) throw refusal(refused);
  if (fault) throw fault;
  return translated;
}

/** What can be said without knowing any value; undefined for a Constant. */
function lookUp(node: NodeProto, call: Call, read: ReadonlySet<string>): ReturnType<typeof operators.get> {
  const operator = operators.get(operatorName(node));
  if (operatorName(node) === 'Constant') call.checkKnown(['value', 'value_ints'], [0, 0]);
  else if (!operator) throw unsupported('the operator is not supported');
  else call.checkKnown(operator.attributes, operator.inputs);
  const second = node.output.slice(1).find((name) => name !== '' && read.has(name));
  if (second !== undefined) throw unsupported(`its output ${quote(second)} is read; only its first output can be`);
  return operator;
}

/** Exporters share weights through Identity nodes, and store them in eight bits behind DequantizeLinear. */
function constantBehind({ opType }: NodeProto, call: Call): Constant | undefined {
  if (opType === 'DequantizeLinear' && call.constant(0)) return dequantize(call);
  return opType === 'Identity' ? call.constant(0) : undefined;
}

function constantOf(call: Call): Constant {
  const ints = call.ints('value_ints');
  const tensor = ints
    ? create(TensorProtoSchema, { dataType: DataType.INT64, dims: [BigInt(ints.length)], int64Data: ints.map(BigInt) })
    : call.tensor('value');
  if (!tensor) throw unsupported('it has no value');
  return { name: call.name, tensor };
}

/** ONNX's own operators bear no domain, or its default one. */
function operatorName({ domain, opType }: NodeProto): string {
  return domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`;
}

function refusal(nodes: readonly UnsupportedNode[]): GradlensError {
  const shown = nodes.slice(0, 50).map(({ name, op, reason }) => `\n  ${op} ${quote(name)}: ${reason}`);
  if (nodes.length > shown.length) shown.push(`\n  and ${nodes.length - shown.length} more`);
  const count = nodes.length === 1 ? 'one node is' : `${nodes.length} nodes are`;
  const known = `${[...operators.keys()].join(', ')} and Constant`;
  return new GradlensError('unsupported-op', `onnx: ${count} not supported; the operators are ${known}:${shown.join('')}`, { nodes });
}
