/**
 * The networks that are measured, built here with seeded random weights: speed does not depend on what a network has
 * learnt, and so nothing has to be downloaded. He-uniform weights keep activations and gradients at the size that
 * trained ones have.
 */
import { forwardFlops } from '../src/compile/flops';
import type { Extents, Graph, GraphNode, Weight, Window } from '../src/graph';
import type { MaxPoolNode } from '../src/ops/maxPool';
import { elements, slide } from '../src/shape';

export const NETWORKS = {
  /**
   * The network of the paper (§2): conv64-conv256-conv256-conv256-conv256-full4096-full4096-full1000, by our reading.
   */
  paper: () =>
    build('paper', 224, 1, (net) =>
      net
        .conv(64, 11, 4, 2)
        .pool(3)
        .conv(256, 5, 1, 2)
        .pool(3)
        .conv(256, 3)
        .conv(256, 3)
        .conv(256, 3)
        .pool(3)
        .full(4096)
        .full(4096)
        .scores(1000),
    ),
  /** As in torchvision: one tower, no local response normalisation. */
  alexnet: () =>
    build('alexnet', 224, 2, (net) =>
      net
        .conv(64, 11, 4, 2)
        .pool(3)
        .conv(192, 5, 1, 2)
        .pool(3)
        .conv(384, 3)
        .conv(256, 3)
        .conv(256, 3)
        .pool(3)
        .full(4096)
        .full(4096)
        .scores(1000),
    ),
  vgg16: () =>
    build('vgg16', 224, 3, (net) => {
      for (const [channels, layers] of [
        [64, 2],
        [128, 2],
        [256, 3],
        [512, 3],
        [512, 3],
      ] as const) {
        for (let k = 0; k < layers; k++) net.conv(channels, 3);
        net.pool(2);
      }
      return net.full(4096).full(4096).scores(1000);
    }),
  /** SqueezeNet 1.1. */
  squeezenet: () =>
    build('squeezenet', 224, 4, (net) => {
      net
        .conv(64, 3, 2, 0)
        .pool(3, true)
        .fire(16, 64)
        .fire(16, 64)
        .pool(3, true)
        .fire(32, 128)
        .fire(32, 128)
        .pool(3, true);
      return net.fire(48, 192).fire(48, 192).fire(64, 256).fire(64, 256).conv(1000, 1, 1, 0).average();
    }),
  /** A VGG for 64 × 64 pixels, which a software adapter can still finish. */
  small: () =>
    build('small', 64, 5, (net) =>
      net
        .conv(32, 3)
        .conv(32, 3)
        .pool(2)
        .conv(64, 3)
        .conv(64, 3)
        .pool(2)
        .conv(128, 3)
        .conv(128, 3)
        .pool(2)
        .full(256)
        .scores(10),
    ),
  /** For tests of the benchmark itself. */
  tiny: () => build('tiny', 32, 6, (net) => net.conv(16, 3).pool(2).conv(32, 3).pool(2).scores(10)),
} as const satisfies Record<string, () => Graph>;

export type NetworkName = keyof typeof NETWORKS;

export const networkNames = Object.keys(NETWORKS) as NetworkName[];

/** Extents of every tensor of a graph, by name. */
export function extentsOf({ input, nodes, weights }: Graph): ReadonlyMap<string, Extents> {
  const extents = new Map<string, Extents>([[input.name, input.extents]]);
  for (const node of nodes) {
    const inputs = node.inputs.map((name) => extents.get(name)!);
    const [x] = inputs as [Extents];
    extents.set(node.name, outputOf(node, x, inputs, weights));
  }
  return extents;
}

function outputOf(node: GraphNode, x: Extents, inputs: readonly Extents[], weights: Graph['weights']): Extents {
  switch (node.op) {
    case 'conv':
    case 'maxPool':
    case 'averagePool': {
      const { P, Q } = slide(node.name, node, x, 'ceil' in node && node.ceil);
      return { C: node.op === 'conv' ? weights.get(node.weight)!.shape[0]! : x.C, H: P, W: Q };
    }
    case 'fullyConnected':
      return { C: weights.get(node.weight)!.shape[0]!, H: 1, W: 1 };
    case 'globalAveragePool':
      return { C: x.C, H: 1, W: 1 };
    case 'flatten':
      return { C: elements(x), H: 1, W: 1 };
    case 'concat':
      return { ...x, C: inputs.reduce((sum, { C }) => sum + C, 0) };
    default:
      return x;
  }
}

/**
 * What is timed: scores only; scores and the input gradient of one class per picture; or an iteration of gradient
 * ascent on the input (§2).
 */
export const whats = ['forward', 'gradient', 'class-model'] as const;
export type What = (typeof whats)[number];

/** What activations and weights are stored in. */
export const precisions = ['f32', 'f16'] as const;
export type Precision = (typeof precisions)[number];

/** Of one stored number. */
export const BYTES: Readonly<Record<Precision, number>> = { f32: 4, f16: 2 };

/** Bytes of all parameters, each once. */
export const weightBytesOf = ({ weights }: Graph, precision: Precision): number =>
  BYTES[precision] * [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);

/**
 * Floating-point operations of one timed call. Contenders that do more (zeros between the pixels of a strided
 * convolution) or less (Winograd) are credited with this number, too.
 */
export const flopsOf = (graph: Graph, what: What, batch: number): number =>
  forwardFlops(graph) * batch * (what === 'forward' ? 1 : 2);

/** A batch of noise, `[N, C, H, W]`, in the range of normalised pixels. */
export function inputFor({ input }: Graph, batch: number): Float32Array {
  return uniform(randomFrom(99), batch * elements(input.extents), 1.7);
}

/** A class for every picture of the batch, spread over all of them. */
export function classesFor(graph: Graph, batch: number): number[] {
  const classes = extentsOf(graph).get(graph.output)!.C;
  return Array.from({ length: batch }, (_, n) => (n * 7 + 3) % classes);
}

// ——— building ———

/** A chain of layers that grows. */
interface Builder {
  conv(channels: number, size: number, stride?: number, pad?: number): Builder;
  pool(size: 2 | 3, ceil?: boolean): Builder;
  full(features: number): Builder;
  scores(classes: number): Builder;
  average(): Builder;
  /** SqueezeNet's module: `squeeze` 1×1 channels, then `expand` 1×1 beside `expand` 3×3. */
  fire(squeeze: number, expand: number): Builder;
}

function build(name: string, size: number, seed: number, layers: (net: Builder) => Builder): Graph {
  const input = { name: 'image', extents: { C: 3, H: size, W: size } };
  const nodes: GraphNode[] = [];
  const weights = new Map<string, Weight>();
  const random = randomFrom(seed);
  let last = { name: input.name, extents: input.extents as Extents };

  const add = (node: GraphNode): void => {
    nodes.push(node);
    const inputs = [last.extents];
    last = { name: node.name, extents: outputOf(node, last.extents, inputs, weights) };
  };
  const parameters = (layer: string, shape: readonly [number, ...number[]]): { weight: string; bias: string } => {
    const [O] = shape;
    const count = shape.reduce((product, extent) => product * extent, 1);
    weights.set(`${layer}.weight`, { shape, data: uniform(random, count, Math.sqrt((6 * O) / count)) });
    weights.set(`${layer}.bias`, { shape: [O], data: uniform(random, O, 0.1) });
    return { weight: `${layer}.weight`, bias: `${layer}.bias` };
  };
  const conv = (layer: string, channels: number, size: number, stride: number, pad: number): void => {
    const window: Window = { kernel: [size, size], stride: [stride, stride], pads: [pad, pad, pad, pad] };
    add({
      op: 'conv',
      name: layer,
      inputs: [last.name],
      ...window,
      ...parameters(layer, [channels, last.extents.C, size, size]),
    });
    add({ op: 'relu', name: `${layer}.relu`, inputs: [last.name] });
  };
  const full = (features: number): void => {
    const layer = `fc${nodes.length}`;
    add({
      op: 'fullyConnected',
      name: layer,
      inputs: [last.name],
      ...parameters(layer, [features, elements(last.extents)]),
    });
  };

  const net: Builder = {
    conv(channels, size, stride = 1, pad = (size - 1) / 2) {
      conv(`conv${nodes.length}`, channels, size, stride, pad);
      return net;
    },
    pool(size, ceil = false) {
      const node: MaxPoolNode = {
        op: 'maxPool',
        name: `pool${nodes.length}`,
        inputs: [last.name],
        kernel: [size, size],
        stride: [2, 2],
        ceil,
      };
      add(node);
      return net;
    },
    full(features) {
      full(features);
      add({ op: 'relu', name: `relu${nodes.length}`, inputs: [last.name] });
      return net;
    },
    scores(classes) {
      full(classes);
      return net;
    },
    average() {
      add({ op: 'globalAveragePool', name: 'average', inputs: [last.name] });
      return net;
    },
    fire(squeeze, expand) {
      const fire = `fire${nodes.length}`;
      conv(`${fire}.squeeze`, squeeze, 1, 1, 0);
      const squeezed = last;
      const branches = [1, 3].map((size) => {
        last = squeezed;
        conv(`${fire}.expand${size}`, expand, size, 1, (size - 1) / 2);
        return last;
      });
      nodes.push({ op: 'concat', name: `${fire}.concat`, inputs: branches.map((branch) => branch.name) });
      last = { name: `${fire}.concat`, extents: { ...squeezed.extents, C: 2 * expand } };
      return net;
    },
  };
  layers(net);
  return { name, input, nodes, output: last.name, weights };
}

/** Numbers in [0, 1) by xorshift32: fast enough for the 138 million weights of VGG-16, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** `count` numbers spread evenly over [−bound, bound). */
function uniform(random: () => number, count: number, bound: number): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = (random() * 2 - 1) * bound;
  return values;
}
