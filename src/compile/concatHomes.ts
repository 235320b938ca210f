import { blocksOf } from '../../shaders/kernel';
import type { Extents } from '../graph';
import { type Layer, type Network, isKept } from './network';

/** For each part that lies inside a concatenation: which, and from which block on. */
export type ConcatHomes = ReadonlyMap<string, { readonly concat: string; readonly block: number }>;

/**
 * Concatenations that cost nothing: each part is written where it belongs in the whole. Possible if every part begins
 * at a whole block, the concatenation alone reads it (and nobody outside), its gradient has its extents (no pool in its layer's epilogue),
 * and either all parts or none are rectified (they share one mask).
 */
export function concatHomes(
  network: Network,
  readers: ReadonlyMap<string, readonly Layer[]>,
  extents: ReadonlyMap<string, Extents>,
): ConcatHomes {
  const { layers, input } = network;
  const homes = new Map<string, { concat: string; block: number }>();
  const rectified = new Map<string, boolean>();
  const pooled = new Set(layers.filter((layer) => layer.pooled).map(({ name }) => name));
  for (const layer of layers) {
    rectified.set(layer.name, layer.relu === true || layer.op === 'relu');
    if (layer.op !== 'concat') continue;
    const parts = layer.inputs.map((name) => ({ name, C: extents.get(name)!.C }));
    const first = rectified.get(parts[0]!.name)!;
    const fits = parts.every(
      ({ name, C }, k) =>
        name !== input.name &&
        !isKept(network, name) &&
        !pooled.has(name) &&
        readers.get(name)!.length === 1 &&
        (C % 4 === 0 || k === parts.length - 1) &&
        rectified.get(name) === first,
    );
    if (!fits) continue;
    rectified.set(layer.name, first);
    let block = 0;
    for (const { name, C } of parts) {
      homes.set(name, { concat: layer.name, block });
      block += blocksOf(C);
    }
  }
  return homes;
}
