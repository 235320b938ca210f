/** Axes in another order, by coordinates. */
import type { Extents, GraphNode } from '../../src/graph';
import { sizeOf, tensor, zeros, type Tensor } from './tensor';

type PermuteNode = Extract<GraphNode, { op: 'permute' }>;

/** Which element of the input each element of the result is. */
function sources({ shape, order }: PermuteNode): number[] {
  const numbers: number[] = [];
  const walk = (place: readonly number[]): void => {
    const axis = order[place.length];
    if (axis === undefined) {
      const at = shape.map((_, k) => place[order.indexOf(k)]!);
      numbers.push(at.reduce((number, digit, k) => number * shape[k]! + digit, 0));
    } else for (let digit = 0; digit < shape[axis]!; digit++) walk([...place, digit]);
  };
  walk([]);
  return numbers;
}

export function permuteForward(node: PermuteNode, x: Tensor): Tensor {
  const [C, H, W] = node.extents;
  return tensor(
    { C, H, W },
    sources(node).map((from) => x.data[from]!),
  );
}

export function permuteBackward(node: PermuteNode, dY: Tensor, input: Extents): Tensor {
  const dX = zeros(input);
  if (sizeOf(input) !== dY.data.length) throw new Error('a permutation keeps the number of elements');
  sources(node).forEach((from, to) => {
    dX.data[from] = dY.data[to]!;
  });
  return dX;
}
