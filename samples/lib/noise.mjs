/** Seeded randomness: the same picture on every machine. */

/**
 * A generator of numbers in [0, 1) (mulberry32).
 *
 * @param {number} seed
 */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A number in [0, 1) for each point of the integer lattice.
 *
 * @param {number} i
 * @param {number} j
 */
export function hash(i, j, k = 0) {
  let h = Math.imul(i, 0x27d4eb2d) ^ Math.imul(j, 0x165667b1) ^ Math.imul(k, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

/** @param {number} t */
const fade = (t) => t * t * (3 - 2 * t);
/** @type {(a: number, b: number, t: number) => number} */
const mix = (a, b, t) => a + (b - a) * t;

/**
 * Smooth value noise in [0, 1): the lattice's numbers, interpolated.
 *
 * @param {number} x
 * @param {number} y
 */
export function noise(x, y, z = 0) {
  const i = Math.floor(x),
    j = Math.floor(y),
    k = Math.floor(z);
  const u = fade(x - i),
    v = fade(y - j),
    w = fade(z - k);
  /** @type {(b: number, c: number) => number} */
  const row = (b, c) => mix(hash(i, j + b, k + c), hash(i + 1, j + b, k + c), u);
  /** @type {(c: number) => number} */
  const plane = (c) => mix(row(0, c), row(1, c), v);
  return w === 0 ? plane(0) : mix(plane(0), plane(1), w);
}

/**
 * Noise at several scales, each half the size and half the strength of the one before; in [0, 1).
 *
 * @param {number} x
 * @param {number} y
 */
export function fractal(x, y, z = 0, octaves = 5) {
  let sum = 0,
    weight = 0.5,
    total = 0;
  for (let n = 0; n < octaves; n++) {
    sum += weight * noise(x, y, z);
    total += weight;
    weight /= 2;
    x = 2 * x + 17.3;
    y = 2 * y + 5.1;
    z = 2 * z;
  }
  return sum / total;
}
