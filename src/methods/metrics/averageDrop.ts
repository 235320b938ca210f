/**
 * Average drop and increase (Chattopadhay et al. 2018, "Grad-CAM++"): what of the class's probability is left when the
 * picture shows only where the map is bright.
 */
import type { InputExtents, ScoresOf } from './subject';

export interface Drop {
  /** max(0, Y − O) / Y: the share of the probability that is lost; its mean over pictures is the average drop. */
  readonly drop: number;
  /** 1 where the probability grew, else 0; its mean is the increase in confidence. */
  readonly increase: number;
}

/** @param probabilities of the class, after the head */
export async function averageDrop(
  input: Float32Array,
  map: Float32Array,
  probabilities: ScoresOf,
  { H, W }: InputExtents,
): Promise<Drop> {
  const mask = normalised(map);
  // 0 is the mean colour, which takes the place of the paper's black
  const shown = input.map((value, i) => value * mask[i % (H * W)]!);
  const [whole, seen] = (await probabilities([input, shown])) as [number, number];
  return { drop: whole > 0 ? Math.max(0, whole - seen) / whole : 0, increase: seen > whole ? 1 : 0 };
}

/** |map| from 0 to 1. */
function normalised(map: Float32Array): Float32Array {
  const values = map.map(Math.abs);
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  return most > least ? values.map((value) => (value - least) / (most - least)) : values.fill(1);
}
