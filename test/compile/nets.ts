/**
 * Public nets in full size, layer by layer as torchvision builds them, with weights of zeros: for what is counted in
 * their plans, which needs neither a file nor a GPU.
 */
import type { Graph, GraphNode, Weight, Window } from '../../src/graph';
import type { Unnamed } from '../oracle/oracle';
import { NETWORKS } from '../../bench/networks';

type Activation = 'relu' | 'clip';

/** Grows a graph; every method returns the name of the tensor that it adds. */
class Growing {
  readonly nodes: GraphNode[] = [];
  readonly weights = new Map<string, Weight>();
  private readonly channels = new Map([['image', 3]]);

  add(node: Unnamed, channels: number): string {
    const name = `${node.op}${this.nodes.length}`;
    this.nodes.push({ ...node, name });
    this.channels.set(name, channels);
    return name;
  }

  of(name: string): number {
    return this.channels.get(name)!;
  }

  parameter(...shape: readonly [number, ...number[]]): string {
    const name = `weight${this.weights.size}`;
    this.weights.set(name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) });
    return name;
  }

  /** A convolution whose batch-norm is folded, `size` pixels high and wide, padded by half of that. */
  conv(
    x: string,
    O: number,
    size: number,
    { stride = 1, groups = 1, curve }: { stride?: number; groups?: number; curve?: Activation } = {},
  ): string {
    const pad = Math.floor(size / 2);
    const window: Window = { kernel: [size, size], stride: [stride, stride], pads: [pad, pad, pad, pad] };
    const weight = this.parameter(O, this.of(x) / groups, size, size);
    const y = this.add({ op: 'conv', inputs: [x], ...window, groups, weight, bias: this.parameter(O) }, O);
    return curve === undefined ? y : this.act(y, curve);
  }

  act(x: string, curve: Activation): string {
    return this.add(
      curve === 'relu' ? { op: curve, inputs: [x] } : { op: curve, inputs: [x], min: 0, max: 6 },
      this.of(x),
    );
  }

  sum(a: string, b: string): string {
    return this.add({ op: 'add', inputs: [a, b] }, this.of(a));
  }

  concat(...inputs: readonly string[]): string {
    const channels = inputs.reduce((sum, input) => sum + this.of(input), 0);
    return this.add({ op: 'concat', inputs }, channels);
  }

  pool(x: string, size: number, stride: number, { ceil = false }: { ceil?: boolean } = {}): string {
    const pad = ceil && stride > 1 ? 0 : Math.floor(size / 2);
    const pads = [pad, pad, pad, pad] as const;
    return this.add(
      { op: 'maxPool', inputs: [x], kernel: [size, size], stride: [stride, stride], pads, ceil },
      this.of(x),
    );
  }

  /** Means of the planes, and a class for each of a thousand. */
  scores(name: string, x: string): Graph {
    const mean = this.add({ op: 'globalAveragePool', inputs: [x] }, this.of(x));
    const weight = this.parameter(1000, this.of(x));
    const bias = this.parameter(1000);
    const output = this.add({ op: 'fullyConnected', inputs: [mean], weight, bias }, 1000);
    const input = { name: 'image', extents: { C: 3, H: 224, W: 224 } };
    return { name, input, nodes: this.nodes, output, weights: this.weights };
  }
}

function resnet50(): Graph {
  const net = new Growing();
  let x = net.pool(net.conv('image', 64, 7, { stride: 2, curve: 'relu' }), 3, 2);
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    const width = 64 << stage;
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 && stage > 0 ? 2 : 1;
      const narrow = net.conv(x, width, 1, { curve: 'relu' });
      const main = net.conv(net.conv(narrow, width, 3, { stride, curve: 'relu' }), 4 * width, 1);
      const shortcut = block === 0 ? net.conv(x, 4 * width, 1, { stride }) : x;
      x = net.act(net.sum(main, shortcut), 'relu');
    }
  }
  return net.scores('resnet50', x);
}

function mobilenetV2(): Graph {
  const net = new Growing();
  const curve = 'clip';
  let x = net.conv('image', 32, 3, { stride: 2, curve });
  for (const [expand, channels, blocks, first] of [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ] as const) {
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? first : 1;
      const wide = expand * net.of(x);
      const expanded = expand === 1 ? x : net.conv(x, wide, 1, { curve });
      const y = net.conv(net.conv(expanded, wide, 3, { stride, groups: wide, curve }), channels, 1);
      x = stride === 1 && net.of(x) === channels ? net.sum(x, y) : y;
    }
  }
  return net.scores('mobilenet_v2', net.conv(x, 1280, 1, { curve }));
}

/** With 3×3 where the paper has 5×5, as torchvision has it. */
function googlenet(): Graph {
  const net = new Growing();
  const curve = 'relu';
  const ceil = { ceil: true };
  const inception = (x: string, [one, before3, three, before5, five, after]: readonly number[]): string =>
    net.concat(
      net.conv(x, one!, 1, { curve }),
      net.conv(net.conv(x, before3!, 1, { curve }), three!, 3, { curve }),
      net.conv(net.conv(x, before5!, 1, { curve }), five!, 3, { curve }),
      net.conv(net.pool(x, 3, 1, ceil), after!, 1, { curve }),
    );
  let x = net.pool(net.conv('image', 64, 7, { stride: 2, curve }), 3, 2, ceil);
  x = net.pool(net.conv(net.conv(x, 64, 1, { curve }), 192, 3, { curve }), 3, 2, ceil);
  x = inception(inception(x, [64, 96, 128, 16, 32, 32]), [128, 128, 192, 32, 96, 64]);
  x = net.pool(x, 3, 2, ceil);
  for (const channels of [
    [192, 96, 208, 16, 48, 64],
    [160, 112, 224, 24, 64, 64],
    [128, 128, 256, 24, 64, 64],
    [112, 144, 288, 32, 64, 64],
    [256, 160, 320, 32, 128, 128],
  ])
    x = inception(x, channels);
  x = net.pool(x, 2, 2, ceil);
  x = inception(inception(x, [256, 160, 320, 32, 128, 128]), [384, 192, 384, 48, 128, 128]);
  return net.scores('googlenet', x);
}

export const NETS: Readonly<Record<string, () => Graph>> = {
  squeezenet: NETWORKS.squeezenet,
  mobilenetV2,
  resnet50,
  googlenet,
};
