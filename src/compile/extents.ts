import { opOf } from '../ops';
import { elements, printExtents, shapeError } from '../shape';
import type { ExtentsByName, Network } from './network';

/** More than a tensor of any ConvNet has. */
const MOST_ELEMENTS = 2 ** 31;

/** Extents of every tensor, which checks every layer on the way. */
export function inferExtents({ input, layers, weights }: Network): ExtentsByName {
  const extents = new Map([[input.name, input.extents]]);
  for (const layer of layers) {
    const own = opOf(layer).extents(layer, layer.inputs.map((name) => extents.get(name)!), weights);
    // what a few absurd pads would ask for must not be looped over, let alone allocated
    if (!(elements(own) <= MOST_ELEMENTS)) throw shapeError(layer.name, `would write ${printExtents(own)}, more than ${MOST_ELEMENTS} elements`, { extents: own });
    extents.set(layer.name, own);
  }
  return extents;
}
