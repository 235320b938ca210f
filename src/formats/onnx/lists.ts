/** Lists of tensors, which only the graph's own nodes make and take apart: each is known when the file is read. */
import type { NodeProto } from 'onnx-buf';
import { formatError, quote } from '../checks';
import { operatorName, unsupported, type Call, type Operators } from './call';
import { axisOf } from './shapeRules';
import { readShape } from './tensors';
import { NODE, nodeOf, stacked, tensorOf, type Replacement } from './standIns';

/** Operators that {@link Lists} replaces: they are never translated themselves. */
export const listing: Operators = {
  ConcatFromSequence: { attributes: ['axis', 'new_axis'], inputs: [1, 1] },
  SequenceAt: { inputs: [2, 2] },
  SequenceConstruct: { inputs: [1, Infinity] },
  SequenceEmpty: { attributes: ['dtype'], inputs: [0, 0] },
  SequenceErase: { inputs: [1, 2] },
  SequenceInsert: { inputs: [2, 3] },
  SequenceLength: { inputs: [1, 1] },
  SplitToSequence: { attributes: ['axis', 'keepdims'], inputs: [1, 2] },
};

/** Which tensors each list has. */
export class Lists {
  private readonly lists = new Map<string, readonly string[]>();

  /** The nodes that a node of lists stands for; undefined for all others. */
  replacementOf(node: NodeProto, call: Call): Replacement | undefined {
    const [first = '', second = ''] = node.input;
    switch (operatorName(node)) {
      case 'Identity':
        return this.lists.has(first) ? this.write(node, this.read(call)) : undefined;
      case 'SequenceEmpty':
      case 'SequenceConstruct':
        return this.write(node, node.input);
      case 'SequenceInsert': {
        const list = this.read(call);
        return this.write(node, list.toSpliced(placeIn(call, 2, list.length + 1), 0, second));
      }
      case 'SequenceErase': {
        const list = this.read(call);
        return this.write(node, list.toSpliced(placeIn(call, 1, list.length), 1));
      }
      case 'SequenceAt': {
        const list = this.read(call);
        return { nodes: [nodeOf('Identity', [list[placeIn(call, 1, list.length)]!], node.output)] };
      }
      case 'SequenceLength':
        return { nodes: [], initializers: [tensorOf(call.name, [], [this.read(call).length], true)] };
      case 'ConcatFromSequence':
        return concatenated(this.read(call), node, call);
      case 'SplitToSequence':
        return this.split(node, call);
      default:
        return undefined;
    }
  }

  private write(node: NodeProto, elements: readonly string[]): Replacement {
    this.lists.set(node.output[0]!, elements);
    return { nodes: [] };
  }

  private read(call: Call): readonly string[] {
    const list = this.lists.get(call.inputs[0]!);
    if (!list) throw unsupported(`its list ${quote(call.inputs[0])} is not known`, 'lists that the graph makes');
    return list;
  }

  /** Into parts of the lengths that a constant says, or all of one length; without it, into single elements. */
  private split(node: NodeProto, call: Call): Replacement {
    const [x = ''] = node.input;
    const shape = call.operandShape(0);
    const axis = axisOf(call, call.int('axis', 0), shape.length);
    const extent = shape[axis]!;
    const given = call.integers(1);
    const isList = given !== undefined && readShape(call.needConstant(1)).length > 0;
    const each = Math.max(1, given?.[0] ?? 1);
    call.model.spend(NODE * Math.ceil(extent / each));
    const lengths = isList
      ? given
      : Array.from({ length: Math.ceil(extent / each) }, (_, k) => Math.min(each, extent - k * each));
    const output = node.output[0]!;
    const parts = lengths.map((_, k) => `${output}/${k}`);
    this.write(node, parts);
    const drops = given === undefined && call.int('keepdims', 1) === 0;
    let begin = 0;
    const indices = lengths.map((length, k) => {
      const places = Array.from({ length }, (_, i) => begin + i);
      begin += length;
      return tensorOf(`${output}/places ${k}`, drops ? [] : [length], places, true);
    });
    if (begin !== extent) throw formatError(`${call.where}: splits ${extent} elements into [${lengths}]`);
    return {
      nodes: parts.map((part, k) => nodeOf('Gather', [x, indices[k]!.name], [part], { axis })),
      initializers: indices,
    };
  }
}

/** A constant place in a list, or without one its end. */
function placeIn(call: Call, index: number, length: number): number {
  const [given = length - 1] = call.integers(index) ?? [];
  const place = given < 0 ? given + length : given;
  if (place < 0 || place >= length)
    throw formatError(`${call.where}: takes place ${given} of a list; it has ${length} of them`);
  return place;
}

/** Along an axis that is there, or a new one: then each part is given it first. */
function concatenated(list: readonly string[], node: NodeProto, call: Call): Replacement {
  const axis = call.int('axis', 0);
  if (list.length === 0) throw unsupported('it joins a list that is empty', 'lists of tensors');
  if (call.int('new_axis', 0) === 0) return { nodes: [nodeOf('Concat', list, node.output, { axis })] };
  return stacked(call, list, axis, node.output);
}
