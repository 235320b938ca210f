import type { AveragePoolNode } from '../ops/averagePool';
import type { ConvNode } from '../ops/conv';
import type { PadNode } from '../ops/separable';
import type { Layer } from './network';
import { fullWindow } from '../shape';
import { type Rewrite, isKept, readersOf } from './network';
import { prune } from './simplify';

/**
 * Zeros that a pad puts round the planes become pads of the convolution that reads them, or of an average pool that has
 * none of its own and then counts them. A max-pool keeps its pad: there a padded zero may win, and its own padding
 * never does.
 */
export const foldPad: Rewrite = (network) => {
  const readers = readersOf(network);
  const pads = new Map(
    network.layers.flatMap((layer) =>
      layer.op === 'pad' && isRing(layer) && !isKept(network, layer.name) ? [[layer.name, layer] as const] : [],
    ),
  );
  const foldable = new Map([...pads].filter(([name]) => readers.get(name)!.every(takesPads)));
  const layers = network.layers.map((layer): Layer => {
    const pad = foldable.get(layer.inputs[0]!);
    return pad && takesPads(layer) ? withPads(layer, pad) : layer;
  });
  return prune({ ...network, layers });
};

/** Only zeros, and only round the planes. */
const isRing = ({ mode, value = 0, before, after }: PadNode): boolean =>
  mode === 'constant' && value === 0 && before[0] === 0 && after[0] === 0;

function takesPads(layer: Layer): layer is Layer<ConvNode | AveragePoolNode> {
  if (layer.op === 'conv') return true;
  return layer.op === 'averagePool' && !layer.ceil && fullWindow(layer).pads.every((pad) => pad === 0);
}

function withPads(layer: Layer<ConvNode | AveragePoolNode>, { inputs, before, after }: PadNode): Layer {
  const own = fullWindow(layer).pads;
  const pads = [own[0] + before[1], own[1] + before[2], own[2] + after[1], own[3] + after[2]] as const;
  return layer.op === 'conv' ? { ...layer, inputs, pads } : { ...layer, inputs, pads, countPadding: true };
}
