import type { Layer } from './network';
import { fullWindow } from '../shape';
import { inferExtents } from './extents';
import { type Rewrite, isKept, readersOf, without } from './network';

/**
 * A 2×2 max-pool that tiles the only tensor it reads, which a convolution writes for it alone, becomes that
 * convolution's epilogue.
 */
export const fusePool: Rewrite = (network) => {
  const readers = readersOf(network);
  const extents = inferExtents(network);
  const byName = new Map(network.layers.map((layer) => [layer.name, layer]));
  const pooled = new Set<string>();
  const removed = new Map<string, string>();
  for (const layer of network.layers) {
    if (layer.op !== 'maxPool') continue;
    const before = byName.get(layer.inputs[0]!);
    if (before?.op !== 'conv' || before.clip || readers.get(before.name)!.length > 1 || isKept(network, before.name))
      continue;
    const { kernel, stride, pads, dilation } = fullWindow(layer);
    const { H, W } = extents.get(before.name)!;
    const tiles =
      [...kernel, ...stride].every((n) => n === 2) &&
      [...pads, ...dilation.map((n) => n - 1), H % 2, W % 2].every((n) => n === 0);
    if (!tiles) continue;
    pooled.add(before.name);
    removed.set(layer.name, before.name);
  }
  const layers = network.layers.map((layer): Layer => (pooled.has(layer.name) ? { ...layer, pooled: true } : layer));
  return without({ ...network, layers }, removed);
};
