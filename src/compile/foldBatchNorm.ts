import type { BatchNormNode, ConvNode, FullyConnectedNode, Weight } from '../graph';
import { batchNormAffine } from '../ops/elementwise';
import type { Layer } from '../ops/op';
import { type Rewrite, readersOf, without } from './network';

/**
 * Batch-norm after a convolution or a fully connected layer that nothing else reads is a scale of its weights and a change of its
 * bias: computed in float64, once. Where it cannot fold it stands, as a scale and a bias per channel.
 */
export const foldBatchNorm: Rewrite = (network) => {
  const readers = readersOf(network);
  const byName = new Map(network.layers.map((layer) => [layer.name, layer]));
  const weights = new Map(network.weights);
  const folded = new Map<string, Layer>();
  const removed = new Map<string, string>();
  for (const layer of network.layers) {
    if (layer.op !== 'batchNorm') continue;
    const before = byName.get(layer.inputs[0]!);
    if (before === undefined || (before.op !== 'conv' && before.op !== 'fullyConnected')) continue;
    if (readers.get(before.name)!.length > 1 || before.name === network.output) continue;
    folded.set(before.name, fold(before, layer, weights));
    removed.set(layer.name, before.name);
  }
  return without({ ...network, weights, layers: network.layers.map((layer) => folded.get(layer.name) ?? layer) }, removed);
};

function fold(layer: ConvNode | FullyConnectedNode, norm: BatchNormNode, weights: Map<string, Weight>): Layer {
  const weight = weights.get(layer.weight)!;
  const channels = weight.shape[0]!;
  const { scale, bias } = batchNormAffine(norm, channels, weights);
  const perChannel = weight.data.length / channels;
  const before = layer.bias === undefined ? null : weights.get(layer.bias)!.data;
  const names = { weight: `${layer.weight}·${norm.name}`, bias: `${layer.bias ?? layer.name}·${norm.name}.bias` };
  weights.set(names.weight, { shape: weight.shape, data: weight.data.map((value, i) => value * scale[Math.floor(i / perChannel)]!) });
  weights.set(names.bias, { shape: [channels], data: Float32Array.from(bias, (b, c) => b + (before ? before[c]! * scale[c]! : 0)) });
  return { ...layer, ...names };
}
