/** The forms that operators had before opset 7, as those that they have since. */
import { clone, create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  type NodeProto,
} from 'onnx-buf';
import { formatError, quote } from '../checks';
import type { Call } from './call';
import { nodeOf, renamed, tensorOf, withAttributes, type Replacement, type StandIn } from './standIns';

/** Hints about memory, which say nothing about numbers. */
const HINTS = ['consumed_inputs'];

/** The second input begins at the axis that is said: it is given axes of one element behind. */
const broadcasting: StandIn = (node, call) => {
  const without = [...HINTS, 'broadcast', 'axis'];
  const [a = '', b = ''] = node.input;
  const [outer, inner] = [call.operandShape(0).length, call.operandShape(1).length];
  const behind = call.hasAttribute('axis') && inner > 0 ? outer - call.int('axis', 0) - inner : 0;
  if (behind <= 0) return renamed(node.opType, without)(node, call);
  return aligned(node, { a, b, axes: Array.from({ length: behind }, (_, k) => inner + k), without });
};

/** The node with axes of one element added to its second input. */
function aligned(
  node: NodeProto,
  { a, b, axes, without }: { a: string; b: string; axes: readonly number[]; without: readonly string[] },
): Replacement {
  const spread = `${node.output[0]!}/${b} spread`;
  return {
    nodes: [
      nodeOf('Unsqueeze', [b], [spread], { axes }),
      create(NodeProtoSchema, {
        opType: node.opType,
        input: [a, spread],
        output: node.output,
        attribute: node.attribute.filter(({ name }) => !without.includes(name)),
      }),
    ],
  };
}

/** Slopes `[C]` are those of the channels; undefined where they are broadcast as they are. */
function prelu(node: NodeProto, call: Call): Replacement | undefined {
  const [a = '', b = ''] = node.input;
  const [rank, slopes] = [call.operandShape(0).length, call.operandShape(1)];
  if (slopes.length !== 1 || slopes[0] === 1 || rank <= 2) return undefined;
  return aligned(node, { a, b, axes: Array.from({ length: rank - 2 }, (_, k) => k + 1), without: HINTS });
}

/** An attribute that has become an input. */
const withInput = (node: NodeProto, attribute: string, data: readonly number[], isWhole: boolean): Replacement => {
  const tensor = tensorOf(`${node.output[0]!}/${attribute}`, [data.length], data, isWhole);
  return {
    nodes: [
      create(NodeProtoSchema, {
        opType: node.opType,
        input: [node.input[0]!, tensor.name],
        output: node.output,
        attribute: node.attribute.filter(({ name }) => name === 'mode'),
      }),
    ],
    initializers: [tensor],
  };
};

/** The name of a type has become its number. */
const cast: StandIn = (node, call) => {
  const name = call.string('to', '').toUpperCase();
  const to = DataType[name as keyof typeof DataType];
  if (to === undefined) throw formatError(`${call.where}: casts to ${quote(name)}, which is no type`);
  return { nodes: [nodeOf('Cast', node.input, node.output, { to })] };
};

/** So many copies along one axis; since opset 6 a number for each axis. */
const tile: StandIn = (node, call) => {
  const [tiles = 1] = call.integers(1) ?? [];
  const [axis = 0] = call.integers(2) ?? [];
  const repeats = call.operandShape(0).map((_, k) => (k === axis ? tiles : 1));
  return withInput(node, 'repeats', repeats, true);
};

/** Exponents of norms were floats. */
const wholePower: StandIn = (node, call) => {
  const others = node.attribute.filter(({ name }) => name !== 'p');
  const [p] = nodeOf('', [], [], { p: call.float('p', 2) }).attribute;
  return { nodes: [withAttributes(node, [...others, p!])] };
};

/** The defaults of opset 1 had fewer digits. */
const selu: StandIn = (node, call) => {
  const [alpha, gamma] = [call.float('alpha', 1.6732), call.float('gamma', 1.0507)];
  return { nodes: [nodeOf('Selu', node.input, node.output, { alpha: { f: alpha }, gamma: { f: gamma } })] };
};

const hasType = ({ attribute }: NodeProto, name: string, type: AttributeType): boolean =>
  attribute.some((each) => each.name === name && each.type === type);

const BROADCASTING = ['Add', 'And', 'Div', 'Equal', 'Greater', 'Less', 'Mul', 'Or', 'Pow', 'Sub', 'Xor'];
/** What says nothing about numbers, or only that the net is not being trained. */
const DROPPED: Readonly<Record<string, readonly string[]>> = {
  BatchNormalization: [...HINTS, 'is_test'],
  Gemm: ['broadcast'],
};

/** What stands for a node of an opset before 7; undefined where its form is still that. */
export function modernized(name: string, node: NodeProto, call: Call): Replacement | undefined {
  const has = (attribute: string): boolean => call.hasAttribute(attribute);
  if (BROADCASTING.includes(name) && (has('broadcast') || has('axis'))) return broadcasting(node, call);
  if (name === 'PRelu' && prelu(node, call)) return prelu(node, call);
  if (name === 'Reshape' && has('shape')) return withInput(node, 'shape', call.ints('shape')!, true);
  if (name === 'Cast' && hasType(node, 'to', AttributeType.STRING)) return cast(node, call);
  if (name === 'Tile' && node.input.length === 3) return tile(node, call);
  if (name === 'Upsample' && has('height_scale')) {
    const scales = [1, 1, call.float('height_scale', 1), call.float('width_scale', 1)];
    return withInput(node, 'scales', scales, false);
  }
  if (name === 'Pad' && has('paddings')) return renamedAttribute(node, 'paddings', 'pads');
  if (name.endsWith('LpPool') && hasType(node, 'p', AttributeType.FLOAT)) return wholePower(node, call);
  if (name === 'Selu' && !(has('alpha') && has('gamma'))) return selu(node, call);
  const dropped = DROPPED[name] ?? HINTS;
  return dropped.some(has) ? renamed(name, dropped)(node, call) : undefined;
}

function renamedAttribute(node: NodeProto, from: string, to: string): Replacement {
  const attributes = node.attribute.map((each) => {
    const copy = clone(AttributeProtoSchema, each);
    if (copy.name === from) copy.name = to;
    return copy;
  });
  return { nodes: [withAttributes(node, attributes)] };
}
