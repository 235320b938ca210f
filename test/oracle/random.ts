import type { Weight } from '../../src/graph';

/** Reproducible chance: one seed, one sequence, on every machine. */
export interface Random {
  /** In [0, 1). */
  uniform(): number;
  /** low, low + 1, …, high */
  integer(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Mean 0, variance 1. */
  normal(): number;
}

/** A counter that steps by the golden ratio of 2³², and a hash that makes its values look unrelated. */
export function seededRandom(seed: number): Random {
  let counter = hash(seed);

  function uniform(): number {
    counter = (counter + 0x9e3779b9) | 0;
    return hash(counter) / 2 ** 32;
  }
  const integer = (low: number, high: number) => low + Math.floor(uniform() * (high - low + 1));

  return {
    uniform,
    integer,
    chance: (probability) => uniform() < probability,
    pick: (items) => items[integer(0, items.length - 1)]!,
    /** Box and Muller: a point of the plane by its radius and its angle. */
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

/** Normal deviates that float32 holds exactly, so that a GPU can be given the same numbers. */
export function normals(random: Random, length: number): Float64Array {
  return Float64Array.from({ length }, () => Math.fround(random.normal()));
}

/**
 * `[out, …]` with variance 2 / (product of the others), which keeps activations of one size through ReLUs (He et al.,
 * 2015).
 */
export function randomWeights(random: Random, shape: readonly number[]): Weight {
  const fanIn = shape.slice(1).reduce((product, extent) => product * extent, 1);
  const deviation = Math.sqrt(2 / fanIn);
  return randomParameter(random, shape, () => random.normal() * deviation);
}

export function randomParameter(random: Random, shape: readonly number[], draw = random.normal): Weight {
  const length = shape.reduce((product, extent) => product * extent, 1);
  return { shape, data: Float32Array.from({ length }, draw) };
}

/** A bijection of 32-bit integers in which every bit of the argument flips about half of the result's. */
function hash(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  value = Math.imul(value ^ (value >>> 15), 0x846ca68b);
  return (value ^ (value >>> 16)) >>> 0;
}
