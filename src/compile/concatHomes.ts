import { blocksOf } from '../../shaders/kernel';
import type { Extents } from '../graph';
import { type Layer, type Network, cutOf, isKept } from './network';

/** For each part that lies inside a concatenation: which, and from which block on. */
export type ConcatHomes = ReadonlyMap<string, { readonly concat: string; readonly block: number }>;

/**
 * Concatenations that cost nothing: each part is written where it belongs in the whole. Possible if every part begins
 * at a whole block, the concatenation alone reads it (and nobody outside), its gradient has its extents (no pool in its
 * layer's epilogue), and all parts are rectified, or all clipped, or none (they share one mask).
 */
export function concatHomes(
  network: Network,
  readers: ReadonlyMap<string, readonly Layer[]>,
  extents: ReadonlyMap<string, Extents>,
): ConcatHomes {
  const { layers, input } = network;
  const homes = new Map<string, { concat: string; block: number }>();
  const cuts = new Map<string, ReturnType<typeof cutOf>>();
  const pooled = new Set(layers.filter((layer) => layer.pooled).map(({ name }) => name));
  for (const layer of layers) {
    cuts.set(layer.name, cutOf(layer));
    if (layer.op !== 'concat') continue;
    const parts = layer.inputs.map((name) => ({ name, C: extents.get(name)!.C }));
    const first = cuts.get(parts[0]!.name)!;
    const fits = parts.every(
      ({ name, C }, k) =>
        name !== input.name &&
        !isKept(network, name) &&
        !pooled.has(name) &&
        readers.get(name)!.length === 1 &&
        (C % 4 === 0 || k === parts.length - 1) &&
        cuts.get(name) === first,
    );
    if (!fits) continue;
    cuts.set(layer.name, first);
    let block = 0;
    for (const { name, C } of parts) {
      homes.set(name, { concat: layer.name, block });
      block += blocksOf(C);
    }
  }
  return homes;
}
