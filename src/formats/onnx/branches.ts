/** What stands for other nodes: `If` whose condition is known, lists of tensors, fused operators, old forms. */
import type { GraphProto, NodeProto } from 'onnx-buf';
import { formatError, quote } from '../checks';
import { operatorName, unsupported, type Call, type Operators } from './call';
import { decode } from './fold/numbers';
import { unfused } from './fused';
import { modernized } from './older';
import { nodeOf, tensorOf, type Replacement } from './standIns';

/** Operators that {@link Branches} replaces: they are never translated themselves. */
export const branching: Operators = {
  ConcatFromSequence: { attributes: ['axis', 'new_axis'], inputs: [1, 1] },
  If: { attributes: ['then_branch', 'else_branch'], inputs: [1, 1], severalOutputs: true },
  SequenceAt: { inputs: [2, 2] },
  SequenceConstruct: { inputs: [1, Infinity] },
  SplitToSequence: { attributes: ['axis', 'keepdims'], inputs: [1, 2] },
};

/** Which tensors each list has. */
export class Branches {
  private readonly lists = new Map<string, readonly string[]>();

  /** The nodes that a node stands for; undefined if it stands for itself. */
  replacementOf(node: NodeProto, call: Call): Replacement | undefined {
    const name = operatorName(node);
    switch (name) {
      case 'If':
        return branchOf(node, call);
      case 'SequenceConstruct':
        return this.list(node, node.input);
      case 'SequenceAt': {
        const list = this.listOf(node.input[0]!, call);
        const [index = 0] = call.integers(1) ?? [];
        const element = list.at(index);
        if (element === undefined)
          throw formatError(`${call.where}: takes element ${index} of a list of ${list.length} tensors`);
        return { nodes: [nodeOf('Identity', [element], node.output)] };
      }
      case 'ConcatFromSequence':
        return concatenated(this.listOf(node.input[0]!, call), node, call);
      case 'SplitToSequence':
        return this.split(node, call);
      default:
        return unfused(name, node, call) ?? (call.model.opset < 7 ? modernized(name, node, call) : undefined);
    }
  }

  private list(node: NodeProto, elements: readonly string[]): Replacement {
    this.lists.set(node.output[0]!, elements);
    return { nodes: [] };
  }

  private listOf(name: string, call: Call): readonly string[] {
    const list = this.lists.get(name);
    if (!list) throw unsupported(`its list ${quote(call.inputs[0])} is not known`, 'lists that the graph makes');
    return list;
  }

  /** Into parts of the lengths that a constant says. */
  private split(node: NodeProto, call: Call): Replacement {
    const lengths = call.integers(1);
    if (!lengths || lengths.length < 2) throw unsupported('it splits into parts of one length', 'a list of lengths');
    if (call.int('keepdims', 1) !== 1) throw unsupported('its keepdims is 0', '1');
    const parts = lengths.map((_, k) => `${node.output[0]!}/${k}`);
    this.list(node, parts);
    return { nodes: [nodeOf('Split', node.input, parts, { axis: call.int('axis', 0) })] };
  }
}

/** Along an axis that is there, or a new one: then each part is given it first. */
function concatenated(list: readonly string[], node: NodeProto, call: Call): Replacement {
  const axis = call.int('axis', 0);
  if (call.int('new_axis', 0) === 0) return { nodes: [nodeOf('Concat', list, node.output, { axis })] };
  const parts = list.map((_, k) => `${node.output[0]!}/${k}`);
  const isInput = call.model.opset >= 13; // where the axes are
  const axes = `${node.output[0]!}/axes`;
  const unsqueezed = (name: string, part: string): NodeProto =>
    isInput ? nodeOf('Unsqueeze', [name, axes], [part]) : nodeOf('Unsqueeze', [name], [part], { axes: [axis] });
  const tensor = tensorOf(axes, [1], [axis], true);
  return {
    nodes: [...list.map((name, k) => unsqueezed(name, parts[k]!)), nodeOf('Concat', parts, node.output, { axis })],
    initializers: isInput ? [tensor] : [],
  };
}

/** The branch that is taken, whose results bear the names of the node's. */
function branchOf(node: NodeProto, call: Call): Replacement {
  const condition = call.constant(0);
  if (!condition) throw unsupported(`its condition ${quote(node.input[0])} is computed from the image`, 'a constant');
  const taken = decode(condition).data[0] ? 'then_branch' : 'else_branch';
  const graph = node.attribute.find(({ name }) => name === taken)?.g;
  if (!graph) throw formatError(`${call.where}: has no ${taken}`);
  const ends = node.output.flatMap((name, k) => {
    const result = graph.output[k]?.name;
    return name === '' || result === undefined ? [] : nodeOf('Identity', [result], [name]);
  });
  return { nodes: [...graph.node, ...ends], initializers: graph.initializer };
}

/** What a node reads: its inputs, and what its subgraphs take from around them. */
export function readsOf(node: NodeProto): readonly string[] {
  const captured = node.attribute.flatMap(({ g }) => (g ? capturedBy(g) : []));
  return captured.length > 0 ? [...node.input, ...captured] : node.input;
}

function capturedBy(graph: GraphProto): string[] {
  const own = new Set([
    ...graph.initializer.map(({ name }) => name),
    ...graph.input.map(({ name }) => name),
    ...graph.node.flatMap((node) => node.output),
  ]);
  const read = [...graph.node.flatMap(readsOf), ...graph.output.map(({ name }) => name)];
  return read.filter((name) => name !== '' && !own.has(name));
}
