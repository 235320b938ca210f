/** The shortest time that an adapter could take, by what the probe measured of it. */
import type { Graph } from '../src/graph';
import { elements } from '../src/shape';
import { BYTES, type Precision, type What, extentsOf } from './networks';
import type { Probe } from './probe';

/** Multiply-adds (counted twice) and bytes that some piece of work cannot do without. */
export interface Work {
  readonly flops: number;
  readonly bytes: number;
}

/**
 * The work of every convolution and fully connected layer, in order: its input, weights and output cross the memory
 * once. ReLUs and pools are taken to cost nothing, as parts of the layer before them. The way back reads the gradient
 * of the output and the weights again, and writes the gradient of the input.
 */
export function workOf(graph: Graph, batch: number, what: What, precision: Precision = 'f32'): Work[] {
  const extents = extentsOf(graph);
  const oneWay = graph.nodes.flatMap((node): Work[] => {
    if (node.op !== 'conv' && node.op !== 'fullyConnected') return [];
    const [x, y] = [extents.get(node.inputs[0]!)!, extents.get(node.name)!];
    const weights = graph.weights.get(node.weight)!.data.length;
    return [
      {
        flops: 2 * weights * y.H * y.W * batch,
        bytes: BYTES[precision] * (weights + batch * (elements(x) + elements(y))),
      },
    ];
  });
  return what === 'forward' ? oneWay : [...oneWay, ...oneWay];
}

/** Rates of GPUs by their makers' data sheets, for rooflines of machines that nobody measured. */
export const DATASHEETS: Readonly<Record<string, Rates>> = {
  'NVIDIA H200: 67 TFLOP/s, 4.3 TB/s': { fmaGflops: 67_000, copyGBs: 4300 },
  'Apple M2: 3.6 TFLOP/s, 100 GB/s': { fmaGflops: 3600, copyGBs: 100 },
  'Intel Iris Xe: 2 TFLOP/s, 60 GB/s': { fmaGflops: 2000, copyGBs: 60 },
};

type Rates = Pick<Probe, 'fmaGflops' | 'copyGBs'>;

/** Milliseconds: each layer at the rate of multiply-adds or at that of memory, whichever takes longer. */
export const floorMs = (work: readonly Work[], { fmaGflops, copyGBs }: Rates): number =>
  work.reduce((sum, { flops, bytes }) => sum + Math.max(flops / fmaGflops, bytes / copyGBs) / 1e6, 0);
