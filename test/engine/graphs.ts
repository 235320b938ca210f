/** Networks to run engines on, and what the oracle says of them. */
import type { Graph, InputSpec } from '../../src/graph';
import { selfTestCase } from '../../src/model/selfTest';
import type { FullyConnectedNode } from '../../src/ops/fullyConnected';
import { graphGradient, type GradientOptions } from '../oracle/network';
import { inputAwayFromKinks } from '../oracle/kinks';
import { Net, real } from '../ops/net';

/** Convolutions with stride and padding, overlapping max-pool, ReLUs, fully connected: five classes. */
export const small: Graph = selfTestCase().graph;

/** How a picture becomes the input of {@link small}. */
export const smallInput: InputSpec = {
  channels: 3,
  height: 13,
  width: 11,
  order: 'RGB',
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  resize: 'squash',
};

/**
 * Every other operator: sums, concatenations in place and copied, average pools, a batch-norm that stands, a final
 * soft-max.
 */
export const branched: Graph = (() => {
  const net = new Net({ C: 3, H: 9, W: 10 }, 11, real);
  const stem = net.relu(net.conv('image', 8, { kernel: [3, 3], pads: [1, 1, 1, 1] }));
  const left = net.relu(net.conv(stem, 4, { kernel: [1, 1] }));
  const right = net.relu(net.conv(stem, 6, { kernel: [3, 3], pads: [1, 1, 1, 1], groups: 2 }));
  const whole = net.add({ op: 'concat', inputs: [left, right] }, 'whole');
  const again = net.add({ op: 'concat', inputs: [right, whole] }, 'again');
  const positive = (): number => 0.5 + net.random.uniform();
  const norm = net.add(
    {
      op: 'batchNorm',
      inputs: [again],
      epsilon: 1e-3,
      scale: net.parameter([16]),
      bias: net.parameter([16]),
      mean: net.parameter([16]),
      variance: net.parameter([16], positive),
    },
    'norm',
  );
  const sum = net.relu(net.add({ op: 'add', inputs: [norm, net.conv(again, 16, { kernel: [1, 1] }), again] }, 'sum'));
  const pooled = net.add({ op: 'maxPool', inputs: [sum], kernel: [3, 3], stride: [2, 2], ceil: true }, 'pool');
  const scores = net.fullyConnected(
    net.add({ op: 'averagePool', inputs: [pooled], kernel: [2, 2], countPadding: true }, 'average'),
    7,
  );
  const graph = net.graph(net.add({ op: 'softmax', inputs: [scores] }));
  const last = graph.nodes.find(({ name }) => name === scores) as FullyConnectedNode;
  graph.weights.get(last.weight)!.data.forEach((value, i, data) => {
    data[i] = value / 64;
  }); // or the probabilities would be 0 and 1
  return graph;
})();

export const imageOf = (graph: Graph, seed = 1): Float64Array => inputAwayFromKinks(graph, 1e-5, seed);

export const prepared = (graph: Graph, ...items: readonly Float64Array[]) => {
  const { C, H, W } = graph.input.extents;
  return { data: Float32Array.from(items.flatMap((item) => [...item])), shape: [items.length, C, H, W] };
};

export const expected = (graph: Graph, image: Float64Array, options: GradientOptions): Float64Array =>
  graphGradient(graph, image, options).gradient;
