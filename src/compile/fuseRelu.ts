import type { ClipLimits } from '../../shaders/epilogue';
import type { Layer } from './network';
import { type Rewrite, isKept, readersOf, without } from './network';

/** Layers whose kernels rectify in their epilogue. */
const RECTIFYING = new Set<Layer['op']>(['conv', 'fullyConnected', 'add', 'multiply', 'batchNorm', 'affine']);

/**
 * A ReLU that is the only reader of such a layer becomes its epilogue; a clip of a convolution too, if zero stays zero
 * (lanes past the last channel are).
 */
export const fuseRelu: Rewrite = (network) => {
  const readers = readersOf(network);
  const removed = new Map<string, string>();
  const epilogues = new Map<string, { readonly relu: true } | { readonly clip: ClipLimits }>();
  const byName = new Map(network.layers.map((layer) => [layer.name, layer]));
  for (const layer of network.layers) {
    const before = byName.get(layer.inputs[0]!);
    const epilogue = before && epilogueOf(layer, before);
    if (!epilogue || readers.get(before.name)!.length > 1 || isKept(network, before.name)) continue;
    epilogues.set(before.name, epilogue);
    removed.set(layer.name, before.name);
  }
  const layers = network.layers.map((layer): Layer => ({ ...layer, ...epilogues.get(layer.name) }));
  return without({ ...network, layers }, removed);
};

function epilogueOf(layer: Layer, before: Layer) {
  if (layer.op === 'relu' && RECTIFYING.has(before.op)) return { relu: true } as const;
  if (layer.op !== 'clip' || before.op !== 'conv') return undefined;
  const { min = -Infinity, max = Infinity } = layer;
  return min <= 0 && max >= 0 ? { clip: { min, max } } : undefined;
}
