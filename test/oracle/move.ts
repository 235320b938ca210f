/** Operators whose every output element is a copy of one input element, or of none. */
import type { Axis, Extents, GraphNode } from '../../src/graph';
import { forEach, gather, get, scatter, tensor, zeros, type Numbers, type Tensor } from './tensor';

export type MoveNode = Extract<GraphNode, { op: 'transpose' | 'slice' | 'pad' | 'expand' | 'gather' }>;
type Place = readonly [c: number, h: number, w: number];

/** The extents of the result, and where an element comes from; null for padding. */
interface Move {
  readonly extents: Extents;
  readonly source: (place: Place) => Place | null;
}

export function moveForward(node: MoveNode, x: Tensor): Tensor {
  const { extents, source } = moveOf(node, x.extents);
  return gather(extents, (...place) => {
    const from = source(place);
    return from ? get(x, ...from) : (node.op === 'pad' && node.value) || 0;
  });
}

export function moveBackward(node: MoveNode, dY: Tensor, input: Extents): Tensor {
  const { source } = moveOf(node, input);
  const dX = zeros(input);
  forEach(dY, (c, h, w, dy) => {
    const from = source([c, h, w]);
    if (from) scatter(dX, ...from, dy);
  });
  return dX;
}

const AXES: readonly Axis[] = ['C', 'H', 'W'];
const extentsOf = ([C, H, W]: readonly number[]): Extents => ({ C: C!, H: H!, W: W! });
const eachAxis = (place: (axis: number) => number): Place => [place(0), place(1), place(2)];

function moveOf(node: MoveNode, input: Extents): Move {
  const lengths = AXES.map((axis) => input[axis]);
  switch (node.op) {
    case 'transpose':
      return {
        extents: extentsOf(node.order.map((axis) => input[axis])),
        source: (place) => eachAxis((axis) => place[node.order.indexOf(AXES[axis]!)]!),
      };
    case 'slice':
      return {
        extents: extentsOf(node.extents),
        source: (place) => eachAxis((axis) => node.begin[axis]! + place[axis]! * (node.step?.[axis] ?? 1)),
      };
    case 'gather': {
      const axis = AXES.indexOf(node.axis);
      return {
        extents: extentsOf(lengths.with(axis, node.indices.length)),
        source: (place) => eachAxis((other) => (other === axis ? node.indices[place[other]!]! : place[other]!)),
      };
    }
    case 'expand':
      return {
        extents: extentsOf(node.extents),
        source: (place) => eachAxis((axis) => Math.min(place[axis]!, lengths[axis]! - 1)),
      };
    case 'pad':
      return {
        extents: extentsOf(lengths.map((length, axis) => node.before[axis]! + length + node.after[axis]!)),
        source(place) {
          const at = eachAxis((axis) => place[axis]! - node.before[axis]!);
          const isInside = at.every((i, axis) => i >= 0 && i < lengths[axis]!);
          if (node.mode === 'constant') return isInside ? at : null;
          if (node.mode === 'edge') return eachAxis((axis) => Math.min(Math.max(at[axis]!, 0), lengths[axis]! - 1));
          return eachAxis((axis) => {
            const i = Math.abs(at[axis]!);
            return i < lengths[axis]! ? i : 2 * (lengths[axis]! - 1) - i;
          });
        },
      };
  }
}

// ── by number ──

/** Element i is element `indices[i]`, or 0 where that is −1, in C, H, W order. */
export const takeForward = (indices: Numbers, extents: Extents, x: Tensor): Tensor =>
  tensor(
    extents,
    Array.from(indices, (index) => (index < 0 ? 0 : x.data[index]!)),
  );

export function takeBackward(indices: Numbers, dY: Tensor, input: Extents): Tensor {
  const dX = zeros(input);
  dY.data.forEach((dy, i) => {
    if (indices[i]! >= 0) dX.data[indices[i]!]! += dy;
  });
  return dX;
}

// ── sums along an axis ──

interface CumulateSpec {
  readonly axis: Axis;
  readonly exclusive?: boolean;
  readonly reverse?: boolean;
}

/** Whether the element at place i is in the sum at place `of`. */
const isSummed = ({ exclusive, reverse }: CumulateSpec, i: number, of: number): boolean =>
  (reverse ? i > of : i < of) || (!exclusive && i === of);

export function cumulateForward(spec: CumulateSpec, x: Tensor): Tensor {
  const y = zeros(x.extents);
  eachOfSums(spec, x.extents, (from, to) => scatter(y, ...to, get(x, ...from)));
  return y;
}

export function cumulateBackward(spec: CumulateSpec, dY: Tensor): Tensor {
  const dX = zeros(dY.extents);
  eachOfSums(spec, dY.extents, (from, to) => scatter(dX, ...from, get(dY, ...to)));
  return dX;
}

function eachOfSums(spec: CumulateSpec, extents: Extents, visit: (from: Place, to: Place) => void): void {
  const axis = AXES.indexOf(spec.axis);
  forEach(zeros(extents), (...[c, h, w]) => {
    const to: Place = [c, h, w];
    for (let i = 0; i < extents[spec.axis]; i++)
      if (isSummed(spec, i, to[axis]!))
        visit(
          eachAxis((other) => (other === axis ? i : to[other]!)),
          to,
        );
  });
}
