import type { Extents, Graph, GraphNode, Pair, Pads, Weight, Window } from '../../src/graph';
import { forward } from './operators';
import type { Growing, Unnamed } from './oracle';
import { normals, randomParameter, randomWeights, seededRandom, type Random } from './random';
import { sizeOf, tensor, type Tensor } from './tensor';
import { slide } from './window';

/** For one convolution of free choice. Whole graphs then stay well below 2 MFLOP, which a test confirms. */
const CONV_FLOP_LIMIT = 2e5;

/**
 * A small valid graph of awkward shapes: odd and 1×1 planes, strides that leave a remainder, one-sided pads, dilation,
 * groups, channels that no vector width divides, tensors with several readers. One seed, one graph.
 */
export function randomGraph(seed: number): Graph {
  const random = seededRandom(seed);
  const plane = () => (random.chance(0.1) ? 1 : random.integer(5, 17));
  const net = new Builder(random, { C: random.integer(1, 6), H: plane(), W: plane() });

  const convOnly = random.chance(0.15);
  const blocks = convOnly ? [conv] : [conv, conv, residual, fire, pool, pool, standingBatchNorm, rectifyTwice, dropout];
  let x = conv(net, 'input');
  for (let block = random.integer(2, 5); block > 0; block--) x = random.pick(blocks)(net, x);
  const output = convOnly ? planeWideConv(net, x) : random.pick([planeWideConv, perceptron, pooledScores])(net, x);
  return net.graph(`random${seed}`, random.chance(0.3) ? net.add({ op: 'softmax', inputs: [output] }) : output);
}

/** Grows a graph node by node, running it as it goes: the shapes are those that come out. */
export class Builder implements Growing {
  private readonly nodes: GraphNode[] = [];
  private readonly weights = new Map<string, Weight>();
  private readonly tensors = new Map<string, Tensor>();

  constructor(
    readonly random: Random,
    private readonly input: Extents,
  ) {
    this.tensors.set('input', tensor(input, normals(random, sizeOf(input))));
  }

  add(node: Unnamed): string {
    const named: GraphNode = { ...node, name: `${node.op}${this.nodes.length}` };
    const inputs = node.inputs.map((name) => this.tensors.get(name)!);
    this.tensors.set(named.name, forward(named, inputs, this.weights));
    this.nodes.push(named);
    return named.name;
  }

  weight(weight: Weight): string {
    const name = `weight${this.weights.size}`;
    this.weights.set(name, weight);
    return name;
  }

  parameter(shape: readonly number[], draw: (random: Random) => number = (random) => random.normal()): string {
    return this.weight(randomParameter(this.random, shape, () => draw(this.random)));
  }

  extents(name: string): Extents {
    return this.tensors.get(name)!.extents;
  }

  graph(name: string, output: string): Graph {
    const { input, nodes, weights } = this;
    return { name, input: { name: 'input', extents: input }, nodes, output, weights };
  }
}

export type Block = (net: Builder, x: string) => string;

/** Any window, any groups; sometimes a batch-norm that can be folded into it. */
export const conv: Block = (net, x) => {
  const { random } = net;
  const { C, H, W } = net.extents(x);
  for (;;) {
    const groups = random.chance(0.5) ? 1 : random.pick(divisors(C));
    const O = groups * random.integer(1, Math.ceil(8 / groups));
    const window = randomWindow(random, { C, H, W });
    if (flops(window, { C, H, W }, O, groups) > CONV_FLOP_LIMIT) continue;
    const y = addConv(net, x, window, O, groups);
    return maybeRectify(net, random.chance(0.25) ? standingBatchNorm(net, y) : y);
  }
};

/** x + F(x), and sometimes x once more. */
export const residual: Block = (net, x) => {
  const branch = maybeRectify(net, addConv(net, x, SAME, net.extents(x).C));
  return maybeRectify(net, net.add({ op: 'add', inputs: net.random.chance(0.2) ? [x, branch, x] : [x, branch] }));
};

/** SqueezeNet's two branches side by side; sometimes one of them twice, or the whole in another concat. */
const fire: Block = (net, x) => {
  const squeezed = maybeRectify(net, addConv(net, x, { kernel: [1, 1] }, net.random.integer(1, 3)));
  const narrow = maybeRectify(net, addConv(net, squeezed, { kernel: [1, 1] }, net.random.integer(1, 5)));
  const wide = maybeRectify(net, addConv(net, squeezed, SAME, net.random.integer(1, 5)));
  const inner = net.add({ op: 'concat', inputs: net.random.chance(0.2) ? [narrow, wide, narrow] : [narrow, wide] });
  const outer = net.random.chance(0.3) ? net.add({ op: 'concat', inputs: [squeezed, inner] }) : inner;
  return maybeRectify(net, outer);
};

export const pool: Block = (net, x) => {
  const { random } = net;
  const extents = net.extents(x);
  for (;;) {
    const window = randomWindow(random, extents);
    const ceil = random.chance(0.5);
    if (!everyWindowSeesTheInput(window, extents, ceil)) continue;
    return maybeRectify(
      net,
      random.chance(0.6)
        ? net.add({ op: 'maxPool', inputs: [x], ...window, ceil })
        : net.add({ op: 'averagePool', inputs: [x], ...window, ceil, countPadding: random.chance(0.5) }),
    );
  }
};

const standingBatchNorm: Block = (net, x) => {
  const { random } = net;
  const parameter = (draw?: () => number) => net.weight(randomParameter(random, [net.extents(x).C], draw));
  return net.add({
    op: 'batchNorm',
    inputs: [x],
    scale: parameter(),
    bias: parameter(),
    mean: parameter(),
    variance: parameter(() => 0.5 + random.uniform()),
    epsilon: 1e-5,
  });
};

const rectifyTwice: Block = (net, x) => rectify(net, rectify(net, x));

const dropout: Block = (net, x) => net.add({ op: 'identity', inputs: [x] });

/** The scores as convolution whose filters are as large as the plane: no fully connected layer at all. */
export const planeWideConv: Block = (net, x) => {
  const { H, W } = net.extents(x);
  return addConv(net, x, { kernel: [H, W] }, net.random.integer(2, 11));
};

/** One or two fully connected layers, with or without a flatten before them. */
export const perceptron: Block = (net, x) => {
  const flat = net.random.chance(0.5) ? net.add({ op: 'flatten', inputs: [x] }) : x;
  const hidden = net.random.chance(0.5) ? rectify(net, addFullyConnected(net, flat)) : flat;
  return addFullyConnected(net, hidden);
};

export const pooledScores: Block = (net, x) => {
  const scored = net.random.chance(0.5) ? addConv(net, x, { kernel: [1, 1] }, net.random.integer(2, 11)) : x;
  const pooled = net.add({ op: 'globalAveragePool', inputs: [scored] });
  return scored === x ? addFullyConnected(net, pooled) : pooled;
};

const SAME: Window = { kernel: [3, 3], pads: [1, 1, 1, 1] };

function rectify(net: Builder, x: string): string {
  return net.add({ op: 'relu', inputs: [x] });
}

function maybeRectify(net: Builder, x: string): string {
  return net.random.chance(0.6) ? rectify(net, x) : x;
}

export function addConv(net: Builder, x: string, window: Window, O: number, groups = 1): string {
  const channels = net.extents(x).C / groups;
  const weight = net.weight(randomWeights(net.random, [O, channels, ...window.kernel]));
  return net.add({ op: 'conv', inputs: [x], ...window, ...(groups > 1 && { groups }), weight, ...maybeBias(net, O) });
}

export function addFullyConnected(net: Builder, x: string): string {
  const outputs = net.random.integer(2, 11);
  const weight = net.weight(randomWeights(net.random, [outputs, sizeOf(net.extents(x))]));
  return net.add({ op: 'fullyConnected', inputs: [x], weight, ...maybeBias(net, outputs) });
}

function maybeBias(net: Builder, length: number): { bias?: string } {
  return net.random.chance(0.75) ? { bias: net.weight(randomParameter(net.random, [length])) } : {};
}

/** Mostly 1, or planes would be used up at once. */
const STRIDES = [1, 1, 1, 2, 3];

/** Any window that fits; fields that say nothing are sometimes left out. */
function randomWindow(random: Random, { H, W }: Extents): Window {
  for (;;) {
    const kernel: Pair = [random.integer(1, 4), random.integer(1, 4)];
    const stride: Pair = [random.pick(STRIDES), random.pick(STRIDES)];
    const dilation: Pair = random.chance(0.7) ? [1, 1] : [random.integer(1, 2), random.integer(1, 3)];
    const pads = randomPads(random, kernel);
    const reach = kernel.map((taps, axis) => (taps - 1) * dilation[axis]! + 1);
    if (reach[0]! > pads[0] + H + pads[2] || reach[1]! > pads[1] + W + pads[3]) continue;
    const isPlain = (field: readonly number[], plain: number) => random.chance(0.5) && field.every((n) => n === plain);
    return {
      kernel,
      ...(!isPlain(stride, 1) && { stride }),
      ...(!isPlain(pads, 0) && { pads }),
      ...(!isPlain(dilation, 1) && { dilation }),
    };
  }
}

/** None, or each side by itself. */
function randomPads(random: Random, [R, S]: Pair): Pads {
  if (random.chance(0.3)) return [0, 0, 0, 0];
  const pad = (taps: number) => random.integer(0, taps - 1);
  return [pad(R), pad(S), pad(R), pad(S)];
}

function everyWindowSeesTheInput(window: Window, extents: Extents, ceil: boolean): boolean {
  const { P, Q, taps } = slide(window, extents, ceil);
  return [...Array(P * Q).keys()].every((i) => taps(Math.floor(i / Q), i % Q).length > 0);
}

function flops(window: Window, extents: Extents, O: number, groups: number): number {
  const { P, Q } = slide(window, extents);
  const [R, S] = window.kernel;
  return 2 * O * P * Q * (extents.C / groups) * R * S;
}

export function divisors(n: number): number[] {
  return [...Array(n).keys()].map((i) => i + 1).filter((candidate) => n % candidate === 0);
}
