/** Rewrites that take away what need not run: identities, the final soft-max, unused branches, reshaping. */
import { endOf } from '../graph';
import type { Layer } from './network';
import { sameExtents } from '../shape';
import { inferExtents } from './extents';
import { type Rewrite, readersOf, upstreamOf, without } from './network';

/** The score is what stands before the head. */
export const takeScore: Rewrite = (network) => ({ ...network, output: endOf(network.layers, network.output).score });

/** Drops every layer that neither the output nor what is kept depends on. */
export const prune: Rewrite = (network) => {
  const needed = upstreamOf(network, [network.output, ...network.kept.values()]);
  return { ...network, layers: network.layers.filter(({ name }) => needed.has(name)) };
};

export const dropIdentities: Rewrite = (network) =>
  without(
    network,
    new Map(network.layers.filter(({ op }) => op === 'identity').map(({ name, inputs }) => [name, inputs[0]!])),
  );

/** A clip without an upper limit, from 0, is a ReLU; one without any limit is nothing. */
export const nameRelus: Rewrite = (network) => ({
  ...network,
  layers: network.layers.map((layer): Layer => {
    if (layer.op !== 'clip' || layer.max !== undefined || (layer.min ?? 0) !== 0) return layer;
    return { op: layer.min === undefined ? 'identity' : 'relu', name: layer.name, inputs: layer.inputs };
  }),
});

const isReshaping = ({ op }: Layer): boolean => op === 'flatten' || op === 'reshape';

/** Operators that take the elements of C×H×W as they come, whatever the extents. */
const TAKES_ANY_EXTENTS: ReadonlySet<Layer['op']> = new Set(['fullyConnected', 'permute']);

/** Reshaping is free where no extent changes, or when all that follows takes any extents. */
export const absorbReshapes: Rewrite = (network) => {
  const extents = inferExtents(network);
  const readers = readersOf(network);
  const free = network.layers.filter(
    (layer) =>
      isReshaping(layer) &&
      (sameExtents(extents.get(layer.inputs[0]!)!, extents.get(layer.name)!) ||
        (layer.name !== network.output &&
          (readers.get(layer.name) ?? []).every(({ op }) => TAKES_ANY_EXTENTS.has(op)))),
  );
  return without(network, new Map(free.map(({ name, inputs }) => [name, inputs[0]!])));
};
