/** What stands for other nodes: `If` and `Loop` whose conditions are known, lists, fused operators, old forms. */
import type { GraphProto, NodeProto } from 'onnx-buf';
import { formatError, quote } from '../checks';
import { operatorName, unsupported, type Call, type Operators } from './call';
import { decode } from './fold/numbers';
import { unfused } from './fused';
import { renamed } from './inline';
import { listing, Lists } from './lists';
import { modernized } from './older';
import { rewritten } from './rewritten';
import { NODE, nodeOf, tensorOf, type Replacement } from './standIns';

/** An attribute of our own: which round of a loop comes next. */
const ROUND = 'gradlens: round';

/** Operators that {@link Branches} replaces: they are never translated themselves. */
export const branching: Operators = {
  If: { attributes: ['then_branch', 'else_branch'], inputs: [1, 1], severalOutputs: true },
  Loop: { attributes: ['body', ROUND], inputs: [2, Infinity], severalOutputs: true },
  ...listing,
};

/** How often a loop may be gone through; each time its nodes are written out. */
const MOST_ROUNDS = 256;

export class Branches {
  private readonly lists = new Lists();

  /** The nodes that a node stands for; undefined if it stands for itself. */
  replacementOf(node: NodeProto, call: Call): Replacement | undefined {
    const name = operatorName(node);
    if (name === 'If') return branchOf(node, call);
    if (name === 'Loop') return roundOf(node, call);
    return (
      this.lists.replacementOf(node, call) ??
      unfused(name, node, call) ??
      rewritten(name, node, call) ??
      (call.model.opset < 7 ? modernized(name, node, call) : undefined)
    );
  }
}

/** Whether a constant says yes; of the image, no constant does. */
function isTrue(call: Call, index: number): boolean {
  const condition = call.constant(index);
  if (!condition)
    throw unsupported(`its condition ${quote(call.inputs[index])} is computed from the image`, 'a constant');
  return Boolean(decode(condition).data[0]);
}

/** The branch that is taken, whose results bear the names of the node's. */
function branchOf(node: NodeProto, call: Call): Replacement {
  const taken = isTrue(call, 0) ? 'then_branch' : 'else_branch';
  const graph = node.attribute.find(({ name }) => name === taken)?.g;
  if (!graph) throw formatError(`${call.where}: has no ${taken}`);
  const ends = node.output.flatMap((name, k) => {
    const result = graph.output[k]?.name;
    return name === '' || result === undefined ? [] : nodeOf('Identity', [result], [name]);
  });
  return { nodes: [...graph.node, ...ends], initializers: graph.initializer };
}

/**
 * One round of a loop, and the loop of those that are left, whose condition the round makes. What the body collects
 * would be lists of as many tensors as there are rounds.
 */
function roundOf(node: NodeProto, call: Call): Replacement {
  const [count = '', condition = '', ...carried] = node.input;
  const body = node.attribute.find(({ name }) => name === 'body')?.g;
  if (!body) throw formatError(`${call.where}: has no body`);
  if (body.output.length !== carried.length + 1 || body.input.length !== carried.length + 2)
    throw unsupported('it collects what each round makes', 'what the last round leaves');
  const round = call.int(ROUND, 0);
  const [rounds = Infinity] = call.integers(0) ?? [];
  const goesOn = round < rounds && (condition === '' || isTrue(call, 1));
  const ends = (names: readonly string[]): NodeProto[] =>
    node.output.flatMap((name, k) => (name === '' ? [] : nodeOf('Identity', [names[k]!], [name])));
  if (!goesOn) return { nodes: ends(carried) };
  if (round >= MOST_ROUNDS) throw unsupported(`it goes more than ${MOST_ROUNDS} rounds`, 'fewer');

  call.model.spend(NODE * (body.node.length + 1));
  const prefix = `${node.output.find(Boolean) ?? ''}/${round}`;
  const outer = new Set(capturedBy(body));
  const given = new Map(
    body.input.map(({ name }, k) => [name, [`${prefix}/round`, condition || `${prefix}/condition`, ...carried][k]!]),
  );
  const rename = (name: string): string =>
    name === '' || outer.has(name) ? name : (given.get(name) ?? `${prefix}/${name}`);
  const initializers = [
    tensorOf(`${prefix}/round`, [], [round], true),
    tensorOf(`${prefix}/condition`, [], [1], true),
    ...body.initializer.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
  ];
  const rest = nodeOf('Loop', [count, ...body.output.map(({ name }) => rename(name))], node.output, {
    [ROUND]: round + 1,
  });
  rest.attribute.push(...node.attribute.filter(({ name }) => name === 'body'));
  const nodes = body.node.map((inner) => renamed(inner, rename, (attribute) => attribute));
  return { nodes: [...nodes, rest], initializers };
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
