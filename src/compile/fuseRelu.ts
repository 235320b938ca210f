import type { Layer } from './network';
import { type Rewrite, isKept, readersOf, without } from './network';

/** Layers whose kernels rectify in their epilogue. */
const RECTIFYING = new Set<Layer['op']>(['conv', 'fullyConnected', 'add', 'multiply', 'batchNorm', 'affine']);

/** A ReLU that is the only reader of such a layer becomes its epilogue. */
export const fuseRelu: Rewrite = (network) => {
  const readers = readersOf(network);
  const removed = new Map<string, string>();
  const rectified = new Set<string>();
  const byName = new Map(network.layers.map((layer) => [layer.name, layer]));
  for (const layer of network.layers) {
    if (layer.op !== 'relu') continue;
    const before = byName.get(layer.inputs[0]!);
    if (!before || !RECTIFYING.has(before.op) || readers.get(before.name)!.length > 1 || isKept(network, before.name))
      continue;
    rectified.add(before.name);
    removed.set(layer.name, before.name);
  }
  const layers = network.layers.map((layer): Layer => (rectified.has(layer.name) ? { ...layer, relu: true } : layer));
  return without({ ...network, layers }, removed);
};
