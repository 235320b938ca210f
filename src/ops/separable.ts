/**
 * Operators that are linear along each axis by itself, all on the kernel of `shaders/separable.ts`: each says its three
 * matrices.
 */
import { type AxisRows, isIdentity, packAxes, separable, transposeAxes } from '../../shaders/separable';
import { blocksOf, floatBits } from '../../shaders/kernel';
import { AXES, type Axis, type Extents, MOST_POSITIONS, type Triple, printExtents, shapeError, triple } from '../shape';
import { axis, extentPair, extents, factors, flag, number, oneOf, optional, places, region, wholes } from './fields';
import { type Description, type Node, type Slice, type Tensor, unary } from './op';
import { type ResizeNode, resizeRow } from './resize';

/** Along each axis `y[i] = x[begin + i · step]`, for `extents` of them; a step may be negative, and is never 0. */
export interface SliceNode extends Node<'slice'> {
  readonly begin: Triple;
  readonly step?: Triple;
  readonly extents: Triple;
}

/**
 * Adds `before` and `after` elements along each axis. `constant`: of `value` (0 if absent) · `edge`: copies of the
 * outermost element · `reflect`: the elements inside it, in mirror image.
 */
export interface PadNode extends Node<'pad'> {
  readonly before: Triple;
  readonly after: Triple;
  readonly mode: 'constant' | 'edge' | 'reflect';
  readonly value?: number;
}

/** Copies along each axis whose extent is 1 and is to be more. */
export interface ExpandNode extends Node<'expand'> {
  readonly extents: Triple;
}

/** Along an axis `y[i] = x[indices[i]]`. What is copied several times gets the sum of the gradients. */
export interface GatherNode extends Node<'gather'> {
  readonly axis: Axis;
  readonly indices: readonly number[];
}

/**
 * Sums along an axis of all elements up to the own one: with `exclusive` without it, with `reverse` from the end.
 */
export interface CumulateNode extends Node<'cumulate'> {
  readonly axis: Axis;
  readonly exclusive?: boolean;
  readonly reverse?: boolean;
}

/** The matrix of each axis. */
type Matrices = readonly [AxisRows, AxisRows, AxisRows];

const tripleOf = (x: Extents): Triple => triple((axis) => x[AXES[axis]]);

/**
 * A matrix of so many rows. @throws GradlensError `shape` where they are more than an axis can have: they are all
 * written out here.
 */
export function matrix(name: string, rows: number, row: (i: number) => AxisRows[number]): AxisRows {
  if (rows > MOST_POSITIONS)
    throw shapeError(name, `has ${rows} elements along one axis; at most ${MOST_POSITIONS} are possible here`, {
      rows,
    });
  return Array.from({ length: rows }, (_, i) => row(i));
}

export const identity = (name: string, extent: number): AxisRows => matrix(name, extent, (i) => [[i, 1]]);

/** The matrix of each axis, from its number and its extent. */
export const eachAxis = (input: Extents, rows: (axis: 0 | 1 | 2, extent: number) => AxisRows): Matrices =>
  triple((axis) => rows(axis, input[AXES[axis]]));

/** The matrices, packed for the GPU: small whole numbers and float bits side by side, carried as they are. */
const table = (name: string, axes: readonly AxisRows[]): Tensor => {
  const packed = packAxes(axes);
  return { name, bytes: packed.byteLength, kind: 'weight', fill: () => new Float32Array(packed.buffer) };
};

/** One axis by a matrix of its own, the others as they are. */
const along = (axis: Axis, input: Extents, name: string, rows: (extent: number) => AxisRows): Matrices =>
  eachAxis(input, (at, extent) => (AXES[at] === axis ? rows(extent) : identity(name, extent)));

const mixes = ([channels]: Matrices, { C }: Extents): boolean => !isIdentity(channels, C);

const dimsOf = (batch: number, from: Extents, to: Extents, fill: number) => ({
  N: batch,
  H: from.H,
  W: from.W,
  O: to.C,
  P: to.H,
  Q: to.W,
  FILL: fill === 0 ? 0 : floatBits(fill),
});

/** Elements that one invocation may add up. */
export const MOST_AT_ONCE = 4096;

/**
 * The same map in stages, the first of them first: sums over large planes are shared out over many invocations. Each
 * long row becomes several shorter ones, and a row that adds these up.
 */
function sharedOut([C, H, W]: Matrices, x: Extents): readonly Matrices[] {
  const longest = (rows: AxisRows): number => rows.reduce((most, entries) => Math.max(most, entries.length), 0);
  if (longest(H) * longest(W) <= MOST_AT_ONCE) return [[C, H, W]];
  const channels = identity('', x.C);
  const [down, along] = [partsOf(H), partsOf(W)];
  return [
    ...(down ? [[channels, down.parts, identity('', x.W)] as const] : []),
    ...(along ? [[channels, down ? down.sum : H, along.parts] as const] : []),
    [C, along ? identity('', H.length) : down ? down.sum : H, along ? along.sum : W],
  ];
}

/** A single row as the sums of its parts, about as many as each has elements; null for a short one, or several. */
function partsOf(rows: AxisRows): { readonly parts: AxisRows; readonly sum: AxisRows } | null {
  const [row = []] = rows;
  if (rows.length > 1 || row.length < 8) return null;
  const each = Math.ceil(Math.sqrt(row.length));
  const parts = Array.from({ length: Math.ceil(row.length / each) }, (_, k) => row.slice(k * each, (k + 1) * each));
  return { parts, sum: [parts.map((_, k) => [k, 1])] };
}

/** What a stage computes for the next. */
function partOf(name: string, batch: number, [{ length: C }, { length: H }, { length: W }]: Matrices): Slice {
  const blocks = blocksOf(C);
  return { C, H, W, block: 0, blocks, storage: { name, bytes: batch * blocks * H * W * 16, kind: 'transient' } };
}

/**
 * An operator that is a matrix along each axis. `matrices` checks the node and says them, `fill` what stands outside.
 */
export const mapping = <N extends Node>({
  matrices,
  fill = () => 0,
  ...description
}: Description<N> & { matrices(node: N, x: Extents): Matrices; fill?(node: N): number }) =>
  unary<N>({
    ...description,
    extents(node, x) {
      const [C, H, W] = matrices(node, x);
      return { C: C.length, H: H.length, W: W.length };
    },
    forward({ node, batch, x, y, step }) {
      const stages = sharedOut(matrices(node, x), x);
      let from = x;
      return stages.map((axes, k) => {
        const isLast = k === stages.length - 1;
        const to = isLast ? y : partOf(`${node.name}.part ${k}`, batch, axes);
        const kernel = separable(dimsOf(batch, from, to, fill(node)), { from, to }, mixes(axes, from), null);
        const bind = { x: from, table: table(`${node.name}.axes${isLast ? '' : ` ${k}`}`, axes), y: to };
        from = to;
        return step(`${node.op}${isLast ? 'Forward' : 'Part'}`, kernel, bind);
      });
    },
    backward({ node, batch, dY, dX, epilogue, step }) {
      const axes = matrices(node, dX);
      const back = transposeAxes(axes, tripleOf(dX));
      const kernel = separable(dimsOf(batch, dY, dX, 0), { from: dY, to: dX }, mixes(axes, dX), epilogue);
      return [step(`${node.op}Backward`, kernel, { x: dY, table: table(`${node.name}.axes back`, back), dX })];
    },
  });

const whole = (...numbers: readonly number[]): boolean => numbers.every(Number.isInteger);

export const slice = mapping<SliceNode>({
  op: 'slice',
  title: 'slice (split)',
  fields: { begin: wholes, step: optional(wholes), extents },
  matrices: ({ name, begin, step = [1, 1, 1], extents }, x) =>
    eachAxis(x, (axis, extent) => {
      const [first, by, count] = [begin[axis], step[axis], extents[axis]];
      const last = first + (count - 1) * by;
      const isInside = Math.min(first, last) >= 0 && Math.max(first, last) < extent;
      if (!whole(first, by, count) || by === 0 || count < 1 || !isInside) {
        throw shapeError(
          name,
          `takes ${count} from ${first} by ${by} along ${AXES[axis]}, its input is ${printExtents(x)}; 0 to ` +
            `${extent - 1} would be right`,
        );
      }
      return matrix(name, count, (i) => [[first + i * by, 1]]);
    }),
});

export const pad = mapping<PadNode>({
  op: 'pad',
  title: 'pad (by a constant, edges or reflection)',
  fields: {
    before: wholes,
    after: wholes,
    mode: oneOf('constant', 'edge', 'reflect'),
    value: optional(number),
  },
  fill: ({ value = 0 }) => value,
  matrices: ({ name, before, after, mode }, x) =>
    eachAxis(x, (axis, extent) => {
      const [front, back] = [before[axis], after[axis]];
      if (!whole(front, back) || Math.min(front, back) < 0)
        throw shapeError(name, `pads ${front} and ${back} along ${AXES[axis]}; whole numbers from 0 would be right`);
      if (mode === 'reflect' && Math.max(front, back) >= extent) {
        throw shapeError(
          name,
          `reflects ${Math.max(front, back)} elements along ${AXES[axis]}, its input is ${printExtents(x)}; at ` +
            `most ${extent - 1} would be right`,
        );
      }
      return matrix(name, front + extent + back, (i) => {
        const at = i - front;
        if (at >= 0 && at < extent) return [[at, 1]];
        if (mode === 'constant') return [];
        if (mode === 'edge') return [[at < 0 ? 0 : extent - 1, 1]];
        return [[at < 0 ? -at : 2 * (extent - 1) - at, 1]];
      });
    }),
});

export const resize = mapping<ResizeNode>({
  op: 'resize',
  title: 'resize (nearest, linear, cubic)',
  fill: ({ outside = 0 }) => outside,
  fields: {
    size: extentPair,
    scale: optional(factors),
    mode: oneOf('nearest', 'linear', 'cubic'),
    coordinates: oneOf(
      'half-pixel',
      'pytorch-half-pixel',
      'half-pixel-symmetric',
      'tensorflow-half-pixel',
      'asymmetric',
      'align-corners',
      'tensorflow-crop',
    ),
    region: optional(region),
    outside: optional(number),
    rounding: optional(oneOf('floor', 'ceil', 'round-prefer-floor', 'round-prefer-ceil')),
    coefficient: optional(number),
    excludeOutside: optional(flag),
    antialias: optional(flag),
  },
  matrices: (node, x) =>
    eachAxis(x, (axis, extent) =>
      axis === 0
        ? identity(node.name, extent)
        : matrix(node.name, node.size[axis === 1 ? 0 : 1], resizeRow(node, axis === 1 ? 0 : 1, extent)),
    ),
});

export const expand = mapping<ExpandNode>({
  op: 'expand',
  title: 'expand (broadcasting)',
  fields: { extents },
  matrices: ({ name, extents }, x) =>
    eachAxis(x, (axis, extent) => {
      const wanted = extents[axis];
      if (!whole(wanted) || wanted < 1 || (extent !== 1 && wanted !== extent)) {
        throw shapeError(
          name,
          `copies ${printExtents(x)} to ${wanted} along ${AXES[axis]}; only an extent of 1 is copied`,
        );
      }
      return matrix(name, wanted, (i) => [[extent === 1 ? 0 : i, 1]]);
    }),
});

export const gather = mapping<GatherNode>({
  op: 'gather',
  title: 'gather (constant indices)',
  fields: { axis, indices: places },
  matrices: ({ name, axis, indices }, x) =>
    along(axis, x, name, (extent) => {
      const wrong = indices.find((index) => !(Number.isInteger(index) && index >= 0 && index < extent));
      if (indices.length === 0 || wrong !== undefined)
        throw shapeError(
          name,
          `gathers ${indices.length === 0 ? 'nothing' : wrong} along ${axis}, its input is ${printExtents(x)}; 0 to ` +
            `${extent - 1} would be right`,
        );
      return matrix(name, indices.length, (i) => [[indices[i]!, 1]]);
    }),
});

/** Its matrix is half full. */
const MOST_CUMULATED = 1024;

export const cumulate = mapping<CumulateNode>({
  op: 'cumulate',
  title: 'cumulative sum',
  fields: { axis, exclusive: optional(flag), reverse: optional(flag) },
  matrices: ({ name, axis, exclusive = false, reverse = false }, x) =>
    along(axis, x, name, (extent) => {
      if (extent > MOST_CUMULATED)
        throw shapeError(name, `sums ${extent} elements along ${axis}; at most ${MOST_CUMULATED} are possible`);
      const own = exclusive ? 0 : 1;
      return matrix(name, extent, (i) =>
        reverse
          ? Array.from({ length: extent - 1 - i + own }, (_, k) => [i + 1 - own + k, 1] as const)
          : Array.from({ length: i + own }, (_, k) => [k, 1] as const),
      );
    }),
});
