import { CURVES, treatsAllAlike } from '../../../shaders/curves';
import { FORMULAS } from '../../../shaders/formulas';
import type { Extents, Graph, GraphNode, Weight } from '../../graph';
import type { AffineNode } from '../../ops/affine';
import type { Triple } from '../../shape';

/**
 * tf2onnx keeps TensorFlow's order of pictures, `[N, H, W, C]`, and turns it in the first node, or after arithmetic
 * that prepares the pictures (Keras' Rescaling and Normalization). Where that is all that reads the picture, the
 * turning is dropped and the arithmetic turned: outside of a network of ours, as inside ONNX, pictures are
 * `[N, C, H, W]`.
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
    node.name !== output &&
    ((node.op === 'transpose' && node.order.join() === 'W,C,H') ||
      (node.op === 'reshape' && C === 1 && node.extents.join() === [C, H, W].join()));

  // what computes element by element before the turning, one after the other
  const before: GraphNode[] = [];
  let last = name;
  for (;;) {
    const readers = nodes.filter(({ inputs }) => inputs.includes(last));
    if (readers.length > 0 && readers.every(turns)) break;
    const [next, second] = readers;
    if (!next || second || next.name === output || !isElementwise(next)) return graph;
    before.push(next);
    last = next.name;
  }
  const dropped = new Set(nodes.filter((node) => node.inputs.includes(last)).map((node) => node.name));
  const weights = new Map(graph.weights);
  const turnedNodes = new Map(before.map((node) => [node.name, turned(node, { C, H, W }, weights)]));
  return {
    ...graph,
    input: { name, extents: { C, H, W } },
    nodes: nodes
      .filter((node) => !dropped.has(node.name))
      .map((node) => turnedNodes.get(node.name) ?? node)
      .map((node) => ({ ...node, inputs: node.inputs.map((read) => (dropped.has(read) ? last : read)) })),
    weights,
  };
}

/**
 * A map of scores at the end of such a network, `[N, H, W, K]`, as one `[N, K, H, W]`; one of one place stays as it is.
 * A soft-max or sigmoid stays its end.
 */
export function mapFirst(
  graph: Graph,
  { C: H, H: W, W: K }: Extents,
): { readonly graph: Graph; readonly extents: Extents } {
  const { nodes, output } = graph;
  if ((H === 1 && W === 1) || !isTurnedBack(graph, [H, W, K], output)) return { graph, extents: { C: H, H: W, W: K } };
  const name = `${output}/channels first`;
  const turn = (read: string): GraphNode => ({ op: 'transpose', name, inputs: [read], order: ['W', 'C', 'H'] });
  const last = nodes.find((node) => node.name === output)!;
  const extents = { C: K, H, W };
  if (last.op === 'sigmoid' || ((last.op === 'softmax' || last.op === 'logSoftmax') && last.axis === 'W')) {
    const head: GraphNode = { op: last.op, name: output, inputs: [name] };
    const others = nodes.filter((node) => node !== last);
    return { graph: { ...graph, nodes: [...others, turn(last.inputs[0]!), head] }, extents };
  }
  return { graph: { ...graph, nodes: [...nodes, turn(output)], output: name }, extents };
}

/** Whether a tensor has its channels last: it was turned back, and then computed with element by element at most. */
function isTurnedBack(graph: Graph, extents: Triple, name: string): boolean {
  const node = graph.nodes.find((node) => node.name === name);
  if (!node) return false;
  if (node.op === 'transpose') return node.order.join() === 'H,W,C';
  // one channel changes no order
  if (node.op === 'reshape') return extents[2] === 1 && node.extents.join() === extents.join();
  return KEEPS_PLACES.has(node.op) && node.inputs.some((read) => isTurnedBack(graph, extents, read));
}

/** What computes each element, or each list of scores, where it is. */
const KEEPS_PLACES: ReadonlySet<string> = new Set([
  ...Object.keys(CURVES),
  ...Object.keys(FORMULAS),
  'add',
  'affine',
  'identity',
  'logSoftmax',
  'multiply',
  'relu',
  'softmax',
]);

/** Of one input, each element by itself, with parameters that can be turned. */
const isElementwise = ({ op, inputs }: GraphNode): boolean =>
  inputs.length === 1 && (op === 'identity' || op === 'affine' || treatsAllAlike(op));

interface Picture {
  readonly C: number;
  readonly H: number;
  readonly W: number;
}

/** The node as it is where channels come first; its parameters are added to the weights. */
function turned(node: GraphNode, picture: Picture, weights: Map<string, Weight>): GraphNode {
  if (node.op !== 'affine') return node;
  const [scale, bias] = [node.scale, node.bias].map((name) => {
    if (name === undefined) return undefined;
    const own = `${name} (channels first)`;
    weights.set(own, turnedWeight(weights.get(name)!, picture));
    return own;
  });
  const { scale: _, bias: __, ...rest } = node;
  const parameters: Pick<AffineNode, 'scale' | 'bias'> = {
    ...(scale !== undefined && { scale }),
    ...(bias !== undefined && { bias }),
  };
  return { ...rest, ...parameters };
}

/** `[H, W, C]`, or `[H]` for whole rows, as `[C, H, W]`; as `[C]` where it is the same at all places. */
function turnedWeight({ shape, data }: Weight, { C, H, W }: Picture): Weight {
  const at = (c: number, h: number, w: number): number => data[shape.length === 1 ? h : (h * W + w) * C + c]!;
  const whole = Float32Array.from({ length: C * H * W }, (_, i) =>
    at(Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W),
  );
  const channel = Float32Array.from({ length: C }, (_, c) => whole[c * H * W]!);
  const isPerChannel = whole.every((value, i) => value === channel[Math.floor(i / (H * W))]);
  return isPerChannel ? { shape: [C], data: channel } : { shape: [C, H, W], data: whole };
}
