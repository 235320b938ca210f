import type { NodeProto } from 'onnx-buf';
import { GradlensError } from '../../errors';
import type { GraphNode } from '../../graph';
import { formatError, quote } from '../checks';
import {
  Call,
  operatorName,
  type Operator,
  unsupported,
  type Surroundings,
  type Translation,
  type Unnamed,
} from './call';
import { Branches, readsOf } from './branches';
import { constantsOf } from './constants';
import { isQuantizing } from './quantizing';
import { folds } from './fold';
import { isFused } from './fused';
import type { GraphInput } from './input';
import { operators } from './operators';
import { refused } from './refused';
import type { Constant } from './tensors';
import { product, type Value } from './value';

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
 * @throws GradlensError `unsupported-op` listing every node that cannot be imported; only where there is none, the
 *   first other fault.
 */
export function translate(
  nodes: readonly NodeProto[],
  input: GraphInput,
  given: readonly Constant[],
  model: Pick<Surroundings, 'opset' | 'output' | 'weight' | 'checkShape'> & {
    /** Is told how many elements folding made. */
    readonly made: (elements: number) => void;
  },
): Translated {
  const values = new Map<string, Value>([[input.name, input.value]]);
  const constants = new Map<string, Constant>(given.map((constant) => [constant.name, constant]));
  const translated = new Map<string, GraphNode>();
  const budget = FREE_NUMBERS + 4 * given.reduce((sum, { tensor }) => sum + product(tensor.dims.map(Number)), 0);
  let spent = 0;
  const notes = new Set<string>();
  const surroundings: Surroundings = {
    ...model,
    batch: input.batch,
    values,
    constants,
    translated,
    codes: new Map(),
    pools: new Map(),
    emit: emitter(nodes, translated, values, constants),
    note: (words) => notes.add(words),
    spend(count) {
      spent += count;
      if (!(spent <= budget))
        throw formatError(
          `onnx: computing with its constants takes more than ${budget} numbers, far more than the file holds; ` +
            'save it with its constants folded (onnxsim, or torch.onnx.export with do_constant_folding)',
        );
    },
  };
  /** A node of constants alone that nothing folds is computed as any other, of its first constant as a tensor. */
  const computing = (node: NodeProto, call: Call): Call => {
    const [first] = node.input;
    if (!first || node.input.some((name) => name !== '' && !constants.has(name))) return call;
    if (!operators.get(operatorName(node))?.translate) return call;
    const [name, value] = call.constantTensor(constants.get(first)!);
    values.set(name, value);
    return new Call({ ...node, input: [name, ...node.input.slice(1)] }, surroundings);
  };

  const read = new Set(nodes.flatMap(numbersRead));
  const unknown: UnsupportedNode[] = [];
  const lost = new Set<string>(); // tensors behind a fault: their nodes are only looked up
  let fault: unknown;

  const branches = new Branches();
  const walk = (node: NodeProto): void => {
    const call = new Call(node, surroundings);
    try {
      const isLost = fault !== undefined || readsOf(node).some((name) => lost.has(name));
      const replacement = isLost ? undefined : branches.replacementOf(node, call);
      if (replacement) {
        for (const tensor of replacement.initializers ?? []) constants.set(tensor.name, { name: tensor.name, tensor });
        replacement.nodes.flatMap(numbersRead).forEach((name) => read.add(name));
        replacement.nodes.forEach(walk);
        return;
      }
      const operator = lookUp(node, call, { read, isLost });
      if (isLost) return node.output.forEach((name) => lost.add(name));
      const made = constantsOf(node, call);
      if (made)
        made.forEach((constant, k) => {
          constants.set(node.output[k] ?? '', constant);
          if (!given.includes(constant)) model.made(product(constant.tensor.dims.map(Number)));
        });
      else
        translationsOf(operator, operatorName(node), computing(node, call)).forEach(([translation, value], i) => {
          const name = node.output[i]!;
          if (name === '') return;
          translated.set(name, { ...translation, name });
          values.set(name, value);
          model.checkShape(name, value);
        });
    } catch (error) {
      if (error instanceof GradlensError && error.code === 'unsupported-op')
        unknown.push({ name: call.name, op: operatorName(node), reason: error.message });
      else fault ??= error;
      node.output.forEach((name) => lost.add(name));
    }
  };
  nodes.forEach(walk);
  if (unknown.length > 0) throw refusal(unknown);
  if (fault) throw fault;
  return { nodes: translated, values, constants, notes: [...notes] };
}

/** What a graph becomes. */
export interface Translated {
  /** Ours, by name and in order. */
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /** Activations, by ONNX's names. */
  readonly values: ReadonlyMap<string, Value>;
  readonly constants: ReadonlyMap<string, Constant>;
  /** Sentences for people. */
  readonly notes: readonly string[];
}

/**
 * Numbers that folding may make of nothing, whatever the file holds: about a second of work. Copies of one number, as
 * ConstantOfShape makes them, count a 256th, so that a VGG-19 whose weights are made so is read.
 */
const FREE_NUMBERS = 2 ** 20;

/** What a node reads; indices of a MaxPool are no numbers to MaxUnpool, which knows the pool by their name. */
const numbersRead = (node: NodeProto): readonly string[] =>
  operatorName(node) === 'MaxUnpool' ? node.input.toSpliced(1, 1) : readsOf(node);

/** What can be said without knowing any value; undefined for what only constants pass through. */
function lookUp(
  node: NodeProto,
  call: Call,
  { read, isLost }: { readonly read: ReadonlySet<string>; readonly isLost: boolean },
): Operator | undefined {
  const name = operatorName(node);
  const operator = operators.get(name);
  // behind a fault nothing has taken the place of fused nodes and of old forms, whose attributes are others
  if (isFused(name) || (isLost && call.model.opset < 7)) return operator;
  if (operator) call.checkKnown(operator.attributes ?? [], operator.inputs);
  else if (isQuantizing(name)) throw unsupported('it computes with quantized numbers', 'the float32 file');
  else if (/^com\.(microsoft|ms)\./.test(name))
    throw unsupported("the operator is ONNX Runtime's own", 'the file that was given to its optimizer');
  else if (!folds.has(name)) throw refused(name);
  const second = operator?.severalOutputs
    ? undefined
    : node.output.slice(1).find((output) => output !== '' && read.has(output));
  if (second !== undefined) throw unsupported(`its output ${quote(second)} is read`, 'reading its first output');
  return operator;
}

function translationsOf(operator: Operator | undefined, name: string, call: Call): readonly Translation[] {
  if (!operator?.translate) throw refused(name, call.computedInput());
  const translated = operator.translate(call);
  return isSeveral(translated) ? translated : [translated];
}

const isSeveral = (translated: Translation | readonly Translation[]): translated is readonly Translation[] =>
  Array.isArray(translated[0]);

/** Nodes that stand before a translated one, under names that the file does not use. */
function emitter(
  nodes: readonly NodeProto[],
  translated: Map<string, GraphNode>,
  ...known: readonly ReadonlyMap<string, unknown>[]
): (node: Unnamed, name: string) => string {
  const written = new Set(nodes.flatMap((node) => node.output));
  return (node, name) => {
    const isTaken = (candidate: string): boolean =>
      written.has(candidate) || translated.has(candidate) || known.some((names) => names.has(candidate));
    let own = `${name}/${node.op}`;
    for (let k = 2; isTaken(own); k++) own = `${name}/${node.op}${k}`;
    translated.set(own, { ...node, name: own });
    return own;
  };
}

function refusal(nodes: readonly UnsupportedNode[]): GradlensError {
  const quantizing = [...new Set(nodes.map(({ op }) => op).filter(isQuantizing))];
  if (quantizing.length > 0)
    return new GradlensError(
      'unsupported-op',
      `onnx: the activations of this file are quantised; take the float32 file (it has ${quantizing.join(', ')})`,
      { nodes },
    );
  const shown = nodes.slice(0, 50).map(({ name, op, reason }) => `\n  ${op} ${quote(name)}: ${reason}`);
  if (nodes.length > shown.length) shown.push(`\n  and ${nodes.length - shown.length} more`);
  const count = nodes.length === 1 ? 'one node is' : `${nodes.length} nodes are`;
  return new GradlensError(
    'unsupported-op',
    `onnx: ${count} not supported (README.md lists the operators):${shown.join('')}`,
    { nodes },
  );
}
