/**
 * Convolution weights as the direct kernels read them: `[O/4, C/4, R, S]` of four `vec4f`, one per input lane, each over the four
 * output lanes.
 */
import { blocksOf } from '../kernel';

/**
 * Where a convolution's weights lie once packed. `groups` collapses to 1, with zeros between the groups, when a group's channels
 * do not fill whole blocks.
 */
export interface ConvWeightShape {
  readonly O: number;
  readonly C: number;
  readonly R: number;
  readonly S: number;
  readonly groups: number;
}

/** Whether every channel has exactly one filter of its own. */
export const isDepthwise = ({ O, C, groups }: ConvWeightShape): boolean => groups > 1 && groups === C && groups === O;

/** Groups that the kernels can keep apart. Depthwise kernels multiply lane by lane: there a block is a group. */
export function blockedGroups(shape: ConvWeightShape): number {
  const { O, C, groups } = shape;
  if (isDepthwise(shape)) return blocksOf(C);
  return (O / groups) % 4 === 0 && (C / groups) % 4 === 0 ? groups : 1;
}

/** Elements of a packed weight. */
export function packedConvLength(shape: ConvWeightShape): number {
  if (isDepthwise(shape)) return blocksOf(shape.C) * shape.R * shape.S * 4;
  const groups = blockedGroups(shape);
  return groups * blocksOf(shape.O / groups) * blocksOf(shape.C / groups) * shape.R * shape.S * 16;
}

/**
 * OIHW `[O, C/groups, R, S]` → `[O/4, C/4 of the group, R, S, input lane, output lane]` for the forward kernel; with `transposed`,
 * input and output change places (and for `flipped` the filter is turned by 180°) for the backward kernels. Depthwise:
 * `[C/4, R, S, lane]`.
 */
export function packConvWeight(weight: Float32Array, shape: ConvWeightShape, direction: 'forward' | 'transposed' | 'flipped'): Float32Array {
  if (isDepthwise(shape)) return packDepthwise(weight, shape, direction === 'flipped');
  const { O, C, R, S, groups } = shape;
  const kept = blockedGroups(shape);
  const packed = new Float32Array(packedConvLength(shape));
  const inner = blocksOf((direction === 'forward' ? C : O) / kept);
  const perGroup = { O: O / groups, C: C / groups };
  const keptGroup = { O: O / kept, C: C / kept };
  for (let o = 0; o < O; o++) {
    const group = Math.floor(o / perGroup.O);
    for (let k = 0; k < perGroup.C; k++) {
      const c = group * perGroup.C + k;
      const keptIndex = Math.floor(o / keptGroup.O);
      const local = { o: o - keptIndex * keptGroup.O, c: c - keptIndex * keptGroup.C };
      const [outer, outerLane, step, stepLane] =
        direction === 'forward'
          ? [keptIndex * blocksOf(keptGroup.O) + (local.o >> 2), local.o & 3, local.c >> 2, local.c & 3]
          : [keptIndex * blocksOf(keptGroup.C) + (local.c >> 2), local.c & 3, local.o >> 2, local.o & 3];
      for (let r = 0; r < R; r++) {
        for (let s = 0; s < S; s++) {
          const tap = direction === 'flipped' ? (R - 1 - r) * S + (S - 1 - s) : r * S + s;
          packed[(((outer * inner + step) * R * S + tap) * 4 + stepLane) * 4 + outerLane] = weight[((o * perGroup.C + k) * R + r) * S + s]!;
        }
      }
    }
  }
  return packed;
}

function packDepthwise(weight: Float32Array, shape: ConvWeightShape, flipped: boolean): Float32Array {
  const taps = shape.R * shape.S;
  const packed = new Float32Array(packedConvLength(shape));
  for (let c = 0; c < shape.C; c++) {
    for (let tap = 0; tap < taps; tap++) packed[((c >> 2) * taps + (flipped ? taps - 1 - tap : tap)) * 4 + (c & 3)] = weight[c * taps + tap]!;
  }
  return packed;
}
