import type { Extents } from '../graph';
import { opOf } from '../ops';
import type { Layer } from './network';
import { elements, printExtents, shapeError, MOST_ELEMENTS } from '../shape';
import type { ExtentsByName, Network } from './network';

/** Extents of every tensor, which checks every layer on the way. */
export function inferExtents({ input, layers, weights }: Network): ExtentsByName {
  const extents = new Map([[input.name, input.extents]]);
  for (const layer of layers) extents.set(layer.name, extentsOf(layer, extents, weights));
  return extents;
}

/**
 * Extents of one layer's tensor, given those of its inputs.
 * @throws GradlensError `shape` as the operator says, or for more elements than can be: what a few absurd pads ask for
 *   must not be looped
 *   over, let alone allocated.
 */
export function extentsOf(layer: Layer, extents: ExtentsByName, weights: Network['weights']): Extents {
  const own = opOf(layer).extents(
    layer,
    layer.inputs.map((name) => extents.get(name)!),
    weights,
  );
  if (!(elements(own) <= MOST_ELEMENTS))
    throw shapeError(layer.name, `would write ${printExtents(own)}, more than ${MOST_ELEMENTS} elements`, {
      extents: own,
    });
  return own;
}
