import type { Extents } from '../../src/graph';
import { sizeOf, tensor, type Tensor } from './tensor';

/** `y = x₁ + x₂ + …`; the gradient of every term is dY itself. */
export function add(xs: readonly Tensor[]): Tensor {
  return xs.reduce((sum, { extents, data }) => {
    if (data.length !== sum.data.length)
      throw new RangeError(`cannot add ${data.length} elements to ${sum.data.length}`);
    return { extents, data: sum.data.map((value, i) => value + data[i]!) };
  });
}

/** `y = a · b`, and the gradient of each factor is dY times the other. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  if (a.data.length !== b.data.length)
    throw new RangeError(`cannot multiply ${a.data.length} elements by ${b.data.length}`);
  return { extents: a.extents, data: a.data.map((value, i) => value * b.data[i]!) };
}

/** Stacks channels: in C, H, W order one input simply follows the other. */
export function concatForward(xs: readonly Tensor[]): Tensor {
  const { H, W } = xs[0]!.extents;
  const C = xs.reduce((sum, { extents }) => sum + extents.C, 0);
  return tensor(
    { C, H, W },
    xs.flatMap(({ data }) => [...data]),
  );
}

/** Cuts dY at the same places. */
export function concatBackward(dY: Tensor, inputs: readonly Extents[]): Tensor[] {
  let begin = 0;
  return inputs.map((extents) => {
    const end = begin + sizeOf(extents);
    const dX = tensor(extents, dY.data.subarray(begin, end));
    begin = end;
    return dX;
  });
}

/** The same numbers in the same order under other extents: flatten, and its own way back. */
export function reshape(x: Tensor, extents: Extents): Tensor {
  return tensor(extents, x.data);
}
