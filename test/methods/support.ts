/** What the tests of the methods share: the self-test's net on this machine's first driver, and the drawn numbers. */
import { Engine } from '../../src';
import { type Extents, graphAfter } from '../../src/graph';
import { selfTestCase } from '../../src/model/selfTest';
import { fetchInNode } from '../../src/node/files';
import { sharedDevice } from '../engine/support';
import { nodeDrivers } from '../node';
import { graphGradient, runGraph } from '../oracle/network';

export const { graph, input } = selfTestCase();
export const { C, H, W } = graph.input.extents;
export const picture = { data: input, shape: [C, H, W] };
export const exact = Float64Array.from(input);
export const preparation = {
  width: W,
  height: H,
  channels: 3,
  order: 'BGR',
  scale: 1,
  mean: [100, 110, 120],
  std: [10, 20, 30],
  resize: 'squash',
} as const;

/** A new engine on the one device that a file's tests share. */
export async function engineOn(driver = nodeDrivers[0]!): Promise<Engine> {
  return Engine.create({ ...(await sharedDevice(driver)), fetchBytes: fetchInNode });
}

/** A tensor of the net and the gradient of a class's score with respect to it, in float64. */
export function layerOf(
  tensor: string,
  index: number,
): {
  readonly extents: Extents;
  readonly activations: Float64Array;
  readonly gradient: Float64Array;
} {
  const { data, extents } = runGraph(graph, exact).get(tensor)!;
  const activations = Float64Array.from(data);
  const { gradient } = graphGradient(graphAfter(graph, tensor, extents), activations, { class: index });
  return { extents, activations, gradient };
}

/** An RGBA picture with a pattern. */
export function pixels(width: number, height: number) {
  const data = Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : (i * 37 + (i >> 3) * 11) % 251,
  );
  return { data, width, height };
}

// ——— the drawn numbers of shaders/random.ts, in the words of its comments ———

export function mix32(word: number): number {
  let x = word >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

export function normal(seed: number, sample: number, element: number): number {
  let sum = 0;
  for (const k of [1, 2, 3]) {
    const word = mix32((mix32((mix32((mix32(seed) ^ k) >>> 0) ^ sample) >>> 0) ^ element) >>> 0);
    for (const shift of [0, 8, 16, 24]) sum += (word >>> shift) & 255;
  }
  return (sum - 1530) / 256;
}
