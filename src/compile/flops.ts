import type { Graph } from '../graph';
import { inferExtents } from './extents';
import { networkOf } from './network';
import { dropIdentities, prune, takeScore } from './simplify';
import { windowPools } from './windowPools';

/**
 * Floating-point operations of one forward pass of one picture: a multiply-add counts two, every tap counts (also those
 * on padding), and only convolutions and fully connected layers count. The way back to the input takes as many again,
 * since no gradient of a weight is computed.
 */
export function forwardFlops(graph: Graph): number {
  const network = [takeScore, prune, dropIdentities, windowPools].reduce(
    (current, rewrite) => rewrite(current),
    networkOf(graph),
  );
  const extents = inferExtents(network);
  return network.layers.reduce((sum, layer) => {
    if (layer.op !== 'conv' && layer.op !== 'fullyConnected') return sum;
    const { H, W } = extents.get(layer.name)!;
    return sum + 2 * network.weights.get(layer.weight)!.data.length * H * W;
  }, 0);
}
