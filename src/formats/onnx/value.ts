import type { Extents, Triple } from '../../graph';
import { product } from '../../shape';

export { product } from '../../shape';

/**
 * What is known of an activation.
 *
 * Its shape is whole, as ONNX writes it, with 1 where the file has its batch: items do not depend on each other, so
 * that a graph says what happens to one of them, and every axis is one that may be worked along. Only where the file
 * fixes a batch of several items does the first axis stand for it, and stays where it is.
 */
export interface Value {
  readonly shape: readonly number[];
  /** How our graph holds it: the same elements in the same order. */
  readonly extents: Extents;
}

/** The axis whose extent is C: the second where the first is the batch, or has one element as the batch has. */
export const channelAxis = ({ shape }: Pick<Value, 'shape'>): number => (shape.length > 1 && shape[0] === 1 ? 1 : 0);

/** What follows the batch: up to three axes are extents as they are; of more those in the middle are one. */
export function extentsOf(shape: readonly number[]): Extents {
  const own = shape.slice(channelAxis({ shape }));
  const [C = 1, H = 1, W = 1] = own.length <= 3 ? own : [own[0]!, product(own.slice(1, -1)), own.at(-1)!];
  return { C, H, W };
}

export const valueOf = (shape: readonly number[]): Value => ({ shape, extents: extentsOf(shape) });

/** Dimensions in ONNX, the batch included. */
export const rankOf = ({ shape }: Value): number => shape.length;

/** `[before, axis, after]`: a shape as three axes, the middle one of which is the given one. */
export const around = (shape: readonly number[], axis: number): Triple => [
  product(shape.slice(0, axis)),
  shape[axis] ?? 1,
  product(shape.slice(axis + 1)),
];

/** Three axes as the extents of a tensor of ours. */
export const planes = ([C, H, W]: Triple): Extents => ({ C, H, W });

/** A shape as ONNX writes it. */
export const printShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((extent, i) => extent === b[i]);
