/** Rewrites that take away what has no kernel: identities, the final soft-max, unused branches, global pooling, flattening. */
import { GradlensError } from '../errors';
import type { Extents } from '../graph';
import type { Layer } from '../ops/op';
import { inferExtents } from './extents';
import { type Network, type Rewrite, readersOf, without } from './network';

/** The score is what stands before a final soft-max. */
export const takeScore: Rewrite = (network) => {
  const byName = new Map(network.layers.map((layer) => [layer.name, layer]));
  let { output } = network;
  for (let layer = byName.get(output); layer?.op === 'softmax' || layer?.op === 'identity'; layer = byName.get(output)) output = layer.inputs[0]!;
  return { ...network, output };
};

/** Drops every layer that the output does not depend on. */
export const prune: Rewrite = (network) => {
  const needed = new Set([network.output]);
  const layers = [...network.layers].reverse().filter((layer) => {
    if (!needed.has(layer.name)) return false;
    layer.inputs.forEach((name) => needed.add(name));
    return true;
  });
  return { ...network, layers: layers.reverse() };
};

export const dropIdentities: Rewrite = (network) =>
  without(network, new Map(network.layers.filter(({ op }) => op === 'identity').map(({ name, inputs }) => [name, inputs[0]!])));

/** Refuses a soft-max in the middle, after {@link takeScore} and {@link prune}. */
export const refuseSoftmax: Rewrite = (network) => {
  const softmax = network.layers.find(({ op }) => op === 'softmax');
  if (softmax) throw new GradlensError('unsupported-op', `${softmax.name}: soft-max is supported only at the end of a network`, { nodes: [{ name: softmax.name, op: 'softmax' }] });
  return network;
};

/** A global average is an average over one window. Works front to back, since later extents need the earlier layers rewritten. */
export const windowGlobalPools: Rewrite = (network) => {
  let result: Network = { ...network, layers: [] };
  for (const layer of network.layers) {
    let rewritten: Layer = layer;
    if (layer.op === 'globalAveragePool') {
      const { H, W } = inferExtents(result).get(layer.inputs[0]!)!;
      rewritten = { op: 'averagePool', name: layer.name, inputs: layer.inputs, kernel: [H, W] };
    }
    result = { ...result, layers: [...result.layers, rewritten] };
  }
  return result;
};

/** Flattening is free when the plane is 1×1 already, or when all that follows is fully connected, which takes C×H×W as it is. */
export const absorbFlatten: Rewrite = (network) => {
  const extents = inferExtents(network);
  const readers = readersOf(network);
  const isVector = ({ H, W }: Extents): boolean => H === 1 && W === 1;
  const free = network.layers.filter((layer) =>
    layer.op === 'flatten' &&
    (isVector(extents.get(layer.inputs[0]!)!) ||
      (layer.name !== network.output && readers.get(layer.name)!.every(({ op }) => op === 'fullyConnected'))));
  return without(network, new Map(free.map(({ name, inputs }) => [name, inputs[0]!])));
};
