/**
 * Convolution weights as the kernels read them, each family in an order of its own. All but the depthwise ones take the
 * channels of a filter by fours: four `vec4f`, one per input lane, each over the four output lanes.
 */
import { blocksOf } from '../kernel';

/**
 * Where a convolution's weights lie once packed. `groups` collapses to 1, with zeros between the groups, when a group's
 * channels do not fill whole blocks.
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

/** Of a weight OIHW every `[STEP_Y, STEP_X]`-th tap of a filter, from `[first row, first column]` on. */
export function everyTap(
  weight: Float32Array,
  { O, C, R, S, groups }: ConvWeightShape,
  [stepY, stepX]: readonly [number, number],
  [r0, s0]: readonly [number, number],
): Float32Array {
  const taken: number[] = [];
  for (let r = r0; r < R; r += stepY) for (let s = s0; s < S; s += stepX) taken.push(r * S + s);
  const filters = (O * C) / groups;
  const some = new Float32Array(filters * taken.length);
  for (let filter = 0; filter < filters; filter++)
    taken.forEach((tap, k) => (some[filter * taken.length + k] = weight[filter * R * S + tap]!));
  return some;
}

/** Elements of a packed weight. */
export function packedConvLength(shape: ConvWeightShape): number {
  if (isDepthwise(shape)) return blocksOf(shape.C) * shape.R * shape.S * 4;
  const groups = blockedGroups(shape);
  return groups * blocksOf(shape.O / groups) * blocksOf(shape.C / groups) * shape.R * shape.S * 16;
}

/** `transposed`: input and output change places; `flipped`: and the filter is turned by 180°. */
export type Direction = 'forward' | 'transposed' | 'flipped';

/**
 * Visits every filter of OIHW `[O, C/groups, R, S]`: its kept group, its output and input channel in that group as the
 * kernel counts them, and its R·S weights, turned if the direction says so.
 */
function forEachFilter(
  weight: Float32Array,
  { O, C, R, S, groups }: ConvWeightShape,
  direction: Direction,
  visit: (group: number, o: number, c: number, filter: Float32Array) => void,
): void {
  const kept = blockedGroups({ O, C, R, S, groups });
  const perGroup = C / groups;
  for (let o = 0; o < O; o++) {
    const group = Math.floor(o / (O / kept));
    for (let k = 0; k < perGroup; k++) {
      const c = Math.floor(o / (O / groups)) * perGroup + k;
      const [output, input] = [o - group * (O / kept), c - group * (C / kept)];
      const filter = weight.slice((o * perGroup + k) * R * S, (o * perGroup + k + 1) * R * S);
      if (direction === 'flipped') filter.reverse();
      if (direction === 'forward') visit(group, output, input, filter);
      else visit(group, input, output, filter);
    }
  }
}

/** Blocks of outputs and of inputs of one kept group, as the kernel counts them. */
function blocksOfGroup(shape: ConvWeightShape, direction: Direction): { readonly OUT: number; readonly IN: number } {
  const kept = blockedGroups(shape);
  const [O, C] = [blocksOf(shape.O / kept), blocksOf(shape.C / kept)];
  return direction === 'forward' ? { OUT: O, IN: C } : { OUT: C, IN: O };
}

/** → `[O/4, C/4 of the group, R, S, input lane, output lane]`; depthwise: `[C/4, R, S, lane]`. */
export function packConvWeight(weight: Float32Array, shape: ConvWeightShape, direction: Direction): Float32Array {
  if (isDepthwise(shape)) return packDepthwise(weight, shape, direction === 'flipped');
  const packed = new Float32Array(packedConvLength(shape));
  const { OUT, IN } = blocksOfGroup(shape, direction);
  forEachFilter(weight, shape, direction, (group, o, c, filter) => {
    const first = ((group * OUT + (o >> 2)) * IN + (c >> 2)) * filter.length;
    filter.forEach((value, tap) => {
      packed[((first + tap) * 4 + (c & 3)) * 4 + (o & 3)] = value;
    });
  });
  return packed;
}

function packDepthwise(weight: Float32Array, shape: ConvWeightShape, flipped: boolean): Float32Array {
  const taps = shape.R * shape.S;
  const packed = new Float32Array(packedConvLength(shape));
  for (let c = 0; c < shape.C; c++) {
    for (let tap = 0; tap < taps; tap++)
      packed[((c >> 2) * taps + (flipped ? taps - 1 - tap : tap)) * 4 + (c & 3)] = weight[c * taps + tap]!;
  }
  return packed;
}

/** Blocks of outputs and of inputs that a tiled kernel takes at a time. */
export interface WeightTile {
  readonly blocks: number;
  readonly depth: number;
}

/** Elements of {@link packTiledWeight}. */
export function packedTiledLength(shape: ConvWeightShape, direction: Direction, { blocks, depth }: WeightTile): number {
  const { OUT, IN } = blocksOfGroup(shape, direction);
  return (
    blockedGroups(shape) * Math.ceil(OUT / blocks) * blocks * Math.ceil(IN / depth) * depth * shape.R * shape.S * 16
  );
}

/**
 * → `[group, output tile, input tile, R, S, depth, input lane, blocks, output lane]`: in the order in which a workgroup
 * of the tiled kernel reads them, a tile after the other. Zeros fill up the last tiles.
 */
export function packTiledWeight(
  weight: Float32Array,
  shape: ConvWeightShape,
  direction: Direction,
  tile: WeightTile,
): Float32Array {
  const packed = new Float32Array(packedTiledLength(shape, direction, tile));
  const at = tiledIndex(blocksOfGroup(shape, direction), shape.R * shape.S, tile);
  forEachFilter(weight, shape, direction, (group, o, c, filter) => {
    filter.forEach((value, tap) => {
      packed[at(group, o, c, tap)] = value;
    });
  });
  return packed;
}

/** Elements of {@link packWinogradWeight}. */
export const packedWinogradLength = (shape: ConvWeightShape, direction: Direction, tile: WeightTile): number =>
  16 * packedTiledLength({ ...shape, R: 1, S: 1 }, direction, tile);

/**
 * G·g·Gᵀ of every 3×3 filter g, its 16 elements as groups of 1×1 filters, each packed as by {@link packTiledWeight}.
 */
export function packWinogradWeight(
  weight: Float32Array,
  shape: ConvWeightShape,
  direction: Direction,
  tile: WeightTile,
): Float32Array {
  const packed = new Float32Array(packedWinogradLength(shape, direction, tile));
  const at = tiledIndex(blocksOfGroup(shape, direction), 1, tile);
  const groups = blockedGroups(shape);
  forEachFilter(weight, shape, direction, (group, o, c, filter) => {
    const columns = [0, 1, 2].map((s) => expand(filter[s]!, filter[3 + s]!, filter[6 + s]!));
    for (let i = 0; i < 4; i++) {
      expand(columns[0]![i]!, columns[1]![i]!, columns[2]![i]!).forEach((value, j) => {
        packed[at((4 * i + j) * groups + group, o, c, 0)] = value;
      });
    }
  });
  return packed;
}

/** G of Winograd's F(2, 3). */
const expand = (a: number, b: number, c: number): readonly number[] => [a, (a + b + c) / 2, (a - b + c) / 2, c];

/** Number of a weight in {@link packTiledWeight}'s order. */
function tiledIndex({ OUT, IN }: { OUT: number; IN: number }, taps: number, { blocks, depth }: WeightTile) {
  const [outTiles, inTiles] = [Math.ceil(OUT / blocks), Math.ceil(IN / depth)];
  return (group: number, o: number, c: number, tap: number): number => {
    const [block, k] = [o >> 2, c >> 2];
    const step = ((group * outTiles + Math.floor(block / blocks)) * inTiles + Math.floor(k / depth)) * taps + tap;
    return (((step * depth + (k % depth)) * 4 + (c & 3)) * blocks + (block % blocks)) * 4 + (o & 3);
  };
}
