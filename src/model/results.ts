/** What was read from the GPU, as callers want it. Numbers that float32 cannot hold are an error, not a result. */
import { blocksOf } from '../../shaders/kernel';
import type { Plan } from '../compile';
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import type { Extents } from '../graph';
import type { Neuron } from '../options';

export function finite(values: Float32Array): Float32Array {
  const bad = notFinite(values);
  if (bad >= 0)
    throw new GradlensError(
      'validation',
      `element ${bad} of the result is ${values[bad]}: the network's numbers are too large for float32`,
      { index: bad },
    );
  return values;
}

/** Blocks of four, zero past the last class → `[N × classes]`. */
export function scoresFrom(stored: Float32Array, { batch, scores: { C } }: Plan): Float32Array {
  const stride = blocksOf(C) * 4;
  const scores = new Float32Array(batch * C);
  for (let n = 0; n < batch; n++) scores.set(stored.subarray(n * stride, n * stride + C), n * C);
  const bad = notFinite(scores);
  if (bad >= 0)
    throw new GradlensError(
      'validation',
      `the score of class ${bad % C} is ${scores[bad]}: the input or an activation is too large for float32, or ` +
        'is not a number',
      { class: bad % C },
    );
  return scores;
}

/** The value of a neuron in each item, `[N]`; without a place, the sum over its plane. */
export function neuronsFrom(
  stored: Float32Array,
  { batch, scores: { H, W, blocks } }: Plan,
  { channel, y, x }: Neuron,
): Float32Array {
  const plane = H * W;
  return finite(
    Float32Array.from({ length: batch }, (_, n) => {
      const base = (n * blocks + (channel >> 2)) * plane;
      const at = (pixel: number): number => stored[(base + pixel) * 4 + (channel & 3)]!;
      if (y !== undefined && x !== undefined) return at(y * W + x);
      let sum = 0;
      for (let pixel = 0; pixel < plane; pixel++) sum += at(pixel);
      return sum;
    }),
  );
}

/** The first item of a stored tensor, `[C, H, W]`. */
export function firstItemFrom(
  stored: Float32Array,
  { C, H, W, block }: Extents & { readonly block: number },
): Float32Array {
  const plane = H * W;
  return finite(
    Float32Array.from({ length: C * plane }, (_, i) => {
      const c = Math.floor(i / plane);
      return stored[((block + (c >> 2)) * plane + (i % plane)) * 4 + (c & 3)]!;
    }),
  );
}

export function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
