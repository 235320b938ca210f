/**
 * Operators that are linear along each axis by itself, all on the kernel of `shaders/separable.ts`: each says its three
 * matrices.
 */
import { type AxisRows, isIdentity, packAxes, separable, transposeAxes } from '../../shaders/separable';
import { floatBits } from '../../shaders/kernel';
import type { ExpandNode, Extents, PadNode, ReduceNode, ResizeNode, SliceNode, Triple } from '../graph';
import { MOST_POSITIONS, printExtents, shapeError } from '../shape';
import type { Op, Slice, Tensor } from './op';
import { resizeRow } from './resize';

type SeparableNode = SliceNode | PadNode | ResizeNode | ExpandNode | ReduceNode;
type Axes = readonly [AxisRows, AxisRows, AxisRows];

const AXES = ['C', 'H', 'W'] as const;

const triple = ({ C, H, W }: Extents): Triple => [C, H, W];

/**
 * A matrix of so many rows. @throws GradlensError `shape` where they are more than an axis can have: they are all
 * written out here.
 */
function matrix(name: string, rows: number, row: (i: number) => AxisRows[number]): AxisRows {
  if (rows > MOST_POSITIONS)
    throw shapeError(name, `has ${rows} elements along one axis; at most ${MOST_POSITIONS} are possible here`, {
      rows,
    });
  return Array.from({ length: rows }, (_, i) => row(i));
}

const identity = (name: string, extent: number): AxisRows => matrix(name, extent, (i) => [[i, 1]]);

/** The matrix of each axis, from its number and its extent. */
const eachAxis = (input: Extents, rows: (axis: number, extent: number) => AxisRows): Axes =>
  triple(input).map((extent, axis) => rows(axis, extent)) as unknown as Axes;

/** The matrices, packed for the GPU: small whole numbers and float bits side by side, carried as they are. */
const table = (name: string, axes: readonly AxisRows[]): Tensor => {
  const packed = packAxes(axes);
  return { name, bytes: packed.byteLength, kind: 'weight', fill: () => new Float32Array(packed.buffer) };
};

const mixes = (axes: readonly AxisRows[], { C }: { readonly C: number }): boolean => !isIdentity(axes[0]!, C);

const dimsOf = (batch: number, from: Slice, to: Slice, fill: number) => ({
  N: batch,
  H: from.H,
  W: from.W,
  O: to.C,
  P: to.H,
  Q: to.W,
  FILL: fill === 0 ? 0 : floatBits(fill),
  X_BLOCK: from.block,
  X_BLOCKS: from.blocks,
  Y_BLOCK: to.block,
  Y_BLOCKS: to.blocks,
});

/** `axesOf` checks the node and says its matrices. */
function mapping<N extends SeparableNode>(axesOf: (node: N, input: Extents) => Axes): Op<N> {
  return {
    extents(node, [input]) {
      const [C, H, W] = axesOf(node, input!).map((rows) => rows.length) as [number, number, number];
      return { C, H, W };
    },
    forward({ node, batch, inputs: [x], output }) {
      const axes = axesOf(node, x!);
      const fill = node.op === 'pad' ? (node.value ?? 0) : 0;
      return [
        {
          label: `${node.name}.${node.op}Forward`,
          kernel: separable(dimsOf(batch, x!, output, fill), mixes(axes, x!), null),
          bind: { x: x!.storage, table: table(`${node.name}.axes`, axes), y: output.storage },
        },
      ];
    },
    backward({ node, batch }, { dY, dX, epilogue, kept }) {
      const axes = axesOf(node, dX);
      const back = transposeAxes(axes, triple(dX));
      return [
        {
          label: `${node.name}.${node.op}Backward`,
          kernel: separable(dimsOf(batch, dY, dX, 0), mixes(axes, dX), epilogue),
          bind: { x: dY.storage, table: table(`${node.name}.axes back`, back), dX: dX.storage, ...kept },
        },
      ];
    },
  };
}

const whole = (...numbers: readonly number[]): boolean => numbers.every(Number.isInteger);

export const slice = mapping<SliceNode>(({ name, begin, step = [1, 1, 1], extents }, input) =>
  eachAxis(input, (axis, extent) => {
    const [first, by, count] = [begin[axis]!, step[axis]!, extents[axis]!];
    const last = first + (count - 1) * by;
    if (
      !whole(first, by, count) ||
      by === 0 ||
      count < 1 ||
      Math.min(first, last) < 0 ||
      Math.max(first, last) >= extent
    ) {
      throw shapeError(
        name,
        `takes ${count} from ${first} by ${by} along ${AXES[axis]}, its input is ${printExtents(input)}; 0 to ${extent - 1} would be right`,
      );
    }
    return matrix(name, count, (i) => [[first + i * by, 1]]);
  }),
);

export const pad = mapping<PadNode>(({ name, before, after, mode }, input) =>
  eachAxis(input, (axis, extent) => {
    const [front, back] = [before[axis]!, after[axis]!];
    if (!whole(front, back) || Math.min(front, back) < 0)
      throw shapeError(name, `pads ${front} and ${back} along ${AXES[axis]}; whole numbers from 0 would be right`);
    if (mode === 'reflect' && Math.max(front, back) >= extent) {
      throw shapeError(
        name,
        `reflects ${Math.max(front, back)} elements along ${AXES[axis]}, its input is ${printExtents(input)}; at most ${extent - 1} would be right`,
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
);

export const resize = mapping<ResizeNode>((node, input) =>
  eachAxis(input, (axis, extent) => {
    if (axis === 0) return identity(node.name, extent);
    return matrix(node.name, node.size[axis - 1]!, resizeRow(node, (axis - 1) as 0 | 1, extent));
  }),
);

export const expand = mapping<ExpandNode>(({ name, extents }, input) =>
  eachAxis(input, (axis, extent) => {
    const wanted = extents[axis]!;
    if (!whole(wanted) || wanted < 1 || (extent !== 1 && wanted !== extent)) {
      throw shapeError(
        name,
        `copies ${printExtents(input)} to ${wanted} along ${AXES[axis]}; only an extent of 1 is copied`,
      );
    }
    return matrix(name, wanted, (i) => [[extent === 1 ? 0 : i, 1]]);
  }),
);

export const reduce = mapping<ReduceNode>(({ name, kind, axes }, input) =>
  eachAxis(input, (axis, extent) =>
    axes.includes(AXES[axis]!)
      ? [matrix(name, extent, (i) => [[i, kind === 'mean' ? 1 / extent : 1]]).flat()]
      : identity(name, extent),
  ),
);
