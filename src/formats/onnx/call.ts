import {
  AttributeProto_AttributeType as AttributeType,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
} from 'onnx-buf';
import { GradlensError } from '../../errors';
import type { Extents, GraphNode, Weight, Window } from '../../graph';
import { formatError, quote } from '../checks';
import { readFloats, readIntegers, readShape, type Constant } from './tensors';
import { sameExtents } from '../../shape';
import { extentsOf, valueOf, type Value } from './value';

/** A weight as a node wants it: stored otherwise, or with a factor folded in. `suffix` tells it from its original. */
export interface WeightForm {
  readonly suffix: string;
  readonly apply: (weight: Weight) => Weight;
  /** Whole numbers and truths are read too, and infinities as the largest float32, since WGSL has none. */
  readonly readsAny?: true;
}

/** A weight of our graph. */
export interface NamedWeight extends Weight {
  readonly name: string;
}

/** A tensor of our graph by its name, and what is known of it. */
export type Named = readonly [name: string, value: Value];

/** What a MaxPool read, and how: its indices are known by this, and to MaxUnpool alone. */
export interface Pooled {
  readonly x: Named;
  readonly window: Window;
}

/** A node of ours, and what it writes. */
export type Translation = readonly [node: GraphNode, value: Value];

/** How one ONNX operator becomes nodes of ours. What `attributes` does not name is refused, never ignored. */
export interface Operator {
  readonly attributes?: readonly string[];
  readonly inputs: readonly [fewest: number, most: number];
  /** Whether outputs beyond the first may be read. */
  readonly severalOutputs?: true;
  /** Absent for what only constants and shapes pass through. */
  readonly translate?: (call: Call) => Translation | readonly Translation[];
}

/** By ONNX's name; the forms of opsets 7 to 25. */
export type Operators = Readonly<Record<string, Operator>>;

/** A node before it has a name. */
export type Unnamed<Node = GraphNode> = Node extends GraphNode ? Omit<Node, 'name'> : never;

/** What a translation may ask about the model round its node. */
export interface Surroundings {
  readonly opset: number;
  /** The fixed batch, or undefined where it is symbolic. */
  readonly batch: number | undefined;
  readonly output: string;
  readonly values: ReadonlyMap<string, Value>;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly translated: ReadonlyMap<string, GraphNode>;
  /** Of tensors that hold quantized numbers: the tensor of the same numbers less their zero point, and that. */
  readonly codes: Map<string, { readonly name: string; readonly zero: number }>;
  /** By the names of indices that a MaxPool writes: what it read, and how. */
  readonly pools: Map<string, Pooled>;
  weight(constant: Constant, form?: WeightForm): NamedWeight;
  /** Throws where the file states another shape for a tensor. */
  checkShape(name: string, value: Value): void;
  /** Adds a node that stands before this one, under a name made of `name` that nothing else bears. */
  emit(node: Unnamed, name: string): string;
  /**
   * Counts numbers that folding makes. @throws GradlensError `model-format` where they become far more than the file
   * holds.
   */
  spend(count: number): void;
  /** A sentence for people, said once however often it is noted. */
  note(words: string): void;
}

/** One ONNX node, as its translation reads it. */
export class Call {
  /** Our node's name: the tensor that it writes. */
  readonly name: string;
  readonly where: string;
  private readonly attributes: ReadonlyMap<string, AttributeProto>;

  constructor(
    private readonly node: NodeProto,
    readonly model: Surroundings,
  ) {
    this.name = node.output[0] ?? '';
    this.where = `${node.opType} ${quote(this.name)}`;
    this.attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
  }

  /** Refuses, by name, what the translation would silently overlook. */
  checkKnown(attributes: readonly string[], [fewest, most]: readonly [number, number]): void {
    const unknown = [...this.attributes.keys()].find((name) => !attributes.includes(name));
    if (unknown !== undefined)
      throw unsupported(
        `its attribute ${quote(unknown)} is unknown`,
        attributes.length > 0 ? attributes.join(', ') : 'none',
      );
    const { length } = this.node.input;
    if (length < fewest || length > most) {
      throw formatError(
        `${this.where}: has ${length} inputs; it takes ${fewest === most ? fewest : `${fewest} to ${most}`}`,
      );
    }
  }

  /** Whether the file fixes a batch of several items, for which the first axis stands: it stays where it is. */
  get fixesBatch(): boolean {
    return (this.model.batch ?? 1) > 1;
  }

  /** The name of one of its outputs; empty where that is left out. */
  output(index: number): string {
    return this.node.output[index] ?? '';
  }

  /** How many outputs the node writes. */
  get outputs(): number {
    return this.node.output.length;
  }

  hasAttribute(name: string): boolean {
    return this.attributes.has(name);
  }

  /** The first input that is no constant. */
  computedInput(): string {
    return this.node.input.find((name) => name !== '' && !this.model.constants.has(name)) ?? '';
  }

  get inputs(): readonly string[] {
    return this.node.input;
  }

  /** Whether an optional input is given. */
  has(index: number): boolean {
    return Boolean(this.node.input[index]);
  }

  /** Input `index` as an activation. */
  value(index = 0): Value {
    const value = this.model.values.get(this.node.input[index] ?? '');
    if (!value)
      throw unsupported(
        `its input ${quote(this.node.input[index])} is not computed from the image`,
        'what is computed from it; save the file with its constants folded (onnxsim)',
      );
    return value;
  }

  /** Input `index` as a constant, if it is one. */
  constant(index: number): Constant | undefined {
    return this.model.constants.get(this.node.input[index] ?? '');
  }

  /** The shape of input `index`, whether it is computed or a constant. */
  operandShape(index: number): readonly number[] {
    const constant = this.constant(index);
    return constant ? readShape(constant) : this.value(index).shape;
  }

  /** Input `index` as a tensor of our graph, whether it is computed or a constant. */
  operand(index: number): Named {
    const constant = this.constant(index);
    return constant ? this.constantTensor(constant) : [this.inputs[index] ?? '', this.value(index)];
  }

  /** A constant as a tensor of our graph. */
  constantTensor(constant: Constant): Named {
    const value = valueOf(readShape(constant));
    const { C, H, W } = value.extents;
    const form: WeightForm = {
      suffix: `as [${C}, ${H}, ${W}], of any type`,
      apply: ({ data }) => ({ shape: [C, H, W], data }),
      readsAny: true,
    };
    const weight = this.model.weight(constant, form);
    const node = { op: 'constant', inputs: [], value: weight.name, extents: [C, H, W] } as const;
    return [this.emit(node), value];
  }

  /** Input `index` as a weight. */
  weight(index: number, form?: WeightForm): NamedWeight {
    return this.model.weight(this.needConstant(index), form);
  }

  needConstant(index: number): Constant {
    const constant = this.constant(index);
    if (!constant)
      throw unsupported(`its input ${quote(this.node.input[index])} is computed from the image`, 'a constant');
    return constant;
  }

  /** Input `index` as a list of whole numbers; undefined where it is left out. */
  integers(index: number): readonly number[] | undefined {
    return this.has(index) ? readIntegers(this.needConstant(index)) : undefined;
  }

  /** Input `index` as float32 numbers, which may be infinite; undefined where it is left out. */
  numbers(index: number): Float32Array | undefined {
    return this.has(index) ? readFloats(this.needConstant(index)).data : undefined;
  }

  /** Adds a node before this one, and returns its name. */
  emit(node: Unnamed): string {
    return this.model.emit(node, this.name);
  }

  /** The node whose result is this ONNX node's. */
  result(node: Unnamed, shape: readonly number[]): Translation {
    return [{ ...node, name: this.name }, valueOf(shape)];
  }

  /** The tensor `x` under other extents of as many elements: a node before this one, or none where they stay. */
  shaped(x: string, from: Extents, to: Extents): string {
    return sameExtents(from, to) ? x : this.emit(reshaping(x, from, to));
  }

  /** What would be this node's result, as a node before it. */
  emitted([{ name: _, ...node }, value]: Translation): Named {
    return [this.emit(node), value];
  }

  /**
   * The node as this one, where it writes the extents of this shape; else as one before it, whose result is reshaped.
   */
  written(node: Unnamed, extents: Extents, shape: readonly number[]): Translation {
    return sameExtents(extents, extentsOf(shape))
      ? this.result(node, shape)
      : this.reshaped(this.emit(node), extents, shape);
  }

  /** The tensor `x` under this shape, as what this node writes. */
  reshaped(x: string, from: Extents, shape: readonly number[]): Translation {
    return this.result(reshaping(x, from, extentsOf(shape)), shape);
  }

  /** An attribute that is one whole number. */
  int(name: string, otherwise: number): number {
    const attribute = this.attribute(name, AttributeType.INT);
    return attribute ? this.whole(name, attribute.i) : otherwise;
  }

  /** An attribute that is a list of whole numbers. */
  ints(name: string): readonly number[] | undefined {
    return this.attribute(name, AttributeType.INTS)?.ints.map((value) => this.whole(name, value));
  }

  /** The same for places on an axis, where a number beyond 32 bits, such as the end 2⁶³ − 1, only means its end. */
  places(name: string): readonly number[] | undefined {
    return this.attribute(name, AttributeType.INTS)?.ints.map((value) =>
      Math.max(-(2 ** 31), Math.min(Number(value), 2 ** 31)),
    );
  }

  float(name: string, otherwise: number): number {
    const value = this.attribute(name, AttributeType.FLOAT)?.f ?? otherwise;
    if (!Number.isFinite(value))
      throw formatError(`${this.where}: its ${name} is ${value}; it should be a finite number`);
    return value;
  }

  /** A number that may be infinite. */
  limit(name: string): number | undefined {
    return this.attribute(name, AttributeType.FLOAT)?.f;
  }

  string(name: string, otherwise: string): string {
    const attribute = this.attribute(name, AttributeType.STRING);
    return attribute ? new TextDecoder().decode(attribute.s) : otherwise;
  }

  /**
   * What a table has for the name in a text attribute.
   * @throws GradlensError `unsupported-op` with the names that the table knows
   */
  choice<T>(name: string, otherwise: string, table: Readonly<Record<string, T>>): T {
    const chosen = this.string(name, otherwise);
    const found = Object.hasOwn(table, chosen) ? table[chosen] : undefined;
    if (found === undefined) throw unsupported(`its ${name} is ${quote(chosen)}`, Object.keys(table).join(', '));
    return found;
  }

  /** An attribute that is a list of numbers. */
  floats(name: string): readonly number[] | undefined {
    return this.attribute(name, AttributeType.FLOATS)?.floats;
  }

  tensor(name: string): TensorProto | undefined {
    return this.attribute(name, AttributeType.TENSOR)?.t;
  }

  private attribute(name: string, type: AttributeType): AttributeProto | undefined {
    const attribute = this.attributes.get(name);
    if (attribute && attribute.type !== type) {
      throw formatError(
        `${this.where}: its ${name} has the type ${AttributeType[attribute.type] ?? attribute.type}; ` +
          `it should be ${AttributeType[type]}`,
      );
    }
    return attribute;
  }

  /** Within 32 bits, so that sums and products of a few stay exact. */
  private whole(name: string, value: bigint): number {
    const number = Number(value);
    if (Math.abs(number) > 2 ** 31) throw formatError(`${this.where}: its ${name} is ${value}, beyond 32 bits`);
    return number;
  }
}

/**
 * This node cannot be imported. The reader collects these, so that a model is refused once, with the whole list.
 * @param reason what the node has: `its axis is 2`
 * @param supported what it could have instead, or where else to begin: `1`
 */
export function unsupported(reason: string, supported: string): GradlensError {
  return new GradlensError('unsupported-op', `${reason}; supported: ${supported}`);
}

/** @throws GradlensError `model-format` where a weight is no vector of this length. */
export function checkVector(call: Call, role: string, weight: Weight | undefined, length: number): void {
  if (weight && (weight.shape.length !== 1 || weight.shape[0] !== length)) {
    throw formatError(`${call.where}: its ${role} has the shape [${weight.shape}]; it should be [${length}]`);
  }
}

/** The node that gives the tensor `x` other extents. */
function reshaping(x: string, from: Extents, to: Extents): Unnamed {
  const { C, H, W } = to;
  const inputs = [x];
  if (sameExtents(from, to)) return { op: 'identity', inputs };
  return H === 1 && W === 1 ? { op: 'flatten', inputs } : { op: 'reshape', inputs, extents: [C, H, W] };
}

/** Name and the first input, as every node of one input has them. */
export function unary(call: Call): { readonly name: string; readonly inputs: readonly string[] } {
  return { name: call.name, inputs: call.inputs.slice(0, 1) };
}

/** ONNX's own operators bear no domain, or its default one. */
export function operatorName({ domain, opType }: NodeProto): string {
  return domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`;
}
