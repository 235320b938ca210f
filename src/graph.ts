/**
 * The Graph: a ConvNet as pure data. Nodes are in topological order, each writes one tensor, and the tensor bears the
 * node's name. Shapes leave the batch out: every tensor is `C×H×W`, a vector of F elements is `F×1×1`.
 */
import { GradlensError } from './errors';
import type { GraphNode } from './ops';
import type { InputSpec, PreparationGuess } from './options';
import type { Extents, Weight } from './shape';

export type { GraphNode } from './ops';
export type { InputSpec, PreparationGuess, PresetName } from './options';
export type { Axis, Extents, Pads, Pair, Triple, Weight, Window } from './shape';

export interface Graph {
  readonly name: string;
  readonly input: { readonly name: string; readonly extents: Extents };
  readonly nodes: readonly GraphNode[];
  /** The tensor of the class scores. */
  readonly output: string;
  readonly weights: ReadonlyMap<string, Weight>;
}

/** What a model file holds: the graph, and what a graph does not say. */
export interface ModelFile {
  readonly graph: Graph;
  /** Absent where the file does not say (ONNX). */
  readonly input?: InputSpec;
  /** Only where `input` is absent. */
  readonly guess?: PreparationGuess;
  /** Names of the classes, in score order; empty where unknown. */
  readonly labels: readonly string[];
  readonly provenance: Readonly<Record<string, unknown>>;
}

/**
 * What follows a tensor, as a graph that takes it as input.
 *
 * @throws GradlensError `shape` if something after the tensor also reads what came before it
 */
export function graphAfter(graph: Graph, tensor: string, extents: Extents): Graph {
  const after = new Set([tensor]);
  const constant = new Set<string>();
  for (const { name, inputs } of graph.nodes) {
    if (inputs.some((input) => after.has(input))) after.add(name);
    else if (inputs.every((input) => constant.has(input))) constant.add(name);
  }
  const nodes = graph.nodes.filter(({ name }) => name !== tensor && (after.has(name) || constant.has(name)));
  const around = nodes.find(({ inputs }) => !inputs.every((input) => after.has(input) || constant.has(input)));
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
