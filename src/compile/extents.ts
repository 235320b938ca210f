import { opOf } from '../ops';
import type { ExtentsByName, Network } from './network';

/** Extents of every tensor, which checks every layer on the way. */
export function inferExtents({ input, layers, weights }: Network): ExtentsByName {
  const extents = new Map([[input.name, input.extents]]);
  for (const layer of layers) {
    extents.set(layer.name, opOf(layer).extents(layer, layer.inputs.map((name) => extents.get(name)!), weights));
  }
  return extents;
}
