/** Networks to run engines on, and a device that tells what is asked of it. */
import { afterAll } from 'vitest';
import { Engine } from '../../src/engine';
import type { Graph } from '../../src/graph';
import type { FullyConnectedNode } from '../../src/ops/fullyConnected';
import { selfTestCase } from '../../src/model/selfTest';
import { type NodeDriver, nodeDevice } from '../node';
import { graphGradient, type GradientOptions } from '../oracle/network';
import { inputAwayFromKinks } from '../oracle/kinks';
import { Net, real } from '../ops/check';

/** Convolutions with stride and padding, overlapping max-pool, ReLUs, fully connected: five classes. */
export const small: Graph = selfTestCase().graph;

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

const opened: (() => void)[] = [];
afterAll(() => opened.forEach((close) => close()));

/** A device of this test file, destroyed at its end. */
export async function deviceOf(driver: NodeDriver): Promise<GPUDevice> {
  const { device } = await nodeDevice(driver);
  opened.push(() => device.destroy());
  return device;
}

const shared = new Map<NodeDriver, Promise<GPUDevice>>();

/** A new engine on the one device that a file's tests share, so that each kernel is compiled once. */
export async function engineOn(driver: NodeDriver): Promise<Engine> {
  const device = shared.get(driver) ?? deviceOf(driver);
  shared.set(driver, device);
  return Engine.create({ device: await device });
}

/** Sees every call to the device, its queue and its buffers' `mapAsync`, and decides what becomes of it. */
export type Witness = (name: string, call: () => unknown, args: readonly any[]) => unknown;

/** The same device, with a witness. */
export function witnessed(device: GPUDevice, witness: Witness): GPUDevice {
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        if (object === (device as object) && name === 'queue') return queue;
        const value = Reflect.get(object, name, object) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          witness(
            String(name),
            () => {
              const result = (value as (...args: unknown[]) => unknown).apply(object, args);
              if (name === 'createBuffer') watchMapping(result as GPUBuffer);
              return result;
            },
            args,
          );
      },
      set: (object, name, value) => Reflect.set(object, name, value, object),
    });
  const watchMapping = (buffer: GPUBuffer): void => {
    const mapAsync = buffer.mapAsync.bind(buffer);
    Object.defineProperty(buffer, 'mapAsync', {
      value: (...args: Parameters<GPUBuffer['mapAsync']>) => witness('mapAsync', () => mapAsync(...args), args),
    });
  };
  const queue = wrap(device.queue);
  return wrap(device);
}

/** A device that counts its calls by name. */
export function counted(device: GPUDevice): { device: GPUDevice; counts: Map<string, number> } {
  const counts = new Map<string, number>();
  return {
    counts,
    device: witnessed(device, (name, call) => {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return call();
    }),
  };
}
