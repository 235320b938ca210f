/** Scores of whatever shape as one number per class, `K×1×1`. */
import type { Extents, Graph, GraphNode, ModelFile } from '../graph';
import { endOf } from '../graph';

/**
 * A model whose output is one number per class. `[N, 1, 1, K]` and the like are K scores in another shape. Of
 * `[N, K, H, W]`, a map of scores for each class, the score of a class is the sum over its places, before the head,
 * which is one per place and so makes no probability of a sum; a place of the map is a neuron.
 *
 * @param extents those of the output
 */
export function scored(file: ModelFile, { C, H, W }: Extents): ModelFile {
  const { graph, notes = [] } = file;
  if (H === 1 && W === 1) return file;
  const add = (node: GraphNode): Graph => ({ ...graph, nodes: [...graph.nodes, node], output: node.name });
  const name = nameFor(graph, `${graph.output}/scores`);
  if ([C, H, W].filter((extent) => extent > 1).length === 1)
    return { ...file, graph: add({ op: 'flatten', name, inputs: [graph.output] }) };
  const { score } = endOf(graph.nodes, graph.output);
  return {
    ...file,
    graph: add({ op: 'reduce', name, inputs: [score], kind: 'sum', axes: ['H', 'W'] }),
    head: { kind: 'none', by: 'file', reason: `a score is the sum of a map over its ${H}×${W} places` },
    notes: [
      ...notes,
      `the output '${score}' is a map, ${C}×${H}×${W}: the score of a class is the sum over its places; a place of ` +
        `it is the neuron { tensor: '${score}', channel, y, x }`,
    ],
  };
}

function nameFor({ nodes }: Graph, wanted: string): string {
  let name = wanted;
  for (let k = 2; nodes.some((node) => node.name === name); k++) name = `${wanted}${k}`;
  return name;
}
