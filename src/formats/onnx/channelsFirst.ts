import type { Graph, GraphNode } from '../../graph';

/**
 * tf2onnx keeps TensorFlow's order of pictures, `[N, H, W, C]`, and turns it in the first node. Where that is all that
 * reads the picture, the turning is dropped: outside of a network of ours, as inside ONNX, pictures are `[N, C, H, W]`.
 */
export function channelsFirst(graph: Graph): Graph {
  const {
    input: {
      name,
      extents: { C: H, H: W, W: C },
    },
    nodes,
    output,
  } = graph;
  const turns = (node: GraphNode): boolean =>
    (node.op === 'transpose' && node.order.join() === 'W,C,H') ||
    (node.op === 'reshape' && C === 1 && node.extents.join() === [C, H, W].join());
  const readers = nodes.filter(({ inputs }) => inputs.includes(name));
  if (!readers.every((node) => turns(node) && node.name !== output)) return graph;
  const dropped = new Set(readers.map((node) => node.name));
  const kept = nodes.filter((node) => !dropped.has(node.name));
  return {
    ...graph,
    input: { name, extents: { C, H, W } },
    nodes: kept.map((node) => ({ ...node, inputs: node.inputs.map((read) => (dropped.has(read) ? name : read)) })),
  };
}
