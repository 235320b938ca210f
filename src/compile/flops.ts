import type { Graph } from '../graph';
import { inferExtents } from './extents';
import { networkOf } from './network';
import { dropIdentities, prune, takeScore } from './simplify';
import { windowPools } from './windowPools';

/**
 * Floating-point operations of one forward pass of one picture: a multiply-add counts two, every tap counts (also those
 * on padding), and only convolutions, fully connected layers and products of
 * matrices count. The way back to the input takes as many again,
 * since no gradient of a weight is computed. A product of
 * two computed matrices goes back to both, and so takes twice as many there.
 */
export function forwardFlops(graph: Graph): number {
  const network = [takeScore, prune, dropIdentities, windowPools].reduce(
    (current, rewrite) => rewrite(current),
    networkOf(graph),
  );
  const extents = inferExtents(network);
  return network.layers.reduce((sum, layer) => {
    const { C, H, W } = extents.get(layer.name)!;
    if (layer.op === 'matMul') {
      const a = extents.get(layer.inputs[0]!)!;
      return sum + 2 * C * H * W * (layer.transposeA ? a.H : a.W);
    }
    if (layer.op === 'convTranspose') {
      const x = extents.get(layer.inputs[0]!)!;
      return sum + 2 * network.weights.get(layer.weight)!.data.length * x.H * x.W;
    }
    if (layer.op !== 'conv' && layer.op !== 'fullyConnected') return sum;
    return sum + 2 * network.weights.get(layer.weight)!.data.length * H * W;
  }, 0);
}
