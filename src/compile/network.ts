/** A graph on its way through the rewrites: its nodes may now carry a ReLU, and begin with the image. */
import { GradlensError } from '../errors';
import { type Extents, type Graph, type GraphNode, type Weight, assertTensor, dependents } from '../graph';
import type { InternalNode } from '../ops';
import type { Layer as LayerOf } from '../ops/op';

/** A node as it is compiled. */
export type Layer<N = GraphNode | InternalNode> = LayerOf<N>;

export interface Network {
  readonly name: string;
  readonly input: Graph['input'];
  readonly layers: readonly Layer[];
  readonly output: string;
  /** Tensors beside the output that must stay: by the name that the graph has for each, the one that it has here. */
  readonly kept: ReadonlyMap<string, string>;
  readonly weights: ReadonlyMap<string, Weight>;
}

/** Whether a tensor is read from outside, so that nothing may take it away. */
export const isKept = ({ output, kept }: Network, name: string): boolean =>
  name === output || [...kept.values()].includes(name);

/**
 * What cuts a layer's output as it is stored, or in a ReLU's own kernel: its gradient is masked by one bit per element.
 */
export const cutOf = ({ op, relu, clip }: Layer): 'relu' | 'clip' | 'none' =>
  relu || op === 'relu' ? 'relu' : clip ? 'clip' : 'none';

/** One change of a network that leaves its function as it is. */
export type Rewrite = (network: Network) => Network;

/** What differentiating a layer adds to its name; with `d.` before it, the name of its gradient. */
const OWN_SUFFIXES = [
  'bits',
  'switches',
  'partial',
  'affine',
  'blocks',
  'mask',
  'scales',
  'axes',
  'rows',
  'statistics',
  'sums',
  'places',
  'squares',
  'report',
];

/**
 * @param kept tensors beside the output that must stay
 * @throws GradlensError `model-format` if a name is missing, used twice, or used before it is written.
 */
export function networkOf(graph: Graph, kept: readonly string[] = []): Network {
  const written = new Set([graph.input.name]);
  for (const node of graph.nodes) {
    const missing = node.inputs.find((name) => !written.has(name));
    if (missing !== undefined)
      throw new GradlensError('model-format', `${node.name} reads '${missing}', which no node before it writes`, {
        node: node.name,
        missing,
      });
    if (node.inputs.length === 0 && node.op !== 'constant')
      throw new GradlensError('model-format', `${node.name} has no input`, { node: node.name });
    if (written.has(node.name))
      throw new GradlensError('model-format', `two nodes write '${node.name}'; names must be unique`, {
        node: node.name,
      });
    written.add(node.name);
  }
  for (const tensor of kept) assertTensor(graph, tensor);
  for (const name of written) {
    const own = [`d.${name}`, ...OWN_SUFFIXES.map((suffix) => `${name}.${suffix}`)].find((other) => written.has(other));
    if (own !== undefined)
      throw new GradlensError(
        'model-format',
        `the name '${own}' is one that gradlens gives to a tensor of '${name}'; rename the node`,
        { node: own },
      );
  }
  if (!written.has(graph.output) || graph.output === graph.input.name) {
    throw new GradlensError('model-format', `the output '${graph.output}' is not written by any node`, {
      output: graph.output,
    });
  }
  if (!dependents(graph.input.name, graph.nodes).has(graph.output)) {
    throw new GradlensError('model-format', `the output '${graph.output}' does not depend on '${graph.input.name}'`, {
      output: graph.output,
    });
  }
  const { name, input, nodes, output, weights } = graph;
  return { name, input, layers: nodes, output, kept: new Map(kept.map((tensor) => [tensor, tensor])), weights };
}

/** Tensors and all that they depend on, the input among them. */
export function upstreamOf({ layers }: Pick<Network, 'layers'>, tensors: Iterable<string>): ReadonlySet<string> {
  const found = new Set(tensors);
  for (const { name, inputs } of [...layers].reverse())
    if (found.has(name)) inputs.forEach((input) => found.add(input));
  return found;
}

/** Every layer that reads a tensor, once per reading. */
export function readersOf({ layers }: Pick<Network, 'layers'>): ReadonlyMap<string, readonly Layer[]> {
  const readers = new Map<string, Layer[]>();
  for (const layer of layers) for (const name of layer.inputs) readers.set(name, [...(readers.get(name) ?? []), layer]);
  return readers;
}

/** Takes layers out, their readers reading `replacement` instead. */
export function without(network: Network, replacement: ReadonlyMap<string, string>): Network {
  const resolve = (name: string): string => (replacement.has(name) ? resolve(replacement.get(name)!) : name);
  return {
    ...network,
    output: resolve(network.output),
    kept: new Map([...network.kept].map(([asked, name]) => [asked, resolve(name)])),
    layers: network.layers
      .filter(({ name }) => !replacement.has(name))
      .map((layer) => ({ ...layer, inputs: layer.inputs.map(resolve) })),
  };
}

export type ExtentsByName = ReadonlyMap<string, Extents>;
