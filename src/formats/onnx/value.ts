import type { Extents } from '../../graph';

/** What is known of an activation. */
export interface Value {
  /** Its shape in ONNX without the batch, which comes first. */
  readonly shape: readonly number[];
  /** How our graph holds it: the same elements in the same order. */
  readonly extents: Extents;
}

/** `[C]`, `[C, H]` and `[C, H, W]` are extents as they are; of more dimensions those in the middle are one. */
export function extentsOf(shape: readonly number[]): Extents {
  const [C = 1, H = 1, W = 1] = shape.length <= 3 ? shape : [shape[0]!, product(shape.slice(1, -1)), shape.at(-1)!];
  return { C, H, W };
}

export const valueOf = (shape: readonly number[]): Value => ({ shape, extents: extentsOf(shape) });

/** Dimensions in ONNX, the batch included. */
export const rankOf = ({ shape }: Value): number => shape.length + 1;

export const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1);

/** A shape as ONNX writes it. */
export const printShape = (shape: readonly number[]): string => `[${['N', ...shape].join(', ')}]`;

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((extent, i) => extent === b[i]);
