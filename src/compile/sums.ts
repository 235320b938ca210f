import { type Layer, type Network, cutOf, isKept } from './network';
import type { ConcatHomes } from './concatHomes';

/** Sums that take no dispatch of their own. */
export interface Sums {
  /** By convolution: the sum that it computes as it stores, and the term that it adds. */
  readonly carried: ReadonlyMap<string, { readonly sum: Layer; readonly other: string }>;
  /** The sums that a convolution computes. */
  readonly carriers: ReadonlySet<string>;
  /** By term: the sum whose gradient is its own, or the first part of it, and lies in the same place. */
  readonly shared: ReadonlyMap<string, string>;
}

interface Known {
  readonly readers: ReadonlyMap<string, readonly Layer[]>;
  readonly homes: ConcatHomes;
  /** What has a gradient. */
  readonly differentiated: ReadonlySet<string>;
}

/**
 * Forward, the later of two terms adds the earlier one as it stores, if it is a convolution that nothing else reads.
 *
 * Backward, every term receives the sum's gradient as it is. A term that nothing else reads has no gradient of its own:
 * it reads the sum's. A term that others read (the way around a residual block) lets them add to it in the same place;
 * that is right as long as whoever needs the gradient of the sum itself has read it by then.
 */
export function sumsOf(network: Network, { readers, homes, differentiated }: Known): Sums {
  const { layers } = network;
  const at = new Map(layers.map(({ name }, k) => [name, k]));
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const isOnlyRead = (name: string): boolean => readers.get(name)!.length === 1 && !isKept(network, name);
  const isPlain = (layer: Layer): boolean => cutOf(layer) === 'none' && !layer.pooled && layer.op !== 'concat';
  const sums = layers.filter(({ op, inputs }) => op === 'add' && new Set(inputs).size === inputs.length);

  const carried = new Map<string, { sum: Layer; other: string }>();
  for (const sum of sums) {
    if (sum.inputs.length !== 2) continue;
    const [other, last] = [...sum.inputs].sort((a, b) => (at.get(a) ?? -1) - (at.get(b) ?? -1)) as [string, string];
    const layer = byName.get(last)!;
    if (layer.op === 'conv' && isPlain(layer) && isOnlyRead(last)) carried.set(last, { sum, other });
  }

  const shared = new Map<string, string>();
  const placed = (name: string): string => (shared.has(name) ? placed(shared.get(name)!) : name);
  /** By where a gradient lies: whose layers read it there. */
  const sharing = new Map<string, string[]>();
  for (const sum of sums.filter(({ name }) => differentiated.has(name)).reverse()) {
    const place = placed(sum.name);
    const members = sharing.get(place) ?? [sum.name];
    sharing.set(place, members);
    const share = (term: string): void => {
      shared.set(term, sum.name);
      members.push(term);
    };
    const terms = sum.inputs.filter((term) => byName.has(term) && !isKept(network, term));
    terms.filter((term) => isOnlyRead(term) && isPlain(byName.get(term)!)).forEach(share);
    const around = terms.find((term) => {
      const others = readers.get(term)!.filter((reader) => reader !== sum && differentiated.has(reader.name));
      const last = Math.max(...others.map(({ name }) => at.get(name)!));
      const { op, pooled } = byName.get(term)!;
      return (
        others.length > 0 && !pooled && op !== 'concat' && !homes.has(place) && members.every((m) => at.get(m)! > last)
      );
    });
    if (around !== undefined) share(around);
  }
  return { carried, carriers: new Set([...carried.values()].map(({ sum }) => sum.name)), shared };
}
