/**
 * The Graph: a ConvNet as pure data. Nodes are in topological order, each writes one tensor, and the tensor bears the
 * node's name. Shapes leave the batch out: every tensor is `C×H×W`, a vector of F elements is `F×1×1`.
 */
import { GradlensError } from './errors';
import type { GraphNode } from './ops';
import type { Head, InputSpec, PreparationGuess } from './options';
import type { Extents, Weight } from './shape';

export type { GraphNode } from './ops';
export type { Head, HeadKind, InputSpec, PreparationGuess, PresetName, ReadingOptions } from './options';
export type { Axis, Extents, Pads, Pair, Triple, Weight, Window } from './shape';

/** A network as pure data. */
export interface Graph {
  /** For messages and labels. */
  readonly name: string;
  /** The picture, prepared: its name and its extents for one item. */
  readonly input: {
    /** Of its tensor. */
    readonly name: string;
    /** For one item. */
    readonly extents: Extents;
  };
  /** In topological order; each writes the tensor of its own name. */
  readonly nodes: readonly GraphNode[];
  /** The tensor of the class scores. */
  readonly output: string;
  /** Parameters, by the names that nodes use. */
  readonly weights: ReadonlyMap<string, Weight>;
}

/** What a model file holds: the graph, and what a graph does not say. */
export interface ModelFile {
  /** The network. */
  readonly graph: Graph;
  /** Absent where the file does not say (ONNX). */
  readonly input?: InputSpec;
  /** Only where `input` is absent. */
  readonly guess?: PreparationGuess;
  /** What makes probabilities of the scores, where that is known otherwise than from the graph's end. */
  readonly head?: Head;
  /** Names of the classes, in score order; empty where unknown. */
  readonly labels: readonly string[];
  /** Where it comes from, as the file says: data, recipe, licence. */
  readonly provenance: Readonly<Record<string, unknown>>;
  /** What was supposed where the file leaves something open, each a sentence for people. */
  readonly notes?: readonly string[];
}

/** The tensors that one of them decides, itself among them; others do not change with it. */
export function dependents(
  tensor: string,
  nodes: readonly { readonly name: string; readonly inputs: readonly string[] }[],
): ReadonlySet<string> {
  const found = new Set([tensor]);
  for (const { name, inputs } of nodes) if (inputs.some((read) => found.has(read))) found.add(name);
  return found;
}

/** @throws GradlensError `shape` for a tensor that no node writes */
export function assertTensor({ nodes }: Graph, tensor: string): void {
  if (nodes.some(({ name }) => name === tensor)) return;
  const known = nodes.map(({ name }) => name).join(', ');
  throw new GradlensError('shape', `there is no tensor '${tensor}'; there are ${known}`, { tensor });
}

/**
 * What follows a tensor, as a graph that takes it as input.
 *
 * @throws GradlensError `shape` if something after the tensor also reads what came before it
 */
export function graphAfter(graph: Graph, tensor: string, extents: Extents): Graph {
  const after = dependents(tensor, graph.nodes);
  const before = dependents(graph.input.name, graph.nodes);
  // constants are read by both sides
  const nodes = graph.nodes.filter(({ name }) => name !== tensor && (after.has(name) || !before.has(name)));
  const around = nodes.find(({ inputs }) => inputs.some((input) => before.has(input) && !after.has(input)));
  if (around || !after.has(graph.output) || graph.output === tensor) {
    throw new GradlensError(
      'shape',
      around
        ? `${around.name} goes around '${tensor}': it also reads what comes before it`
        : `the scores '${graph.output}' do not come after '${tensor}'`,
      { tensor },
    );
  }
  return { ...graph, input: { name: tensor, extents }, nodes };
}

/** A network's end. */
export interface GraphEnd {
  /** The tensor of the scores, before the head. */
  readonly score: string;
  /** What makes probabilities of them; undefined where nothing does. */
  readonly op?: 'softmax' | 'logSoftmax' | 'sigmoid';
}

/** A node or a layer, as far as its place in a network goes. */
type Placed = Pick<GraphNode, 'name' | 'inputs'> & { readonly op: string; readonly axis?: unknown };

/** Whether a node has the numbers of its input, in their order. */
export const renamesOnly = (op: string): boolean => op === 'identity' || op === 'flatten' || op === 'reshape';

/** A soft-max over the channels, or a sigmoid of each. */
function headOf({ op, axis = 'C' }: Placed): GraphEnd['op'] {
  if (op === 'sigmoid') return op;
  return (op === 'softmax' || op === 'logSoftmax') && axis === 'C' ? op : undefined;
}

/**
 * The head of a network, and the scores before it. What only renames numbers may follow the head, and goes with it; so
 * do identities at the very end.
 */
export function endOf(nodes: readonly Placed[], output: string): GraphEnd {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const pastIdentities = (name: string): string => {
    const node = byName.get(name);
    return node?.op === 'identity' ? pastIdentities(node.inputs[0]!) : name;
  };
  for (let node = byName.get(output); node; node = byName.get(node.inputs[0]!)) {
    const op = headOf(node);
    if (op) return { score: pastIdentities(node.inputs[0]!), op };
    if (!renamesOnly(node.op)) break;
  }
  return { score: pastIdentities(output) };
}

/** Whether two graphs are the same net: nodes, and the bits of all weights. */
export function isSameGraph(a: Graph, b: Graph): boolean {
  const textOf = ({ name, input, nodes, output }: Graph): string => JSON.stringify([name, input, nodes, output]);
  return (
    a.weights.size === b.weights.size &&
    textOf(a) === textOf(b) &&
    [...a.weights].every(([name, weight]) => isSameWeight(weight, b.weights.get(name)))
  );
}

function isSameWeight(a: Weight, b: Weight | undefined): boolean {
  if (!b || a.shape.join() !== b.shape.join() || a.data.length !== b.data.length) return false;
  const bitsOf = ({ data }: Weight): Uint32Array => new Uint32Array(data.buffer, data.byteOffset, data.length);
  const [bits, others] = [bitsOf(a), bitsOf(b)];
  for (let i = 0; i < bits.length; i++) if (bits[i] !== others[i]) return false;
  return true;
}
